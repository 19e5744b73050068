#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Userspace alone: no kernel has a part in the table.
# /etc/evstab: attach --all, detach --all, --tab; what probe tells of a disk.
. "$(dirname "$0")/tap.sh"

export EVSTAB=$tmp/evstab
at_exit detach_all
start_kms
one=$(new_file one.img 64M)
two=$(new_file two.img 64M)
inner=$(new_file inner.img 64M)
for file in "$one" "$two" "$inner"; do
	must evs-setup create --cmk test "$file"
done

names()
{
	evs-setup list --json | jq -r '[.disks[].name] | join(" ")'
}

# field NAME FIELD: what the list says of a disk
field()
{
	evs-setup list --json | jq -r --arg name "$1" --arg field "$2" \
		'.disks[] | select(.name == $name) | .[$field]'
}

# ---- all is well ----

cat >"$EVSTAB" <<END
# NAME DEVICE OPTIONS
one	$one	read-only
two	$two	nofail
asked	$inner	noauto
END
out=$(evs-setup attach --all 2>"$tmp/err")
is $? 0 "attach --all: exit status 0"
is "$(cat "$tmp/err")" "" "nothing on stderr"
is "$(wc -l <<<"$out")" 2 "prints a path for each disk"
is "$(names)" "one two" "attaches all but the one marked noauto, in order"
is "$(field one read-only) $(field two read-only)" "true false" "read-only where the line says so"
is "$(evs-setup attach --all 2>&1)" "" "again: attached already, nothing to do"
is "$(names)" "one two" "and nothing is attached twice"
ok "attach --tab attaches one marked noauto" evs-setup attach --tab asked
ok "again: fine" evs-setup attach --tab asked
is "$(names)" "one two asked" "all are there"
refused 4 "nosuch: is not in $EVSTAB" "attach --tab of a name that is not in the table" \
	evs-setup attach --tab nosuch
ok "detach --tab" evs-setup detach --tab two
ok "again: fine" evs-setup detach --tab two
ok "detach --tab of a line that is gone: fine" evs-setup detach --tab nosuch
is "$(names)" "one asked" "it is gone, the others are there"
ok "detach --all" evs-setup detach --all
is "$(names)" "" "nothing is left, noauto or not"
ok "again: nothing to do" evs-setup detach --all
ok "nothing is left behind" no_leftovers

# ---- a disk on a disk ----

lower=$(evs-setup attach --name lower "$one")
must evs-setup create --force --cmk test "$lower"
must evs-setup detach lower
cat >"$EVSTAB" <<END
lower $one
upper $lower
END
ok "attach --all of a disk on a disk" evs-setup attach --all
is "$(names)" "lower upper" "both are there"
ok "detach --all: the upper one first" evs-setup detach --all
is "$(names)" "" "both are gone"

# ---- lines that fail ----

cat >"$EVSTAB" <<END
missing $tmp/no-such-file
one $one frobnicate
none UUID=00000000-0000-4000-8000-000000000000
may $tmp/no-such-file nofail
empty $tmp/evstab
two $two
END
evs-setup attach --all >"$tmp/out" 2>"$tmp/err"
is $? 4 "attach --all with bad lines: the worst exit status"
err=$(cat "$tmp/err")
like "$err" "^evs-setup: attach: $EVSTAB:2: unknown option \"frobnicate\"" "names file and line"
like "$err" '^evs-setup: attach: missing: .*no such file' "names a disk whose file is missing"
like "$err" '^evs-setup: attach: none: UUID=00000000.*no such device' "and one that no device has"
like "$err" '^evs-setup: attach: empty: .*not an EVS disk' "and one that is no EVS disk"
like "$err" '^evs-setup: attach: warning: may: ' "only warns of one marked nofail"
like "$err" "^evs-setup: attach: 4 of 6 lines of $EVSTAB failed" "says how many"
is "$(names)" "two" "the good one is attached"
refused 1 "^evs-setup: attach: $EVSTAB:2: unknown option" "attach --tab of a bad line" \
	evs-setup attach --tab one
