# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The common half of tests/vm/qemu, tests/vm/uml and tests/vm/boot: options, what
# the guest finds in its file system, the emulator, the time limit, the verdict.
#
# usage of all: tests/vm/qemu [-i] [-c CPUS] [-t SECONDS] [-m MEGABYTES] [-k ARGUMENTS]
#               [-w PROGRAM] [-p PLUGIN] [-d DISK [-l LOG]] COMMAND [ARGUMENT...]
#
# -c: how many CPUs, 2 if it is not said; uml-debug has one.
# -k: more arguments for the kernel. -w: a program that runs beside the guest, with
# a folder as its argument: "out" in it is the guest's /run/vm, and "guest.pid" or
# "guest/pid" the process whose memory is the guest's.
# -d: the file DISK is a disk of the guest: /dev/vda (virtio-blk) in QEMU, /dev/ubda
# in User-Mode Linux. -l, for QEMU alone: what is written to it is kept in the file
# LOG, too, in the format of dm-log-writes.
# -p, for QEMU alone: a plugin of the emulator, "FILE,NAME=VALUE".
# -i, for QEMU alone: one CPU and a clock that counts its instructions, each a
# nanosecond, so that times repeat to the last digit.
#
# Runs COMMAND as root in a guest whose root is this machine's own file tree (for
# tests/vm/boot: a Debian of its own, see there) under a layer that is thrown
# away, with EVS installed from this checkout. Its
# output is the script's output, its exit status the script's. Exit status 124:
# the time limit passed; 125: the guest ended without a verdict. The console
# (kernel messages) is kept in build/log/.

. "${BASH_SOURCE[0]%/*}/common.sh"

usage()
{
	die "usage: tests/vm/$me [-i] [-c CPUS] [-t SECONDS] [-m MEGABYTES] [-k ARGUMENTS]" \
		"[-w PROGRAM] [-p PLUGIN] [-d DISK [-l LOG]] COMMAND [ARGUMENT...]"
}

limit=600
memory=2048
icount=
cpus=2
plugin=
watch=
arguments=
disk=
log=
keyboard=
while getopts ic:k:t:m:w:p:d:l: opt; do
	case $opt in
	d) disk=$OPTARG ;;
	l) log=$OPTARG ;;
	i) icount=yes ;;
	c) cpus=$OPTARG ;;
	p) plugin=$OPTARG ;;
	k) arguments=$OPTARG ;;
	w) watch=$OPTARG ;;
	t) limit=$OPTARG ;;
	m) memory=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || usage

mkdir -p "$cache/run" "$top/build/log"
run=$(mktemp -d "$cache/run/$me-XXXXXX")
trap 'rm -rf "$run"' EXIT
console=$top/build/log/$me-$(date +%H%M%S)-$$.log

# guest_make TARGET...: make in the checkout, silent unless it fails
guest_make()
{
	make -s -C "$top" "$@" >"$run/build.log" 2>&1 && return
	cat "$run/build.log" >&2
	die "build failed"
}

# guest_stage RELEASE MODULES TTY: fill $run/stage (files over the machine's
# own) and $run/out (shared with the guest)
guest_stage()
{
	local modules=$run/stage/usr/lib/modules

	guest_make "build/$me/evs.ko" userspace
	guest_make -C userspace stress
	guest_make -C userspace install DESTDIR="$run/stage"
	mkdir -p "$modules" "$run/out"
	# A tree of links: depmod rewrites its tables, not the modules
	cp -al "$2/$1" "$modules/" 2>/dev/null || cp -a "$2/$1" "$modules/"
	rm -f "$modules/$1"/modules.*.bin "$modules/$1"/modules.{alias,dep,symbols,devname,softdep}
	mkdir -p "$modules/$1/extra"
	cp "$top/build/$me"/evs*.ko "$modules/$1/extra/"
	depmod -b "$run/stage/usr" "$1" 2>/dev/null || die "depmod failed"
	cp "$top/tests/vm/init" "$run/out/init"
	guest_env "$PWD" "$3" "/usr/lib/modules/$1/extra/evs.ko"
}

