#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Disks from backups: of either attribute to either, under another CMK, larger; refused
# before anything is made, and cut short without a trace.
. "$(dirname "$0")/life.sh"

at_exit detach_pools
start_kms
must evs-setup cmk create other
test=$(cmk_id test)
other=$(cmk_id other)
must dd if=/dev/urandom of="$tmp/data" bs=1M count=8 status=none
sum=$(md5sum <"$tmp/data")

# rest POOL/DISK: how many bytes behind the first 8 MiB are not zero
rest()
{
	local node

	node=$(evs-setup attach --read-only "$1") || return
	dd if="$node" bs=1M skip=8 status=none | tr -d '\0' | wc -c
	evs-setup detach "$1" >&2
}

# restored NAME ATTRIBUTE CMK ARGUMENT...: make p/NAME, look what it is
restored()
{
	local name=$1 attribute=$2 cmk=$3

	shift 3
	ok "$engine: $name: it is made" evs-setup create --quiet "$@" "p/$name"
	is "$(object "p/$name" attribute) $(object "p/$name" cmk)" "$attribute $cmk" \
		"$engine: $name: $attribute"
	is "$(content "p/$name")" "$sum" "$engine: $name: the data is that of the backup"
}

# new_object: how the engine calls what is being made
new_object()
{
	[ "$engine" = dir ] && echo "$tmp/p/new.*/disk" || echo "/dev/mapper/vg.p-new.*"
}

# fails STATUS REGEX NAME ARGUMENT...: no disk is made, and nothing is left
fails()
{
	local status=$1 regex=$2 name=$3 before

	shift 3
	before=$(everything p)
	refused "$status" "$regex" "$engine: $name" evs-setup create "$@" p/no
	is "$(everything p)" "$before" "$engine: $name: nothing is left"
}

for engine in $(engines); do
	new_pool p "$engine"
	must mkdir -m 700 "$tmp/r"
	add_repo r dir "path = $tmp/r" "plain = yes"
	must evs-setup create --size 12M --cmk test p/enc
	must evs-setup create --size 12M --plain p/plain
	must put "$tmp/data" p/enc
	must put "$tmp/data" p/plain
	enc=$(backup p/enc r)
	plain=$(backup p/plain r)

	# ---- all pairs ----

	restored as-enc encrypted "$test" --from-backup "$enc"
	is "$(cmp -s -i 16777216 "$(raw p/enc)" "$(raw p/as-enc)"; echo $?)" 1 \
		"$engine: it has another data key"
	ok "$engine: and a UUID of its own" \
		test "$(object p/as-enc uuid)" != "$(object p/enc uuid)"
	restored to-other encrypted "$other" --from-backup "$enc" --cmk other
	restored to-plain plain null --from-backup "$enc" --plain
	restored as-plain plain null --from-backup "$plain"
	is "$(rest p/as-plain)" 0 "$engine: plain: what was a hole reads zeros"
	restored to-enc encrypted "$other" --from-backup "$plain" --cmk other
	is "$(rest p/to-enc)" 0 "$engine: encrypted as well"
	restored kept encrypted "$test" --from-backup "$enc" --keep-key
	ok "$engine: --keep-key: the same ciphertext" \
		cmp -i 16777216 -n 8388608 "$(raw p/enc)" "$(raw p/kept)"
	ok "$engine: --keep-key: another UUID" test "$(object p/kept uuid)" != "$(object p/enc uuid)"
	restored larger encrypted "$test" --from-backup "$enc" --size 16M
	is "$(object p/larger size)" 16777216 "$engine: larger"
	must evs-setup attach p/enc
	restored beside encrypted "$test" --from-backup "$enc"
	like "$(evs-setup create --from-backup "$enc" --plain --dry-run p/no 2>&1)" \
		"would lie unencrypted in p/no" "$engine: --plain says what it does"
	detach_pools

	# ---- refused ----

	fails 1 "it can only be larger" "a smaller size" --from-backup "$enc" --size 8M
	fails 4 "no such backup" "no backup" --from-backup r::none
	fails 1 "has no data key" "the key of a plain one" --from-backup "$plain" --keep-key
	fails 1 "leave --kms" "another CMK for the same key" --from-backup "$enc" --keep-key --cmk other
	fails 1 "made of one source" "two sources" --from-backup "$enc" --from-snapshot p/enc@s
	must evs-setup cmk disable test
	fails 2 "disabled" "a CMK that is disabled" --from-backup "$enc"
	fails 2 "disabled" "the same to another CMK" --from-backup "$enc" --cmk other
	fails 2 "disabled" "the same to plain" --from-backup "$enc" --plain
	fails 2 "disabled" "the same with its key" --from-backup "$enc" --keep-key
	must evs-setup cmk enable test
	must cp "$tmp/r/${enc#*::}/data" "$tmp/kept-data"
	dd if=/dev/urandom of="$tmp/r/${enc#*::}/data" bs=1 count=8 seek=20000000 conv=notrunc status=none
	fails 4 "is damaged: bytes 16777216 to 20971519" "a backup that is damaged" --from-backup "$enc"
	must cp "$tmp/kept-data" "$tmp/r/${enc#*::}/data"

	# ---- cut short ----

	must evs-setup delete --yes p/to-plain >/dev/null
	must evs-setup create --size 64M --cmk test p/big
	node=$(evs-setup attach p/big)
	must dd if=/dev/urandom of="$node" bs=1M count=48 oflag=direct status=none
	detach_pools
	big=$(backup p/big r)
	before=$(everything p)
	for signal in TERM KILL; do
		ok "$engine: SIG$signal ends it" cut_short $signal "$(new_object)" \
			evs-setup create --from-backup "$big" p/no
		must wait_for no_disk
		sweep
		is "$(everything p)" "$before" "$engine: SIG$signal: nothing is left"
	done
	rm -rf "$tmp/r"
	drop_pools
done
done_testing