refused 1 "^evs-setup: detach: 1 of 6 lines" "detach --all says that a line is bad" \
	evs-setup detach --all
is "$(names)" "" "and detaches all the same"

# A CMK that is disabled says no to one disk; a later line is worse off
printf 'one %s\ntwo %s nofail\n' "$one" "$two" >"$EVSTAB"
must evs-setup cmk disable test
refused 2 "one: .*disabled
warning: two: .*disabled" "attach --all with a disabled CMK" evs-setup attach --all
must evs-setup cmk enable test

# The name is taken
must evs-setup attach --name one "$two"
refused 5 "one: /dev/evs[0-9]+ has this name, but is not over $one" "the name is another disk's" \
	evs-setup attach --tab one
must evs-setup detach one
must evs-setup attach --tab one
must evs-setup revoke one
refused 5 'one: .*detach it first' "a revoked disk is no attached one" evs-setup attach --tab one
must evs-setup detach --tab one

# In use
must evs-setup attach --all
exec 5<"$(field two device)"
refused 5 'two: .*(open|in use)' "detach --all with a disk in use" evs-setup detach --all
is "$(names)" "two" "the others are detached"
exec 5<&-
ok "closed, it is" evs-setup detach --all

# In use, as the unit is stopped
must evs-setup attach --tab two
exec 5<"$(field two device)"
ok "detach --lazy --tab of a disk in use" evs-setup detach --lazy --tab two
ok "again: it is on its way" evs-setup detach --lazy --tab two
ok "detach --all knows that as well" evs-setup detach --all
refused 5 'two: .*close it first' "it is no attached one any more" evs-setup attach --tab two
exec 5<&-
is_gone()
{
	[ -z "$(names)" ]
}
ok "closed, it goes" wait_for is_gone
ok "and can be attached anew" evs-setup attach --tab two
must evs-setup detach --tab two
ok "nothing is left behind" no_leftovers

# ---- who made the disk ----

id=$(cmk_id test)
must evs-setup cmk create other
other=$(cmk_id other)
printf 'one %s kms=local,cmk=%s\n' "$one" "$id" >"$EVSTAB"
ok "attach --tab of a disk with the KMS and the CMK of the line" evs-setup attach --tab one
must evs-setup detach --tab one

# Somebody who may use another CMK of this host gives their disk the UUID of ours
uuid=$(cryptsetup luksUUID "$one")
must evs-setup create --force --cmk other "$two"
made_for=$(cryptsetup luksUUID "$two")
must cryptsetup luksUUID -q --uuid "$uuid" "$two"
ok "without a CMK in its line it is attached" evs-setup attach --name one "$two"
must evs-setup detach one
like "$(evs-setup attach --name one "$two" 2>&1)" \
	"note: this is disk $uuid, but its data key was made for disk $made_for" "with a note"
must evs-setup detach one
kms_stop
printf 'one %s cmk=%s\n' "$two" "$id" >"$EVSTAB"
refused 2 "one: $two: its header names CMK $other of KMS local, but only CMK $id is accepted" \
	"with cmk= it is refused, and the KMS is not asked" evs-setup attach --tab one
refused 2 "only CMK $id is accepted" "attach --cmk" evs-setup attach --cmk "$id" "$two"
refused 2 'only KMS cloud is accepted' "attach --kms" evs-setup attach --kms cloud "$two"
kms_start
ok "attach --kms --cmk of the right ones" evs-setup attach --name one --kms local --cmk "$other" "$two"
must evs-setup detach one

# A second token that claims to be of the right CMK: only that one is tried
token_of "$two" | jq --arg cmk "$id" '.cmk = $cmk' >"$tmp/token.json"
must cryptsetup token import --json-file "$tmp/token.json" "$two"
refused 2 . "a token with the right CMK beside the one that has the key" \
	evs-setup attach --cmk "$id" "$two"
