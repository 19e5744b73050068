#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Also under KASAN and lockdep
#
# Partitions on a disk come with it and go with it.
. "$(dirname "$0")/tap.sh"

mnt=$tmp/mnt
mkdir "$mnt"
at_exit detach_all
at_exit umount "$mnt"
must evs-setup list
new_null evs_t0 32
head -c 64 /dev/urandom >"$tmp/key"

# attach [OPTION...]: sets $evs
attach()
{
	evs=$(evs-setup attach --raw --key "$(raw_key raw "$tmp/key")" --sector-size 4096 \
		--name data "$@" /dev/evs_t0)
	must test -b "$evs"
}

# The partitions that the kernel knows of, by their names
partitions()
{
	local path

	for path in "/sys/block/${evs#/dev/}/${evs#/dev/}"p*; do
		[ ! -e "$path" ] || basename "$path"
	done | xargs
}

attach
disk=${evs#/dev/}
is "$(partitions)" "" "a new disk has none"
ok "sfdisk makes two" sfdisk -q "$evs" <<-END
	label: gpt
	size=8M
	size=16M
END
is "$(partitions)" "${disk}p1 ${disk}p2" "the kernel knows them"
ok "their nodes come" wait_for test -b "${evs}p2"
must mkfs.ext4 -q "${evs}p2"
must mount "${evs}p2" "$mnt"
head -c 1M /dev/urandom >"$mnt/data"
sum=$(md5sum <"$mnt/data")
refused 5 'in use|open' "a disk with a mounted partition is not detached" evs-setup detach data
is "$(evs-setup list --json | jq '.disks[0].openers > 0')" true "the list says that it is open"
must umount "$mnt"
must evs-setup detach data
ok "detached, the nodes are gone" wait_for test ! -e "${evs}p1" -a ! -e "${evs}p2"

attach
is "$evs" "/dev/$disk" "attached anew it has its old number"
is "$(partitions)" "${disk}p1 ${disk}p2" "and its partitions"
ok "with their nodes" wait_for test -b "${evs}p2"
must mount "${evs}p2" "$mnt"
is "$(md5sum <"$mnt/data")" "$sum" "and what is on them"
must evs-setup suspend data
must evs-setup resume --key "$(raw_key again "$tmp/key")" data
is "$(partitions)" "${disk}p1 ${disk}p2" "suspend and resume leave them"
ok "detach by force" evs-setup detach --force data
ok "takes the nodes from a mounted one, too" wait_for test ! -e "${evs}p1" -a ! -e "${evs}p2"
umount "$mnt"
ok "unmounted, it is gone" wait_for no_disk

attach --read-only
is "$(partitions)" "${disk}p1 ${disk}p2" "a read-only disk has its partitions"
must evs-setup detach data

attach --no-partscan
is "$(partitions)" "" "with --no-partscan there are none"
is "$(evs-setup list --json | jq '.disks[0]."no-partscan"')" true "the list says so"
nok "nor can they be asked for" blockdev --rereadpt "$evs"
is "$(partitions)" "" "there are still none"
is "$(blkid -p -o value -s PTTYPE "$evs")" gpt "the table is on the disk all the same"
must evs-setup detach data

# The key goes for partitions as well
attach
must evs-setup revoke data
nok "partitions of a revoked disk cannot be read" dd if="${evs}p1" of=/dev/null count=1
ok "it can be detached" evs-setup detach data

ok "nothing is left behind" wait_for no_disk
unlike "$(kernel_complaints)" . "the kernel did not complain"
done_testing
