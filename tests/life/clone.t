#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Where a disk comes from decides about it: disks from snapshots and images, plain and
# encrypted, each option that would change what they inherit, and what a clone is born
# with. Images of disks and snapshots, and copies of images, which alone have another
# attribute or CMK.
. "$(dirname "$0")/life.sh"

at_exit detach_pools
start_kms
must evs-setup cmk create other
test=$(cmk_id test)
other=$(cmk_id other)

# volume NAME: the UUID that the token of an object is bound to
volume()
{
	cryptsetup token export --token-id "${2-1}" "$(raw "$1")" | jq -r .context.volume
}


for engine in $(engines); do
	p=p
	new_pool "$p" "$engine"
	must dd if=/dev/urandom of="$tmp/data" bs=1M count=8 status=none
	sum=$(md5sum <"$tmp/data")
	must evs-setup create --size 32M --cmk test --label origin "$p/enc"
	must evs-setup create --size 32M --plain "$p/plain"
	must put "$tmp/data" "$p/enc"
	must put "$tmp/data" "$p/plain"
	must evs-setup snapshot create "$p/enc@s" "$p/plain@s"
	must dd if=/dev/zero of="$tmp/zero" bs=1M count=8 status=none
	must put "$tmp/zero" "$p/enc"

	# ---- what is inherited ----

	ok "$engine: disk from an encrypted snapshot" \
		evs-setup create --from-snapshot "$p/enc@s" "$p/e1"
	is "$(object "$p/e1" attribute)" encrypted "$engine: it is encrypted"
	is "$(object "$p/e1" cmk)" "$test" "$engine: by the CMK of the snapshot"
	is "$(content "$p/e1")" "$sum" "$engine: it holds what the snapshot holds"
	uuid=$(object "$p/e1" uuid)
	is "$(cryptsetup luksUUID "$(raw "$p/e1")")" "$uuid" "$engine: its header has its UUID"
	is "$(volume "$p/e1")" "$uuid" "$engine: its data key is bound to that"
	nok "$engine: the token of the snapshot is gone" \
		cryptsetup token export --token-id 0 "$(raw "$p/e1")"
	ok "$engine: it has another UUID than its origin" \
		test "$uuid" != "$(object "$p/enc" uuid)"
	is "$(blkid -p -o value -s LABEL "$(raw "$p/e1")")" "" \
		"$engine: it has not the label of its origin"
	is "$(volume "$p/enc" 0)" "$(object "$p/enc" uuid)" "$engine: its origin is as it was"
	ok "$engine: disk from a plain snapshot" \
		evs-setup create --from-snapshot "$p/plain@s" "$p/p1"
	is "$(object "$p/p1" attribute)" plain "$engine: it is plain"
	is "$(content "$p/p1")" "$sum" "$engine: it holds what the snapshot holds"

	ok "$engine: image of an encrypted snapshot" \
		evs-setup image create --from "$p/enc@s" "$p/image:e"
	ok "$engine: image of a plain disk" evs-setup image create --from "$p/plain" "$p/image:p"
	is "$(object "$p/image:e" cmk)" "$test" "$engine: the image has the CMK"
	ok "$engine: disk from an encrypted image, larger, with a label" \
		evs-setup create --from-image "$p/image:e" --size 48M --label clone --flatten "$p/e2"
	is "$(content "$p/e2")" "$sum" "$engine: it holds what the image holds"
	is "$(blkid -p -o value -s LABEL "$(raw "$p/e2")")" clone "$engine: it has the label"
	node=$(evs-setup attach "$p/e2")
	is "$(blockdev --getsize64 "$node")" $((48 << 20)) "$engine: --size is the usable size"
	ok "$engine: its origin is attached beside it" evs-setup attach "$p/enc"
	ok "$engine: and another clone" evs-setup attach "$p/e1"
	detach_pools
	ok "$engine: disk from a plain image" evs-setup create --from-image "$p/image:p" "$p/p2"
	is "$(object "$p/p2" attribute)" plain "$engine: it is plain"
	is "$(content "$p/p2")" "$sum" "$engine: it holds what the image holds"

	# ---- what must not be chosen, and other refusals ----

	before=$(everything "$p")
	for option in "--cmk other" "--plain" "--kms local"; do
		# shellcheck disable=SC2086 # an option and its value
		refused 1 "has the attribute and the CMK of that" "$engine: $option with a snapshot" \
			evs-setup create --from-snapshot "$p/enc@s" $option "$p/no"
		# shellcheck disable=SC2086
		refused 1 "has the attribute and the CMK of that" "$engine: $option with an image" \
			evs-setup create --from-image "$p/image:p" $option "$p/no"
	done
	refused 1 "made of one source" "$engine: two sources" \
		evs-setup create --from-image "$p/image:e" --from-snapshot "$p/enc@s" "$p/no"
	refused 1 "can only be larger" "$engine: smaller than the source" \
		evs-setup create --from-snapshot "$p/enc@s" --size 31M "$p/no"
	refused 1 "give POOL/DISK@SNAPSHOT" "$engine: a disk is no snapshot" \
		evs-setup create --from-snapshot "$p/enc" "$p/no"
	refused 1 "give POOL/image:NAME" "$engine: a snapshot is no image" \
		evs-setup create --from-image "$p/enc@s" "$p/no"
	refused 4 "no such snapshot" "$engine: no such snapshot" \
		evs-setup create --from-snapshot "$p/enc@none" "$p/no"
	refused 5 "exists already" "$engine: a name that is taken" \
		evs-setup create --from-snapshot "$p/enc@s" "$p/plain"
	refused 1 "is plain" "$engine: a label for a plain clone" \
		evs-setup create --from-snapshot "$p/plain@s" --label x "$p/no"
	must evs-setup attach "$p/enc"
	refused 5 "is attached" "$engine: image of an attached disk" \
		evs-setup image create --from "$p/enc" "$p/image:no"
	detach_pools
	ok "$engine: dry run" evs-setup create --dry-run --from-snapshot "$p/enc@s" "$p/no"
	must evs-setup cmk disable test
	refused 2 "disabled" "$engine: the CMK is disabled" \
		evs-setup create --from-snapshot "$p/enc@s" "$p/no"
	refused 2 "disabled" "$engine: the same, as a dry run" \
		evs-setup create --dry-run --from-image "$p/image:e" "$p/no"
	refused 2 "disabled" "$engine: the same for a copy" \
		evs-setup image copy --cmk other "$p/image:e" "$p/image:no"
	must evs-setup cmk enable test
	kms_stop
	refused 6 "" "$engine: the KMS does not run" \
		evs-setup create --from-snapshot "$p/enc@s" "$p/no"
	must kms_start
	dd if=/dev/zero of="$(raw "$p/e1")" bs=1M count=1 conv=notrunc status=none
	refused 4 "is recorded as encrypted, but holds no EVS header" \
		"$engine: somebody has written over the header" \
		evs-setup image create --from "$p/e1" "$p/image:no"
	is "$(everything "$p")" "$before" "$engine: nothing was left by any of these"

	# ---- copies of images ----

	ok "$engine: encrypted to another CMK" \
		evs-setup image copy --cmk other "$p/image:e" "$p/image:e-other"
	is "$(object "$p/image:e-other" cmk)" "$other" "$engine: it has that CMK"
	must evs-setup create --from-image "$p/image:e-other" "$p/c1"
	is "$(content "$p/c1")" "$sum" "$engine: and the data"
	must evs-setup cmk disable test
	is "$(content "$p/c1")" "$sum" "$engine: without the CMK of the original"
	must evs-setup cmk enable test
	is "$(cmp -s -i 16777216 -n 8388608 "$(raw "$p/image:e")" "$(raw "$p/image:e-other")"
		echo $?)" 1 "$engine: it has another data key: the ciphertext differs"
	ok "$engine: encrypted to plain" \
		evs-setup image copy --plain "$p/image:e" "$p/image:e-plain"
	must evs-setup create --from-image "$p/image:e-plain" "$p/c2"
	is "$(content "$p/c2")" "$sum" "$engine: the data is the same"
	is "$(object "$p/c2" attribute)" plain "$engine: the disk from it is plain"
	ok "$engine: plain to encrypted" \
		evs-setup image copy --cmk other "$p/image:p" "$p/image:p-enc"
	must evs-setup create --from-image "$p/image:p-enc" "$p/c3"
	is "$(content "$p/c3")" "$sum" "$engine: the data is the same"
	node=$(evs-setup attach "$p/c3")
	is "$(dd if="$node" bs=1M skip=8 iflag=direct status=none | tr -d '\0' | wc -c)" 0 \
		"$engine: where the plain image has holes, the encrypted one reads zeros"
	detach_pools
	ok "$engine: a hole is left where the encrypted image has one" \
		test "$(taken "$p/image:e-plain")" -lt 12
	ok "$engine: a copy with nothing said" evs-setup image copy "$p/image:p" "$p/image:p2"
	is "$(object "$p/image:p2" attribute)" plain "$engine: has the attribute"
	refused 5 "exists already" "$engine: a copy to a name that is taken" \
		evs-setup image copy "$p/image:p" "$p/image:e"
	refused 1 "plain image has no header" "$engine: --plain and --cmk" \
		evs-setup image copy --plain --cmk other "$p/image:p" "$p/image:no"
	is "$(evs-setup status --json | jq '.disks | length')" 0 "$engine: nothing is attached"

	# ---- bytes of plain disks are nobody's business ----

	must evs-setup create --size 48M --plain "$p/tricky"
	must put "$(raw "$p/enc")" "$p/tricky"
	ok "$engine: an EVS header in a plain disk changes nothing" \
		evs-setup image create --from "$p/tricky" "$p/image:tricky"
	is "$(object "$p/image:tricky" attribute)" plain "$engine: the image is plain"
	must evs-setup create --from-image "$p/image:tricky" "$p/tricky2"
	ok "$engine: byte for byte" cmp "$(raw "$p/tricky")" "$(raw "$p/tricky2")"

	# ---- deleting ----

	refused 2 "give --yes" "$engine: delete asks" evs-setup image delete "$p/image:e" </dev/null
	ok "$engine: an image is deleted" evs-setup image delete --yes "$p/image:e"
	is "$(content "$p/e2")" "$sum" "$engine: the disk that was made of it stays"
	is "$(object "$p/image:e" uuid)" "" "$engine: the image is gone"
	drop_pools
done
done_testing