is "$(names)" "" "does not attach the disk"

printf 'other %s cmk=%s\none %s cmk=%s\n' "$inner" "$id" "$one" "$id" >"$EVSTAB"
evs-setup rewrap --cmk other "$one" 2>"$tmp/err" >"$tmp/out"
is "$(cat "$tmp/err")" "evs-setup: rewrap: $EVSTAB:2: one cannot be attached by this line any more: change it to kms=local,cmk=$other" \
	"rewrap names the line that refuses the new CMK"
must evs-setup rewrap --cmk test "$one"

# A node that only the caller's mount namespace has
loop=$(new_loop "$one")
at_exit losetup --detach "$loop"
numbers=$(tr : ' ' <"/sys/block/${loop#/dev/}/dev")
ok "attach by a node in a mount namespace of one's own" unshare -m --propagation private sh -ec \
	"mount -t tmpfs tmpfs /opt; mknod /opt/node b $numbers; evs-setup attach --name one /opt/node"
ok "and detach by the host's node" evs-setup detach "$loop"
must losetup --detach "$loop"
must evs-setup create --force --cmk test "$two"

# The table
export EVSTAB=$tmp/no-such-table
refused 4 "$EVSTAB: No such file" "a table that is named, but not there" evs-setup attach --all
unset EVSTAB
ok "no table at all is an empty one" evs-setup attach --all
ok "to detach as well" evs-setup detach --all
for args in "--all x" "--tab" "--all --tab x" "--all --read-only" "--tab x --name y"; do
	# shellcheck disable=SC2086
	refused 1 '.' "usage error: attach $args" evs-setup attach $args
done
for args in "--all x" "--tab" "--all --tab x" "--all --force --lazy"; do
	# shellcheck disable=SC2086
	refused 1 '.' "usage error: detach $args" evs-setup detach $args
done

# ---- probe ----

must evs-setup create --force --cmk test --label "a b'\$(x)\\" "$two"
uuid=$(cryptsetup luksUUID "$two")
out=$(evs-setup probe --export "$two")
like "$out" "^EVS_UUID=$uuid\$" "probe --export: UUID"
like "$out" "^EVS_CMK=$(cmk_id test)\$" "CMK"
like "$out" '^EVS_KMS=local$' "KMS"
like "$out" '^EVS_SECTOR_SIZE=4096$' "sector size"
like "$out" '^EVS_OFFSET=16777216$' "offset"
like "$out" '^EVS_SIZE=50331648$' "size"
unlike "$out" '^EVS_ATTACHED_AS=' "not attached"
like "$out" '^EVS_LABEL_ENC=a\\x20b\\x27\\x24\\x28x\\x29\\x5c$' "the label as udev writes it"
is "$(eval "$out" && echo "$EVS_LABEL")" "a_b___x__" "the label, safe for a shell"
evs=$(evs-setup attach "$two")
like "$(evs-setup probe --export "$two")" "^EVS_ATTACHED_AS=${evs#/dev/}\$" "attached, as what"
loop=$(losetup --noheadings --output NAME --associated "$two")
is "$(evs-setup probe --export "$(cat "/sys/block/${loop#/dev/}/dev")")" \
	"$(evs-setup probe --export "$loop")" "the device may be given by its number"
is "$(/usr/libexec/evs/evs-probe "$loop")" "$(evs-setup probe --export "$loop")" \
	"what udev runs says the same"
is "$(/usr/libexec/evs/evs-probe "$(cat "/sys/block/${loop#/dev/}/dev")")" \
	"$(evs-setup probe --export "$loop")" "and takes a number, too"
