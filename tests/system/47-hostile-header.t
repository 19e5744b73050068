#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Userspace alone: no kernel has a part in it.
# Headers that somebody has made up, with checksums that fit: each is refused with
# a sentence that says what is wrong, by all that read one, and nothing is left.
. "$(dirname "$0")/tap.sh"

luks2=$(dirname "$0")/luks2
at_exit detach_all
start_kms
good=$(new_file good 20M)
must evs-setup create --cmk test "$good"
json=$($luks2 get "$good")
must test -n "$json"
file=$tmp/file

# spoil NAME STATUS REGEX JQ-FILTER: a disk whose metadata were changed like that
spoil()
{
	jq -c "$4" <<<"$json" >"$tmp/json" || fail "$1: $4"
	spoil_raw "$1" "$2" "$3"
}

# spoil_raw NAME STATUS REGEX: likewise, with the text in $tmp/json
spoil_raw()
{
	cp --sparse=always "$good" "$file"
	must $luks2 put "$file" <"$tmp/json"
	all_refuse "$@"
}

all_refuse()
{
	local name=$1 status=$2 regex=$3

	refused "$status" "$regex" "$name: attach" evs-setup attach "$file"
	refused "$status" "$regex" "$name: probe" evs-setup probe "$file"
}

cp --sparse=always "$good" "$file"
jq -c . <<<"$json" | must $luks2 put "$file"
ok "what was not spoilt is good" evs-setup probe "$file"
ok "and can be attached" evs-setup attach --name data "$file"
must evs-setup detach data

# Whoever else reads a header
jq -c '.segments."0".encryption = "aes-cbc-plain64"' <<<"$json" >"$tmp/json"
cp --sparse=always "$good" "$file"
must $luks2 put "$file" <"$tmp/json"
refused 4 'aes-xts-plain64' "another cipher: rewrap" evs-setup rewrap "$file"
refused 4 'aes-xts-plain64' "another cipher: header backup" \
	evs-setup header backup "$file" "$tmp/backup"
nok "and no backup is there" test -e "$tmp/backup"
refused 4 'aes-xts-plain64' "another cipher: header restore" \
	evs-setup header restore --force "$good" "$file"
refused 4 'aes-xts-plain64' "another cipher: header dump" evs-setup header dump "$file"
nok "another cipher: nobody makes a key" keyctl request2 evs \
	"evs:$(cryptsetup luksUUID "$file")" "device=$file" @s
must keyctl clear @s # The reason is there, for who asked

# ---- the segment ----

segment='.segments."0"'
end=$((20 << 20))
spoil "offset at the end" 4 'ends before' "$segment.offset = \"$end\""
spoil "offset past the end" 4 'ends before' "$segment.offset = \"$((1 << 40))\""
spoil "offset past all numbers" 4 'ends before' "$segment.offset = \"18446744073709551104\""
spoil "offset that is none" 4 'damaged' "$segment.offset = \"-1\""
spoil "offset within the header" 4 '.' "$segment.offset = \"4096\""
spoil "offset that is no sector" 4 'damaged' "$segment.offset = \"16777217\""
spoil "sector size 3" 4 'damaged' "$segment.sector_size = 3"
spoil "sector size 0" 4 'damaged' "$segment.sector_size = 0"
spoil "sector size 1024" 4 'sectors' "$segment.sector_size = 1024"
spoil "sector size 4 GiB" 4 'damaged' "$segment.sector_size = 4294967296"
spoil "sector size that is text" 4 'damaged' "$segment.sector_size = \"4096\""
spoil "size that is fixed" 4 'fixed size' "$segment.size = \"1048576\""
spoil "size past the end" 4 'fixed size' "$segment.size = \"$((1 << 40))\""
spoil "size that overflows" 4 '.' "$segment.size = \"18446744073709547520\""
spoil "two segments" 4 'more than one' \
	"$segment.size = \"1048576\" | .segments.\"1\" = ($segment | .offset = \"$((17 << 20))\" | .size = \"dynamic\" | .iv_tweak = \"2048\") | .digests.\"0\".segments = [\"0\", \"1\"]"
