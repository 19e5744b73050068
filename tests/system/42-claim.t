#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Userspace alone: no kernel has a part in it.
# What is checked is what is written: the device is held from the first look to the
# last byte, however long the KMS takes, and whatever others do meanwhile.
. "$(dirname "$0")/tap.sh"

at_exit detach_all
start_kms
locks=/run/evs/lock
new_null evs_t0 32
new_null evs_t1 32
must mount -t tmpfs -o size=200M tmpfs "$tmp"
at_exit umount "$tmp"

# Is somebody waiting to open a file that has a lease?
lease_breaks()
{
	grep -q 'LEASE *BREAKING' /proc/locks
}

# asks COMMAND...: start it; return when it has claimed its device and asks the KMS
asks()
{
	must kill -STOP "$kms_pid"
	"$@" >"$tmp/asks.out" 2>"$tmp/asks.err" &
	asker=$!
	must wait_for eval '[ -n "$(ls '$locks')" ]'
	# It goes to the KMS within moments, and nothing here depends on when.
	sleep 0.3
}

# answered STATUS REGEX NAME: let the KMS answer; the command that asks ends so
answered()
{
	local got

	must kill -CONT "$kms_pid"
	wait "$asker"
	got=$?
	if [ $got -eq "$1" ] && has_line "$(<"$tmp/asks.err")" "$2"; then
		pass "$3"
		return
	fi
	fail "$3"
	diag "status $got, expected $1; stderr: $(<"$tmp/asks.err")"
}

sum()
{
	sha256sum <"$1"
}

# ---- a block device ----

asks evs-setup create --cmk test /dev/evs_t0
refused 1 'in use' "mkfs while create asks the KMS" mkfs.ext4 -q /dev/evs_t0
refused 5 'in use' "a second create meanwhile" evs-setup create --cmk test /dev/evs_t0
refused 5 'in use' "create --force meanwhile" evs-setup create --force --cmk test /dev/evs_t0
refused 5 'in use' "rewrap meanwhile" evs-setup rewrap /dev/evs_t0
refused 5 'in use' "attach meanwhile" evs-setup attach /dev/evs_t0
answered 0 '' "the first one succeeds"
is "$(cut -d ' ' -f 2 "$tmp/asks.out")" "$(cryptsetup luksUUID /dev/evs_t0)" "it is the disk that is there"

# Before the driver has claimed it, another evs-setup would write to it
asks evs-setup attach --name data /dev/evs_t0
refused 5 'in use' "create --force while attach asks" evs-setup create --force /dev/evs_t0
refused 5 'in use' "rewrap while attach asks" evs-setup rewrap /dev/evs_t0
answered 0 '' "attach succeeds"
must wait_for evs-setup detach data

# cryptsetup knows nothing of our lock
asks evs-setup attach --name data /dev/evs_t0
must cryptsetup luksUUID -q --uuid 6a0496ef-62a6-4963-960c-9a9d20739a38 /dev/evs_t0
must kill -CONT "$kms_pid"
wait $asker
nok "attach with a header that is another disk's by now" test $? -eq 0
ok "leaves nothing" no_leftovers

# A node that leads to another device by now
must mkfs.ext4 -q /dev/evs_t1
before=$(sum /dev/evs_t1) was=$(sum /dev/evs_t0)
must cp -a /dev/evs_t0 "$tmp/node"
asks evs-setup create --force --cmk test "$tmp/node"
must rm "$tmp/node"
must cp -a /dev/evs_t1 "$tmp/node"
answered 5 'nothing was written' "the node leads to another device: create"
is "$(sum /dev/evs_t1)" "$before" "that device is as it was"
is "$(sum /dev/evs_t0)" "$was" "so is the one that was given"

# ---- a file ----

file=$(new_file file 20M)
asks evs-setup create --cmk test "$file"
mkfs.ext4 -q "$file" >"$tmp/mkfs" 2>&1 &
mkfs=$!
must wait_for lease_breaks
# Its lease goes for a moment, so that it notices: mkfs may have done all by then.
answered 5 'in use.*nothing was written|holds something already' \
	"mkfs waits to open the file: create"
wait $mkfs
is $? 0 "mkfs succeeds"
ok "the file system is whole" e2fsck -fn "$file"

file=$(new_file file 20M)
asks evs-setup create --cmk test "$file"
refused 5 'in use' "a second create of the file" evs-setup create --cmk test "$file"
refused 5 'in use' "attach of the file" evs-setup attach "$file"
answered 0 '' "who only tries is no obstacle to create"

# Both at once, however they meet
file=$(new_file file 20M)
evs-setup create --cmk test "$file" >"$tmp/one" 2>/dev/null &
one=$!
evs-setup create --cmk test "$file" >"$tmp/two" 2>/dev/null &
two=$!
wait $one
first=$?
wait $two
is "$(printf '%s\n' $first $? | sort | xargs)" "0 5" "two creates at once: one succeeds, one is refused"
is "$(cat "$tmp/one" "$tmp/two" | cut -d ' ' -f 2)" "$(cryptsetup luksUUID "$file")" \
	"what it prints is what is there"

