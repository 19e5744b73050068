#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Also under KASAN and lockdep.
# Also under KCSAN.
# fio writes patterns with checksums and reads them back: block sizes, queue
# depths, engines, buffered and direct, in order and not.
. "$(dirname "$0")/tap.sh"

at_exit detach_all
must evs-setup list # The key type comes with the module
new_null evs_t0 32
export TMPDIR=$tmp

# verify NAME DISK FIO-OPTION...
verify()
{
	local name=$1 disk=$2

	shift 2
	# Messages of fio go to the terminal: they would disturb the results
	ok "$name" fio --name=v --filename="$disk" --output-format=terse --verify=crc32c \
		--verify_fatal=1 --do_verify=1 --randrepeat=1 --group_reporting \
		--fallocate=none --aux-path="$tmp" "$@"
}

# The sizes that one disk must take are multiples of its sectors
mixed_512=512/15:1536/10:2k/15:3584/10:4k/20:13k/10:64k/15:257k/5
mixed_4096=4k/40:8k/15:20k/15:64k/20:260k/10

for sector in 512 4096; do
	evs=$(raw_attach /dev/evs_t0 $sector)
	must test -b "$evs"
	mixed=mixed_$sector
	for engine in io_uring libaio; do
		for depth in 1 32; do
			verify "$sector: $engine, depth $depth, direct, random, mixed sizes" "$evs" \
				--ioengine=$engine --iodepth=$depth --direct=1 --rw=randwrite \
				--bssplit="${!mixed}" --bs_unaligned=0 --size=4m --io_size=2m \
				--norandommap=0 --blockalign="$sector"
		done
	done
	verify "$sector: two jobs at once, each on its own half" "$evs" \
		--ioengine=io_uring --iodepth=16 --direct=1 --rw=randwrite --bs="$sector" \
		--size=256k --offset_increment=8m --numjobs=2
	verify "$sector: in order, 1 MiB at a time" "$evs" \
		--ioengine=libaio --iodepth=4 --direct=1 --rw=write --bs=1m --size=6m
	verify "$sector: in order, the smallest requests, merged" "$evs" \
		--ioengine=io_uring --iodepth=32 --iodepth_batch=16 --direct=1 --rw=write \
		--bs="$sector" --size=512k
	ok "$sector: they were merged" test "$(awk '{ print $6 }' "/sys/block/${evs#/dev/}/stat")" -gt 0
	verify "$sector: buffered, random, fdatasync" "$evs" \
		--ioengine=psync --rw=randwrite --bssplit="${!mixed}" --blockalign="$sector" \
		--size=4m --io_size=1m --fdatasync=8
	verify "$sector: buffered, in order" "$evs" \
		--ioengine=io_uring --iodepth=32 --rw=write --bs=64k --size=6m --end_fsync=1
	verify "$sector: reads and writes mixed, O_SYNC" "$evs" \
		--ioengine=libaio --iodepth=8 --direct=1 --sync=1 --rw=randrw --bs=4k \
		--size=4m --io_size=2m
	verify "$sector: fixed buffers of io_uring" "$evs" \
		--ioengine=io_uring --fixedbufs=1 --registerfiles=1 --iodepth=32 --direct=1 \
		--rw=randwrite --bs=4k --size=1m
	# io_uring lets go of its files a moment after its process has ended
	must wait_for evs-setup detach "$evs"
done

# A write in vectors of odd pieces, at a buffer that is not page-aligned
evs=$(raw_attach /dev/evs_t0 512)
verify "512: buffers not aligned to pages" "$evs" \
	--ioengine=libaio --iodepth=16 --direct=1 --rw=randwrite --bs=7k --blockalign=512 \
	--iomem_align=512 --size=7m --io_size=1m
must wait_for evs-setup detach "$evs"

# A task that begins with requests for several disks at once
new_null evs_t1 32
evs=$(raw_attach /dev/evs_t0 4096)
other=$(raw_attach /dev/evs_t1 4096)
verify "4096: two disks in turn, in one batch" "$evs:$other" --file_service_type=roundrobin:1 \
	--ioengine=libaio --iodepth=32 --iodepth_batch=32 --direct=1 --rw=randwrite --bs=4k --size=2m
must wait_for evs-setup detach "$evs"
must wait_for evs-setup detach "$other"

# A task that never waits for its writes: workers encrypt some of them
new_null evs_t2 16 irqmode=2 submit_queues=2 completion_nsec=2000000 hw_queue_depth=1024
evs=$(raw_attach /dev/evs_t2 4096)
verify "4096: a deep queue" "$evs" --ioengine=libaio --iodepth=512 --direct=1 --rw=randwrite \
	--bssplit=4k/80:32k/20 --blockalign=4096 --size=12m
must wait_for evs-setup detach "$evs"

# A backing device that answers in soft interrupts, and one that does so from a
# timer, with a queue for each CPU: the contexts that reads are decrypted in, or not
for irqmode in 1 2; do
	new_null evs_i$irqmode 16 irqmode=$irqmode submit_queues=2 completion_nsec=20000
	for sector in 512 4096; do
		evs=$(raw_attach /dev/evs_i$irqmode $sector)
		verify "$sector: answered by interrupt, kind $irqmode" "$evs" \
			--ioengine=io_uring --iodepth=16 --direct=1 --rw=randwrite --numjobs=2 \
			--bssplit=4k/50:32k/25:256k/25 --size=4m --io_size=1m --offset_increment=8m
		# null_blk has a queue that is polled, and answers there in no other way
		verify "$sector: polled, kind $irqmode" "$evs" \
			--ioengine=io_uring --hipri --iodepth=16 --direct=1 --rw=randwrite --numjobs=2 \
			--bssplit=4k/50:32k/25:256k/25 --size=4m --io_size=1m --offset_increment=8m
		must wait_for evs-setup detach "$evs"
	done
done

unlike "$(kernel_complaints 'nonblocking retry')" . "the kernel did not complain"
done_testing
