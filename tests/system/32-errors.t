#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Also under KASAN and lockdep
# Also under KCSAN.
#
# The device below answers with errors: they reach the caller as it would have got
# them from that device, nothing is silently wrong, no request is lost or answered
# twice, and the disk goes on after.
. "$(dirname "$0")/tap.sh"

here=$(dirname "$0")
long=${EVS_LONG:-1}
at_exit detach_all
must evs-setup list
export TMPDIR=$tmp

# faulty ARGUMENT...: without waiting for ever if a request is lost
faulty()
{
	local end=$((SECONDS + 300)) pid

	python3 -B "$here/faulty.py" "$@" >"$tmp/said" 2>&1 &
	pid=$!
	until ended $pid; do
		[ $SECONDS -lt $end ] || { echo "it does not come back"; return 1; }
		sleep 0.1
	done 2>/dev/null
	cat "$tmp/said"
	wait $pid
}

# tries DISK OFFSET LENGTH: what comes of the operations $all
tries()
{
	# shellcheck disable=SC2086 # operations
	faulty try "$1" "$2" "$3" $all
}

# The device below: a disk in memory under a table of the device mapper, of which
# parts are bad, in units of sectors
new_null evs_t0 32 discard=1 cache_size=1
sectors=$(blockdev --getsz /dev/evs_t0)
good="0 $sectors linear /dev/evs_t0 0"
must dmsetup create evs_dm --table "$good"
at_exit dmsetup remove --force evs_dm
must dmsetup mknodes evs_dm
dm=/dev/mapper/evs_dm

# table TEXT: the device below is this from now on
table()
{
	must dmsetup load evs_dm <<<"$1"
	must dmsetup suspend --nolockfs evs_dm
	must dmsetup resume evs_dm
}

# Sectors FIRST to END are bad
bad_range()
{
	cat <<-EOF
	0 $1 linear /dev/evs_t0 0
	$1 $(($2 - $1)) error
	$2 $((sectors - $2)) linear /dev/evs_t0 $2
	EOF
}

# Every eighth stretch of 8 KiB is bad
stripes()
{
	local first

	for ((first = 0; first < sectors; first += 128)); do
		echo "$first 112 linear /dev/evs_t0 $first"
		echo "$((first + 112)) 16 error"
	done
}

# settled NAME: every request has been answered
settled()
{
	is "$(xargs <"/sys/block/${evs#/dev/}/inflight")" "0 0" "$1: no request is left"
}

# io_errors: how many the disk has counted
io_errors()
{
	evs-setup status --json data | jq '[.. | objects | to_entries[] |
		select(.key | test("errors")) | .value | numbers] | add'
}

# ---- one error at a time ----

for sector in 512 4096; do
	evs=$(raw_attach $dm $sector --name data --allow-discards)
	must test -b "$evs"
	must dd if=/dev/zero of="$evs" bs=1M count=32 oflag=direct conv=fsync status=none
	before=$(io_errors)
	table "$(bad_range 2048 2064)"
	all="read write fua"
	want="EIO EIO EIO"
	is "$(tries $dm 1048576 4096)" "$want" "$sector: $all fail on the device itself"
	is "$(tries "$evs" 1048576 4096)" "$want" "$sector: they fail alike on the disk"
	is "$(tries "$evs" 917504 262144)" "$want" "$sector: across the bad sectors"
	is "$(tries "$evs" 1044480 4096)" "ok ok ok" "$sector: they do not right before them"
	is "$(tries "$evs" 1056768 4096)" "ok ok ok" "$sector: nor right after them"
	nok "$sector: discard fails" blkdiscard --offset 1M --length 8k "$evs"
	ok "$sector: the disk has counted errors" test "$(io_errors)" -gt "$before"
	nok "$sector: a buffered write is told of it by fsync" \
		dd if=/dev/zero of="$evs" bs=4k seek=256 count=2 conv=fsync
	is "$(disk_state data)" live "$sector: the disk is live"

	# A device that takes writes, but cannot make them durable
	table "0 $sectors flakey /dev/evs_t0 0 0 60 1 error_writes"
	all="flush write fua read"
	is "$(tries "$evs" 0 4096)" "EIO EIO EIO ok" "$sector: of $all, reads alone pass if no writes do"
	nok "$sector: nor do discards pass" blkdiscard --offset 0 --length 64k "$evs"

	table "$good"
	is "$(tries "$evs" 1048576 262144)" "ok ok ok ok" "$sector: all go on after"
	ok "$sector: discard, too" blkdiscard --offset 1M --length 8k "$evs"
	settled "$sector"
	must wait_for evs-setup detach data
done

# ---- errors while there is load ----

# storm NAME: with faults on; what comes must be an error, or right
storm()
{
	ok "$1: all that is not an error is right" \
		faulty storm "$evs" "$tmp/state" "$((steps * long))" "$RANDOM"
}

