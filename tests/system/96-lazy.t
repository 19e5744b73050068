#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Also under KASAN and lockdep
#
# Detach of a disk that is open, by force and lazily. What has been written
# before is there when the disk is attached again.
. "$(dirname "$0")/tap.sh"

mnt=$tmp/mnt
mkdir "$mnt"
at_exit detach_all
at_exit umount "$mnt"
must evs-setup list
new_null evs_t0 64
head -c 64 /dev/urandom >"$tmp/key"
start_monitor "$tmp/events"

# attach [BACKING]: sets $evs and $key
attach()
{
	key=$(raw_key raw "$tmp/key")
	evs=$(evs-setup attach --raw --key "$key" --sector-size 4096 --name data "${1-/dev/evs_t0}")
	must test -b "$evs"
}

# writers: four that write and remember what was written, until they fail: a block
# a time with a number, which is written down once the disk has said so. Not by way of
# the page cache: of a disk that goes, it drops what is yet to be written, as being past
# the end of a disk of size 0, and says that all is well.
writers()
{
	local i

	for i in 0 1 2 3; do
		python3 -c '
import itertools, mmap, os, struct, sys

disk = os.open(sys.argv[1], os.O_WRONLY | os.O_DIRECT | os.O_DSYNC)
done = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
block = mmap.mmap(-1, 4096)
for n in itertools.count(1):
    at = (int(sys.argv[3]) * 256 + n % 256) * 4096
    block[:16] = struct.pack(">8sQ", b"evs-test", n)
    try:
        if os.pwritev(disk, [block], at) != 4096:
            break
    except OSError:
        break
    os.write(done, b"%d %d\n" % (at, n))' "$evs" "$tmp/done.$i" "$i" &
		pids[i]=$!
	done
}

writers_busy()
{
	local i

	for i in 0 1 2 3; do
		[ "$(wc -l <"$tmp/done.$i")" -ge 300 ] || return 1
	done
}

# lost: how many of the blocks that were written are older than what was
# written down last for them. The write that failed may be there or not.
lost()
{
	cat "$tmp"/done.[0-3] | perl -e '
		my (%want, $lost) = ();
		while (<STDIN>) { my ($at, $n) = split; $want{$at} = $n; }
		open(my $disk, "<", $ARGV[0]) or die;
		for my $at (keys %want) {
			seek($disk, $at, 0); read($disk, my $block, 16);
			my ($magic, $n) = unpack("A8 Q>", $block);
			$lost++ unless $magic eq "evs-test" && $n >= $want{$at};
		}
		print scalar(keys %want) >= 1000 ? $lost // 0 : "too few";' "$evs"
}

# ---- by force ----

attach
writers
must wait_for writers_busy
exec 5<"$evs"
ok "force: detached while four write" evs-setup detach --force data
ok "force: they end" wait_for ended "${pids[@]}"
wait "${pids[@]}"
ok "force: the key is gone" wait_for key_gone "$key"
ok "force: the monitor says why" saw "$tmp/events" detached force 'name=data$'
nok "force: it cannot be opened" dd if="$evs" of=/dev/null count=1
attach
is "$(lost)" 0 "force: nothing that was written is lost"
exec 5<&-
is "$(disk_state data)" live "force: closing the dead one does nothing to the new one"
must evs-setup detach data
ok "force: nothing is left behind" wait_for no_disk

# ---- by force, while the device below does not answer ----

dm=/dev/mapper/evs_dm
must dmsetup create evs_dm --table "0 $((64 * 2048)) linear /dev/evs_t0 0"
at_exit dmsetup remove --force evs_dm
at_exit dmsetup resume evs_dm
must dmsetup mknodes evs_dm
attach $dm
must dmsetup suspend --nolockfs evs_dm
# A block that cannot be read dd writes out as it is in its buffer, if told to go on
for ((i = 0; i < 8; i++)); do
	dd if="$evs" of="$tmp/out.$i" bs=4k count=1 skip=$i iflag=direct \
		conv=noerror,sync 2>"$tmp/err.$i" &
	readers[i]=$!
