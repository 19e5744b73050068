#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Also under KASAN and lockdep.
# Also under KCSAN.
# Revocation, each of the four ways, of a disk with 64 requests in flight to a
# backing device that does not answer. How long it takes is printed; what is
# asserted is that it does not wait for the backing device. EVS_LONG repeats that.
. "$(dirname "$0")/tap.sh"

jobs=64
at_exit detach_all
must evs-setup list
cmd_revoke=$(awk '/EVS_CMD_[A-Z]* = 1,/ { n = 0 } /^\tEVS_CMD_/ { n++ }
	/EVS_CMD_REVOKE,/ { print n }' "$(dirname "$0")/../../kernel/include/uapi/linux/evs.h")

# Milliseconds since boot
now()
{
	local up

	read -r up _ </proc/uptime
	up=${up/./}0
	echo "${up#0}"
}

state()
{
	evs-setup list --json | jq -r ".disks[] | select(.device == \"$1\").state"
}

is_revoked()
{
	[ "$(state "$1")" = revoked ]
}

# in_flight DISK: how many requests
in_flight()
{
	local reads writes

	read -r reads writes <"/sys/block/${1#/dev/}/inflight" && echo $((reads + writes))
}

all_in_flight()
{
	[ "$(in_flight "$1")" -eq $jobs ]
}

none_in_flight()
{
	[ "$(in_flight "$1")" -eq 0 ]
}

# requests DISK: start $jobs of them: of four, two small reads, a large one, which
# workers decrypt, and a write. Reads end in a file each: a block that cannot be
# read dd writes out as it is in its buffer, if told to go on.
requests()
{
	local i bs

	readers=() writers=()
	rm -f "$tmp"/out.* "$tmp"/err.*
	for ((i = 0; i < jobs; i++)); do
		if [ $((i % 4)) -eq 3 ]; then
			dd if=/dev/zero of="$1" bs=4k count=1 seek=$((1024 + i)) oflag=direct \
				status=none &
			writers+=($!)
			continue
		fi
		bs=4k
		[ $((i % 4)) -ne 2 ] || bs=256k
		dd if="$1" of="$tmp/out.$i" bs=$bs count=1 skip=$((i % 3)) iflag=direct \
			conv=noerror,sync 2>"$tmp/err.$i" &
		readers+=($!)
	done
	read_bytes=$((jobs / 2 * 4096 + jobs / 4 * 262144))
}

written()
{
	local pid

	for pid in "${writers[@]}"; do
		wait "$pid" || return 1
	done
}

# keyctl_now OPERATION SERIAL: what keyctl(1) calls, right after a line in the
# kernel's log; for an expiry in a second, that line comes when it is due
keyctl_now()
{
	perl -MTime::HiRes=time,sleep -e '
		my %op = (revoke => 3, timeout => 15, invalidate => 21);
		open(my $log, ">", "/dev/kmsg") or die;
		syswrite($log, "evs-test: $ARGV[0]\n") if $ARGV[0] ne "timeout";
		syscall(250, $op{$ARGV[0]}, int($ARGV[1]), 1) == 0 or die "$!\n";
		exit if $ARGV[0] ne "timeout";
		my $now = time;
		sleep(int($now) + 1 - $now);
		syswrite($log, "evs-test: due\n")' "$@"
}

# How long the last loss of a key took, in ms, by the kernel's log
kernel_ms()
{
	dmesg | awk -F'[][]' '
		/evs-test: / { from = $2 }
		/has lost its key/ { to = $2 }
		END { printf "%.1f", (to - from) * 1000 }'
}

# What evs-setup revoke sends, right after a line in the kernel's log
revoke_now()
{
	local answer

	answer=$(echo "$cmd_revoke do ${1#/dev/evs}" | "$(dirname "$0")/genl" timed) &&
		[ "${answer%%$'\n'*}" = "$cmd_revoke do OK" ]
}

# open_fails WAY: what fd 6 has open fails, without waiting for those in flight
open_fails()
{
	refused 1 'Input/output error' "$1: a new read fails at once" \
		timeout 60 sh -c 'exec dd bs=4k count=1 iflag=direct of=/dev/null <&6'
	refused 1 'Input/output error' "$1: a new write fails at once" \
		timeout 60 sh -c 'exec dd if=/dev/zero bs=4k count=1 oflag=direct >&6'
}

# revoke_in_flight DISK WAY CAUSE COMMAND...: the command takes away the key of a
# disk whose backing device holds the requests back until `answer` is called
revoke_in_flight()
{
	local evs=$1 way=$2 cause=$3 start end

	shift 3
	exec 6<>"$evs"
	requests "$evs"
	ok "$way: $jobs requests are in flight" wait_for all_in_flight "$evs"
	echo "evs-test: start" >/dev/kmsg
	start=$(now)
	ok "$way: it succeeds" "$@"
	ok "$way: the disk is revoked" wait_for is_revoked "$evs"
	end=$(now)
	diag "$way: $(kernel_ms) ms by the kernel's log," \
		"$((end - start)) ms until it was seen here"
	ok "$way: the backing device has not answered" all_in_flight "$evs"
	like "$(dmesg | grep 'lost its key' | tail -n 1)" "$cause\$" "$way: the log tells why"
	refused 1 'revoked' "$way: the disk cannot be opened" dd if="$evs" of=/dev/null count=1
	open_fails "$way"
	exec 6>&-
	ok "$way: still it has not answered" all_in_flight "$evs"

	ok "$way: the backing device answers" answer
	ok "$way: all requests return" wait_for none_in_flight "$evs"
	wait "${readers[@]}"
	is "$(grep -l 'Input/output error' "$tmp"/err.* | wc -l)" ${#readers[@]} \
		"$way: each read with an error"
	is "$(cat "$tmp"/out.* | tr -d '\0' | wc -c)" 0 "$way: none has left ciphertext behind"
	is "$(cat "$tmp"/out.* | wc -c)" $read_bytes "$way: in a buffer that was looked at"
	ok "$way: the writes, which had been encrypted, are done" written
	refused 5 'already' "$way: it cannot be revoked twice" evs-setup revoke "$evs"
	ok "$way: it can be detached" evs-setup detach "$evs"
	ok "$way: nothing is left behind" no_disk
}

no_disk()
{
	[ "$(evs-setup list --json | jq '.disks | length')" -eq 0 ] &&
		wait_for not grep -q ' evs ' /proc/keys
}

# ---- a suspended dm device, which holds reads back, below a disk without header ----

sectors=65536 # half of it the header of the disk that has one
new_null evs_t0 $((sectors / 2048))
for at in 0 16; do
	must dd if=/dev/urandom of=/dev/evs_t0 bs=1M count=1 seek=$at status=none
done
must dmsetup create evs_dm --table "0 $sectors linear /dev/evs_t0 0"
at_exit dmsetup remove --force evs_dm
at_exit dmsetup resume evs_dm
must dmsetup mknodes evs_dm
dm=/dev/mapper/evs_dm

answer()
{
	dmsetup resume evs_dm
}

# attach_raw: sets $evs and $key, and makes the device below hold reads back
attach_raw()
{
	key=$(raw_key raw)
	evs=$(evs-setup attach --raw --key "$key" --sector-size 4096 --name data $dm)
	must test -b "$evs"
	must dmsetup suspend --nolockfs evs_dm
}

attach_raw
revoke_in_flight "$evs" "evs-setup revoke" command evs-setup revoke data
for ((round = 0; round < ${EVS_LONG-1}; round++)); do
	attach_raw
	revoke_in_flight "$evs" "netlink" command revoke_now "$evs"
	attach_raw
	revoke_in_flight "$evs" "keyctl revoke" key-revoked keyctl_now revoke "$key"
	attach_raw
	revoke_in_flight "$evs" "keyctl invalidate" key-invalidated keyctl_now invalidate "$key"
	attach_raw
	revoke_in_flight "$evs" "expiry" key-expired keyctl_now timeout "$key"
done

# A time that is taken back does nothing
attach_raw
must perl -e 'syscall(250, 15, int($ARGV[0]), $_) == 0 or die "$!\n" for (2, 0)' "$key"
must answer
sleep 2.5 # Nothing to wait for: it is to stay
is "$(state "$evs")" live "an expiry that was taken back revokes nothing"
must evs-setup detach "$evs"

# What waits in the page cache has no way out any more. That it waits, and is not
# written before the key is lost, on a machine that is slow as well, takes this:
read -r writeback </proc/sys/vm/dirty_writeback_centisecs
at_exit eval "echo $writeback >/proc/sys/vm/dirty_writeback_centisecs"
echo 360000 >/proc/sys/vm/dirty_writeback_centisecs
attach_raw
must answer
before=$(md5sum <$dm)
start_uevents "$tmp/uevents"
exec 5<>"$evs"
must dd if=/dev/zero of="$evs" bs=4k count=16 conv=notrunc status=none
must keyctl revoke "$key"
ok "a disk that somebody has open is revoked" wait_for is_revoked "$evs"
ok "a uevent says so" wait_for grep -q ' EVS_STATE=revoked ' "$tmp/uevents"
is "$(grep -c ' EVS_CAUSE=key-revoked ' "$tmp/uevents")" 1 "and why, once"
like "$(grep ' EVS_STATE=revoked ' "$tmp/uevents")" ' ACTION=change ' "it is a change"
write_open()
{
	dd if=/dev/zero bs=4k count=1 conv=fsync status=none >&5
}
nok "what was not written yet cannot be written" write_open
refused 5 'in use|open' "it cannot be detached while it is open" evs-setup detach "$evs"
exec 5>&-
ok "closed, it can be detached" evs-setup detach "$evs"
is "$(md5sum <$dm)" "$before" "the backing device is what it was"
ok "nothing is left behind" no_disk

# Somebody who has it open does not keep it from being detached by force
attach_raw
requests "$evs"
must wait_for all_in_flight "$evs"
must evs-setup revoke "$evs"
ok "detached by force while requests are in flight" evs-setup detach --force "$evs"
ok "the dead disk is gone when the backing device has answered" answer
wait "${readers[@]}" "${writers[@]}"
is "$(cat "$tmp"/out.* | tr -d '\0' | wc -c)" 0 "none of the reads has left ciphertext behind"
ok "nothing is left behind" no_disk

# ---- a disk with a header: the KMS has the last word ----

start_kms
must evs-setup create --cmk test --force $dm

# attach_kms: sets $evs and $key
attach_kms()
{
	evs=$(evs-setup attach --name data $dm)
	must test -b "$evs"
	key=$(evs-setup list --json | jq -r '.disks[0]."key-serial"')
}

attach_kms
must dd if=/dev/urandom of="$evs" bs=1M count=1 oflag=direct status=none
sum=$(head -c 1M "$evs" | md5sum)
must evs-setup cmk disable test
must dmsetup suspend --nolockfs evs_dm
revoke_in_flight "$evs" "KMS disk, keyctl revoke" key-revoked keyctl_now revoke "$key"
refused 2 'disabled' "it cannot be attached while its CMK is disabled" evs-setup attach $dm
must evs-setup cmk enable test
attach_kms
is "$(head -c 1M "$evs" | md5sum)" "$sum" "attached anew it reads what was written"
if [ "${EVS_LONG:-1}" -gt 1 ]; then
	must dmsetup suspend --nolockfs evs_dm
	revoke_in_flight "$evs" "KMS disk, keyctl invalidate" key-invalidated \
		keyctl_now invalidate "$key"
	attach_kms
	must dmsetup suspend --nolockfs evs_dm
	revoke_in_flight "$evs" "KMS disk, expiry" key-expired keyctl_now timeout "$key"
	attach_kms
fi
must evs-setup detach data

# becomes TARGET [ARGUMENT...]: what the device below is from now on
becomes()
{
	dmsetup load evs_dm --table "0 $sectors $1 /dev/evs_t0 0 ${*:2}" &&
		dmsetup suspend --nolockfs evs_dm && dmsetup resume evs_dm
}

# dm-delay holds every read back for ten minutes, unless it has to go
attach_kms
must becomes delay 600000
answer()
{
	becomes linear
}
revoke_in_flight "$evs" "KMS disk, evs-setup revoke" command evs-setup revoke data

# ---- swap: its disk loses the key, or the device below, and is to be let go of ----

# swapping NAME COMMAND...: a process has its memory on a disk that is lost by the command
swapping()
{
	local name=$1 pid

	shift
	evs=$(raw_attach /dev/evs_t1 4096 --name swap --no-partscan)
	must mkswap "$evs"
	must swapon "$evs"
	rm -f "$tmp/paged"
	python3 -c '
import mmap, sys
MADV_PAGEOUT = 21
memory = mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory.write(b"x" * (1 << 20))
memory.madvise(MADV_PAGEOUT)
open(sys.argv[1], "w").close()
sys.stdin.read()' "$tmp/paged" <&7 &
	pid=$!
	must wait_for test -e "$tmp/paged"
	ok "$name: memory is on it" awk '$1 == "'"$evs"'" && $4 > 0 { used = 1 } END { exit !used }' /proc/swaps
	"$@"
	nok "$name: it cannot be opened for reading" dd if="$evs" of=/dev/null count=1
	in_state swap removed || # Where the device below is gone, detach goes on
		refused 5 "has the swap space $evs: run swapoff $evs" \
			"$name: detach names the command" evs-setup detach swap
	ok "$name: swapoff" timeout 60 swapoff "$evs"
	is "$(grep -c "^$evs " /proc/swaps)" 0 "$name: nothing is swapped to it any more"
	kill $pid
	wait $pid 2>/dev/null
	ok "$name: it is not in use any more" wait_for evs-setup detach swap
}

# backing_goes: the device below swap is removed
backing_goes()
{
	echo 0 >/sys/kernel/config/nullb/evs_t1/power
	must wait_for in_state "$evs" removed
}

if [ -e /proc/swaps ]; then
	mkfifo "$tmp/hold"
	exec 7<>"$tmp/hold"
	new_null evs_t1 16
	swapping "swap, revoked" must evs-setup revoke swap
	swapping "swap, removed" backing_goes
	exec 7<&-
else
	skip "swap" "this guest's kernel has none"
fi

unlike "$(kernel_complaints 'blocked for more')" . "the kernel did not complain"
done_testing
