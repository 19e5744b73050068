# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The common half of tests/vm/qemu and tests/vm/uml: options, what the guest
# finds in its file system, the time limit, the verdict.
#
# usage of both: tests/vm/qemu [-i] [-t SECONDS] [-m MEGABYTES] COMMAND [ARGUMENT...]
#
# -i, for QEMU alone: one CPU and a clock that counts its instructions, each a
# nanosecond, so that times repeat to the last digit.
#
# Runs COMMAND as root in a guest whose root is this machine's own file tree
# under a layer that is thrown away, with EVS installed from this checkout. Its
# output is the script's output, its exit status the script's. Exit status 124:
# the time limit passed; 125: the guest ended without a verdict. The console
# (kernel messages) is kept in build/log/.

. "$(dirname "$0")/common.sh"

limit=600
memory=2048
icount=
while getopts it:m: opt; do
	case $opt in
	i) icount=yes ;;
	t) limit=$OPTARG ;;
	m) memory=$OPTARG ;;
	*) die "usage: tests/vm/$me [-i] [-t SECONDS] [-m MEGABYTES] COMMAND [ARGUMENT...]" ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || die "usage: tests/vm/$me [-i] [-t SECONDS] [-m MEGABYTES] COMMAND [ARGUMENT...]"

mkdir -p "$cache/run" "$top/build/log"
run=$(mktemp -d "$cache/run/$me-XXXXXX")
trap 'rm -rf "$run"' EXIT
console=$top/build/log/$me-$(date +%H%M%S)-$$.log

# guest_stage RELEASE MODULES TTY: fill $run/stage (files over the machine's
# own) and $run/out (shared with the guest)
guest_stage()
{
	local modules=$run/stage/usr/lib/modules

	make -s -C "$top" "build/$me/evs.ko" userspace >"$run/build.log" 2>&1 &&
		make -s -C "$top/userspace" install DESTDIR="$run/stage" >>"$run/build.log" 2>&1 || {
		cat "$run/build.log" >&2
		die "build failed"
	}
	mkdir -p "$modules" "$run/out"
	# A tree of links: depmod rewrites its tables, not the modules
	cp -al "$2/$1" "$modules/" 2>/dev/null || cp -a "$2/$1" "$modules/"
	rm -f "$modules/$1"/modules.*.bin "$modules/$1"/modules.{alias,dep,symbols,devname,softdep}
	mkdir -p "$modules/$1/extra"
	cp "$top/build/$me"/evs*.ko "$modules/$1/extra/"
	depmod -b "$run/stage/usr" "$1" 2>/dev/null || die "depmod failed"
	cp "$top/tests/vm/init" "$run/out/init"
	cat >"$run/out/env" <<-EOF
	EVS_VM=$me
	EVS_DIR='$PWD'
	EVS_TTY=$3
	EVS_KO=/usr/lib/modules/$1/extra/evs.ko
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	HOME=/root
	LC_ALL=C.UTF-8
	export EVS_VM EVS_KO PATH HOME LC_ALL
	EOF
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
