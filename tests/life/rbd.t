#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The checks of engine.c and crash.c with a real Ceph: on this machine, not in a guest,
# as it takes no device; and the verbs on plain disks, which take none either, until they
# attach one. EVS_LONG of more than 1: more crashes.
set -u
here=$(cd "$(dirname "$0")" && pwd)
engine=$here/../../userspace/build/life/engine
tmp=$(mktemp -d /tmp/evs-rbd-XXXXXX)
export EVS_CONF=$tmp/evs.conf LIFE_FAULT=$tmp/fault LIFE_IO=$tmp/io
count=0 failed=0

skip() { echo "1..0 # SKIP $*"; exit 0; }

[ -z "${EVS_VM-}" ] || skip "on the machine itself, not in a guest"
[ "$(id -u)" -eq 0 ] || skip "the locks of pools are root's"
for program in ceph-mon ceph-osd rbd; do
	command -v $program >/dev/null || skip "no $program; tests/vm/setup installs it"
done

finish()
{
	"$here/ceph" stop "$tmp"
	rm -rf "$tmp"
}
trap finish EXIT

# part NAME COMMAND...: what it prints are comments, its exit status is one check
part()
{
	local name=$1 start=$SECONDS

	shift
	count=$((count + 1))
	if "$@" >"$tmp/out" 2>&1; then
		echo "ok $count - $name"
		echo "# $(grep -c '^ok' "$tmp/out") checks, $((SECONDS - start)) s"
	else
		failed=1
		echo "not ok $count - $name"
		sed 's/^/# /' "$tmp/out"
	fi
}

# Images that are not ours
foreign()
{
	rbd -c "$tmp/ceph.conf" create --size 1M p/foreign &&
	rbd -c "$tmp/ceph.conf" create --size 1M p/Foreign.image
}

setup() { "$here/../../userspace/build/evs-setup/evs-setup" "$@"; }

# field OBJECT NAME: of the list of the pool
field()
{
	setup list --json ceph | jq -r ".objects[] | select(.name == \"$1\").$2"
}

says() { grep -qF -- "$1" || { echo "does not say: $1"; return 1; }; }

# finish: complete the rollback that was killed, as it says itself
finish_rollback()
{
	local command

	command=$(setup resize ceph/d --size 64M 2>&1 | sed -n 's/.* finish it with: evs-setup //p')
	[ "$command" = "snapshot rollback ceph/d@s" ] || return
	! setup snapshot delete --yes ceph/d@s 2>"$tmp/said" || return
	says "finish it with: evs-setup $command" <"$tmp/said" || return
	setup $command --yes
}

# rollback_at N: kill it after command N. Old or new, and known to be in between.
rollback_at()
{
	local status state letter=a

	"$LIFE_IO" write d 0 4096 b || return
	echo "$1" >"$LIFE_FAULT/at"
	(PATH=$LIFE_FAULT:$PATH setup snapshot rollback --yes ceph/d@s) 2>&1
	status=$?
	state=$(field ceph/d state)
	echo "ok: command $1: exit status $status, $state"
	if [ "$state" = rollback ]; then
		finish_rollback || return
	elif "$LIFE_IO" read d 0 4096 b; then
		letter=b
	fi
	"$LIFE_IO" read d 0 4096 $letter && [ "$(field ceph/d size)" = $((48 << 20)) ] || return
	rbd -c "$tmp/ceph.conf" info p/d | says "size 48 MiB" || return
	[ $status -ne 0 ] || whole=yes
}

rollback()
{
	local at=$first whole=

	setup create ceph/d --size 32M --plain && "$LIFE_IO" write d 0 4096 a &&
	setup snapshot create ceph/d@s && setup resize ceph/d --size 48M || return
	until [ -n "$whole" ]; do
		rollback_at $at || return
		at=$((at + step))
	done
	[ $at -gt 8 ] && [ "$(setup snapshot list --json ceph/d | jq -r '.objects[].name')" = ceph/d@s ]
}

# A snapshot of the user's that has the name is not taken for one of a rollback
rollback_name()
{
	setup snapshot create ceph/d@before-rollback || return
	! setup snapshot rollback --yes ceph/d@s 2>"$tmp/said" || return
	says "a rollback makes a snapshot of this name" <"$tmp/said" &&
	[ "$(field ceph/d state)" = ok ] && setup delete --yes --with-snapshots ceph/d
}

