#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Backups: made and verified without a key and without a KMS, of disks in use; what is
# added by one more, and how damage is told.
. "$(dirname "$0")/life.sh"

at_exit detach_pools
start_kms
test=$(cmk_id test)
must dd if=/dev/urandom of="$tmp/data" bs=1M count=8 status=none
sum=$(md5sum <"$tmp/data")

# file BACKUP: what the directory has of a backup
file()
{
	echo "$tmp/r/${1#*::}"
}

# completed WORD...: what bash makes of the last word, which it gets as these words
completed()
(
	# There is no udev to make it.
	[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
	. "$life/../../userspace/integration/bash-completion/evs-setup"
	COMP_WORDS=(evs-setup "$@")
	COMP_CWORD=$#
	_evs_setup
	echo "${COMPREPLY[*]}"
)

for engine in $(engines); do
	new_pool p "$engine"
	must mkdir -m 700 "$tmp/r" "$tmp/i"
	add_repo r dir "path = $tmp/r"
	add_repo i dir "path = $tmp/i" "incremental = yes" "plain = yes"
	must evs-setup create --size 32M --cmk test p/enc
	must evs-setup create --size 8M --plain p/plain
	must put "$tmp/data" p/enc
	must put "$tmp/data" p/plain

	# ---- without a key ----

	before=$(everything p)
	must evs-setup cmk disable test
	ok "$engine: while the CMK is disabled" evs-setup backup create p/enc r
	must evs-setup cmk enable test
	kms_stop
	ok "$engine: while the KMS does not run" evs-setup backup create p/enc r
	ok "$engine: verify needs none either" evs-setup backup verify r
	kms_start
	is "$(everything p)" "$before" "$engine: nothing of it is left in the pool"
	is "$(evs-setup backup list r --json | jq '[.backups[] | select(.disk == "p/enc")] | length')" \
		2 "$engine: two are listed"
	one=$(evs-setup backup list r --noheadings --output NAME | head -1)
	is "$(shown "$one" uuid)" "$(object p/enc uuid)" "$engine: with the UUID of the disk"
	is "$(shown "$one" cmk)" "$test" "$engine: and its CMK"
	is "$(shown "$one" consistent)" fs "$engine: nobody wrote to it"
	like "$(evs-setup backup verify r)" "$one .*intact .*enabled" "$engine: intact"
	ok "$engine: its key is the right one" evs-setup backup verify --deep "$one"
	SECONDS=0
	lines=$(evs-setup backup verify "$one" 2>&1 | grep -c '"rate"')
	ok "$engine: its progress is told once a second" test "$lines" -le $((SECONDS + 2))
	is "$(completed backup verify r :: "${one:3:4}" | xargs -n 1 | sort)" \
		"$(evs-setup backup list r --noheadings --output NAME | sed 's/^r:://' | sort)" \
		"$engine: the shell completes names"
	refused 2 "plain = yes" "$engine: plain only where that is permitted" \
		evs-setup backup create p/plain r
	ok "$engine: there it is" evs-setup backup create p/plain i
	files=$(find "$tmp/r" "$tmp/i" | sort) objects=$(everything p)
	refused 2 "plain = yes" "$engine: nor when it is tried" \
		evs-setup backup create --dry-run p/plain r
	ok "$engine: a backup is tried" evs-setup backup create --dry-run p/enc i
	ok "$engine: an export is tried" evs-setup backup export --dry-run "$one" "$tmp/tried"
	refused 5 "exists already" "$engine: to a file that is there" \
		evs-setup backup export --dry-run "$one" "$tmp/data"
	is "$(evs-setup backup delete --dry-run "$one")" "$one" "$engine: a deletion is tried"
	is "$(find "$tmp/r" "$tmp/i" "$tmp/tried" 2>"$tmp/said" | sort)" "$files" \
		"$engine: nothing was made or deleted"
	is "$(everything p)" "$objects" "$engine: nor in the pool"
	refused 4 "no repository none" "$engine: no such repository" \
		evs-setup backup create p/enc none
	refused 1 "REPO::BACKUP" "$engine: no backup" evs-setup backup show r
	refused 4 "no such backup" "$engine: none of that name" evs-setup backup show r::none

	# ---- what one more adds ----

	must evs-setup attach p/enc
	must dd if="$tmp/data" of=/dev/evs/p/enc bs=4k count=1 seek=1000 oflag=direct conv=fsync \
		status=none
	detach_pools
	more=$(backup p/enc r)
	ok "$engine: 64 KiB for 4" test "$(du -k "$(file "$more")/data" | cut -f1)" -le 64
	first=$(backup p/enc i)
	must evs-setup attach p/enc
	must dd if="$tmp/data" of=/dev/evs/p/enc bs=4k count=1 seek=2000 oflag=direct conv=fsync \
		status=none
	detach_pools
	second=$(backup p/enc i)
	is "$(evs-setup list --json p | jq -r '[.objects[].name | select(test("^p/enc@backup-i-"))] | length')" \
		1 "$engine: incremental: one snapshot is kept"
	must evs-setup backup export "$second" "$tmp/exported"
	ok "$engine: incremental: it is the disk as it is" cmp "$tmp/exported" "$(raw p/enc)"
	ok "$engine: as qcow2" evs-setup backup export --format qcow2 "$second" "$tmp/exported.qcow2"
	ok "$engine: with the same data" qemu-img compare -q -f qcow2 -F raw "$tmp/exported.qcow2" \
		"$tmp/exported"
	must rm "$tmp/exported" "$tmp/exported.qcow2"
	must evs-setup backup delete --yes "$first"
	ok "$engine: the next one stays whole" evs-setup backup verify "$second"

	# ---- in use ----

	node=$(evs-setup attach p/enc)
	must mkfs.ext4 -q "$node"
	must mkdir -p "$tmp/mnt"
	must mount "$node" "$tmp/mnt"
	must cp "$tmp/data" "$tmp/mnt/data"
	used=$(backup p/enc r)
	is "$(shown "$used" consistent)" fs "$engine: mounted: frozen for a moment"
	is "$(shown "$(backup --no-freeze p/enc r)" consistent)" crash "$engine: --no-freeze says so"
	must umount "$tmp/mnt"
	detach_pools
	must evs-setup backup export "$used" "$tmp/exported"
	node=$(evs-setup attach "$tmp/exported")
	must mount -o ro "$node" "$tmp/mnt"
	is "$(md5sum <"$tmp/mnt/data")" "$sum" "$engine: exported, attached and mounted"
	must umount "$tmp/mnt"
	detach_all
	must rm "$tmp/exported"

	# ---- damage ----

	flip "$(file "$one")/data" 17000000
	refused 4 "${one#*::}: is damaged: bytes 16777216 to 20971519
cannot be restored" "$engine: a bit of the data" evs-setup backup verify "$one"
	refused 4 "bytes 16777216 to 20971519" "$engine: it is not exported" \
		evs-setup backup export "$one" "$tmp/exported"
	unlike "$(<"$tmp/err")" "room" "$engine: more room would not help"
	flip "$(file "$one")/data" 17000000
	flip "$(file "$one")/manifest" 300
	refused 4 "$(file "$one")/manifest: is damaged" "$engine: a bit of the manifest" \
		evs-setup backup verify r
	flip "$(file "$one")/manifest" 300
	flip "$(file "$one")/data" 5000
	refused 4 "bytes 0 to 4194303" "$engine: a bit of the header" evs-setup backup verify "$one"
	ok "$engine: damaged, it is deleted" evs-setup backup delete --yes "$one"
	must evs-setup backup verify i

	# ---- killed ----

	must evs-setup create --size 64M --plain p/big
	dd if=/dev/urandom of="$(raw p/big)" bs=1M count=64 conv=notrunc,fsync status=none
	before=$(everything p)
	for signal in TERM KILL; do
		ok "$engine: SIG$signal ends it" cut_short $signal "$tmp/i/.new.*" \
			evs-setup backup create p/big i
		sweep
	done
	must evs-setup backup delete --yes "$(backup p/big i)"
	unlike "$(ls -A "$tmp/i")" "^\\.new" "$engine: killed: nothing is left in the repository"
	is "$(everything p | grep -v big)" "$(grep -v big <<<"$before")" \
		"$engine: nor in the pool"
	is "$(objects p | grep -c "p/big@")" 1 "$engine: but the snapshot of the last one"
	rm -rf "$tmp/r" "$tmp/i"
	drop_pools
done
done_testing
