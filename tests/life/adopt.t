#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A disk of dm-crypt becomes an EVS disk while it is open, and one of dm-crypt again. Its
# data stays. What opens it without the KMS is named until it is removed.
. "$(dirname "$0")/life.sh"

export DM_DISABLE_UDEV=1
at_exit detach_pools
start_kms
must evs-setup cmk create other
must mkdir -m 700 "$tmp/copies"
echo "header-copies = $tmp/copies" >/etc/evs/evs.conf
printf 'first\nphrase' >"$tmp/key"
printf 'second' >"$tmp/second"
quick=(--pbkdf pbkdf2 --pbkdf-force-iterations 1000 -q)
disk=$(new_file disk 48M)
loop=$(new_loop "$disk")
at_exit losetup -d "$loop"
must cryptsetup luksFormat --type luks2 -c aes-xts-plain64 -s 512 "${quick[@]}" "$loop" "$tmp/key"
must cryptsetup luksAddKey "${quick[@]}" --key-file "$tmp/key" "$loop" "$tmp/second"
must cryptsetup open --key-file "$tmp/key" "$loop" adopted
at_exit cryptsetup close adopted
must dd if=/dev/urandom of=/dev/mapper/adopted bs=1M count=8 oflag=direct status=none

# plain: what dm-crypt reads, for comparisons with data()
plain()
{
	dd if=/dev/mapper/adopted bs=1M count=8 iflag=direct status=none | md5sum | cut -d' ' -f1
}

sum=$(plain)

# data: of the first 8 MiB that EVS reads
data()
{
	local node

	node=$(evs-setup attach --read-only "$loop") || return
	dd if="$node" bs=1M count=8 iflag=direct status=none | md5sum | cut -d' ' -f1
	evs-setup detach "$loop" >&2
}

# slots: how many key slots there are
slots()
{
	cryptsetup luksDump --dump-json-metadata "$loop" | jq '.keyslots | length'
}

# ---- refused ----

refused 2 "no key slot opens with this passphrase" "a wrong passphrase" \
	evs-setup adopt --key-file /proc/version "$loop"
refused 4 "not an EVS disk but another LUKS2 disk" "attach before" evs-setup attach "$loop"
refused 1 "give --key-file FILE" "nobody to ask" evs-setup adopt "$loop" </dev/null
small=$(new_file small 32M)
must cryptsetup luksFormat --type luks2 -s 256 "${quick[@]}" "$small" "$tmp/key"
refused 4 "512-bit key, which cryptsetup reencrypt" "a key of 256 bits" \
	evs-setup adopt --key-file "$tmp/key" "$small"
is "$(slots)" 2 "nothing was changed"

# ---- adopt ----

out=$(evs-setup adopt --cmk other --key-file "$tmp/key" "$loop" 2>"$tmp/notes")
uuid=$(cryptsetup luksUUID "$loop")
is "$out" "$loop $uuid $(cmk_id other)" "adopt, while dm-crypt has it open"
like "$(cat "$tmp/notes")" "2 other key slots open this disk without the KMS" "it names the key slots"
is "$(find "$tmp/copies" -name "$uuid-*.header" | wc -l)" 1 "a copy of its header is made"
is "$(plain)" "$sum" "dm-crypt goes on"
refused 5 "is an EVS disk already" "once more" evs-setup adopt --key-file "$tmp/key" "$loop"
refused 5 "" "attach while dm-crypt has it" evs-setup attach "$loop"
must cryptsetup close adopted
is "$(data)" "$sum" "its data is there"
must evs-setup attach "$loop"
like "$(evs-setup status "$loop" 2>&1)" "2 other key slots open this disk without the KMS.*not made by the KMS" \
	"status says what else opens it"
like "$(evs-setup doctor 2>&1)" "2 other key slots open this disk without the KMS" "doctor as well"
refused 5 "" "no release while it is attached" evs-setup release --key-file "$tmp/key" "$loop"
must evs-setup rewrap --cmk test "$loop"
is "$(cryptsetup luksDump --dump-json-metadata "$loop" | jq -r '.tokens[].adopted')" true \
	"whose key it is stays recorded"

# ---- the key slots ----

ok "remove-slots, while it is attached" evs-setup adopt --remove-slots "$loop"
unlike "$(evs-setup status "$loop" 2>&1)" "other key slot" "status has nothing to say of slots"
is "$(slots)" 1 "that of the data key stays"
nok "the passphrase opens it no more" \
	cryptsetup open --disable-external-tokens --test-passphrase --key-file "$tmp/key" "$loop"
must evs-setup detach "$loop"
is "$(data)" "$sum" "the KMS does"

# ---- release ----

must evs-setup cmk disable test
refused 2 "disabled" "no release without the KMS" \
	evs-setup release --key-file "$tmp/second" "$loop"
must evs-setup cmk enable test
is "$(evs-setup release --key-file "$tmp/second" "$loop" 2>/dev/null)" "$loop $uuid" "release"
refused 4 "not an EVS disk but another LUKS2 disk" "it is none of ours any more" \
	evs-setup attach "$loop"
is "$(slots)" 1 "the new passphrase alone has a key slot"
is "$(find "$tmp/copies" -type f | wc -l)" 0 "the copy of its header is gone"
ok "dm-crypt opens it" cryptsetup open --key-file "$tmp/second" "$loop" adopted
is "$(plain)" "$sum" "with its data"
done_testing