# fio_goes_on NAME REGEX: with faults on, fio verifies what it could write, behind the
# storm's range; it goes on after an error of I/O, but none of verification. REGEX is
# how many errors there were, and the number of the first one.
fio_goes_on()
{
	ok "$1: fio, verifying, gets errors of I/O and nothing else" fio --name=v --filename="$evs" \
		--output-format=json --output="$tmp/fio.json" --verify=crc32c --do_verify=1 \
		--ioengine=libaio --iodepth=16 --direct=1 --rw=randwrite --bs=16k --offset=16m \
		--size=8m --continue_on_error=io --aux-path="$tmp"
	like "$(jq -r '.jobs[0] | "\(.total_err) \(.first_error // .error)"' "$tmp/fio.json")" "^$2\$" \
		"$1: fio: as many as were to be expected, EIO"
}

# weathered NAME: the faults are over
weathered()
{
	ok "$1: after it, all reads and is what was acknowledged" faulty check "$evs" "$tmp/state"
	settled "$1"
	ok "$1: fio writes and verifies" fio --name=v --filename="$evs" --output-format=terse \
		--verify=crc32c --verify_fatal=1 --do_verify=1 --ioengine=io_uring --iodepth=32 \
		--direct=1 --rw=randwrite --bssplit=4k/50:64k/50 --size=4m --aux-path="$tmp"
	must wait_for evs-setup detach data
}

steps=80
[ "$EVS_VM" = uml ] || steps=24 # Slow
evs=$(raw_attach $dm 4096 --name data)
storm "no faults"
is "$(io_errors)" 0 "no faults: no error is counted"
weathered "no faults"

evs=$(raw_attach $dm 4096 --name data)
table "$(stripes)"
storm "bad stripes"
ok "bad stripes: there were errors" test "$(io_errors)" -gt 0
fio_goes_on "bad stripes" "128 5"
table "$good"
weathered "bad stripes"

# Now and then the device fails all, or all writes
evs=$(raw_attach $dm 4096 --name data)
(while :; do
	for feature in "0 60" "0 60 1 error_writes" "0 60 1 error_reads"; do
		table "0 $sectors flakey /dev/evs_t0 0 $feature"
		sleep 0.1
		table "$good"
		sleep 0.1
	done
done) &
flaky=$!
steps=$((3 * steps)) storm "flaky"
fio_goes_on "flaky" "([1-9][0-9]* 5|0 0)" # It may fit in between
kill $flaky
wait $flaky 2>/dev/null
ok "flaky: there were errors" test "$(io_errors)" -gt 0
table "$good"
weathered "flaky"

# Blocks of a disk in memory go bad and are good again
new_null evs_t1 32 badblocks=+4096-4351 badblocks=+4608-4863 \
	badblocks=+36864-37119
evs=$(raw_attach /dev/evs_t1 4096 --name data)
is "$(faulty try "$evs" $((4096 * 512)) 4096 read)" EIO "null_blk: a bad block"
storm "null_blk"
fio_goes_on "null_blk" "8 5"
printf %s "-0-$((sectors - 1))" >/sys/kernel/config/nullb/evs_t1/badblocks
weathered "null_blk"

# A device with an error of its own: the medium has failed
if new_scsi dev_size_mb=16 opts=2 medium_error_start=4096 medium_error_count=8 \
	max_queue=64; then
	evs=$(raw_attach "/dev/$sd" 4096 --name data)
	want=$(faulty try "/dev/$sd" $((4096 * 512)) 4096 read)
	unlike "$want" '^(ok|EIO)$' "scsi_debug: an error that is not EIO"
	is "$(faulty try "$evs" $((4096 * 512)) 4096 read)" "$want" "scsi_debug: it reaches the caller"
	must wait_for evs-setup detach data
else
	skip "scsi_debug" "this guest's kernel has no scsi_debug"
fi

# The block layer itself fails every tenth request of the device below
fail=/sys/kernel/debug/fail_make_request
must dmsetup remove evs_dm
if [ -d $fail ]; then
	evs=$(raw_attach /dev/evs_t0 4096 --name data)
	echo 1 >/sys/block/evs_t0/make-it-fail
	echo 0 >$fail/verbose
	echo -1 >$fail/times
	echo 10 >$fail/probability
	storm "fail_make_request"
	fio_goes_on "fail_make_request" "[1-9][0-9]* 5"
	echo 0 >$fail/probability
	ok "fail_make_request: there were errors" test "$(io_errors)" -gt 0
	weathered "fail_make_request"
else
	skip "fail_make_request" "this guest's kernel cannot inject faults"
fi

ok "nothing is left behind" wait_for no_disk
unlike "$(kernel_complaints 'refcount_t|blocked for more')" . "the kernel did not complain"
done_testing
