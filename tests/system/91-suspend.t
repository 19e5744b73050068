#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Also under KASAN and lockdep
# Also under KCSAN.
#
# Suspend wipes the key and holds I/O; resume asks for the key again and lets
# go. Below is a device-mapper device that answers when it is told to.
. "$(dirname "$0")/tap.sh"

jobs=16
cycles=$((25 * ${EVS_LONG-1}))
[ "$EVS_VM" != uml ] || cycles=$((4 * cycles)) # Much quicker there

at_exit detach_all
must evs-setup list
sectors=131072
# One that takes its time, so that there is something in flight at any moment
new_null evs_t0 $((sectors / 2048)) irqmode=2 completion_nsec=2000000
must dmsetup create evs_dm --table "0 $sectors linear /dev/evs_t0 0"
at_exit dmsetup remove --force evs_dm
at_exit dmsetup resume evs_dm
must dmsetup mknodes evs_dm
dm=/dev/mapper/evs_dm
dm_disk=dm-$(dmsetup info -c --noheadings -o minor evs_dm)
head -c 64 /dev/urandom >"$tmp/key"

# answered COUNT: have that many reads come back from below?
answered()
{
	local reads

	read -r reads _ <"/sys/block/$dm_disk/stat" && [ "$reads" -ge "$1" ]
}

in_flight()
{
	local reads writes

	read -r reads writes <"/sys/block/${evs#/dev/}/inflight" && [ $((reads + writes)) -ge "$1" ]
}

# start_reads: $jobs reads of 4 KiB each, each into a file of its own
start_reads()
{
	local i

	pids=()
	for ((i = 0; i < jobs; i++)); do
		dd if="$evs" of="$tmp/out.$i" bs=4k count=1 skip=$i iflag=direct status=none 2>"$tmp/err.$i" &
		pids+=($!)
	done
}

# What the reads have brought, in order
read_data()
{
	local i

	for ((i = 0; i < jobs; i++)); do
		cat "$tmp/out.$i"
	done >"$tmp/read"
	cat "$tmp/read"
}

# returned NAME PID...: all of them have ended, and well
returned()
{
	local name=$1 pid bad=0

	shift
	ok "$name" wait_for ended "$@" || return
	for pid; do
		wait "$pid" || bad=$((bad + 1))
	done
	is $bad 0 "$name: without an error"
}

# resume_refused NAME: with a key that is another one
resume_refused()
{
	local key

	key=$(raw_key wrong)
	refused 2 'key.*stays suspended' "$1" evs-setup resume --key "$key" data
	ok "$1: which is gone" wait_for key_gone "$key"
}

none_ended()
{
	local pid

	for pid in "${pids[@]}"; do
		kill -0 "$pid" || return 1
	done
}

# suspend_with_reads NAME: suspended while reads are in flight, which the device
# below has answered when this returns
suspend_with_reads()
{
	local reads

	key=$(evs-setup list --json | jq -r '.disks[0]."key-serial"')
	must dmsetup suspend --nolockfs evs_dm
	read -r reads _ <"/sys/block/$dm_disk/stat"
	start_reads
	ok "$1: $jobs reads are in flight" wait_for in_flight $jobs
	ok "$1: suspend" evs-setup suspend data
	is "$(disk_state data)" suspended "$1: the disk is suspended"
	ok "$1: its key is gone" wait_for key_gone "$key"
	must dmsetup resume evs_dm
	ok "$1: the device below has answered" wait_for answered $((reads + jobs))
	ok "$1: no read has returned" none_ended
	is "$(read_data | wc -c)" 0 "$1: nothing has come out of it"
}

# ---- without a header ----

evs=$(evs-setup attach --raw --key "$(raw_key raw "$tmp/key")" --sector-size 4096 --name data $dm)
must test -b "$evs"
head -c $((jobs * 4096)) /dev/urandom >"$tmp/data"
must dd if="$tmp/data" of="$evs" bs=64k oflag=direct status=none
suspend_with_reads raw
before=$(md5sum <$dm)
dd if="$tmp/data" of="$evs" bs=4k count=1 seek=1000 oflag=direct status=none 2>"$tmp/err.write" &
writer=$!
ok "a new write waits" wait_for held $writer
is "$(md5sum <$dm)" "$before" "and does not reach the device below"
is "$(evs-setup status --json data | jq '.disks[0] | ."key-serial", .errors' | xargs)" "null 0" \
	"status knows no key, and nothing has failed"

refused 5 'suspended already.*evs-setup resume data' "suspend twice" evs-setup suspend data
refused 1 'raw.*--key' "resume without a key" evs-setup resume data
resume_refused "resume with another key"
is "$(disk_state data)" suspended "it is still suspended"
ok "and nothing has returned" none_ended
ok "resume with its key" evs-setup resume --key "$(raw_key again "$tmp/key")" data
is "$(disk_state data)" live "it is live"
returned "the reads return" "${pids[@]}"
read_data >/dev/null
ok "with the right data" cmp "$tmp/read" "$tmp/data"
returned "the write is done" $writer
dd if="$evs" of="$tmp/out" bs=4k skip=1000 count=1 iflag=direct status=none
ok "where it should be" cmp -n 4096 "$tmp/data" "$tmp/out"
refused 5 'nothing to resume' "resume of a live disk" evs-setup resume data

# Writes to one place, one after the other, from one CPU: the last one stays
must evs-setup suspend data
pids=()
for ((i = 1; i <= jobs; i++)); do
	head -c 4096 /dev/zero | tr '\0' "\\$(printf %o $((64 + i)))" >"$tmp/write.$i"
	taskset -c 0 dd if="$tmp/write.$i" of="$evs" bs=4k count=1 seek=2000 oflag=direct status=none &
	pids+=($!)
	must wait_for held $!
