#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Userspace alone: the KMS and the helper refuse. 41-refuse-key.t has what the kernel does.
# Refusals on the way to the key, each with its own words, nothing left behind.
. "$(dirname "$0")/tap.sh"

at_exit detach_all
start_kms
must evs-setup cmk create other
disk=$(new_file disk.img 18M)
second=$(new_file second.img 18M)
must evs-setup create --cmk test "$disk"
must evs-setup create --cmk other "$second"
uuid=$(cryptsetup luksUUID "$disk")
token=$(token_of "$disk")

# refuse STATUS REGEX NAME DISK: attach is refused, and leaves nothing behind
refuse()
{
	refused "$1" "$2" "$3" evs-setup attach "$4"
	ok "$3: nothing is left behind" no_leftovers
}

# with_token FILE JQ-PROGRAM: a copy of the disk with another token
with_token()
{
	cp --sparse=always "$disk" "$1"
	jq -c "$2" <<<"$token" >"$tmp/token.json"
	must cryptsetup token import --disable-external-tokens --token-id 0 --token-replace --json-file "$tmp/token.json" "$1"
}

# ---- the CMK and the KMS ----

# What the states of a CMK refuse is in 40-states.t
must new_file new.img 18M
kms_stop
refuse 6 $'kmsd.sock\nsystemctl start|running|not reachable|unreachable|cannot reach' "KMS stopped" "$disk"
refused 6 'kmsd.sock' "KMS stopped: create" evs-setup create --cmk test "$tmp/new.img"
is "$(blkid -p "$tmp/new.img")" "" "KMS stopped: create wrote nothing"
refused 6 'kmsd.sock' "KMS stopped: cmk list" evs-setup cmk list
kms_start

refused 2 $'nosuchkey\nKMS.0[0-9]*' "unknown CMK: create" evs-setup create --cmk nosuchkey "$tmp/new.img"
is "$(blkid -p "$tmp/new.img")" "" "unknown CMK: create wrote nothing"
refused 2 'KMS.0[0-9]*' "unknown CMK: show" evs-setup cmk show 00000000-0000-0000-0000-000000000000
refused 5 $'KMS.1104\ntest' "duplicate alias" evs-setup cmk create test
refused 1 '.' "alias that is none" evs-setup cmk create 'a b'
refused 2 'KMS.1201' "enabled CMK: cannot be enabled" evs-setup cmk enable test
must evs-setup cmk disable test
refused 2 'KMS.1301' "disabled CMK: cannot be disabled" evs-setup cmk disable test
must evs-setup cmk enable test

# ---- the token ----

foreign=$(token_of "$second" | jq -r '."wrapped-dk"')
other=$(cmk_id other)
with_token "$tmp/bad.img" ".\"wrapped-dk\" = \"$foreign\""
refuse 2 'KMS.220[0-9]' "wrapped DK of another disk" "$tmp/bad.img"

# All of another disk's token: the KMS gives its DK, which is not this disk's
cp --sparse=always "$disk" "$tmp/bad.img"
token_of "$second" >"$tmp/token.json"
must cryptsetup token import --disable-external-tokens --token-id 0 --token-replace --json-file "$tmp/token.json" "$tmp/bad.img"
refuse 2 'not the key|wrong key|does not (match|belong|fit)|another disk' "token of another disk" "$tmp/bad.img"