spoil "overlapping segments" 4 '.' \
	"$segment.size = \"2097152\" | .segments.\"1\" = ($segment | .offset = \"$((17 << 20))\" | .size = \"dynamic\") | .digests.\"0\".segments = [\"0\", \"1\"]"
spoil "no segment" 4 '.' '.segments = {} | .digests."0".segments = []'
spoil "a segment that is not encrypted" 4 'not encrypted|damaged' \
	"$segment = {type: \"linear\", offset: \"16777216\", size: \"dynamic\"} | .digests.\"0\".segments = []"
for cipher in aes-cbc-essiv:sha256 aes-xts-plain serpent-xts-plain64 cipher_null-ecb; do
	spoil "cipher $cipher" 4 'aes-xts-plain64' "$segment.encryption = \"$cipher\""
done
spoil "cipher of 100 KB" 4 '.' "$segment.encryption = (\"a\" * 5000)"
spoil "integrity" 4 'integrity' \
	"$segment.integrity = {type: \"hmac(sha256)\", journal_encryption: \"none\", journal_integrity: \"none\"}"
spoil "first sector not 0" 4 'number 0' "$segment.iv_tweak = \"8\""

# ---- the rest of the metadata ----

spoil "a reencryption under way" 4 'damaged|more than this program' \
	'.config.requirements = {mandatory: ["online-reencrypt-v2"]}'
spoil "a requirement from the future" 4 'more than this program' \
	'.config.requirements = {mandatory: ["quantum"]}'
spoil "no digest" 4 '.' '.digests = {}'
spoil "no config" 4 'damaged' 'del(.config)'
spoil "an area larger than the header" 4 'damaged' '.config.json_size = "1073741824"'
echo '{' >"$tmp/json"
spoil_raw "JSON that breaks off" 4 'damaged'
echo '[]' >"$tmp/json"
spoil_raw "JSON that is no object" 4 'damaged'
printf '{"a":%.0s' {1..500} >"$tmp/json"
spoil_raw "JSON 500 levels deep" 4 'damaged'

# ---- the token ----

token='.tokens."0"'
spoil "wrapped-dk of odd length" 4 'wrapped-dk.*no hex' "$token.\"wrapped-dk\" = \"abc\""
spoil "wrapped-dk not hex" 4 'wrapped-dk.*no hex' "$token.\"wrapped-dk\" = \"xyzw\""
spoil "wrapped-dk of 6 KB" 4 'wrapped-dk.*long|larger' "$token.\"wrapped-dk\" = (\"ab\" * 2500)"
spoil "token larger than any" 4 'larger' "$token.extra = (\"x\" * 9500) | $token.\"wrapped-dk\" = \"ab\""
spoil "wrapped-dk a number" 4 'wrapped-dk.*no string' "$token.\"wrapped-dk\" = 1"
spoil "CMK a list" 4 'cmk.*no string' "$token.cmk = [\"test\"]"
jq -c "$token.cmk = \"\$(false;x)\"" <<<"$json" >"$tmp/json"
cp --sparse=always "$good" "$file"
must $luks2 put "$file" <"$tmp/json"
like "$(evs-setup probe --export "$file")" '^EVS_CMK=__false_x_$' "CMK that a shell would run"
spoil "CMK of control characters" 4 'cmk.*no CMK' "$token.cmk = \"a\\u001b[2J\""
spoil "CMK with a NUL" 4 'NUL' "$token.cmk = \"test\\u0000x\""
spoil "CMK not ASCII" 4 'cmk.*no CMK' "$token.cmk = \"sch\\u00fcssel\""
spoil "KMS a path" 4 'kms.*no name' "$token.kms = \"../../tmp/kms\""
spoil "context a list" 4 'context.*no object' "$token.context = []"
spoil "context deep" 4 'no JSON object|context' \
	"$token.context.volume = [[[[[[1]]]]]]"