done
must evs-setup resume --key "$(raw_key again "$tmp/key")" data
returned "they are done" "${pids[@]}"
is "$(dd if="$evs" bs=4k skip=2000 count=1 iflag=direct status=none | head -c 4)" \
	"$(head -c 4 "$tmp/write.$jobs")" "in the order in which they came"

# Opening takes no key; revocation ends the waiting
must evs-setup suspend data
exec 5<>"$evs"
pass "a suspended disk can be opened"
dd bs=4k count=1 iflag=direct status=none <&5 >"$tmp/out" 2>"$tmp/err" &
reader=$!
must wait_for held $reader
ok "a suspended disk can be revoked" evs-setup revoke data
ok "what waits ends" wait_for ended $reader
wait $reader
is $? 1 "with an error"
refused 2 'revoked.*attach' "resume of a revoked disk" evs-setup resume data
refused 2 'revoked.*attach' "suspend of a revoked disk" evs-setup suspend data
exec 5>&-
ok "it can be detached" evs-setup detach data
ok "nothing is left behind" wait_for no_disk

# ---- detached while I/O waits ----

evs=$(evs-setup attach --raw --key "$(raw_key raw "$tmp/key")" --sector-size 4096 --name data $dm)
suspend_with_reads "detach"
dd if=/dev/zero of="$evs" bs=4k count=4 oflag=direct status=none 2>"$tmp/err.write" &
writer=$!
must wait_for held $writer
before=$(md5sum <$dm)
refused 5 'in use|open' "a suspended disk that is open is not detached" evs-setup detach data
ok "by force it is" evs-setup detach --force data
ok "what waits ends" wait_for ended "${pids[@]}" $writer
wait $writer
is $? 1 "the write with an error"
is "$(grep -l 'rror\|No such' "$tmp"/err.[0-9]* | wc -l)" $jobs "each of the reads with an error"
is "$(read_data | wc -c)" 0 "none has brought anything"
is "$(md5sum <$dm)" "$before" "the device below is what it was"
ok "nothing is left behind" wait_for no_disk

# ---- with a header: the KMS has the last word ----

start_kms
must evs-setup create --force --cmk test $dm
evs=$(evs-setup attach --name data $dm)
must dd if="$tmp/data" of="$evs" bs=64k oflag=direct status=none
suspend_with_reads KMS
must evs-setup cmk disable test
refused 2 $'KMS.0209\ntest|'"$(cmk_id test)"$'\ndisabled\nevs-setup cmk enable' \
	"resume is refused while the CMK is disabled" evs-setup resume data
is "$(disk_state data)" suspended "the disk stays suspended"
ok "and nothing has returned" none_ended
must evs-setup cmk enable test
ok "resume once it is enabled" evs-setup resume data
returned "the reads return" "${pids[@]}"
read_data >/dev/null
ok "with the right data" cmp "$tmp/read" "$tmp/data"
is "$(disk_state data)" live "it is live"
must evs-setup suspend data
resume_refused "a disk with a header does not take another key"
must dk_of $dm "$tmp/dk"
ok "but its own from whoever has it" evs-setup resume --key "$(raw_key dk "$tmp/dk")" data
must evs-setup suspend data
must kms_stop
refused 6 'KMS|connect|socket' "without the KMS it is not resumed" evs-setup resume data
is "$(disk_state data)" suspended "it stays suspended"
kms_start
ok "with it it is" evs-setup resume data
must evs-setup detach data
ok "nothing is left behind" wait_for no_disk

# ---- again and again under load ----

evs=$(evs-setup attach --raw --key "$(raw_key raw "$tmp/key")" --sector-size 4096 --name data $dm)
touch "$tmp/go"
(
	while [ -e "$tmp/go" ]; do
		fio --name=v --filename="$evs" --output="$tmp/fio.out" --verify=crc32c --verify_fatal=1 \
			--do_verify=1 --ioengine=libaio --iodepth=16 --direct=1 --rw=randrw \
			--bssplit=4k/50:16k/30:64k/20 --size=8m --io_size=16m --verify_backlog=64 \
			--aux-path="$tmp" >"$tmp/fio.err" 2>&1 || exit 1
		echo pass >>"$tmp/passes"
	done
) &
load=$!
lost=0
held=0
for ((i = 0; i < cycles; i++)); do
	evs-setup suspend data &&
		read -r waiting <"/sys/block/${evs#/dev/}/evs/in_flight" &&
		held=$((held + (waiting > 0))) &&
		evs-setup resume --key "$(raw_key again "$tmp/key")" data || lost=$((lost + 1))
done 2>"$tmp/err"
is $lost 0 "$cycles times suspended and resumed"
[ $lost -eq 0 ] || diag "$(head -n 3 "$tmp/err")"
ok "with requests in flight in many of them" test $held -gt $((cycles / 10))
diag "in $held"
rm "$tmp/go"
wait $load
is $? 0 "nothing of what fio wrote and read meanwhile was lost" ||
	diag "$(cat "$tmp/fio.out" "$tmp/fio.err")"
ok "and that was something" test -s "$tmp/passes"
diag "$(wc -l <"$tmp/passes") passes of fio"
is "$(evs-setup status --json data | jq '.disks[0].errors')" 0 "no request has failed"
must wait_for evs-setup detach data
ok "nothing is left behind" wait_for no_disk

unlike "$(kernel_complaints 'blocked for more')" . "the kernel did not complain"
done_testing
