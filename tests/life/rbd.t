#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The checks of engine.c and crash.c with a real Ceph: on this machine, not in a guest,
# as it takes no device. EVS_LONG of more than 1: more crashes, and a list of 1000.
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
[ "${EVS_LONG:-1}" -gt 1 ] && crash=crash-long || crash=crash
part "rbd, killed" "$engine" ceph "$crash"
part "images of others are as before" \
	test "$(rbd -c "$tmp/ceph.conf" ls p | paste -sd ' ')" = "Foreign.image foreign"
sed -i 's/pool = p/pool = none/' "$EVS_CONF"
part "a pool that is not there" \
	eval "! $engine ceph check >$tmp/said && grep 'Ceph: the pool none: No such file' $tmp/said"
echo "1..$count"
exit $failed
