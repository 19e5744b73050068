# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# What the tests of root on an EVS disk share: a KMS on this machine, a Debian 12 that is a
# host of it, and a machine in QEMU that boots from that host's disk. Source it with the
# arguments of tests/vm/guest.sh set; prints TAP.
[ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP needs root, for chroot"; exit 0; }
. "${BASH_SOURCE[0]%/*}/../vm/guest.sh"
set +e

kernel=$("$top/tests/vm/kernel" qemu)
release=$(cat "$kernel/release") image=$kernel/vmlinuz
tree=$run/tree kms=$run/kms
built=$top/userspace/build
port=$((20000 + $$ % 20000))
export EVS_CONF=$kms/local.conf
count=0 failures=0
# Where the initial RAM disk is, and more disks of the machine
boot=$tree/boot
drives=()

# check NAME COMMAND...: exit status 0 passes; its output says why not
check()
{
	local name=$1

	shift
	count=$((count + 1))
	if "$@" >"$run/said" 2>&1; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		tail -n 40 "$run/said" | sed 's/^/# /'
		failures=$((failures + 1))
	fi
}

# must COMMAND...: what no test is about
must()
{
	"$@" >"$run/must" 2>&1 && return
	sed 's/^/# /' "$run/must"
	echo "Bail out! failed: $*"
	exit 1
}

# wait_for SECONDS COMMAND...
wait_for()
{
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return
		sleep 0.2
	done
}

# inside COMMAND...: in the Debian
inside()
{
	unshare --mount bash -c 'mount --bind /proc "$0/proc" && mount --rbind /dev "$0/dev" &&
		exec chroot "$0" "${@}"' "$tree" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"
}

# ---- the KMS, and what a host of it has ----

kmsd()
{
	"$built/evs-kmsd/evs-kmsd" --config "$kms/kmsd.conf" "$@"
}

setup()
{
	"$built/evs-setup/evs-setup" "$@"
}

# The address is that of this machine, as the guest sees it
start_kms()
{
	mkdir "$kms"
	must kmsd init --state-dir "$kms/state"
	must openssl req -x509 -newkey rsa:2048 -nodes -keyout "$kms/server.key" -days 30 \
		-out "$kms/server.pem" -subj /CN=kms -addext subjectAltName=IP:10.0.2.2
	chmod 600 "$kms/server.key"
	sed -i "s,^\[listen\],&\naddress = 127.0.0.1:$port\ncertificate = $kms/server.pem\nprivate-key = $kms/server.key," \
		"$kms/kmsd.conf"
	sed -i "s,^socket = .*,socket = $kms/sock," "$kms/kmsd.conf"
	must kmsd client add host7
	mkdir -p "$run/stage" "$run/out"
	"$built/evs-kmsd/evs-kmsd" --config "$kms/kmsd.conf" 2>"$kms/log" &
	kmsd_pid=$!
	# shellcheck disable=SC2064 # of now
	trap "kill $kmsd_pid 2>/dev/null; rm -rf '$run'" EXIT
	printf '[kms local]\nurl = unix:%s/sock\n' "$kms" >"$EVS_CONF"
	must wait_for 20 test -S "$kms/sock"
	must setup agency create
	must setup cmk create root
}

stop_kms()
{
	kill "$kmsd_pid"
	wait "$kmsd_pid"
}

# ---- the host ----

# make_tree PACKAGE...: a Debian with these of ours, and access to the KMS as evs-kmsd client add makes it
make_tree()
{
	local tar deb

	tar=$("$top/tests/deb/root") || exit 1
	mkdir -p "$tree/debs"
	must tar -C "$tree" --exclude='./dev/*' -xf "$tar"
	must cp -a "$kernel/lib/modules/$release" "$tree/usr/lib/modules/"
	must cp "$kernel/boot/config-$release" "$tree/boot/"
	for deb; do
		must cp "$top/build/deb/${deb}"_*.deb "$tree/debs/"
	done
	# Each image that is wanted is made by hand
	sed -i 's/^update_initramfs=.*/update_initramfs=no/' "$tree/etc/initramfs-tools/update-initramfs.conf"
	check "the packages are installed" inside sh -c 'dpkg -i /debs/*.deb'
	sed -i 's/^update_initramfs=.*/update_initramfs=yes/' "$tree/etc/initramfs-tools/update-initramfs.conf"
	must cp "$kms"/client-host7/{client.pem,kmsd.pem,evs.conf} "$tree/etc/evs/"
	sed -i "s,^url = .*,url = https://10.0.2.2:$port," "$tree/etc/evs/evs.conf"
	printf '\n[kms other]\nurl = https://other.example\nca-file = /none.pem\n' >>"$tree/etc/evs/evs.conf"
}

update_initramfs()
{
	inside update-initramfs -c -k "$release"
}

# ---- a machine that boots from the disk ----

# refused COUNT: so often the console has the sentence of the KMS
refused()
{
	[ "$(grep -acE '^(\[[^]]*\] [^ ]*: )?e.*CMK.* is disabled' "$console")" -ge "$1" ]
}

# boots_when_enabled: with the CMK disabled until the KMS has refused it twice
boots_when_enabled()
{
	: >"$console"
	rm -f "$run/refused"
	must setup cmk disable root
	{ wait_for 400 refused 2 && touch "$run/refused"; setup cmk enable root >"$run/enabled"; } &
	boots
}

# boots ARGUMENT...: a machine, with more arguments for the kernel, up to its end
boots()
{
	local said=$run/root-said

	arguments="root=UUID=$inner $*"
	cp "$boot/initrd.img-$release" "$run/initrd"
	guest_qemu -drive "file=$run/disk,format=raw,if=virtio,cache=unsafe" \
		"${drives[@]}" -netdev user,id=net -device virtio-net-pci,netdev=net >"$said"
	cat "$said" && tail -n 20 "$console" && grep -q '^end' "$said"
}

# said LINE: by the system on the disk
said()
{
	grep -qx "$1" "$run/root-said" || { cat "$run/root-said"; return 1; }
}
