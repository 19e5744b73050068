#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Writes that are done as a whole or not at all (RWF_ATOMIC), where the device has them.
. "$(dirname "$0")/tap.sh"

here=$(dirname "$0")
at_exit detach_all
must evs-setup list # The key type comes with the module
new_null evs_t0 4
tracing=/sys/kernel/tracing

# limit NAME: of the disk
limit()
{
	cat "/sys/block/${evs#/dev/}/queue/atomic_write_$1_bytes"
}

# try OFFSET LENGTH: what comes of an atomic write
try()
{
	"$here/faulty.py" try "$evs" "$1" "$2" atomic
}

evs=$(raw_attach /dev/evs_t0 4096)
is "$(limit unit_max)" 0 "a device that cannot: nor can the disk"
is "$(try 0 4096)" ENOTSUP "and refuses them"
must evs-setup detach "$evs"

if ! new_scsi dev_size_mb=16 atomic_wr=1 atomic_wr_max_length=1024 atomic_wr_align=2 atomic_wr_gran=2 ||
   ! grep -qvx 0 "/sys/block/$sd/queue/atomic_write_unit_max_bytes"; then
	skip "a device that can" "this kernel has none"
	done_testing
	exit
fi
mountpoint -q "$tracing" || must mount -t tracefs tracefs "$tracing"
echo 1 >$tracing/events/scsi/scsi_dispatch_cmd_start/enable
at_exit eval "echo 0 >$tracing/events/scsi/scsi_dispatch_cmd_start/enable"

# commands: that the device has had since the last time, name and count of 512-byte blocks
commands()
{
	sed -n 's/.*cmnd=(\(WRITE[A-Z_0-9]*\) .*txlen=\([0-9]*\).*/\1 \2/p' $tracing/trace
	echo >$tracing/trace
}

evs=$(raw_attach "/dev/$sd" 4096)
is "$(limit unit_min)" 4096 "the least is a data unit"
is "$(limit unit_max)" 131072 "the most is what the reserve of bounce pages has room for"
is "$(limit max)" 131072 "also of requests that are merged"
commands >/dev/null
for length in 4096 16384 131072; do
	is "$(try 131072 $length)" ok "$length bytes"
	is "$(commands)" "WRITE_ATOMIC_16 $((length / 512))" "$length bytes: one command of the device"
done
is "$(try 131072 262144)" EINVAL "a larger one is refused"
is "$(try 131072 6144)" EINVAL "and one of another size"
must evs-setup detach "$evs"

evs=$(raw_attach "/dev/$sd" 4096 --offset 4096)
is "$(limit unit_max)" 131072 "aligned to what the device needs"
must evs-setup detach "$evs"
evs=$(raw_attach "/dev/$sd" 512 --offset 512)
is "$(limit unit_max)" 0 "not aligned to it: none"
is "$(try 0 4096)" ENOTSUP "and it refuses them"
must evs-setup detach "$evs"

done_testing