spoil "version from the future" 4 'version 2' "$token.version = 2"
spoil "no token" 4 'no evs-kms token' '.tokens = {}'
spoil "token of another type" 4 'no evs-kms token' "$token.type = \"evs-kmsx\""

# ---- the binary header ----

# spoil_field NAME STATUS REGEX FIELD TEXT
spoil_field()
{
	cp --sparse=always "$good" "$file"
	must $luks2 set "$file" "$4" "$5"
	all_refuse "$1" "$2" "$3"
}
spoil_field "no UUID" 4 'UUID' uuid ''
spoil_field "a UUID that is a path" 4 'UUID' uuid '../../../../etc/passwd'
spoil_field "a UUID in capitals" 4 'UUID' uuid '6A0496EF-62A6-4963-960C-9A9D20739A38'

# The token makes it an EVS disk, not the subsystem, which cryptsetup clears
cp --sparse=always "$good" "$file"
must $luks2 set "$file" subsystem evs2
ok "another subsystem: probe" evs-setup probe "$file"
must cryptsetup config --label other "$file"
is "$(blkid -p -o value -s SUBSYSTEM "$file")" "" "cryptsetup config --label clears the subsystem"
ok "no subsystem: attach" evs-setup attach --name data "$file"
must evs-setup header label "$file" "my label"
must evs-setup detach data
like "$(cryptsetup luksDump "$file")" '^Label:[[:space:]]*my label$' \
	"header label, of a disk that was attached"
is "$(blkid -p -o value -s SUBSYSTEM "$file")" evs "and the subsystem is back"
must cryptsetup config --label other "$file"
refused 5 'holds an EVS disk already, label other' "no subsystem: create" evs-setup create "$file"
refused 1 'UTF-8' "a label that is none" evs-setup header label "$file" $'a\nb'
must evs-setup header label "$file" ''
like "$(cryptsetup luksDump "$file")" '^Label:[[:space:]]*\(no label\)$' "no label"

# The flag that cryptsetup --persistent --allow-discards leaves
jq -c '.config.flags = ["allow-discards", "no-read-workqueue"]' <<<"$json" >"$tmp/json"
cp --sparse=always "$good" "$file"
must $luks2 put "$file" <"$tmp/json"
must evs-setup attach --name data "$file"
is "$(evs-setup status --json data | jq '.disks[0]."allow-discards"')" true \
	"discards that the header allows are allowed"
must evs-setup detach data
must evs-setup attach --name data "$good"
is "$(evs-setup status --json data | jq '.disks[0]."allow-discards"')" false "others are not"
must evs-setup detach data

# Not the UUID that the DK was wrapped for: a copy of the disk, which is as good
cp --sparse=always "$good" "$file"
must $luks2 set "$file" uuid 6a0496ef-62a6-4963-960c-9a9d20739a38
ok "another UUID, as of a copy: attach" evs-setup attach --name data "$file"
must evs-setup detach data
# But not the context, with which it was authenticated
jq -c "$token.context.volume = \"6a0496ef-62a6-4963-960c-9a9d20739a38\"" <<<"$json" >"$tmp/json"
cp --sparse=always "$good" "$file"
must $luks2 put "$file" <"$tmp/json"
refused 2 'altered' "another context: attach" evs-setup attach "$file"

# A label is for people, and for udev: no control characters come through
cp --sparse=always "$good" "$file"
must $luks2 set "$file" label $'a\e[2J\nEVS_NAME=x'
evs-setup probe --export "$file" >"$tmp/out" 2>&1
unlike "$(<"$tmp/out")" '^EVS_NAME=' "a label cannot make up a property for udev"
nok "nor speak to the terminal" grep -q $'\e' "$tmp/out"
evs-setup probe "$file" >"$tmp/out" 2>&1
nok "nor by probe for people" grep -q $'\e' "$tmp/out"

ok "the good one is as it was" evs-setup attach --name data "$good"
must evs-setup detach data
ok "nothing is left behind" no_leftovers
done_testing
