#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# All copies of disks under another CMK, backups as well, so that the old one protects
# nothing any more and can go; and a new data key for one of them.
. "$(dirname "$0")/life.sh"

at_exit detach_pools
start_kms
must evs-setup cmk create a
must evs-setup cmk create b
a=$(cmk_id a)
dd if=/dev/urandom of="$tmp/data" bs=1M count=8 status=none

# users CMK: the names of what it protects
users()
{
	evs-setup cmk users --json "$1" | jq -r '[.users[].name] | sort | join(" ")'
}

# digest NAME: that of its data key
digest()
{
	cryptsetup luksDump --dump-json-metadata "$(raw "$1")" | jq -r '.digests[].digest'
}

# killed SECONDS COMMAND...: after that time, unless it has ended
killed()
{
	timeout -s KILL "$@" >/dev/null 2>&1
	[ $? -eq 137 ]
}

for engine in $(engines); do
	new_pool p "$engine"
	must evs-setup create --size 32M --cmk a p/d1
	must evs-setup create --size 32M --cmk a --label story p/d2
	must evs-setup create --size 32M --cmk test p/d3
	must put "$tmp/data" p/d1
	must put "$tmp/data" p/d2
	must evs-setup snapshot create p/d1@s1
	must evs-setup snapshot create p/d2@s1
	must evs-setup image create --from p/d1@s1 p/image:i
	must evs-setup attach p/d1
	sum=$(content p/d2)

	# ---- what is lost with a CMK ----

	is "$(users a)" "p/d1 p/d1@s1 p/d2 p/d2@s1 p/image:i" "$engine: cmk users"
	is "$(evs-setup cmk users --json a | jq -r '.users[] | select(.name == "p/d1").state')" \
		"attached here" "$engine: it tells which is attached"
	refused 5 $'--yes\nCMK a protects 2 disks \\(1 attached here\\), 2 snapshots, 1 image in pool p; move them first: evs-setup rewrap --pool p --from-cmk a' \
		"$engine: schedule-deletion says so" evs-setup cmk schedule-deletion --days 7 a
	like "$(evs-setup cmk disable a 2>&1)" "CMK a protects 2 disks" "$engine: disable as well"
	refused 2 "disabled" "$engine: no rekey without the KMS" evs-setup rekey p/d2
	must evs-setup cmk enable a

	# ---- a new data key ----

	must evs-setup create --from-snapshot p/d2@s1 p/clone
	must evs-setup create --from-snapshot p/d2@s1 p/other
	before=$(digest p/clone)
	uuid=$(object p/clone uuid)
	is "$(evs-setup rekey --dry-run p/clone 2>/dev/null)" "p/clone $uuid $a" "$engine: rekey, tried"
	is "$(digest p/clone)" "$before" "$engine: nothing was changed"
	is "$(evs-setup rekey p/clone 2>/dev/null)" "p/clone $uuid $a" "$engine: rekey"
	nok "$engine: it has another data key" test "$(digest p/clone)" = "$before"
	is "$(content p/clone)" "$sum" "$engine: its data is the same"
	is "$(evs-setup probe --json p/clone | jq -r '.disks[] | .uuid + .label')" "$uuid" \
		"$engine: UUID and label as well"
	like "$(evs-setup delete --yes p/clone 2>&1)" "nothing else in pool p has its data key" \
		"$engine: delete says that its data is gone"
	like "$(evs-setup delete --yes p/other 2>&1)" "p/d2 has the same data key" \
		"$engine: of one that has the key of its source, it says so"
	refused 5 "is attached" "$engine: no rekey of what is attached" evs-setup rekey p/d1
	refused 4 "" "$engine: nor of what is no disk" evs-setup rekey /dev/null

	# ---- all copies ----

	is "$(evs-setup rewrap --pool p --from-cmk a --cmk b --dry-run 2>/dev/null | wc -l)" 5 \
		"$engine: rewrap of a pool, tried"
	is "$(users b)" "" "$engine: nothing was changed"
	refused 1 "go together" "$engine: a pool without the old CMK" evs-setup rewrap --pool p --cmk b
	refused 1 "the same key" "$engine: from a key to itself" \
		evs-setup rewrap --pool p --from-cmk a --cmk a
	killed 0.1 evs-setup rewrap --pool p --from-cmk a --cmk b
	others=$(users a | tr ' ' '\n' | grep -v '^p/d2' | xargs)
	ok "$engine: rewrap --all-copies of one" evs-setup rewrap --all-copies --cmk b p/d2
	is "$(users a)" "$others" "$engine: the others are as they were"
	ok "$engine: rewrap --pool" evs-setup rewrap --pool p --from-cmk a --cmk b
	is "$(evs-setup rewrap --pool p --from-cmk a --cmk b 2>&1)" \
		"evs-setup: rewrap: 0 objects of pool p are rewrapped" "$engine: once more"
	is "$(users a)" "" "$engine: the old CMK protects nothing"
	is "$(users b)" "p/d1 p/d1@s1 p/d2 p/d2@s1 p/image:i" "$engine: but the new one"
	is "$(object p/d3 cmk)" "$(cmk_id test)" "$engine: what had another one has it"
	ok "$engine: the old CMK can be deleted" evs-setup cmk schedule-deletion --days 7 a
	detach_pools
	is "$(content p/d1)" "$sum" "$engine: the disk can be read"
	must evs-setup create --from-snapshot p/d2@s1 p/d4
	is "$(content p/d4)" "$sum" "$engine: its snapshot as well"
	must evs-setup create --from-image p/image:i p/d5
	is "$(content p/d5)" "$sum" "$engine: its image as well"
	must evs-setup cmk cancel-deletion a
	must evs-setup cmk enable a

	# ---- backups ----

	for disk in d1 d2 d3; do
		must evs-setup rewrap --cmk a p/$disk
	done
	must mkdir -m 700 "$tmp/r" "$tmp/g"
	add_repo r dir "path = $tmp/r"
	add_repo g dir "path = $tmp/g"
	repos=(r)
	if command -v borg >/dev/null; then
		(umask 077 && echo passphrase >"$tmp/key")
		add_repo b borg "path = $tmp/b" "key-file = $tmp/key"
		must env BORG_BASE_DIR="$tmp/borg" BORG_PASSPHRASE=passphrase \
			borg --log-json init -e authenticated-blake2 "$tmp/b" 2>/dev/null
		repos+=(b)
	fi
	backups=
	for repo in "${repos[@]}"; do
		backups+="$(backup p/d1 $repo) "
	done
	backups=$(xargs -n 1 <<<"$backups" | sort | xargs)
	more="$(backup p/d2 r)"
	for disk in d1 d2 d3; do
		must evs-setup rewrap --cmk b p/$disk
	done
	sorted=$(xargs -n 1 <<<"$backups $more" | sort | xargs)
	is "$(users a)" "$sorted" "$engine: cmk users names backups"
	is "$(evs-setup cmk users --json a | jq -r ".users[] | select(.name == \"$more\") | .kind + \" \" + .state")" \
		"backup of p/d2" "$engine: with their disks"
	count=$((${#repos[@]} + 1))
	refused 5 "CMK a protects $count backups of disks of pool p; move them first: evs-setup rewrap --pool p --from-cmk a" \
		"$engine: schedule-deletion counts them" evs-setup cmk schedule-deletion --days 7 a
	is "$(evs-setup rewrap --all-copies --cmk b --dry-run p/d2 2>/dev/null | grep ::)" \
		"$more $(object p/d2 uuid) $a" "$engine: --all-copies of one disk, tried"
	is "$(users a)" "$sorted" "$engine: nothing was changed"
	must mv "$tmp/g" "$tmp/away"
	like "$(evs-setup cmk disable --yes a 2>&1)" "may protect what is in repository g, which cannot be looked into" \
		"$engine: a repository that cannot be read may have some"
	must evs-setup cmk enable a
	refused 5 $'1 of .* not rewrapped; give the same command again\nrepository g' \
		"$engine: and is named" evs-setup rewrap --all-copies --cmk b p/d2
	must mv "$tmp/away" "$tmp/g"
	is "$(users a)" "$backups" "$engine: the other backup is done"
	# As if its pool were on another host
	must cp /etc/evs/evs.conf "$tmp/evs.conf"
	must sed -i 's/^\[pool p\]/[pool q]/' /etc/evs/evs.conf
	refused 4 "is no pool of .*, and no backup" "$engine: a pool that nobody knows" \
		evs-setup rewrap --pool none --from-cmk a --cmk b
	is "$(evs-setup rewrap --pool p --from-cmk a --cmk b 2>/dev/null | cut -d' ' -f1 | sort | xargs)" \
		"$backups" "$engine: rewrap --pool, of backups alone"
	must mv "$tmp/evs.conf" /etc/evs/evs.conf
	is "$(evs-setup rewrap --pool p --from-cmk a --cmk b 2>&1)" \
		"evs-setup: rewrap: 0 objects of pool p and 0 backups of its disks are rewrapped" \
		"$engine: once more"
	is "$(users a)" "" "$engine: the old CMK protects nothing"
	must evs-setup cmk schedule-deletion --days 7 a
	must date -s '+7 days 1 minute' >/dev/null
	kms_stop
	kms_start
	must wait_for not evs-setup cmk show "$a"
	for backup in $backups; do
		is "$(evs-setup backup show --json "$backup" | jq -r '.backups[0] | "\(.cmk) \(.token)"')" \
			"$(cmk_id b) 1" "$engine: $backup has a new token"
		ok "$engine: $backup: its key is the right one" evs-setup backup verify --deep "$backup"
		ok "$engine: $backup: the old CMK is deleted, and it is restored" \
			evs-setup create --quiet --from-backup "$backup" p/back
		is "$(content p/back)" "$sum" "$engine: $backup: with its data"
		must evs-setup delete --yes p/back
	done
	must evs-setup backup delete --yes "$more"
	unlike "$(ls "$tmp/r")" "${more#*::}" "$engine: a deleted backup leaves no token"
	rm -rf "$tmp/r" "$tmp/g" "$tmp/b" "$tmp/borg" /var/lib/evs/borg
	drop_pools
done
done_testing