out=$(evs-setup probe "$two")
like "$out" "^UUID +$uuid\$" "probe: UUID"
like "$out" "^LABEL +a b'" "label"
like "$out" "^ATTACHED-AS +$evs\$" "attached, as what"
must evs-setup detach "$evs"
for what in "$tmp/evstab" /dev/null "$tmp/no-such-file" 240:77 "$tmp"; do
	refused 4 '.' "probe of what is no EVS disk: $what" evs-setup probe --export "$what"
	is "$(cat "$tmp/out")" "" "prints nothing"
	refused 4 '.' "evs-probe refuses it, too: $what" /usr/libexec/evs/evs-probe "$what"
done
before=$(md5sum <"$two")
must evs-setup probe "$two"
is "$(md5sum <"$two")" "$before" "probe leaves the disk alone"

# One copy of the header is damaged, of a disk of ours and of one that is not: what
# only reads does not repair it. What is attached to be written is repaired.
echo secret >"$tmp/passphrase"
must cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
	"$(new_file luks.img 18M)" "$tmp/passphrase"
for file in "$two" "$tmp/luks.img"; do
	must dd if=/dev/urandom of="$file" bs=64 seek=320 count=1 conv=notrunc status=none
done
foreign=$(md5sum <"$tmp/luks.img")
refused 4 'not an EVS disk' "probe of a damaged LUKS2 disk" evs-setup probe "$tmp/luks.img"
is "$(md5sum <"$tmp/luks.img")" "$foreign" "which it leaves alone"
before=$(md5sum <"$two")
ok "probe of a disk with a damaged copy of the header" evs-setup probe "$two"
is "$(md5sum <"$two")" "$before" "leaves it alone"
ok "header dump" evs-setup header dump "$two"
is "$(md5sum <"$two")" "$before" "does so too"
loop=$(new_loop "$two")
at_exit losetup --detach "$loop"
evs=$(evs-setup attach --read-only "$loop")
ok "attach --read-only" test -b "$evs"
must evs-setup detach "$evs"
must losetup --detach "$loop"
is "$(md5sum <"$two")" "$before" "does so too"
must evs-setup detach "$(evs-setup attach "$two")"
nok "attached to be written, it is repaired" test "$(md5sum <"$two")" = "$before"

# ---- at boot ----

# boot VAR-DEVICE: what systemd says of a boot with this table, and with a file
# system on each disk; nothing is run
boot()
{
	rm -rf "$tmp/units"
	mkdir "$tmp/units"
	printf '%s\n' 'data UUID=6a0496ef-62a6-4963-960c-9a9d20739a38' 'file /srv/disk.img' \
		'net /dev/sdz _netdev' 'upper /dev/evs/data nofail' >"$tmp/boot.evstab"
	printf '%s ext4 defaults 0 2\n' '/dev/sda1 /' "$1 /var" '/dev/sda3 /srv' \
		'/dev/evs/data /data' '/dev/evs/file-part1 /file' '/dev/evs/upper /upper' \
		'UUID=11111111-2222-4333-8444-555555555555 /uuid' >"$tmp/boot.fstab"
	echo '/dev/evs/net /net ext4 _netdev 0 2' >>"$tmp/boot.fstab"
	export SYSTEMD_FSTAB=$tmp/boot.fstab
	EVSTAB=$tmp/boot.evstab "$generators/evs-generator" "$tmp/units" &&
		"$generators/systemd-fstab-generator" "$tmp/units" "$tmp/units" "$tmp/units" &&
		SYSTEMD_UNIT_PATH=$tmp/units:/usr/lib/systemd/system systemd-analyze verify \
			--man=no multi-user.target 'evs-attach@data.service' 2>&1
}

generators=/usr/lib/systemd/system-generators
if [ -x $generators/systemd-fstab-generator ]; then
	is "$(boot /dev/sda2 | grep -E 'cycle|evs')" "" "systemd finds no fault with the units"
	like "$(boot /dev/evs/data)" 'cycle' "/var, where the KMS is, cannot be on such a disk"
else
	skip "systemd finds no fault with the units" "no systemd"
fi

ok "nothing is left behind" no_leftovers
unlike "$(kernel_complaints)" . "the kernel did not complain"
done_testing