# Disk, snapshot, image and disk from it, all plain: what each holds, what deleting needs
verbs()
{
	setup create ceph/o --size 32M --plain && "$LIFE_IO" write o 4194304 4096 a &&
	setup snapshot create ceph/o@one && "$LIFE_IO" write o 4194304 4096 b &&
	setup snapshot create ceph/o@two && "$LIFE_IO" write o 4194304 4096 c || return
	setup image create ceph/image:i --from ceph/o@one &&
	setup create ceph/c --from-image ceph/image:i --size 48M &&
	setup create ceph/f --from-snapshot ceph/o@two --flatten || return
	"$LIFE_IO" read o 4194304 4096 c && "$LIFE_IO" read o@one 4194304 4096 a &&
	"$LIFE_IO" read image.i 4194304 4096 a && "$LIFE_IO" read c 4194304 4096 a &&
	"$LIFE_IO" read f 4194304 4096 b || return
	[ "$(field ceph/c size) $(field ceph/c from)" = "$((48 << 20)) ceph/image:i" ] &&
	[ "$(field ceph/f uuid)" != "$(field ceph/o uuid)" ] &&
	[ "$(setup list --verify --json ceph | jq -r '.objects[].state' | sort -u)" = ok ] &&
	[ "$(setup image list --json ceph | jq -r '.objects[].name')" = ceph/image:i ] || return
	[ "$(setup snapshot diff --json ceph/o@one ceph/o@two | jq '[.. | .offset? // empty][0]')" = 4194304 ] ||
		return
	! setup resize ceph/c --size 32M 2>"$tmp/said" && says "cannot shrink" <"$tmp/said" || return
	setup resize ceph/c --size 64M && [ "$(field ceph/c size)" = $((64 << 20)) ] || return
	! setup delete --yes ceph/o 2>"$tmp/said" && says "--with-snapshots" <"$tmp/said"
}

# What has clones goes with the last of them, or once that is flattened.
verbs_delete()
{
	local before

	before=$(rbd -c "$tmp/ceph.conf" ls -l p)
	! setup delete --yes --with-snapshots ceph/o 2>"$tmp/said" || return
	cat "$tmp/said"
	[ "$(rbd -c "$tmp/ceph.conf" ls -l p)" = "$before" ] || return
	setup delete --yes ceph/c && setup image delete --yes ceph/image:i &&
	setup delete --yes --with-snapshots ceph/o && setup delete --yes ceph/f || return
	[ "$(setup list --json ceph | jq '.objects | length')" = 0 ]
}

# One that another client has open is not attached here as well. The driver would be
# next; this machine need not have it.
in_use()
{
	local pid

	setup create ceph/used --size 8M --plain || return
	"$here/rbd-io" "$tmp/ceph.conf" hold used 0 0 x >"$tmp/held" &
	pid=$!
	timeout 60 sh -c "until grep -q held $tmp/held; do sleep 0.1; done"
	! setup attach ceph/used 2>"$tmp/said"
	kill $pid
	wait $pid
	says "is in use by the client" <"$tmp/said" && setup delete --yes ceph/used
}

cat >"$EVS_CONF" <<-END
	[pool ceph]
	engine = rbd
	pool = p
	conf = $tmp/ceph.conf
END
mkdir "$LIFE_FAULT"
cp "$here/fault" "$LIFE_FAULT/rbd"
printf '#!/bin/sh\nexec %s %s "$@"\n' "$here/rbd-io" "$tmp/ceph.conf" >"$LIFE_IO"
chmod +x "$LIFE_IO"

part "start Ceph" "$here/ceph" start "$tmp"
part "images of others" foreign
part "rbd" "$engine" ceph check
[ "${EVS_LONG:-1}" -gt 1 ] && first=1 step=1 form=crash-long || first=3 step=4 form=crash
part "rbd, killed" "$engine" ceph $form
part "snapshot rollback, killed" rollback
part "snapshot rollback, a name that is taken" rollback_name
part "snapshots, images, clones" verbs
part "delete what has clones" verbs_delete
part "attach, in use elsewhere" in_use
part "images of others are as before" \
	test "$(rbd -c "$tmp/ceph.conf" ls p | paste -sd ' ')" = "Foreign.image foreign"
sed -i 's/pool = p/pool = none/' "$EVS_CONF"
part "a pool that is not there" \
	eval "! $engine ceph check >$tmp/said && grep 'Ceph: the pool none: No such file' $tmp/said"
echo "1..$count"
exit $failed
