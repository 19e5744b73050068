#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Where a disk comes from decides whether it is encrypted; record and bytes must agree;
# what is refused leaves nothing behind.
. "$(dirname "$0")/life.sh"

at_exit detach_pools
start_kms

# bytes_say POOL/DISK: what the beginning of its data is, by somebody else's eyes
bytes_say()
{
	local path

	path=$(raw "$1")
	cryptsetup isLuks --type luks2 "$path" && echo encrypted || echo "not LUKS"
}

# is_disk NAME OBJECT encrypted|plain CMK
is_disk()
{
	is "$(object "$2" attribute) $(object "$2" cmk)" "$3 $4" "$1: attribute and CMK"
	if [ "$3" = encrypted ]; then
		is "$(bytes_say "$2")" encrypted "$1: its bytes are"
		is "$(cryptsetup luksUUID "$(raw "$2")")" "$(object "$2" uuid)" "$1: of its UUID"
		is "$(token_of "$(raw "$2")" | jq -r .cmk)" "$4" "$1: under its CMK"
	fi
}

# leaves_nothing POOL STATUS REGEX NAME COMMAND...: refused, and the pool is as it was
leaves_nothing()
{
	local pool=$1 status=$2 regex=$3 name=$4 before

	shift 4
	before=$(everything "$pool")
	refused "$status" "$regex" "$engine: $name" "$@"
	is "$(everything "$pool")" "$before" "$engine: $name: nothing is left"
}

test_blank()
{
	ok "$engine: create" evs-setup create p/default --size 32M
	is_disk "$engine: create" p/default encrypted "$(cmk_id evs/default)"
	ok "$engine: create --cmk" evs-setup create p/enc --size 32M --cmk test --label Marked
	is_disk "$engine: create --cmk" p/enc encrypted "$(cmk_id test)"
	ok "$engine: create --plain" evs-setup create p/plain --size 32M --plain
	is_disk "$engine: create --plain" p/plain plain null
	is "$(object p/enc size) $(object p/plain size)" "33554432 33554432" "$engine: usable sizes"
	is "$(evs-setup list p --json --verify | jq -r '.objects[].state' | sort -u)" ok \
		"$engine: list --verify"

	leaves_nothing p 5 'exists already' "a name that is taken" \
		evs-setup create p/enc --size 32M
	leaves_nothing p 1 'force' "create --force" evs-setup create p/n --size 32M --force
	leaves_nothing p 1 'plain' "--plain --cmk" evs-setup create p/n --size 32M --plain --cmk test
	leaves_nothing p 1 'plain' "--plain --label" \
		evs-setup create p/n --size 32M --plain --label x
	leaves_nothing p 1 'size' "no --size" evs-setup create p/n
	leaves_nothing p 1 'multiple of 4096' "an odd size" evs-setup create p/n --size 1000000
	leaves_nothing p 1 'snapshot' "the name of a snapshot" evs-setup create p/enc@s --size 32M
	leaves_nothing p 2 'no-such-key' "an unknown CMK" \
		evs-setup create p/n --size 32M --cmk no-such-key
	leaves_nothing p 1 'POOL/DISK' "--size of a file" \
		evs-setup create "$(new_file f 20M)" --size 32M
	leaves_nothing always 2 'encrypt = always' "--plain in an encrypted pool" \
		evs-setup create always/n --size 32M --plain
	ok "$engine: create in an encrypted pool" evs-setup create always/d --size 32M
	is "$(everything p)" "$(evs-setup create p/n --size 32M --dry-run >/dev/null 2>&1; everything p)" \
		"$engine: --dry-run makes nothing"
	kms_stop
	leaves_nothing p 6 'KMS|socket' "the KMS is not there" evs-setup create p/n --size 32M
	ok "$engine: a plain disk needs none" evs-setup create p/plain2 --size 32M --plain
	kms_start
}

test_use()
{
	local evs node

	evs=$(evs-setup attach p/enc)
	ok "$engine: attach" test -b "$evs"
	is "$(readlink -f /dev/evs/p/enc)" "$evs" "$engine: its link"
	is "$(blockdev --getsize64 /dev/evs/p/enc)" 33554432 "$engine: its size"
	is "$(evs-setup status p/enc --json | jq -r '.disks[0].name')" p:enc "$engine: its name"
	refused 5 "is attached already, as $evs" "$engine: attach again" evs-setup attach p/enc
	node=$(evs-setup attach p/plain)
	is "$(readlink -f /dev/evs/p/plain)" "$(readlink -f "$node")" "$engine: plain: its link"
	is "$(blockdev --getsize64 /dev/evs/p/plain)" 33554432 "$engine: plain: its size"
	unlike "$node" '/dev/evs' "$engine: plain: not through the driver"
	refused 5 'is attached already' "$engine: plain: attach again" evs-setup attach p/plain
	is "$(object p/enc attached) $(object p/plain attached)" "$evs $node" "$engine: list has both"
	refused 5 'is attached as' "$engine: delete of an attached disk" \
		evs-setup delete --yes p/enc
	refused 5 'is attached as' "$engine: plain: the same" evs-setup delete --yes p/plain
	is "$(evs-setup resize p/enc --size 64M)" 67108864 "$engine: resize"
	is "$(blockdev --getsize64 /dev/evs/p/enc)" 67108864 "$engine: is seen at once"
	is "$(evs-setup resize p/plain --size 64M)" 67108864 "$engine: plain: resize"
	is "$(blockdev --getsize64 /dev/evs/p/plain)" 67108864 "$engine: plain: is seen at once"
	refused 1 'cannot shrink' "$engine: a smaller size" evs-setup resize p/enc --size 32M
	ok "$engine: detach" evs-setup detach p/enc
	ok "$engine: plain: detach" evs-setup detach p/plain
	nok "$engine: no link is left" test -e /dev/evs/p
	refused 4 'is not attached' "$engine: plain: detach again" evs-setup detach p/plain
	nok "$engine: detach again" evs-setup detach p/enc
	is "$(evs-setup resize p/default --size 40M)" 41943040 "$engine: resize of a detached disk"
	evs-setup attach p/default >/dev/null
	is "$(blockdev --getsize64 /dev/evs/p/default)" 41943040 "$engine: is seen when it is attached"
	must evs-setup detach p/default
}