done
in_flight()
{
	[ "$(<"/sys/block/${evs#/dev/}/evs/in_flight")" -eq "$1" ]
}
must wait_for in_flight 8
ok "hung: detached by force while it is live" timeout 60 evs-setup detach --force data
in_flight 8
is $? 0 "hung: the device below has not answered"
is "$(disk_state "$evs")" dead "hung: the disk is dead"
ok "hung: the key is gone" wait_for key_gone "$key"
is "$(live_keys)" "" "hung: there is no other"
refused 16 busy "hung: the device below is not free yet" exclusive $dm
ok "hung: it answers" timeout 60 dmsetup resume evs_dm
ok "hung: who reads gets an answer" wait_for ended "${readers[@]}"
wait "${readers[@]}"
is "$(grep -l 'Input/output error' "$tmp"/err.* | wc -l)" 8 "hung: each an error"
is "$(cat "$tmp"/out.* | tr -d '\0' | wc -c)" 0 "hung: and no ciphertext"
is "$(cat "$tmp"/out.* | wc -c)" $((8 * 4096)) "hung: in a buffer that was looked at"
ok "hung: the device below is free then" wait_for exclusive $dm
ok "hung: nothing is left behind" wait_for no_disk
must wait_for dmsetup remove evs_dm

# ---- lazily ----

: >"$tmp/events"
attach
exec 5<>"$evs"
writers
must wait_for writers_busy
ok "lazy: detach a disk that is open" evs-setup detach --lazy data
is "$(disk_state data)" live "lazy: it works on"
is "$(evs-setup list --json | jq '.disks[0].lazy')" true "lazy: the list says that it is to go"
ok "lazy: others can open it" dd if="$evs" of=/dev/null count=1
before=$(wc -l <"$tmp/done.0")
more_written()
{
	[ "$(wc -l <"$tmp/done.0")" -gt $((before + 100)) ]
}
ok "lazy: who has it open goes on writing" wait_for more_written
refused 5 'in use' "lazy: it cannot be detached before" evs-setup detach data
ok "lazy: but lazily once more" evs-setup detach --lazy data
kill "${pids[@]}"
wait "${pids[@]}" 2>/dev/null
dd if=/dev/zero bs=4k count=16 status=none >&5 # In the page cache: the first blocks of writer 0
is "$(disk_state data)" live "lazy: it waits for the last one"
is "$(grep -c ' detached ' "$tmp/events")" 0 "lazy: nobody says that it is gone"
exec 5>&-
ok "lazy: closed, it is gone" wait_for no_disk
ok "lazy: with its key" wait_for key_gone "$key"
ok "lazy: the monitor says why" saw "$tmp/events" detached last-close 'name=data$'
nok "lazy: the node is gone" test -e "$evs"
attach
is "$(dd if="$evs" bs=4k count=16 iflag=direct status=none | tr -d '\0' | wc -c)" 0 \
	"lazy: what only the page cache had has been written out"
awk '$1 >= 16 * 4096' "$tmp/done.0" >"$tmp/rest"
must mv "$tmp/rest" "$tmp/done.0"
is "$(lost)" 0 "lazy: nothing that was written is lost"
must evs-setup detach data

# A disk that nobody has open goes at once
attach
ok "lazy: a disk that nobody has open" evs-setup detach --lazy data
ok "lazy: goes at once" no_disk

# A mounted one
attach
must mkfs.ext4 -q "$evs"
must mount "$evs" "$mnt"
must evs-setup detach --lazy data
head -c 4M /dev/urandom >"$mnt/data"
sum=$(md5sum <"$mnt/data")
must umount "$mnt"
ok "lazy: a mounted disk goes when it is unmounted" wait_for no_disk
attach
ok "lazy: its file system is clean" e2fsck -fn "$evs"
must mount -o ro "$evs" "$mnt"
is "$(md5sum <"$mnt/data")" "$sum" "lazy: with what was written last"
must umount "$mnt"
must evs-setup detach data

# One that was to wait, but shall not any longer
attach
exec 5<"$evs"
must evs-setup detach --lazy data
ok "lazy, then by force" evs-setup detach --force "$evs"
ok "its key is gone" wait_for key_gone "$key"
exec 5<&-
ok "closed, it is gone" wait_for no_disk

# One that is suspended, before and while it is closed
attach
exec 5<"$evs"
must evs-setup suspend data
ok "a suspended disk, lazily" evs-setup detach --lazy data
is "$(disk_state data)" suspended "it waits"
ok "it can be resumed" evs-setup resume --key "$(raw_key again "$tmp/key")" data
is "$(disk_state data)" live "and is live"
must evs-setup suspend data
exec 5<&-
ok "closed while it is suspended, it is gone" wait_for no_disk
refused 1 'not both' "both at once make no sense" evs-setup detach --force --lazy data

unlike "$(kernel_complaints 'blocked for more')" . "the kernel did not complain"
done_testing
