#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Also under KASAN and lockdep.
# Where the DK must not be seen.
. "$(dirname "$0")/tap.sh"

at_exit detach_all
must evs-setup list # The events come with the module
start_kms
new_null evs_t0 32

must evs-setup create --cmk test /dev/evs_t0
must dk_of /dev/evs_t0 "$tmp/dk"
hex=$(xxd -p -c 0 "$tmp/dk")
uuid=$(cryptsetup luksUUID /dev/evs_t0)
# Any quarter of it is too much
grep -oE '.{32}' <<<"$hex" >"$tmp/parts"

# seen_in FILE...: a quarter of the DK in hexadecimal, or 16 bytes of it as they are
seen_in()
{
	cat "$@" 2>/dev/null | grep -qiaFf "$tmp/parts" && return 0
	perl -e 'local $/; open my $k, "<", shift; binmode $k; my $dk = <$k>;
		for my $f (@ARGV) {
			open my $h, "<", $f or next; binmode $h; my $t = <$h> // "";
			for (0 .. 3) { exit 0 if index($t, substr($dk, $_ * 16, 16)) >= 0 }
		} exit 1' "$tmp/dk" "$@"
}

# The search itself works
ok "the search finds the DK where it is" seen_in "$tmp/dk"
echo "$hex" >"$tmp/hex"
ok "in hexadecimal as well" seen_in "$tmp/hex"

# All events of the driver, of keys' calls and of starting programs; where there are
# none, none can tell
tracing=/sys/kernel/tracing
mountpoint -q $tracing || mount -t tracefs tracefs $tracing 2>/dev/null
if [ -d $tracing/events/evs ]; then
	for event in evs syscalls/sys_enter_keyctl syscalls/sys_enter_add_key sched/sched_process_exec; do
		# Those of system calls are not in every kernel that has the others
		[ ! -e $tracing/events/$event ] || must eval "echo 1 >$tracing/events/$event/enable"
	done
	at_exit eval "echo 0 >$tracing/events/enable"
fi

# Records of programs that are started and of keys' calls, as for an audit daemon.
# They come in order: when that of a last command is there, so are all before it.
"$(dirname "$0")/audit" >"$tmp/audit" &
audit=$!
at_exit kill $audit
must wait_for test -s "$tmp/audit"

# audited NAME: the records have a command with this argument
audited()
{
	env true "$1"
	wait_for grep -qa "^type=1309 .*\"$1\"" "$tmp/audit"
}

# Every command line there is, from before the attach until after it
perl -e 'while (!-e $ARGV[0]) { for (glob "/proc/[0-9]*/cmdline /proc/[0-9]*/environ") {
		open my $h, "<", $_ or next; local $/; print <$h> // "" } }' "$tmp/stop" >"$tmp/cmdlines" &
watch=$!
wait_for test -s "$tmp/cmdlines"
evs-setup attach --name data /dev/evs_t0 >"$tmp/out" 2>"$tmp/err"
evs=$(cat "$tmp/out")
evs-setup list --json >"$tmp/json"
touch "$tmp/stop"
wait $watch
ok "a disk is attached" test -b "$evs"
ok "evs-setup was seen at work" grep -qa evs-setup "$tmp/cmdlines"
ok "the helper was seen at work" grep -qa evs-request-key "$tmp/cmdlines"
nok "the DK is in no command line or environment" seen_in "$tmp/cmdlines"
nok "nor in what evs-setup wrote" seen_in "$tmp/out" "$tmp/err" "$tmp/json"
if [ -d $tracing/events/evs ]; then
	cat $tracing/trace >"$tmp/trace"
	ok "the events of the driver are in the trace" grep -q ' evs_' "$tmp/trace"
	ok "and the helper" grep -q evs-request-key "$tmp/trace"
	nok "the DK is not" seen_in "$tmp/trace"
else
	skip "trace" "this kernel has no trace events"
fi
if [ "$(head -c 8 "$tmp/audit")" = "not here" ]; then
	skip "audit" "this kernel has no audit"
else
	ok "the audit has records up to now" audited end-of-records
	ok "the start of the helper is in them" grep -qaE '^type=1309 .*evs-request-key' "$tmp/audit"
	ok "and its calls with keys" grep -qaE '^type=1300 .*syscall=250 .*comm="evs-request-key' "$tmp/audit"
	nok "the DK is not" seen_in "$tmp/audit"
	must eval "kill $audit; wait $audit"
fi
dmesg >"$tmp/dmesg"
nok "nor in the kernel's log" seen_in "$tmp/dmesg"
cat /proc/keys /proc/key-users >"$tmp/keys"
ok "the key is in /proc/keys" grep -qE " evs +evs:$uuid" "$tmp/keys"
nok "the DK is not" seen_in "$tmp/keys"
nok "nor in the log of the KMS" seen_in "$kms_log"
find "$kms_state" /etc/evs /run/evs -type f >"$tmp/files"
mapfile -t files <"$tmp/files"
nok "nor in any file of the KMS" seen_in "${files[@]}"
cat /dev/evs_t0 >"$tmp/backing"
nok "nor on the backing device" seen_in "$tmp/backing"

serial=$(awk -v d="evs:$uuid" '$0 ~ d { print "0x" $1 }' /proc/keys)
nok "keyctl read of the disk's key is refused" keyctl read "$serial"
nok "keyctl print of the disk's key is refused" keyctl print "$serial"
nok "keyctl pipe of the disk's key is refused" keyctl pipe "$serial"

# The daemon, which knows the keys, is closed to other processes
core=$(awk '/Max core file size/ { print $5 }' "/proc/$kms_pid/limits")
is "$core" 0 "evs-kmsd leaves no core file"

must evs-setup detach data
ok "detach takes the key away" wait_for not grep -q "evs:$uuid" /proc/keys

# The DK of a new disk is another one
must evs-setup create --force --cmk test /dev/evs_t0
must dk_of /dev/evs_t0 "$tmp/dk2"
nok "the next disk has another DK" cmp -s "$tmp/dk" "$tmp/dk2"
nok "whose halves differ" cmp -s <(head -c 32 "$tmp/dk2") <(tail -c 32 "$tmp/dk2")
ok "nothing is left behind" no_leftovers
done_testing