# guest_env FOLDER TTY MODULE: what the guest has in its environment
guest_env()
{
	cat >"$run/out/env" <<-EOF
	EVS_VM=$me
	EVS_DIR='$1'
	EVS_TTY=$2
	EVS_KO=$3
	EVS_LONG=${EVS_LONG:-1}
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	HOME=/root
	LC_ALL=C.UTF-8
	export EVS_VM EVS_KO EVS_LONG PATH HOME LC_ALL
	${EVS_SEED:+export EVS_SEED='$EVS_SEED'}
	EOF
}

# guest_initrd INIT MODULE...: an initramfs in $run/initrd: busybox, INIT as its
# first process, those modules of $release below $modules and what they need
guest_initrd()
{
	local init=$1 module path

	shift
	mkdir -p "$run/ird/bin" "$run/ird/modules"
	: >"$run/ird/modules/order"
	cp "$(command -v busybox)" "$run/ird/bin/busybox"
	install -m 755 "$init" "$run/ird/init"
	for module; do
		modprobe -d "$modules" -S "$release" --show-depends "$module"
	done | sed -n 's/^insmod //p' | awk '!seen[$1]++ { print $1 }' | while read -r path; do
		xz -dc "$path" >"$run/ird/modules/$(basename "$path" .xz)"
		basename "$path" .xz >>"$run/ird/modules/order"
	done
	(cd "$run/ird" && find . | cpio -o -H newc --quiet | gzip -1) >"$run/initrd"
}

# guest_watch: start the program of -w, which ends with the guest
guest_watch()
{
	[ -n "$watch" ] || return 0
	"$watch" "$run" </dev/null >&2 &
	# shellcheck disable=SC2064 # of now
	trap "kill $! 2>/dev/null || :; rm -rf '$run'" EXIT
}

# guest_qemu ARGUMENT...: boot $image with that initramfs in QEMU 10, within the
# limit; the second serial line is stdout. What is written to the FIFO $keyboard is typed
# on the console.
guest_qemu()
{
	local emulator machine=(-accel "tcg,thread=multi" -smp "$cpus")
	local file="driver=file,filename=$disk" disks=() unsafe=cache.no-flush=on

	emulator=$("$top/tests/vm/kernel" emulator)
	[ -z "$icount" ] || machine=(-accel tcg -icount "shift=0,sleep=off" -smp 1)
	[ -z "$plugin" ] || machine+=(-plugin "file=$plugin")
	[ -z "$watch" ] || machine+=(-pidfile "$run/guest.pid" -machine "memory-backend=memory"
		-object "memory-backend-memfd,id=memory,size=${memory}M")
	# What a flush of the guest means is in the log: the host need not do it
	[ -z "$log" ] || file="driver=blklogwrites,file.driver=file,file.filename=$disk,file.$unsafe,log.driver=file,log.filename=$log,log.$unsafe"
	[ -z "$disk" ] || disks=(-blockdev "$file,node-name=disk" -device virtio-blk-pci,drive=disk)
	guest_watch
	timeout -k 5 "$limit" "$emulator/usr/bin/qemu-system-x86_64" "${machine[@]}" \
		-L "$emulator/usr/share/seabios" -L "$emulator/usr/share/qemu" \
		-m "$memory" -cpu max -kernel "$image" -initrd "$run/initrd" \
		-append "console=ttyS0 quiet mitigations=off panic=-1 no_timer_check log_buf_len=1M $arguments" \
		-virtfs "local,path=$run/stage,mount_tag=stage,security_model=none,readonly=on" \
		-virtfs "local,path=$run/out,mount_tag=out,security_model=none" \
		-nodefaults -no-user-config -display none -no-reboot -device virtio-rng-pci \
		-chardev "file,id=console,path=$console,append=on${keyboard:+,input-path=$keyboard}" -serial chardev:console \
		-serial stdio "${disks[@]}" "$@" </dev/null
}

# guest_verdict STATUS-OF-THE-EMULATOR: exit as the command in the guest did
guest_verdict()
{
	local status

	if [ -s "$run/out/status" ]; then
		read -r status <"$run/out/status"
		[ "$status" -eq 0 ] || say "exit status $status, console in $console"
		exit "$status"
	fi
	if [ "$1" -eq 124 ] || [ "$1" -eq 137 ]; then
		say "time limit of $limit s passed, console in $console"
		exit 124
	fi
	tail -n 30 "$console" >&2
	say "the guest ended without a verdict, console in $console"
	exit 125
}
