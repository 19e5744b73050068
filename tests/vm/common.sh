# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# What the scripts of this folder share: where things are cached, how Debian
# packages are fetched without touching the machine's own package lists, and
# how a guest is staged and judged.

top=$(cd "$(dirname "$0")/../.." && pwd)
cache=${EVS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/evs}
me=$(basename "$0")

die()
{
	echo "$me: $*" >&2
	exit 1
}

say()
{
	echo "$me: $*" >&2
}

# An apt of our own: suites that the machine need not have, lists of its own.
apt_private()
{
	if [ ! -f "$cache/apt/apt.conf" ]; then
		mkdir -p "$cache/apt/lists/partial" "$cache/apt/cache/archives/partial"
		cat >"$cache/apt/sources.list" <<-EOF
		deb http://deb.debian.org/debian bookworm main
		deb http://deb.debian.org/debian-security bookworm-security main
		deb http://deb.debian.org/debian bookworm-backports main
		deb http://deb.debian.org/debian trixie-backports main
		EOF
		cat >"$cache/apt/apt.conf" <<-EOF
		Dir::Etc::sourcelist "$cache/apt/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::State::lists "$cache/apt/lists";
		Dir::Cache "$cache/apt/cache";
		APT::Sandbox::User "root";
		EOF
	fi
	APT_CONFIG=$cache/apt/apt.conf "$@"
}

# fetch_unpack DIR PACKAGE[/SUITE]...: download packages and unpack them into DIR
fetch_unpack()
{
	into=$1
	shift
	mkdir -p "$cache/debs"
	(cd "$cache/debs" && apt_private apt-get -q download "$@" >&2) ||
		die "cannot download $*"
	for pkg; do
		pkg=${pkg%/*}
		dpkg-deb -x "$cache/debs/${pkg}_"*.deb "$into" || die "cannot unpack $pkg"
		rm -f "$cache/debs/${pkg}_"*.deb
	done
}

# One builder at a time for each cached thing; a second one waits and finds it.
lock_cache()
{
	mkdir -p "$cache"
	exec 9>"$cache/$1.lock"
	flock 9
}
