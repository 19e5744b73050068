#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A new data key for a device or file of no pool, in place: all data is there under the new
# key, whenever it was cut short, and whoever meets the disk in between is told how to go on.
. "$(dirname "$0")/life.sh"

at_exit detach_pools
start_kms
must mkdir -m 700 "$tmp/copies"
echo "header-copies = $tmp/copies" >/etc/evs/evs.conf
must dd if=/dev/urandom of="$tmp/data" bs=1M count=40 status=none
sum=$(md5sum <"$tmp/data")
file=$(new_file disk 56M)
must evs-setup create --cmk test --label story "$file"
loop=$(new_loop "$file")
at_exit losetup -d "$loop"

# header FILTER: of the header's JSON
header()
{
	cryptsetup luksDump --dump-json-metadata "$loop" | jq -c "$1"
}

# is_under_way DEVICE: are its sectors being written with the new key?
is_under_way()
{
	dd if="$1" bs=64k count=1 iflag=direct status=none | grep -aq online-reencrypt
}

# half_way: kill rekey while it writes; it may be at its end before that is seen
half_way()
{
	local pid

	for _ in {1..16}; do
		evs-setup rekey "$loop" >/dev/null 2>&1 &
		pid=$!
		until is_under_way "$loop" || ! kill -0 $pid 2>/dev/null; do :; done
		kill -KILL $pid 2>/dev/null
		wait $pid 2>/dev/null
		header .config.requirements | grep -q online-reencrypt && return 0
		# Killed before the old token went: the next one would end that, and begin nothing
		[ "$(header '.tokens | length')" = 1 ] || evs-setup rekey "$loop" >/dev/null 2>&1
	done
	return 1
}

must put "$tmp/data" "$loop"
uuid=$(cryptsetup luksUUID "$loop")
cmk=$(cmk_id test)
must cp --sparse=always "$file" "$tmp/before"

# ---- refused ----

must evs-setup attach "$loop"
refused 5 "is mounted, attached or otherwise in use" "what is attached" evs-setup rekey "$loop"
must evs-setup detach "$loop"
must evs-setup cmk disable test
refused 2 "disabled" "without the CMK" evs-setup rekey "$loop"
must evs-setup cmk enable test
is "$(evs-setup rekey --dry-run "$loop" 2>/dev/null)" "$loop $uuid $cmk" "tried"
ok "nothing was changed" cmp "$tmp/before" "$loop"

# ---- a new data key ----

must bash -c "cryptsetup token export --token-id 0 $loop | jq .keyslots=[] >$tmp/token"
is "$(evs-setup rekey "$loop" 2>/dev/null)" "$loop $uuid $cmk" "rekey"
is "$(content "$loop" 40)" "$sum" "its data is the same"
is "$(cmp -l -i 16M "$tmp/before" "$loop" | awk '{ units[int(($1 - 1) / 4096)] = 1 }
	END { print length(units) }')" 10240 "each sector has other ciphertext"
is "$(header '[(.keyslots | length), (.tokens | length), (.digests | length)]')" "[1,1,1]" \
	"nothing is left of the old key"
is "$(header .segments[].size)" '"dynamic"' "it can grow as before"
is "$(evs-setup probe --json "$loop" | jq -r '.disks[] | .uuid + .label')" "${uuid}story" \
	"UUID and label are the same"
is "$(find "$tmp/copies" -name "$uuid-*.header" | wc -l)" 1 "a copy of the new header alone is there"
is "$(header .digests[].digest)" \
	"$(cryptsetup luksDump --dump-json-metadata "$(echo "$tmp/copies/$uuid"-*)" | jq -c .digests[].digest)" \
	"with the new key"

# ---- killed before the old token went ----

before=$(header .digests)
must cryptsetup token import --json-file "$tmp/token" "$loop"
is "$(content "$loop" 40)" "$sum" "two tokens, one of the old key: its data can be read"
like "$(evs-setup rekey "$loop" 2>&1 >/dev/null)" "goes on with what was cut short" \
	"rekey ends what was cut short"
