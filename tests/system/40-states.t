#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Userspace alone: the kernel knows nothing of CMKs.
# What the state of a CMK means for its disks: an attached one goes on working
# whatever becomes of the CMK; one that is not cannot be attached, until the CMK
# is enabled again, if it can be.
. "$(dirname "$0")/tap.sh"

at_exit detach_all
start_kms

# io DEVICE FILE: write and read back, block after block, until something fails;
# the file has the number of blocks that were good
io()
{
	local n=0

	while dd if=/dev/urandom of="$2.block" bs=4k count=1 status=none &&
	      dd if="$2.block" of="$1" bs=4k seek=$((n % 64)) oflag=direct conv=notrunc status=none &&
	      dd if="$1" bs=4k skip=$((n % 64)) count=1 iflag=direct status=none |
			cmp -s - "$2.block"; do
		n=$((n + 1))
		echo $n >"$2"
		sleep 0.1 # The test needs a CPU, too
	done
}

# done_more BLOCKS: the I/O has got farther than that
done_more()
{
	[ "$(<"$tmp/io")" -gt "$1" ]
}

# works WHAT: I/O that began before it goes on, and new I/O works
works()
{
	local before

	before=$(<"$tmp/io")
	ok "$1: the attached disk goes on reading and writing" wait_for done_more $((before + 3))
	is "$(disk_state "$evs")" live "$1: and is in its usual state"
}

# begin CMK: a disk of this CMK, attached and busy
begin()
{
	must evs-setup cmk create "$1"
	disk=$(new_file disk.img 18M)
	must evs-setup create --cmk "$1" "$disk"
	uuid=$(cryptsetup luksUUID "$disk")
	evs=$(evs-setup attach "$disk")
	must dd if=/dev/urandom of="$tmp/data" bs=64k count=1
	must dd if="$tmp/data" of="$evs" bs=64k seek=8 oflag=direct
	echo 0 >"$tmp/io"
	io "$evs" "$tmp/io" &
	io_pid=$!
	must wait_for done_more 0
}

# stop: detach the disk, orderly
stop()
{
	kill $io_pid
	wait $io_pid
	must wait_for evs-setup detach "$evs"
} 2>/dev/null

# no_attach REGEX ERROR WHAT: attach says this, whoever asks for the key gets that
no_attach()
{
	local loop

	refused 2 "$1" "$3: attach is refused" evs-setup attach "$disk"
	ok "$3: nothing is left behind" no_leftovers
	loop=$(losetup --find --show "$disk")
	# In a session of its own: a refusal is kept for a second
	refused 1 "$2" "$3: so is the key" \
		keyctl session - keyctl request2 evs "evs:$uuid" "device=$loop" @s
	must losetup --detach "$loop"
	# The words for evs-setup, which is not there to take them
	keyctl purge user "evs-error:$uuid" >/dev/null
}

# attaches WHAT: it does, with the data that was written
attaches()
{
	evs=$(evs-setup attach "$disk")
	is "$(dd if="$evs" bs=64k skip=8 count=1 iflag=direct status=none | sha256sum)" \
		"$(sha256sum <"$tmp/data")" "$1: the disk attaches and has its data"
	must evs-setup detach "$evs"
}

# ---- disabled ----

begin one
must evs-setup cmk disable one
works "disabled"
stop
no_attach $'CMK one .*: disabled \\(KMS.0209\nenable it with: evs-setup cmk enable one' \
	'Key has been revoked' "disabled"
empty=$(new_file new.img 18M)
refused 2 $'KMS.0209\ndisabled' "disabled: create is refused" evs-setup create --cmk one "$empty"
is "$(blkid -p "$empty")" "" "disabled: and has written nothing"
must evs-setup cmk enable one
attaches "enabled again"

# ---- scheduled for deletion ----

begin two
must evs-setup cmk schedule-deletion --yes --days 7 two
works "scheduled for deletion"
stop
no_attach "CMK two .*: scheduled for deletion on $(date -u -d '+7 days' +%Y-%m-%d).*\\(KMS.0210
cancel with: evs-setup cmk cancel-deletion two, then enable it" \
	'Key has expired' "scheduled for deletion"
must evs-setup cmk cancel-deletion two
no_attach 'evs-setup cmk enable two' 'Key has been revoked' "deletion cancelled, not yet enabled"
must evs-setup cmk enable two
attaches "deletion cancelled, then enabled"

# ---- deleted ----

begin three
id=$(cmk_id three)
must evs-setup cmk schedule-deletion --yes --days 7 three
# A week and a minute later. What is due is deleted by the daemon as it starts
must date -s '+7 days 1 minute'
works "its date has come"
no_cmk()
{
	! evs-setup cmk show three
}
ok "its date has come: the CMK is unknown" no_cmk
kms_stop
is "$(sqlite3 $kms_state/kms.db "SELECT count(*) FROM cmk_version WHERE cmk = '$id'")" 1 \
	"its date has come: the wrapped material is still there"
kms_start
deleted()
{
	[ "$(sqlite3 $kms_state/kms.db "SELECT count(*) FROM cmk_version WHERE cmk = '$id'")" = 0 ]
}
ok "deleted: the wrapped material is gone" wait_for deleted
works "deleted"
stop
no_attach $'no such CMK, or it was deleted \\(KMS.0207\nthe data of this disk cannot be read' \
	'Required key not available' "deleted"
refused 2 'KMS.0207' "deleted: too late to cancel" evs-setup cmk cancel-deletion "$id"
refused 2 'KMS.0207' "deleted: nor can it be enabled" evs-setup cmk enable "$id"
attaches_not()
{
	! evs-setup attach "$disk"
}
# A new one by its name is another one
must evs-setup cmk create three
ok "deleted: a new CMK of its name does not help" attaches_not

# ---- the default master key ----

disk=$(new_file default.img 18M)
must evs-setup create "$disk"
uuid=$(cryptsetup luksUUID "$disk")
ok "evs/default: made by its first use" evs-setup cmk show evs/default
refused 2 $'KMS.0211\ndefault master key' "evs/default: cannot be disabled" \
	evs-setup cmk disable evs/default
refused 2 $'KMS.0211\ndefault master key' "evs/default: cannot be scheduled for deletion" \
	evs-setup cmk schedule-deletion --yes --days 7 evs/default
is "$(evs-setup cmk show --json evs/default | jq -r '[.. | .state? // empty][0]')" enabled \
	"evs/default: is as it was"
must evs-setup attach "$disk"
must evs-setup detach "$uuid"
ok "nothing is left behind" no_leftovers

done_testing
