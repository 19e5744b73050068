#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The same checks of each storage engine (engine.c). In a guest: a thin pool of LVM, and
# a folder on XFS and on btrfs. With EVS_LONG of more than 1, what is left when the
# process is killed after any command of LVM (crash.c) as well.
set -u
here=$(cd "$(dirname "$0")" && pwd)
engine=$here/../../userspace/build/life/engine
tmp=$(mktemp -d /tmp/evs-life-XXXXXX)
export EVS_CONF=$tmp/evs.conf LIFE_FAULT=$tmp/fault
count=0 failed=0

[ -n "${EVS_VM-}" ] || { echo "Bail out! Not in a guest: run it by tests/vm/qemu"; exit 1; }
modprobe -q -a dm-thin-pool dm-snapshot ||
	{ echo "1..0 # SKIP the kernel has no thin pools"; exit 0; }

# part NAME COMMAND...: what it prints are comments, its exit status is one check
part()
{
	local name=$1 start=$SECONDS

	shift
	count=$((count + 1))
	if "$@" >"$tmp/out" 2>&1; then
		echo "ok $count - $name: $(grep -c '^ok' "$tmp/out") checks"
		echo "# $((SECONDS - start)) s"
	else
		failed=1
		echo "not ok $count - $name"
		sed 's/^/# /' "$tmp/out"
	fi
}

# A disk of a thin pool, and what is not ours beside it
thin_pool()
{
	local loop

	modprobe -a loop dm-thin-pool dm-snapshot &&
	truncate -s 1G "$tmp/pv" && loop=$(losetup -f --show "$tmp/pv") &&
	lvm vgcreate "${lvm[@]}" e-v "$loop" &&
	lvm lvcreate "${lvm[@]}" -L 768M --poolmetadatasize 4M -c 64k -Zy -T e-v/the-pool &&
	lvm lvcreate "${lvm[@]}" -V 16M -T e-v/the-pool -n foreign --addtag other &&
	lvm lvcreate "${lvm[@]}" -V 16M -T e-v/the-pool -n new.11111111-2222-3333-4444-555555555555 &&
	lvm lvcreate "${lvm[@]}" -L 4M -n outside --addtag evs.v=1 e-v
}

# folder KIND: of a new file system of this kind
folder()
{
	modprobe -q "$1"
	mkdir "$tmp/$1" && truncate -s 512M "$tmp/$1.img" && "mkfs.$1" -q "$tmp/$1.img" &&
	mount -o loop "$tmp/$1.img" "$tmp/$1"
}

left() { lvm lvs "${lvm[@]}" --noheadings -o lv_name,lv_tags e-v | sort; }

lvm=(-q --config "activation{udev_sync=0 udev_rules=0 monitoring=0}")
cat >"$EVS_CONF" <<-END
	[pool thin]
	engine = lvm
	vg = e-v
	thinpool = the-pool
	[pool xfs]
	engine = dir
	dir = $tmp/xfs
	[pool btrfs]
	engine = dir
	dir = $tmp/btrfs
END
mkdir "$LIFE_FAULT"
cp "$here/fault" "$LIFE_FAULT/"
for program in lvcreate lvremove lvrename lvchange lvs; do
	ln "$LIFE_FAULT/fault" "$LIFE_FAULT/$program"
done

part "make a thin pool" thin_pool
before=$(left)
part "lvm" "$engine" thin check
[ "${EVS_LONG:-1}" -eq 1 ] || part "lvm, killed" "$engine" thin crash-long
part "lvm: other LVs are as before" test "$(left)" = "$before"
lvm lvchange "${lvm[@]}" -an e-v/foreign e-v/new.11111111-2222-3333-4444-555555555555
part "lvm: a pool that does not zero" eval "lvm lvchange \"\${lvm[@]}\" -Zn e-v/the-pool &&
	! $engine thin check >$tmp/said; grep 'lvchange -Zy e-v/the-pool' $tmp/said"
for kind in xfs btrfs; do
	part "make $kind" folder $kind
	part "dir on $kind" "$engine" $kind check
done
lvm vgchange "${lvm[@]}" -an e-v >/dev/null
echo "1..$count"
rm -f "$tmp"/*.img "$tmp/pv"
exit $failed