is "$(header .digests)" "$before" "without another new key"
is "$(header '[(.keyslots | length), (.tokens | length)]')" "[1,1]" "the old token is gone"
# One digit of the wrapped key is another one: at its end there may be zeros.
jq '."wrapped-dk" |= .[:80] + (if .[80:81] == "0" then "1" else "0" end) + .[81:]' \
	"$tmp/token" >"$tmp/refused" || must false "another digit"
must cryptsetup token import --json-file "$tmp/refused" "$loop"
like "$(evs-setup rekey --dry-run "$loop" 2>&1 >/dev/null)" "goes on with what was cut short" \
	"one that the KMS refuses, tried"
like "$(evs-setup rekey "$loop" 2>&1 >/dev/null)" "goes on with what was cut short" \
	"one that the KMS refuses: rekey ends what was cut short"
is "$(header '[.digests, (.tokens | length)]')" "[$before,1]" "without another new key as well"
must evs-setup rewrap "$loop"
must bash -c "cryptsetup token export --token-id 0 $loop | jq .keyslots=[] >$tmp/token"
must evs-setup rewrap "$loop"
must cryptsetup token import --json-file "$tmp/token" "$loop"
must evs-setup rekey "$loop"
nok "two tokens of a rewrap: it makes a new key" test "$(header .digests)" = "$before"
is "$(content "$loop" 40)" "$sum" "its data is the same"

# ---- half re-keyed ----

must half_way
way="is getting a new data key, and that was cut short; go on by: evs-setup rekey $loop"
refused 5 "$way" "attach" evs-setup attach "$loop"
refused 5 "$way" "probe" evs-setup probe "$loop"
refused 5 "$way" "status" evs-setup status "$loop"
refused 5 "$way" "rewrap" evs-setup rewrap "$loop"
refused 5 "$way" "header backup" evs-setup header backup "$loop" "$tmp/header"
echo "half $loop" >/etc/evstab
at_exit rm -f /etc/evstab
like "$(evs-setup doctor 2>&1)" "$way" "doctor"
is "$(header '.tokens | length')" 2 "it has both tokens"
must evs-setup cmk disable test
refused 2 "disabled" "without the CMK it does not go on" evs-setup rekey "$loop"
must evs-setup cmk enable test
like "$(evs-setup rekey "$loop" 2>&1 >/dev/null)" "goes on with what was cut short" "it says that it goes on"
is "$(content "$loop" 40)" "$sum" "its data is the same"

# ---- a file, interrupted ----

must losetup -d "$loop"
evs-setup rekey "$file" >"$tmp/out" 2>&1 &
pid=$!
until is_under_way "$file" || ! kill -0 $pid 2>/dev/null; do :; done
kill -INT $pid 2>/dev/null
wait $pid
status=$?
if [ $status -eq 0 ]; then
	pass "interrupted at its end"
else
	like "$(cat "$tmp/out")" "interrupted at byte .* go on by: evs-setup rekey $file" "interrupted"
fi
must evs-setup rekey "$file"
is "$(content "$file" 40)" "$sum" "a file: its data is the same"

# ---- a disk that was one of dm-crypt ----

printf first >"$tmp/key"
small=$(new_file small 32M)
must cryptsetup luksFormat -q --type luks2 -c aes-xts-plain64 -s 512 --sector-size 512 \
	--pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$small" "$tmp/key"
must evs-setup adopt --cmk test --key-file "$tmp/key" "$small"
like "$(evs-setup rekey "$small" 2>&1)" "1 other key slot has the old data key, and is removed" \
	"of an adopted disk: its key slots go"
unlike "$(evs-setup probe --json "$small")" "adopted" "its key is of the KMS now"
nok "the passphrase opens it no more" \
	cryptsetup open --disable-external-tokens --test-passphrase --key-file "$tmp/key" "$small"
ok "the KMS does" evs-setup attach "$small"
detach_all
done_testing
