#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Userspace alone: no kernel has a part in it.
# create: what it refuses to overwrite, what it writes, what it leaves on failure.
. "$(dirname "$0")/tap.sh"

at_exit detach_all
start_kms

# protected NAME REGEX FILE: refused without --force, nothing changed; done with it
protected()
{
	local name=$1 regex=$2 file=$3 sum

	sum=$(sha256sum <"$file")
	refused 5 $"$regex"$'\n--force' "$name: create is refused, and says how" \
		evs-setup create --cmk test "$file"
	is "$(sha256sum <"$file")" "$sum" "$name: nothing changed"
	ok "$name: create --force" evs-setup create --force --cmk test "$file"
	is "$(token_of "$file" | jq -r .type)" evs-kms "$name: it is an EVS disk now"
	is "$(wipefs --noheadings --output TYPE "$file" | sort -u | xargs)" crypto_LUKS \
		"$name: and nothing else"
}

file=$(new_file fs 18M)
must mkfs.ext4 -q "$file"
protected ext4 'ext4' "$file"

protected "EVS disk" 'EVS|LUKS' "$file"

echo secret >"$tmp/passphrase"
file=$(new_file luks 18M)
must cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$file" "$tmp/passphrase"
protected LUKS2 'LUKS' "$file"

# A partition table with one partition, without a tool for it
file=$(new_file dos 18M)
printf '\0\0\0\0\x83\0\0\0\0\x08\0\0\0\x80\0\0' |
	dd of="$file" bs=1 seek=446 conv=notrunc status=none
printf '\x55\xaa' | dd of="$file" bs=1 seek=510 conv=notrunc status=none
protected "partition table" 'dos|partition' "$file"

# ---- options ----

# sector_of FILE
sector_of()
{
	cryptsetup luksDump --dump-json-metadata "$1" | jq -r '.segments."0".sector_size'
}

file=$(new_file plain 18M)
ok "create without options" evs-setup create "$file"
is "$(sector_of "$file")" 4096 "sectors of 4096 by default"
is "$(token_of "$file" | jq -r .cmk)" "$(cmk_id evs/default)" "evs/default is the CMK by default"
is "$(cryptsetup luksDump --dump-json-metadata "$file" | jq -r '.keyslots | keys | join(",")')" 0 \
	"one key slot"
head -c 64 /dev/zero >"$tmp/zeros"
unlock=(cryptsetup open --disable-external-tokens --test-passphrase)
nok "which opens with no other key" "${unlock[@]}" --key-file "$tmp/zeros" "$file"
must dk_of "$file" "$tmp/dk"
ok "but with the DK" "${unlock[@]}" --key-file "$tmp/dk" "$file"
is "$(cryptsetup luksDump --dump-json-metadata "$file" | jq -r '.segments."0".encryption')" \
	aes-xts-plain64 "aes-xts-plain64"
is "$(blkid -p -o value -s TYPE "$file")" crypto_LUKS "blkid knows it"
like "$(cryptsetup luksDump "$file")" '^Subsystem:[[:space:]]*evs$' "the subsystem is evs"
nok "the DK's wrapping is not twice the same" test \
	"$(token_of "$file" | jq -r '."wrapped-dk"')" = "$(token_of "$tmp/dos" | jq -r '."wrapped-dk"')"

ok "create --sector-size 512" evs-setup create --force --sector-size 512 "$file"
is "$(sector_of "$file")" 512 "sectors of 512 when told"
evs=$(evs-setup attach "$file")
is "$(blockdev --getss "$evs")" 512 "and so has the disk"
must evs-setup detach "$evs"
refused 1 'sector' "sectors of 1024" evs-setup create --force --sector-size 1024 "$file"

id=$(cmk_id test)
for ref in test alias/test "$id"; do
	must evs-setup create --force --cmk "$ref" "$file"
	is "$(token_of "$file" | jq -r .cmk)" "$id" "--cmk $ref"
done
must evs-setup create --force --label "a label of my own" "$file"
is "$(blkid -p -o value -s LABEL "$file")" "a label of my own" "--label"
refused 1 'label' "a label of 48 characters" \
	evs-setup create --force --label "$(printf 'x%.0s' {1..48})" "$file"

# ---- what cannot be ----

refused 4 'No such' "no such file" evs-setup create "$tmp/missing"
nok "and it is not made" test -e "$tmp/missing"
refused 4 '.' "a directory" evs-setup create "$tmp"
refused 4 '.' "a character device" evs-setup create /dev/null
sum=$(sha256sum <"$(new_file small 1M)")
refused 2 'small|space|room' "a file too small for header and data" evs-setup create "$tmp/small"
is "$(sha256sum <"$tmp/small")" "$sum" "nothing changed"

new_null evs_t0 32
must mkfs.ext4 -q /dev/evs_t0
must mkdir "$tmp/mnt"
must mount /dev/evs_t0 "$tmp/mnt"
at_exit umount "$tmp/mnt"
refused 5 'in use|busy|mounted' "a mounted device, even by force" evs-setup create --force /dev/evs_t0
must umount "$tmp/mnt"
ok "the file system is whole" e2fsck -fn /dev/evs_t0
must evs-setup create --force /dev/evs_t0
ok "unmounted, it goes" test "$(token_of /dev/evs_t0 | jq -r .type)" = evs-kms

echo "0 65536 linear /dev/evs_t0 0" | dmsetup create evs_claim
at_exit dmsetup remove evs_claim
refused 5 $'in use|busy\ndevice-mapper device evs_claim .* is on /dev/evs_t0: run dmsetup remove evs_claim' \
	"attach of a device that dm has claimed" evs-setup attach /dev/evs_t0
refused 5 'in use|busy' "create on a device that dm has claimed" evs-setup create --force /dev/evs_t0
must dmsetup remove evs_claim
evs=$(evs-setup attach /dev/evs_t0)
nok "while attached, it is claimed" exclusive /dev/evs_t0
must evs-setup detach "$evs"
ok "detached, it is free" exclusive /dev/evs_t0

# A second loop device over the file of a disk that is in use
file=$(new_file twin 36M)
must evs-setup create --cmk test "$file"
must evs-setup header backup "$file" "$tmp/twin.header"
evs=$(evs-setup attach "$file")
loop=$(new_loop "$file")
at_exit losetup --detach "$loop"
refused 5 "$loop: its data is in use through /dev/loop" "create on a second loop device over a disk in use" \
	evs-setup create --force "$loop"
refused 5 'its data is in use' "header restore there" \
	evs-setup header restore --force "$loop" "$tmp/twin.header"
far=$(new_loop "$file" --offset 18M --sizelimit 18M)
at_exit losetup --detach "$far"
refused 5 'its data is in use' "on one over a part of it" evs-setup create --force "$far"
must evs-setup detach "$evs"
ok "detached, it is free" evs-setup create --force "$loop"
must losetup --detach "$loop" "$far"

new_null evs_t4k 32 blocksize=4096
refused 1 'sector' "sectors of 512 on a device that has 4096" \
	evs-setup create --sector-size 512 /dev/evs_t4k
must evs-setup create /dev/evs_t4k
evs=$(evs-setup attach /dev/evs_t4k)
is "$(blockdev --getss "$evs")" 4096 "sectors of 4096 there"
must evs-setup detach "$evs"

ok "nothing is left behind" no_leftovers
done_testing