other=$(new_file other 20M)
must mkfs.ext4 -q "$other"
before=$(sum "$other")
file=$(new_file file 20M)
must ln -sf "$file" "$tmp/link"
asks evs-setup create --force --cmk test "$tmp/link"
must ln -sfn "$other" "$tmp/link"
answered 5 'nothing was written' "a symbolic link that leads to another file: create"
is "$(sum "$other")" "$before" "that file is as it was"
asks evs-setup create --cmk test "$file"
must mv "$other" "$file"
answered 5 'nothing was written' "another file in its place: create"
is "$(sum "$file")" "$before" "that file is as it was"

# ---- a file that another program has open ----

file=$(new_file file 20M)
must evs-setup create --cmk test "$file"
must evs-setup header backup "$file" "$tmp/backup"
before=$(sum "$file")
exec 8<"$file"
refused 5 'in use' "open elsewhere: create" evs-setup create --force "$file"
refused 5 'in use' "open elsewhere: header restore" evs-setup header restore --force "$file" "$tmp/backup"
refused 5 'in use' "open elsewhere: rewrap" evs-setup rewrap "$file"
refused 5 $'in use\n--read-only' "open elsewhere: attach" evs-setup attach "$file"
ok "open elsewhere: attach --read-only" evs-setup attach --read-only --name data "$file"
must wait_for evs-setup detach data
exec 8<&-
is "$(sum "$file")" "$before" "nothing changed"

# ---- attached ----

must wait_for evs-setup attach --name data "$file"
ok "an attached file can be opened by others" timeout 10 dd if="$file" of=/dev/null bs=4k count=1
refused 5 'in use' "attached: create" evs-setup create --force "$file"
refused 5 'in use' "attached: header restore" evs-setup header restore "$file" "$tmp/backup"
asks evs-setup rewrap "$file"
refused 5 'in use' "a second rewrap of the disk, attached" evs-setup rewrap "$file"
refused 5 'in use' "the same by its loop device" evs-setup rewrap "$(losetup -nO NAME -j "$file")"
answered 0 '' "the first one succeeds"
must evs-setup create --force --cmk test /dev/evs_t0
asks evs-setup rewrap "$file"
evs-setup rewrap /dev/evs_t0 >/dev/null 2>"$tmp/err" &
second=$!
answered 0 '' "two disks can be rewrapped at once"
wait $second
is $? 0 "the other one as well"
must wait_for evs-setup detach data

# ---- beside cryptsetup, which locks a header for each access ----

luks_lock=/run/cryptsetup/L_$(mountpoint -x /dev/evs_t0)

# waits_for_lock COMMAND...: start it beside a cryptsetup that holds the lock of
# /dev/evs_t0; return when it waits for that
waits_for_lock()
{
	must mkdir -p -m 700 /run/cryptsetup
	exec 8>"$luks_lock"
	must flock 8
	"$@" >"$tmp/asks.out" 2>"$tmp/asks.err" 8>&- &
	asker=$!
	must wait_for grep -qE -- "-> FLOCK .* $asker " /proc/locks
}

before=$(sum /dev/evs_t0)
waits_for_lock evs-setup rewrap /dev/evs_t0
is "$(sum /dev/evs_t0)" "$before" "rewrap waits while cryptsetup has the header"
exec 8>&-
wait $asker
is $? 0 "then it succeeds"
nok "and removes the lock" test -e "$luks_lock"

waits_for_lock evs-setup rewrap /dev/evs_t0
must cryptsetup --disable-locks config --label changed /dev/evs_t0
exec 8>&-
wait $asker
is $? 5 "rewrap of a header that cryptsetup has changed meanwhile is refused"
like "$(<"$tmp/asks.err")" 'changed the header meanwhile' "with the reason"
is "$(blkid -p -o value -s LABEL /dev/evs_t0)" changed "what cryptsetup wrote stays"
ok "a rewrap after that succeeds" evs-setup rewrap /dev/evs_t0

# ---- a file system without leases ----

must sysctl -qw fs.leases-enable=0
at_exit sysctl -qw fs.leases-enable=1
file=$(new_file file 20M)
asks evs-setup create --cmk test "$file"
refused 5 'in use' "without leases: a second create" evs-setup create --cmk test "$file"
must mkfs.ext4 -q "$file"
before=$(sum "$file")
answered 5 'holds something already' "without leases: a file system made meanwhile: create"
is "$(sum "$file")" "$before" "it is as it was"
asks evs-setup create --force --cmk test "$file"
must mkfs.ext4 -qF "$file"
before=$(sum "$file")
answered 5 'nothing was written' "without leases: another one by --force: create"
is "$(sum "$file")" "$before" "it is as it was"
must losetup -f "$file"
loop=$(losetup -nO NAME -j "$file")
refused 5 "in use by $loop" "without leases: under a loop device: create" evs-setup create --force "$file"
must losetup -d "$loop"
ok "without leases: create" evs-setup create --force --cmk test "$file"
must sysctl -qw fs.leases-enable=1

# ---- killed ----

asks evs-setup create --force --cmk test "$file"
must kill -KILL $asker
wait $asker 2>/dev/null
must kill -CONT "$kms_pid"
ok "after one that was killed: create" evs-setup create --force --cmk test "$file"
is "$(stat -c '%a %U' $locks)" "700 root" "the folder of locks is root's alone"
is "$(ls $locks)" "" "no lock is left"
ok "nothing is left behind" no_leftovers
done_testing