with_token "$tmp/bad.img" '.context.volume = "00000000-0000-0000-0000-000000000000"'
refuse 2 'KMS.220[0-9]' "context of another disk" "$tmp/bad.img"
with_token "$tmp/bad.img" '.context = {}'
refuse 2 'KMS.220[0-9]' "no context" "$tmp/bad.img"
with_token "$tmp/bad.img" '."wrapped-dk" |= (.[0:60] + (if .[60:61] == "0" then "1" else "0" end) + .[61:])'
refuse 2 'KMS.220[0-9]' "one bit of the wrapped DK" "$tmp/bad.img"
with_token "$tmp/bad.img" '."wrapped-dk" |= .[0:40]'
refuse 2 'KMS.220[0-9]' "half a wrapped DK" "$tmp/bad.img"
with_token "$tmp/bad.img" ".cmk = \"$other\""
refuse 2 'KMS.220[0-9]' "another CMK" "$tmp/bad.img"
with_token "$tmp/bad.img" '.cmk = "00000000-0000-0000-0000-000000000000"'
refuse 2 'KMS.020[57]' "a CMK that is unknown to the KMS" "$tmp/bad.img"
with_token "$tmp/bad.img" '.version = 2'
refuse 4 'version' "a token of a newer version" "$tmp/bad.img"
with_token "$tmp/bad.img" '.cmk = 5'
refuse 4 'token|cmk' "a token with a number for the CMK" "$tmp/bad.img"
with_token "$tmp/bad.img" 'del(."wrapped-dk")'
refuse 4 'token|wrapped-dk' "a token without a wrapped DK" "$tmp/bad.img"
with_token "$tmp/bad.img" '."wrapped-dk" = "not hexadecimal"'
refuse 4 'token|wrapped-dk' "a wrapped DK that is not hexadecimal" "$tmp/bad.img"
with_token "$tmp/bad.img" '.kms = "elsewhere"'
refuse 4 'elsewhere' "a KMS that is not configured" "$tmp/bad.img"
cp --sparse=always "$disk" "$tmp/bad.img"
must cryptsetup token remove --token-id 0 "$tmp/bad.img"
refuse 4 'token|not an EVS' "no token" "$tmp/bad.img"

# ---- the header ----

# damage FILE OFFSET: overwrite 4 KiB with noise
damage()
{
	dd if=/dev/urandom of="$1" bs=4k seek=$(($2 / 4096)) count=1 conv=notrunc status=none
}

# The two copies of a LUKS2 header have 16 KiB each
cp --sparse=always "$disk" "$tmp/bad.img"
damage "$tmp/bad.img" 4096
evs=$(evs-setup attach "$tmp/bad.img")
ok "first header damaged: the second one does" test -b "$evs"
must evs-setup detach "$evs"
cp --sparse=always "$disk" "$tmp/bad.img"
damage "$tmp/bad.img" 16384
evs=$(evs-setup attach "$tmp/bad.img")
ok "second header damaged: the first one does" test -b "$evs"
must evs-setup detach "$evs"
cp --sparse=always "$disk" "$tmp/bad.img"
damage "$tmp/bad.img" 4096
damage "$tmp/bad.img" $((16384 + 4096))
refuse 4 'damaged|header|not an EVS' "both headers damaged" "$tmp/bad.img"

cp --sparse=always "$disk" "$tmp/bad.img"
truncate -s 16M "$tmp/bad.img"
refuse 4 '.' "device cut off where the data begins" "$tmp/bad.img"
truncate -s 8k "$tmp/bad.img"
refuse 4 '.' "device cut off within the header" "$tmp/bad.img"

head -c 1M /dev/urandom >"$tmp/garbage"
refuse 4 'not an EVS disk|no EVS disk' "garbage" "$tmp/garbage"
refuse 4 '.' "empty file" "$(new_file empty 0)"
must mkfs.ext4 -q "$(new_file fs.img 8M)"
refuse 4 'not an EVS disk|no EVS disk' "ext4" "$tmp/fs.img"
echo secret >"$tmp/passphrase"
must cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
	"$(new_file luks.img 18M)" "$tmp/passphrase"
refuse 4 'not an EVS disk|no EVS disk' "a LUKS2 disk that is not ours" "$tmp/luks.img"
refuse 4 'No such' "no such file" "$tmp/missing"
refuse 4 '.' "a directory" "$tmp"
refuse 4 '.' "a character device" /dev/null

# ---- one disk, twice ----

evs=$(evs-setup attach "$disk")
refused 5 "$uuid|attached|in use" "attached already" evs-setup attach "$disk"
refused 5 'attached|in use|taken|exists' "name taken" evs-setup attach --name evs0 "$second"
cp --sparse=always "$disk" "$tmp/copy.img"
refused 5 'UUID|attached' "a copy with the same UUID" evs-setup attach "$tmp/copy.img"
refused 5 'attached|in use|busy' "create on an attached disk" evs-setup create --force --cmk test "$disk"
is "$(evs-setup list --json | jq '.disks | length')" 1 "one disk is attached"
one_loop()
{
	[ "$(losetup --list --noheadings | wc -l)" -eq 1 ]
}
ok "with one loop device" wait_for one_loop
must evs-setup detach "$evs"
ok "nothing is left behind" no_leftovers

