#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Userspace alone: no kernel has a part in it.
# What only reads a disk writes nothing to it, whatever is wrong with it: neither
# repairs a damaged copy of the header, nor does what is refused. And what cannot be
# read is not taken for a disk that is none.
. "$(dirname "$0")/tap.sh"

export EVSTAB=$tmp/evstab
at_exit detach_all
start_kms
new_null evs_t0 20
file=$(new_file file 20M)
must evs-setup create --cmk test "$file"
must evs-setup header backup "$file" "$tmp/sound"
uuid=$(cryptsetup luksUUID "$file")
must cp "$file" "$tmp/good"
must evs-setup create --cmk test "$(new_file other 20M)"

# damage TARGET first|second: spoil this copy of the header
damage()
{
	local at=1

	[ "$2" = first ] || at=5
	must dd if=/dev/urandom of="$1" bs=4096 seek=$at count=1 conv=notrunc,fsync status=none
}

# keeps STATUS NAME COMMAND...: it ends so, and the header is as it was
keeps()
{
	local status=$1 name=$2 got

	shift 2
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	got=$?
	if [ $got -eq "$status" ] && cmp -s -n 64K "$target" "$tmp/was"; then
		pass "$name"
		return
	fi
	fail "$name"
	diag "status $got, expected $status; stderr: $(<"$tmp/err")"
	cmp -n 64K "$target" "$tmp/was"
}

warns()
{
	like "$(<"$tmp/err")" "warning: the $copy copy of the header is damaged" "and says so"
}

must evs-setup header backup "$tmp/other" "$tmp/other.backup"
for copy in first second; do
	must dd if="$tmp/good" of=/dev/evs_t0 bs=1M conv=fsync status=none
	must cp "$tmp/good" "$file"
	for target in /dev/evs_t0 "$file"; do
		damage "$target" $copy
		must cp "$target" "$tmp/was"
		what="$copy copy damaged, ${target##*/}"
		rm -f "$tmp/backup"
		keeps 0 "$what: probe" evs-setup probe "$target"
		warns
		keeps 0 "$what: probe --export" evs-setup probe --export "$target"
		keeps 0 "$what: header dump" evs-setup header dump "$target"
		warns
		keeps 0 "$what: header backup" evs-setup header backup "$target" "$tmp/backup"
		warns
		evs-setup header dump "$tmp/backup" >/dev/null 2>"$tmp/err"
		is "$(<"$tmp/err")" "" "$what: both copies in the backup are sound"
		keeps 0 "$what: evs-request-key -D" /usr/libexec/evs/evs-request-key -D "$uuid" "$target"
		keeps 5 "$what: create, refused" evs-setup create "$target"
		keeps 2 "$what: rewrap, refused" evs-setup rewrap --cmk no-such-cmk "$target"
		must evs-setup cmk disable test
		keeps 2 "$what: attach, refused" evs-setup attach "$target"
		must evs-setup cmk enable test
		keeps 0 "$what: attach --read-only" evs-setup attach --read-only --name data "$target"
		warns
		keeps 0 "$what: status" evs-setup status data
		keeps 5 "$what: cmk schedule-deletion, refused" \
			evs-setup cmk schedule-deletion --days 7 test
		keeps 0 "$what: suspend" evs-setup suspend data
		keeps 0 "$what: resume" evs-setup resume data
		keeps 0 "$what: resize" evs-setup resize data
		must wait_for evs-setup detach data
		keeps 5 "$what: header restore, refused" \
			evs-setup header restore "$target" "$tmp/other.backup"
		keeps 5 "$what: header restore of it, refused" \
			evs-setup header restore "$tmp/other" "$target"
		ok "$what: nor has another byte of it changed" cmp "$target" "$tmp/was"
	done

	must cp "$tmp/other" "$tmp/two"
	damage "$tmp/two" $copy
	printf 'one /dev/evs_t0 read-only\ntwo %s\n' "$tmp/two" >"$EVSTAB"
	must cp /dev/evs_t0 "$tmp/was"
	evs-setup attach --all >/dev/null 2>"$tmp/err"
	is $? 0 "$copy copy damaged: attach --all"
	must wait_for evs-setup detach --all
	ok "$copy copy damaged: it writes nothing to the one read-only" cmp /dev/evs_t0 "$tmp/was"
	like "$(<"$tmp/err")" "note: the $copy copy.*repaired" "$copy copy damaged: it repairs the other one"
	evs-setup probe "$tmp/two" >/dev/null 2>"$tmp/err"
	is "$(<"$tmp/err")" "" "$copy copy damaged: which is sound from then on"
	must cp "$tmp/sound" "$tmp/damaged"
	damage "$tmp/damaged" $copy
	must evs-setup header restore /dev/evs_t0 "$tmp/damaged"
	evs-setup probe /dev/evs_t0 >/dev/null 2>"$tmp/err"
	is "$(<"$tmp/err")" "" "$copy copy damaged: header restore of such a backup: sound as well"
