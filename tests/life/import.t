#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Images at the border of a pool: raw and qcow2, in and out. What a file is, is said and
# not guessed; one that would have other files of this host read is refused.
. "$(dirname "$0")/life.sh"

at_exit detach_pools
start_kms
must evs-setup cmk create other
must dd if=/dev/urandom of="$tmp/data" bs=1M count=8 status=none
sum=$(md5sum <"$tmp/data")
must cp "$tmp/data" "$tmp/raw"
must truncate -s 24M "$tmp/raw"
must qemu-img convert -f raw -O qcow2 "$tmp/raw" "$tmp/image.qcow2"

# rest NODE: how many bytes behind the first 8 MiB are not zero
rest()
{
	dd if="$1" bs=1M skip=8 status=none | tr -d '\0' | wc -c
}

for engine in $(engines); do
	new_pool p "$engine"

	# ---- in ----

	ok "$engine: raw, plain" \
		evs-setup image import --format raw --plain "$tmp/raw" p/image:plain
	ok "$engine: byte for byte" cmp "$tmp/raw" "$(raw p/image:plain)"
	ok "$engine: its hole stays one" test "$(taken p/image:plain)" -lt 12
	ok "$engine: raw, encrypted" \
		evs-setup image import --format raw --cmk test "$tmp/raw" p/image:enc
	is "$(object p/image:enc cmk)" "$(cmk_id test)" "$engine: under the CMK"
	must evs-setup create --from-image p/image:enc p/enc
	is "$(content p/enc)" "$sum" "$engine: the data is the same"
	node=$(evs-setup attach p/enc)
	is "$(rest "$node")" 0 "$engine: its hole reads zeros"
	detach_pools
	ok "$engine: qcow2, plain" \
		evs-setup image import --format qcow2 --plain "$tmp/image.qcow2" p/image:qplain
	ok "$engine: what it holds" cmp "$tmp/raw" "$(raw p/image:qplain)"
	ok "$engine: qcow2, encrypted" \
		evs-setup image import --format qcow2 "$tmp/image.qcow2" p/image:qenc
	must evs-setup create --from-image p/image:qenc p/qenc
	is "$(content p/qenc)" "$sum" "$engine: the data is the same"
	node=$(evs-setup attach p/qenc)
	is "$(rest "$node")" 0 "$engine: its hole reads zeros"
	detach_pools
	must truncate -s 1001000 "$tmp/odd"
	must dd if="$tmp/data" of="$tmp/odd" bs=1000 count=1001 conv=notrunc status=none
	ok "$engine: a size that is no whole block" \
		evs-setup image import --format raw --cmk test "$tmp/odd" p/image:odd
	must evs-setup create --from-image p/image:odd p/odd
	node=$(evs-setup attach p/odd)
	must cp "$tmp/odd" "$tmp/whole"
	must truncate -s %4096 "$tmp/whole"
	# The disk may be larger: LVM rounds up.
	ok "$engine: it ends with zeros" cmp -n "$(stat -c %s "$tmp/whole")" "$node" "$tmp/whole"
	detach_pools

	# ---- a file that holds an encrypted disk ----

	must cp "$(raw p/enc)" "$tmp/disk"
	ok "$engine: it is imported as it is" evs-setup image import --format raw "$tmp/disk" p/image:as
	uuid=$(object p/image:as uuid)
	is "$(cryptsetup luksUUID "$(raw p/image:as)")" "$uuid" "$engine: with a UUID of its own"
	ok "$engine: which is another one" test "$uuid" != "$(object p/enc uuid)"
	ok "$engine: and the same ciphertext" cmp -i 16777216 "$tmp/disk" "$(raw p/image:as)"
	must evs-setup create --from-image p/image:as p/as
	is "$(content p/as)" "$sum" "$engine: its data can be read"
	ok "$engine: with --cmk it is encrypted anew" \
		evs-setup image import --format raw --cmk other "$tmp/disk" p/image:anew
	is "$(cmp -s -i 16777216 "$tmp/disk" "$(raw p/image:anew)"; echo $?)" 1 \
		"$engine: with another ciphertext"
	must evs-setup create --from-image p/image:anew p/anew
	is "$(content p/anew)" "$sum" "$engine: its data can be read"

	# ---- another layout: the data begins elsewhere ----

	for offset in 4194304 20971520; do
		must "$(dirname "$0")/move-data" "$tmp/disk" "$tmp/moved" "$offset"
		must evs-setup image import --format raw "$tmp/moved" p/image:moved
		must evs-setup create --from-image p/image:moved p/moved
		is "$(content p/moved)" "$sum" "$engine: data at $offset"
		ok "$engine: it can be resized" evs-setup resize --size 40M p/moved
		node=$(evs-setup attach p/moved)
		is "$(blockdev --getsize64 "$node")" $((40 << 20)) "$engine: to that size"
		detach_pools
		must evs-setup image delete --yes p/image:moved
		[ "$engine" != dir ] || must ln "$(raw p/moved)" "$tmp/p/link"
		must evs-setup delete --yes p/moved
		[ "$engine" = dir ] || continue	# what LVM had there cannot be seen any more
		is "$(head -c "$offset" "$tmp/p/link" | tr -d '\0' | wc -c)" 0 \
			"$engine: delete overwrites what is before the data"
		ok "$engine: and no more" cmp -i "$offset" -n 8388608 "$tmp/moved" "$tmp/p/link"
		must rm "$tmp/p/link"
	done

	# ---- refused ----

	before=$(everything p)
	must qemu-img create -q -f qcow2 -b /etc/shadow -F raw -u "$tmp/shadow.qcow2" 1M
	refused 2 "has a backing file" "$engine: a backing file" \
		evs-setup image import --format qcow2 --plain "$tmp/shadow.qcow2" p/image:no
	must cp /etc/shadow "$tmp/outside"
	must truncate -s 1M "$tmp/outside"
	must qemu-img create -q -f qcow2 -o data_file="$tmp/outside",data_file_raw=on \
		"$tmp/data-file.qcow2" 1M
	refused 2 "data in another file" "$engine: a data file outside" \
		evs-setup image import --format qcow2 --plain "$tmp/data-file.qcow2" p/image:no
	refused 4 "is no qcow2 image" "$engine: a raw file called qcow2" \
		evs-setup image import --format qcow2 --plain "$tmp/raw" p/image:no
	refused 1 "neither raw nor qcow2" "$engine: another format" \
		evs-setup image import --format vmdk --plain "$tmp/raw" p/image:no
	refused 1 "is not guessed" "$engine: no format" \
		evs-setup image import --plain "$tmp/raw" p/image:no
	refused 2 "without --plain" "$engine: an encrypted disk as a plain one" \
		evs-setup image import --format raw --plain "$tmp/disk" p/image:no
	refused 4 "" "$engine: no such file" \
		evs-setup image import --format raw --plain "$tmp/none" p/image:no
	exec 9>>"$tmp/image.qcow2"
	refused 5 "open for writing" "$engine: somebody may be writing to it" \
		evs-setup image import --format qcow2 --plain "$tmp/image.qcow2" p/image:no
	exec 9>&-
	is "$(everything p)" "$before" "$engine: nothing is left by any of these"
	ok "$engine: a qcow2 image is raw bytes to who says so" \
		evs-setup image import --format raw --plain "$tmp/shadow.qcow2" p/image:bytes
	ok "$engine: byte for byte" cmp -n "$(stat -c %s "$tmp/shadow.qcow2")" \
		"$tmp/shadow.qcow2" "$(raw p/image:bytes)"

	# ---- out ----

	ok "$engine: export, raw" evs-setup image export p/image:plain "$tmp/out.raw"
	ok "$engine: byte for byte" cmp "$tmp/raw" "$tmp/out.raw"
	is "$(stat -c %a "$tmp/out.raw")" 600 "$engine: only its owner may read it"
	ok "$engine: export, qcow2" \
		evs-setup image export --format qcow2 p/image:plain "$tmp/out.qcow2"
	ok "$engine: the same data" qemu-img compare -q "$tmp/raw" "$tmp/out.qcow2"
	ok "$engine: export of an encrypted one" evs-setup image export p/image:enc "$tmp/out.enc"
	ok "$engine: it stays encrypted" cmp "$(raw p/image:enc)" "$tmp/out.enc"
	refused 5 "exists already" "$engine: a file that is there" \
		evs-setup image export p/image:plain "$tmp/out.raw"
	is "$(evs-setup image list --json p | jq -r '.objects[].name' | grep -vc image:)" 0 \
		"$engine: image list lists images"
	refused 5 "exists already" "$engine: tried, too" \
		evs-setup image export --dry-run p/image:plain "$tmp/out.raw"
	ok "$engine: an export is tried" \
		evs-setup image export --dry-run p/image:plain "$tmp/out.tried"
	ok "$engine: it makes no file" test ! -e "$tmp/out.tried"
	rm -f "$tmp"/out.* "$tmp/disk"
	drop_pools
done
done_testing
