#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Also under KASAN and lockdep.
# The life of an encrypted disk, on a file and on a block device.
. "$(dirname "$0")/tap.sh"

marker="plaintext marker 3e1f7b05 of an EVS disk"
mnt=$tmp/mnt
mkdir "$mnt"

sums()
{
	(cd "$mnt" && find . -type f -exec sha256sum {} + | sort)
}

fill()
{
	local i

	for i in 1 2 3; do
		head -c 500k /dev/urandom >"$mnt/random.$i"
	done
	# Enough of it that some ends up in the middle of blocks
	yes "$marker" | head -c 300k >"$mnt/marked"
	cp /usr/share/common-licenses/GPL-* "$mnt/"
	sync
}

# life NAME BACKING: from create to dm-crypt
life()
{
	local name=$1 backing=$2 evs before uuid

	ok "$name: create" evs-setup create --cmk test --label "L-$name" "$backing"
	uuid=$(cryptsetup luksUUID "$backing")
	like "$uuid" '^[0-9a-f-]{36}$' "$name: it is a LUKS2 disk with a UUID"
	is "$(blkid -p -o value -s LABEL "$backing")" "L-$name" "$name: with its label"
	is "$(token_of "$backing" | jq -r '.type, (.keyslots | join(",")), .version, .kms,
		.context.purpose, .context.volume' | xargs)" \
		"evs-kms 0 1 local evs-dek $uuid" "$name: its token is as documented"
	is "$(token_of "$backing" | jq -r .cmk)" "$(cmk_id test)" "$name: the token names the CMK"

	evs=$(evs-setup attach --name "$name" "$backing")
	like "$evs" '^/dev/evs[0-9]+$' "$name: attach prints one path"
	ok "$name: the node is there" test -b "$evs"
	is "$(evs-setup list --json | jq -r '.disks[0] | .name, .uuid, .device' | xargs)" \
		"$name $uuid $evs" "$name: the list knows it"

	must mkfs.ext4 -q "$evs"
	must mount "$evs" "$mnt"
	fill
	before=$(sums)
	is "$(wc -l <<<"$before")" "$(find /usr/share/common-licenses/GPL-* | awk 'END { print NR + 4 }')" \
		"$name: all files are written"
	ok "$name: the marker is on the encrypted disk" grep -qaF "$marker" "$evs"
	nok "$name: and nowhere on the backing device" grep -qaF "$marker" "$backing"

	ok "$name: disable the CMK" evs-setup cmk disable test
	echo later >"$mnt/later"
	sync
	echo 3 >/proc/sys/vm/drop_caches
	is "$(cat "$mnt/later")" later "$name: the attached disk writes and reads on"
	is "$(sums | grep -v ./later)" "$before" "$name: with the same content"
	before=$(sums)
	must umount "$mnt"

	ok "$name: detach" evs-setup detach "$name"
	ok "$name: nothing is left behind" no_leftovers
	nok "$name: the node is gone" test -e "$evs"
	refused 2 $'KMS.0209\ntest|'"$(cmk_id test)"$'\ndisabled' \
		"$name: attach is refused with the CMK, its state and KMS.0209" \
		evs-setup attach "$backing"
	ok "$name: and nothing is left behind" no_leftovers

	ok "$name: enable the CMK" evs-setup cmk enable test
	evs=$(evs-setup attach --name "$name" "$backing")
	ok "$name: attach works again" test -b "$evs"
	ok "$name: the file system is clean" e2fsck -fn "$evs"
	must mount -o ro "$evs" "$mnt"
	is "$(sums)" "$before" "$name: checksums are equal"
	must umount "$mnt"
	ok "$name: detach by the node's path" evs-setup detach "$evs"
	ok "$name: nothing is left behind" no_leftovers

	ok "$name: the KMS gives the DK to root" dk_of "$backing" "$tmp/dk"
	ok "$name: cryptsetup takes it" cryptsetup open --readonly --key-size 512 --volume-key-file "$tmp/dk" "$backing" plain
	at_exit cryptsetup close plain
	must mount -o ro /dev/mapper/plain "$mnt"
	is "$(sums)" "$before" "$name: dm-crypt reads the very same files"
	must umount "$mnt"
	must cryptsetup close plain
	ok "$name: attach once more" evs-setup attach --read-only "$backing"
	ok "$name: detach by the UUID" evs-setup detach "$uuid"
	ok "$name: nothing is left behind" no_leftovers
}

at_exit detach_all
at_exit umount "$mnt"
start_kms
# The slow guest looks at the driver, for which a file is a loop device
[ "$EVS_VM" = uml-debug ] || life file "$(new_file disk.img 32M)"
new_null evs_t0 32
life device /dev/evs_t0

# What dm-crypt writes, the driver reads
must dk_of /dev/evs_t0 "$tmp/dk"
must cryptsetup open --key-size 512 --volume-key-file "$tmp/dk" /dev/evs_t0 plain
head -c 1M /dev/urandom >"$tmp/data"
dd if="$tmp/data" of=/dev/mapper/plain bs=1M oflag=direct status=none
must cryptsetup close plain
evs=$(evs-setup attach /dev/evs_t0)
ok "what dm-crypt wrote is read back" cmp -n 1048576 "$tmp/data" "$evs"
must evs-setup detach "$evs"

unlike "$(kernel_complaints)" . "the kernel did not complain"
done_testing