# As cryptsetup or mount would have it
loop=$(new_loop "$disk")
at_exit losetup --detach "$loop"
refused 5 "in use by $loop.*--read-only" "a file under a loop device" evs-setup attach "$disk"
ok "nothing is attached" no_disk
evs=$(evs-setup attach --read-only "$disk")
ok "to be read only, it may be" test -b "$evs"
must evs-setup detach "$evs"
must losetup --detach "$loop"
evs=$(raw_attach "$(new_file raw.img 8M)" 4096)
refused 5 'in use by /dev/loop' "a raw disk, twice" raw_attach "$tmp/raw.img" 4096
must evs-setup detach "$evs"
keyctl clear @s
ok "nothing is left behind" no_leftovers
evs=$(evs-setup attach --read-only "$disk")
is "$(blockdev --getro "$evs")" 1 "attach --read-only"
must evs-setup detach "$evs"
refused 4 'no such|not attached' "detach of a disk that is not attached" evs-setup detach "$uuid"
refused 1 'name' "a name with a slash" evs-setup attach --name a/b "$disk"
refused 1 'name' "a name that is a folder above" evs-setup attach --name .. "$disk"
refused 1 'name' "a name with a line end" evs-setup attach --name $'a\nb' "$disk"
refused 1 'name' "an empty name" evs-setup attach --name '' "$disk"
refused 1 'name' "a name of 64 characters" evs-setup attach --name "$(printf 'x%.0s' {1..64})" "$disk"
ok "a name of 63 characters" evs-setup attach --name "$(printf 'x%.0s' {1..63})" "$disk"
must evs-setup detach "$uuid"
ok "nothing is left behind" no_leftovers
ok "and the disk is as good as new" evs-setup attach "$disk"
must evs-setup detach "$uuid"

# ---- the kernel's quota of keys ----

# The keys, or bytes, that root has: counted per user, in the whole guest
used()
{
	awk -v field="$1" '$1 == "0:" { split($field, n, "/"); print n[1] }' /proc/key-users
}

# limit SYSCTL VALUE
limit()
{
	echo "$2" >"/proc/sys/kernel/keys/$1"
}

max_keys=$(cat /proc/sys/kernel/keys/root_maxkeys)
max_bytes=$(cat /proc/sys/kernel/keys/root_maxbytes)
at_exit limit root_maxkeys "$max_keys"
at_exit limit root_maxbytes "$max_bytes"
sentence=$'evs-setup: attach: .*quota of keys is used up.*/proc/key-users
kernel.keys.root_maxkeys and kernel.keys.root_maxbytes'
for what in root_maxkeys root_maxbytes; do
	limit $what 1
	refused 3 "$sentence" "$what: no room for any key" evs-setup attach "$disk"
	refused 2 'something to mend' "$what: doctor" evs-setup doctor
	like "$(<"$tmp/out")" '^BAD +key quota: root has [0-9]+ of .*root_maxkeys' \
		"$what: doctor says what is short"
	limit root_maxkeys "$max_keys"
	limit root_maxbytes "$max_bytes"
done
like "$(evs-setup doctor)" '^ok +key quota: root has' "doctor, with room"

# squeeze SYSCTL FIELD STEP TRIES: more room from try to try, until the attach succeeds.
# Prints exit status and sentence of each.
squeeze()
{
	local try before

	before=$(used "$2")
	for ((try = 0; try < $4; try++)); do
		limit "$1" $((before + try * $3))
		evs-setup attach "$disk" >"$tmp/out" 2>"$tmp/err"
		echo "status $? $(sed -E 's/.*(quota of keys is used up).*/\1/' "$tmp/err")"
		limit "$1" 1000000000
		[ ! -s "$tmp/out" ] || break
	done
	evs-setup detach "$uuid"
}

# An attach for each step: not where each takes seconds
if [ "$EVS_VM" = uml ]; then
	is "$(squeeze root_maxkeys 4 1 12 | sort -u)" \
		$'status 0 \nstatus 3 quota of keys is used up' "too few keys, at whatever step"
	is "$(squeeze root_maxbytes 5 24 40 | sort -u)" \
		$'status 0 \nstatus 3 quota of keys is used up' "too few bytes, at whatever step"
fi
ok "nothing is left behind" no_leftovers

done_testing
