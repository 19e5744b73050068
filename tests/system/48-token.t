#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Userspace alone: the driver has no part in it.
# A host without the driver: stock cryptsetup opens an EVS disk by the plug-in.
. "$(dirname "$0")/tap.sh"

at_exit modprobe evs
at_exit detach_all
start_kms
disk=$(new_file disk.img 34M)
must evs-setup create --cmk test "$disk"
evs=$(evs-setup attach "$disk")
must dd if=/dev/urandom of="$tmp/data" bs=1M count=8 status=none
must dd if="$tmp/data" of="$evs" bs=1M oflag=direct status=none
must evs-setup detach "$evs"
must rmmod evs
nok "the driver is not there" test -e /sys/module/evs

# opens NAME [DISK]: cryptsetup opens it without a passphrase, and the data is right
opens()
{
	ok "$1: cryptsetup open" cryptsetup open "${2-$disk}" evs_token </dev/null || return
	ok "$1: the data is what was written through evs" \
		cmp -n 8388608 "$tmp/data" /dev/mapper/evs_token
	must cryptsetup close evs_token
}

at_exit cryptsetup close evs_token
opens "no passphrase"
ok "--token-only" cryptsetup open --token-only "$disk" evs_token
must cryptsetup close evs_token
dump=$(cryptsetup luksDump "$disk")
like "$dump" "^[[:space:]]*CMK:[[:space:]]*$(cmk_id test)\$" "luksDump knows the token"
like "$dump" '^[[:space:]]*Context:[[:space:]]*volume=' "and what the key is bound to"

# denied REGEX NAME [DISK]: cryptsetup does not open it, and gives our reason
denied()
{
	refused "$1" "$2" "$3" cryptsetup open --token-only "${4-$disk}" evs_token
	nok "$3: nothing is opened" test -e /dev/mapper/evs_token
}

# Nothing that belongs to a process which loads the plug-in has changed
host=$(dirname "$0")/plugin-host.py
is "$("$host" "$disk" 2>&1)" opened "a process that loads the plug-in is as it was before"
"$host" "$disk" <&- >"$tmp/host" 2>&1
is "$(cat "$tmp/host")" opened \
	"also one whose standard input is closed"

must evs-setup cmk disable test
is "$("$host" "$disk" 2>/dev/null | wc -l)" 1 "and after a refusal"
denied 1 $'^evs-kms: .*disabled\nKMS.0209\nevs-setup cmk enable' "disabled CMK"
must evs-setup cmk enable test
kms_stop
denied 1 '^evs-kms: .*kmsd.sock' "KMS stopped"
kms_start

# As a rewrap that was cut short leaves it, the first CMK being no good any more
must evs-setup cmk create other
cp --sparse=always "$disk" "$tmp/both.img"
must evs-setup rewrap --cmk other "$tmp/both.img"
opens "another CMK" "$tmp/both.img"
new=$(cryptsetup luksDump --dump-json-metadata "$tmp/both.img" | jq -c '.tokens[]')
cp --sparse=always "$disk" "$tmp/both.img"
must cryptsetup token import --token-id 1 --json-file - "$tmp/both.img" <<<"$new"
must evs-setup cmk disable test
opens "the first of two CMKs disabled" "$tmp/both.img"
must evs-setup cmk enable test

# A passphrase that needs no KMS, without ever laying hands on the DK
echo "at another place" >"$tmp/passphrase"
ok "luksAddKey by the token" cryptsetup luksAddKey --token-only --pbkdf pbkdf2 \
	--pbkdf-force-iterations 1000 "$disk" "$tmp/passphrase"
ok "the passphrase opens the disk" cryptsetup open --test-passphrase --disable-external-tokens \
	--key-file "$tmp/passphrase" "$disk"

is "$(nm -D --defined-only "$(cryptsetup --help | sed -n 's/^LUKS2 external token plugin path: \(.*\)\.$/\1/p')/libcryptsetup-token-evs-kms.so" |
	sed -n 's/.* T \([a-z_]*\)@.*/\1/p' | sort | xargs)" \
	"cryptsetup_token_buffer_free cryptsetup_token_dump cryptsetup_token_open cryptsetup_token_validate cryptsetup_token_version" \
	"the plug-in exports what it has to, and nothing else"

# What is no token of ours is not let in
refused 1 'evs-kms: bad evs-kms token' "a bad token" \
	cryptsetup token import --json-file - "$disk" <<<'{"type":"evs-kms","keyslots":[],"version":1}'

# The passphrase is one that a key slot of the disk has, and not by chance
must cryptsetup luksKillSlot -q "$disk" 0 </dev/null
nok "without the key slot cryptsetup does not open it" \
	cryptsetup open --token-only "$disk" evs_token
like "$(cryptsetup open --verbose --token-only "$disk" evs_token 2>&1)" 'no usable token' \
	"it finds the token to be of no use"
like "$(cryptsetup luksDump "$disk")" '^[[:space:]]*Key slot:[[:space:]]*none.*evs-setup' \
	"luksDump says why, and what can"
# The program that speaks to the KMS is of no use to others
refused 1 '^$' "evs-unwrap by itself" /usr/libexec/evs/evs-unwrap
like "$(cat "$tmp/out")" 'cryptsetup plug-in' "evs-unwrap says whom it is for"
must modprobe evs
evs=$(evs-setup attach "$disk")
ok "evs-setup does" cmp -n 8388608 "$tmp/data" "$evs"
must evs-setup detach "$evs"
ok "nothing is left behind" no_leftovers
done_testing