done

# ---- a device with sectors that cannot be read ----

must dd if="$tmp/good" of=/dev/evs_t0 bs=1M conv=fsync status=none

# bad FIRST COUNT: these sectors of the device cannot be read or written
bad()
{
	local end=$(($1 + $2))

	{
		[ "$1" -eq 0 ] || echo "0 $1 linear /dev/evs_t0 0"
		echo "$1 $2 error"
		echo "$end $((40960 - end)) linear /dev/evs_t0 $end"
	} | dmsetup "${3-load}" evs_bad && dmsetup resume evs_bad && blockdev --flushbufs $bad
}
bad=/dev/mapper/evs_bad
echo "0 40960 linear /dev/evs_t0 0" | must dmsetup create evs_bad
at_exit dmsetup remove --retry evs_bad
must dmsetup mknodes evs_bad

# io_error NAME: whatever reads the header says that it cannot be read
io_error()
{
	local verb

	for verb in attach probe "header dump" rewrap create; do
		# shellcheck disable=SC2086
		refused 7 'evs_bad: cannot be read: Input/output error' "$1: $verb" evs-setup $verb $bad
	done
	rm -f "$tmp/backup"
	refused 7 'evs_bad: cannot be read: Input/output error' "$1: header backup" \
		evs-setup header backup $bad "$tmp/backup"
	refused 7 'evs_bad: cannot be read: Input/output error' "$1: header restore" \
		evs-setup header restore $bad "$tmp/sound"
	refused 2 'evs_bad: cannot be read: Input/output error' "$1: evs-request-key -D" \
		/usr/libexec/evs/evs-request-key -D "$uuid" $bad
}
must bad 0 64
io_error "neither copy can be read"

for copy in first second; do
	[ $copy = first ] && from=0 || from=32
	must bad $from 32
	ok "the $copy copy cannot be read: probe" evs-setup probe $bad
	evs-setup probe $bad >/dev/null 2>"$tmp/err"
	like "$(<"$tmp/err")" "the $copy copy of the header cannot be read: Input/output error" "and says so"
	evs=$(evs-setup attach $bad 2>"$tmp/err")
	ok "the $copy copy cannot be read: attach" test -b "$evs"
	must wait_for evs-setup detach "$evs"
	refused 7 'cannot write the header: Input/output error' "the $copy copy cannot be written: rewrap" \
		evs-setup rewrap $bad
	refused 7 'cannot be read: Input/output error' "the $copy copy cannot be read: create" \
		evs-setup create $bad
done

# The one that can be read has no magic any more: it may be in the other one
must bad 0 64
must bad 32 32
must dd if=/dev/zero of=/dev/evs_t0 bs=16k count=1 conv=fsync,notrunc status=none
must bad 32 32
io_error "nothing in the first copy, the second cannot be read"
must bad 8192 8
must dd if=/dev/zero of=/dev/evs_t0 bs=1M count=20 conv=fsync,notrunc status=none
refused 7 'Input/output error' "a copy may be further behind as well: probe" evs-setup probe $bad
must bad 40000 8
refused 4 'not an EVS disk: no LUKS2 header' "a bad sector among the data of no disk: probe" \
	evs-setup probe $bad
must dmsetup remove --retry evs_bad
refused 4 'not an EVS disk: no LUKS2 header' "nothing there, all can be read: probe" \
	evs-setup probe /dev/evs_t0
must truncate -s 100 "$file"
refused 4 'damaged header' "a file that ends within the header: probe" evs-setup probe "$file"
must truncate -s 0 "$file"
refused 4 'not an EVS disk: no LUKS2 header' "an empty file: probe" evs-setup probe "$file"

ok "nothing is left behind" no_leftovers
done_testing