# Whatever a tenant writes into a plain disk, it is a plain disk.
test_plain_bytes()
{
	local node

	node=$(evs-setup attach p/plain)
	must evs-setup create "$(new_file tenant 20M)"
	must dd if="$tmp/tenant" of="$node" bs=1M conv=notrunc,fsync status=none
	must evs-setup detach p/plain
	node=$(evs-setup attach p/plain)
	unlike "$node" '/dev/evs' "$engine: an EVS header in a plain disk is not looked at"
	is "$(cryptsetup luksUUID "$node")" "$(cryptsetup luksUUID "$tmp/tenant")" \
		"$engine: and stays"
	is "$(object p/plain attribute)" plain "$engine: the disk is plain"
	refused 2 'is plain' "$engine: attach --cmk of a plain disk" \
		evs-setup attach --cmk "$(cmk_id test)" p/plain2
	must evs-setup detach p/plain
	ok "$engine: list --verify does not mind" evs-setup list --verify p
}

# Somebody's mkfs on what lies below an encrypted disk is found before it spreads.
test_damaged()
{
	local verb

	# What a verb has made inactive is no device any more: raw makes it one
	must evs-setup header backup "$(raw p/enc)" "$tmp/header.$engine"
	must dd if=/dev/zero of="$(raw p/enc)" bs=1M count=16 conv=notrunc,fsync status=none
	for verb in "attach p/enc" "resize p/enc --size 96M" "snapshot create p/enc@s"; do
		# shellcheck disable=SC2086
		leaves_nothing p 4 'is recorded as encrypted, but holds no EVS header'$'\n''header restore' \
			"$verb" evs-setup $verb
	done
	refused 4 '1 of [0-9]+ objects are damaged' "$engine: list --verify finds it" \
		evs-setup list --verify p
	must cp "$(raw p/default)" "$tmp/other.$engine"
	must dd if="$tmp/other.$engine" of="$(raw p/enc)" bs=1M count=16 conv=notrunc,fsync status=none
	for verb in "attach p/enc" "resize p/enc --size 96M" "snapshot create p/enc@s"; do
		# shellcheck disable=SC2086
		leaves_nothing p 4 'holds the header of disk' "the header of another disk: $verb" \
			evs-setup $verb
	done
	must dd if=/dev/zero of="$(raw p/enc)" bs=1M count=16 conv=notrunc,fsync status=none
	ok "$engine: header restore" evs-setup header restore --force "$(raw p/enc)" "$tmp/header.$engine"
	ok "$engine: and it attaches" evs-setup attach p/enc
	must evs-setup detach p/enc
}

test_delete()
{
	leaves_nothing p 2 '\-\-yes' "delete without --yes" evs-setup delete p/default
	must evs-setup snapshot create p/default@s1 p/plain@s1
	leaves_nothing p 5 'p/default@s1.*--with-snapshots' "delete with snapshots" \
		evs-setup delete --yes p/default
	is "$(everything p)" "$(evs-setup delete --dry-run --with-snapshots p/default >/dev/null; everything p)" \
		"$engine: --dry-run deletes nothing"
	ok "$engine: delete --with-snapshots" evs-setup delete --yes --with-snapshots p/default
	ok "$engine: snapshot delete" evs-setup snapshot delete --yes p/plain@s1
	ok "$engine: plain: delete" evs-setup delete --yes p/plain
	is "$(objects p | xargs)" "p/enc p/plain2" "$engine: the others are there"
	refused 4 'there is no such disk' "$engine: delete again" evs-setup delete --yes p/plain
}

for engine in $(engines); do
	new_pool p "$engine"
	new_pool always "$engine" "encrypt = always"
	test_blank
	test_use
	test_plain_bytes
	test_damaged
	test_delete
	must evs-setup delete --yes p/enc
	must evs-setup delete --yes p/plain2
	is "$(everything p)" "" "$engine: nothing is left of all that"
	drop_pools
done
done_testing
