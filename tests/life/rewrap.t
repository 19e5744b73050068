#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The header of a disk of a pool, by the name of the disk: rewrapped, copied, restored. The
# record says which CMK the header names, also after a rewrap that does not know of it.
. "$(dirname "$0")/life.sh"

at_exit detach_pools
start_kms
must evs-setup cmk create other
test=$(cmk_id test)
other=$(cmk_id other)

# cmks NAME: the CMKs that its header names
cmks()
{
	evs-setup header dump --json "$1" | jq -r '[.tokens[].cmk] | join(",")'
}

# copies NAME: the copies of its header, as the CMKs that they name
copies()
{
	local file

	for file in "$tmp/copies/$(object "$1" uuid)"-*; do
		[ ! -e "$file" ] || [ "$(stat -c %a "$file")" != 600 ] || cmks "$file"
	done
}

must mkdir -m 700 "$tmp/copies"
for engine in $(engines); do
	echo "header-copies = $tmp/copies" >/etc/evs/evs.conf
	new_pool p "$engine"
	must evs-setup create --size 32M --cmk test p/enc
	must evs-setup create --size 32M --cmk test p/sibling
	must evs-setup create --size 32M --plain p/plain
	must evs-setup header backup p/enc "$tmp/backup"
	must evs-setup header backup p/sibling "$tmp/sibling"

	# ---- rewrap ----

	is "$(copies p/enc)" "$test" "$engine: a copy of the header is made with the disk"
	touch "$tmp/copies/$(object p/enc uuid)-2026.header.new"
	is "$(evs-setup rewrap --cmk other p/enc 2>"$tmp/note")" \
		"p/enc $(object p/enc uuid) $other" "$engine: rewrap"
	like "$(cat "$tmp/note")" "copy of its header .* names CMK $test .* it is removed" \
		"$engine: it says that the old copy goes"
	is "$(copies p/enc)" "$other" "$engine: there is one of the new header alone"
	is "$(cmks p/enc)" "$other" "$engine: the header names the new CMK"
	is "$(object p/enc cmk)" "$other" "$engine: the record as well"
	must evs-setup attach p/enc
	ok "$engine: of an attached disk" evs-setup rewrap --cmk test p/enc
	is "$(object p/enc cmk)" "$test" "$engine: the record says so"
	is "$(evs-setup status --json p/enc | jq -r '.disks[].cmk')" "$test" \
		"$engine: the kernel as well"
	refused 5 "" "$engine: no restore while it is attached" \
		evs-setup header restore --force p/enc "$tmp/backup"
	detach_pools
	must evs-setup rewrap --cmk other "$(raw p/enc)"
	is "$(object p/enc cmk)" "$test" "$engine: by the path of the data, the record is old"
	like "$(evs-setup snapshot create p/enc@s 2>&1)" "CMK $other of KMS .* the record of the pool is corrected" \
		"$engine: the next verb says that it corrects it"
	is "$(object p/enc cmk)" "$other" "$engine: it does"
	is "$(object p/enc@s cmk)" "$other" "$engine: the snapshot has it from there"
	is "$(object p/sibling cmk)" "$test" "$engine: another disk is as it was"

	# ---- restore ----

	ok "$engine: restore of an old header" \
		evs-setup header restore --force p/enc "$tmp/backup"
	is "$(object p/enc cmk)" "$test" "$engine: the record has its CMK"
	must evs-setup rewrap --cmk test p/enc
	must dd if=/dev/zero of="$(raw p/enc)" bs=1M count=16 conv=notrunc status=none
	refused 4 "evs-setup header restore p/enc BACKUP" "$engine: a lost header" \
		evs-setup rewrap p/enc
	refused 4 "" "$engine: probe of it" evs-setup probe p/enc
	refused 5 "is the header of disk $(object p/sibling uuid)" "$engine: that of another disk" \
		evs-setup header restore --force p/enc "$tmp/sibling"
	ok "$engine: its own, from the copy" evs-setup header restore --force p/enc \
		"$(echo "$tmp/copies/$(object p/enc uuid)"-*)"
	node=$(evs-setup attach p/enc)
	ok "$engine: it can be attached" test -b "$node"
	is "$(evs-setup probe --json p/enc | jq -r '.disks[]."attached-as"')" "$node" \
		"$engine: probe tells where"
	detach_pools

	# ---- the rest ----

	ok "$engine: label" evs-setup header label p/enc story
	is "$(evs-setup probe --json p/enc | jq -r '.disks[].label')" story "$engine: it has it"
	for verb in rewrap probe "header dump"; do
		# shellcheck disable=SC2086 # two words
		refused 4 "p/plain: is plain: it has no header" "$engine: $verb of a plain disk" \
			evs-setup $verb p/plain
	done
	must evs-setup delete --yes p/sibling
	is "$(find "$tmp/copies" -name '*.header*' | wc -l)" 1 "$engine: a deleted disk leaves none"
	must mv "$tmp/copies" "$tmp/away"
	like "$(evs-setup rewrap p/enc 2>&1)" "warning: p/enc: its header is not copied: $tmp/copies: No such" \
		"$engine: without the folder, it is said"
	must mv "$tmp/away" "$tmp/copies"
	rm "$tmp/backup" "$tmp/sibling"

	# ---- paths ----

	folder=$(mktemp -d /tmp/evs-life-XXXXXX)
	at_exit rm -r "$folder"
	must chmod 755 "$folder"
	must cp --sparse=always "$(raw p/enc)" "$folder/d"
	must chmod 644 "$folder/d"
	must chmod 600 /etc/evs/evs.conf
	must ln -s . "$folder/p"
	ok "$engine: a path of a user who may not read evs.conf" \
		setpriv --reuid 65534 --clear-groups sh -c "cd $folder && evs-setup probe p/d"
	drop_pools
	echo nonsense >/etc/evs/evs.conf
	ok "$engine: a path where evs.conf is broken" \
		sh -c "cd $folder && evs-setup probe ./d"
	drop_pools
done
done_testing
