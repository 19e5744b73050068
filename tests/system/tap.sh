# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the system tests share. Source it first:
#
#   . "$(dirname "$0")/tap.sh"
#
# A test runs as root in a guest (tests/vm), in a session keyring of its own,
# so that keys it makes go with it. It checks with ok, nok, is, like, refused;
# says how to undo what it makes with at_exit; ends with done_testing. A script
# that stops early has no plan, which prove counts as a failure.
set -u
. "${BASH_SOURCE[0]%/*}/../vm/reports.sh"

[ -n "${EVS_VM-}" ] || {
	echo "Bail out! Not in a guest: run it by tests/vm/uml or tests/vm/qemu"
	exit 1
}
if [ -z "${EVS_TEST_SESSION-}" ]; then
	export EVS_TEST_SESSION=1
	# keyctl announces the session on stderr: that alone goes to /dev/null
	# shellcheck disable=SC2016
	exec keyctl session - bash -c 'exec bash "$0" "$@" 2>&3 3>&-' "$0" "$@" 3>&2 2>/dev/null
fi

tap_count=0
tap_failed=0
tap_undo=()
tmp=$(mktemp -d /tmp/evs-test-XXXXXX)

# ---- results ----

# diag TEXT...: tell the reader something; every line becomes a comment
diag()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

# pass NAME / fail NAME
pass()
{
	tap_count=$((tap_count + 1))
	printf 'ok %d - %s\n' $tap_count "$1"
}

fail()
{
	tap_count=$((tap_count + 1))
	tap_failed=$((tap_failed + 1))
	printf 'not ok %d - %s\n' $tap_count "$1"
	diag "at ${BASH_SOURCE[2]##*/} line ${BASH_LINENO[1]}"
}

# ok NAME COMMAND...: the command succeeds
ok()
{
	local name=$1 out status

	shift
	out=$("$@" 2>&1)
	status=$?
	if [ $status -eq 0 ]; then
		pass "$name"
		return 0
	fi
	fail "$name"
	diag "command: $*"
	diag "status: $status"
	diag "output: $out"
	return 1
}

# nok NAME COMMAND...: the command says no, without dying of it
nok()
{
	local name=$1 out status

	shift
	out=$("$@" 2>&1)
	status=$?
	if [ $status -ge 1 ] && [ $status -lt 126 ]; then
		pass "$name"
		return 0
	fi
	fail "$name"
	diag "command: $*"
	diag "status: $status, expected 1 to 125"
	diag "output: $out"
	return 1
}

# is GOT WANTED NAME
is()
{
	if [ "$1" = "$2" ]; then
		pass "$3"
		return 0
	fi
	fail "$3"
	diag "     got: $1"
	diag "expected: $2"
	return 1
}

# has_line TEXT REGEX: does a line match the extended regular expression, upper
# or lower case? Without another process: those are slow in an emulated guest
has_line()
{
	local line status=1

	shopt -s nocasematch
	while IFS= read -r line; do
		[[ $line =~ $2 ]] && status=0 && break
	done <<<"$1"
	shopt -u nocasematch
	return $status
}

# like GOT REGEX NAME
like()
{
	if has_line "$1" "$2"; then
		pass "$3"
		return 0
	fi
	fail "$3"
	diag "         got: $1"
	diag "does not match: $2"
	return 1
}

# unlike GOT REGEX NAME
unlike()
{
	if ! has_line "$1" "$2"; then
		pass "$3"
		return 0
	fi
	fail "$3"
	diag "    got: $1"
	diag "matches: $2"
	return 1
}

# refused STATUS REGEX NAME COMMAND...: the command exits with exactly this
# status, and its message on stderr matches every line of the expression
refused()
{
	local status=$1 regex=$2 name=$3 got err line bad=

	shift 3
	"$@" >"$tmp/out" 2>"$tmp/err"
	got=$?
	err=$(<"$tmp/err")
	[ $got -eq "$status" ] || bad="status $got, expected $status"
	while read -r line; do
		has_line "$err" "$line" || bad="$bad; stderr does not match $line"
	done <<<"$regex"
	if [ "$1" = evs-setup ] && ! has_line "$err" '^evs-setup: .'; then
		bad="$bad; no line 'evs-setup: what: why'"
	fi
	if [ -z "$bad" ]; then
		pass "$name"
		return 0
	fi
	fail "$name"
	diag "command: $*"
	diag "$bad"
	diag "stdout: $(cat "$tmp/out")"
	diag "stderr: $err"
	return 1
}

# skip NAME WHY
skip()
{
	tap_count=$((tap_count + 1))
	printf 'ok %d - %s # SKIP %s\n' $tap_count "$1" "$2"
}

# must COMMAND...: not a test, but without it the rest makes no sense
must()
{
	"$@" >"$tmp/must" 2>&1 && return 0
	echo "Bail out! ${0##*/} line ${BASH_LINENO[0]}: $* failed: $(tr '\n' ' ' <"$tmp/must")"
	exit 1
}

# at_exit COMMAND...: run when the script ends, last one first
at_exit()
{
	tap_undo+=("$(printf '%q ' "$@")")
}

# The trap of EXIT
tap_cleanup()
{
	local i

	for ((i = ${#tap_undo[@]} - 1; i >= 0; i--)); do
		eval "${tap_undo[i]}" >/dev/null 2>&1
	done
	rm -rf "$tmp"
}
trap tap_cleanup EXIT
trap 'exit 1' HUP INT TERM

done_testing()
{
	printf '1..%d\n' $tap_count
	[ $tap_failed -eq 0 ]
	exit
}

# ---- waiting ----

# wait_for COMMAND...: until it succeeds, at most a minute (a guest without
# hardware help is slow); silent
wait_for()
{
	local end=$((SECONDS + 60))

	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

not()
{
	! "$@"
}

# ---- KMS ----

kms_state=/var/lib/evs-kmsd
kms_socket=/run/evs/kmsd.sock
kms_log=/run/evs-kmsd.log

# Start the daemon that `evs-kmsd init` has set up
kms_start()
{
	evs-kmsd >>"$kms_log" 2>&1 &
	kms_pid=$!
	must wait_for evs-setup cmk list
}

# kms_stop [SIGNAL]
kms_stop()
{
	kill "-${1-TERM}" "$kms_pid" && wait "$kms_pid"
} 2>/dev/null

# A new KMS, running, with a CMK "test"
start_kms()
{
	rm -rf $kms_state /etc/evs $kms_socket $kms_log
	must evs-kmsd init
	at_exit rm -rf $kms_state /etc/evs
	at_exit kms_stop
	kms_start
	must evs-setup cmk create test
}

# kms_post OPERATION: post the JSON on stdin, print the answer; as root, over
# the socket, the way of any other client
kms_post()
{
	curl -s --unix-socket $kms_socket -H 'Content-Type: application/json' \
		--data @- "http://localhost/v1.0/default/kms/$1"
}

# cmk_id ALIAS
cmk_id()
{
	evs-setup cmk show --json "$1" | jq -er '[.. | .id? // empty][0]'
}

# The token of an EVS disk
token_of()
{
	cryptsetup token export --token-id 0 "$1"
}

# dk_of DISK FILE: the DK of a disk into a file, as a recovery would get it
dk_of()
{
	token_of "$1" |
		jq '{key_id: .cmk, cipher_text: ."wrapped-dk", datakey_cipher_length: "64",
		     encryption_context: .context}' |
		kms_post decrypt-datakey | jq -er .data_key | xxd -r -p >"$2" &&
		[ "$(stat -c %s "$2")" -eq 64 ]
}

# ---- devices ----

# new_file NAME SIZE: print the path of an empty sparse file
new_file()
{
	rm -f "$tmp/$1"
	truncate -s "$2" "$tmp/$1" && echo "$tmp/$1"
}

# new_loop FILE [LOSETUP-OPTION...]: print a loop device, which goes at the end
# (name it before the disks that stand on it: the last one goes first)
new_loop()
{
	local file=$1

	shift
	losetup --find --show "$@" "$file"
}

# new_null NAME MEGABYTES [ATTRIBUTE=VALUE...]: a disk in memory, /dev/NAME
new_null()
{
	local dir=/sys/kernel/config/nullb/$1 size=$2 attr

	if [ ! -d /sys/kernel/config/nullb ]; then
		must modprobe null_blk nr_devices=0
		mountpoint -q /sys/kernel/config || must mount -t configfs configfs /sys/kernel/config
	fi
	must mkdir "$dir"
	at_exit rmdir "$dir"
	shift 2
	for attr in size="$size" memory_backed=1 "$@" power=1; do
		printf '%s' "${attr#*=}" >"$dir/${attr%%=*}" ||
			must false "null_blk $attr"
	done
	must wait_for test -b "/dev/${dir##*/}"
}

scsi_disk()
{
	sd=$(grep -l scsi_debug /sys/block/sd*/device/model | head -n 1 | cut -d / -f 4)
	[ -b "/dev/$sd" ]
}

# new_scsi PARAMETER=VALUE...: a disk of scsi_debug, /dev/$sd. Not in every kernel.
new_scsi()
{
	modprobe -q scsi_debug "$@" 2>/dev/null || return 1
	at_exit modprobe -r scsi_debug
	must modprobe sd_mod
	must wait_for scsi_disk
}

# kernel_complaints [REGEX]: what the log has that no test should bring about, or
# is like REGEX, with what follows
kernel_complaints()
{
	dmesg | kernel_reports KCSAN
	dmesg | grep -v 'BUG: KCSAN: ' | without_pages_of_others |
		grep -A 20 -E "BUG|WARNING|Oops|Call Trace${1:+|$1}"
}

# raw_key NAME [FILE]: a key of type evs in the session, random or from a file
raw_key()
{
	if [ $# -gt 1 ]; then
		keyctl padd evs "$1" @s <"$2"
	else
		head -c 64 /dev/urandom | keyctl padd evs "$1" @s
	fi
}

# raw_attach BACKING SECTOR-SIZE [ARGUMENT...]: attach with a new random key
raw_attach()
{
	local backing=$1 sector=$2

	shift 2
	evs-setup attach --raw --key "$(raw_key "raw:$backing")" --sector-size "$sector" "$@" "$backing"
}

# exclusive DEVICE: can it be claimed, that is, has nobody else?
exclusive()
{
	perl -MFcntl -e 'sysopen(my $f, $ARGV[0], O_RDONLY | O_EXCL) or die "$!\n"' "$1"
}

# detach_all: for at_exit, whatever state the test left
detach_all()
{
	local name

	for name in $(evs-setup list --json | jq -r '.disks[].device'); do
		evs-setup detach --force "$name"
	done
}

# disk_state DISK: what the list says of it
disk_state()
{
	evs-setup list --json | jq -r ".disks[] | select(.device == \"$1\" or .name == \"$1\").state"
}

# in_state DISK STATE
in_state()
{
	[ "$(disk_state "$1")" = "$2" ]
}

# no_disk: nothing is attached and no key that is good is left in the kernel.
# What the test itself holds, such as a loop device, does not count.
no_disk()
{
	[ "$(evs-setup list --json | jq '.disks | length')" -eq 0 ] && [ -z "$(live_keys)" ]
}

# Keys of type evs that are good, one a line
live_keys()
{
	leftovers | grep ' evs '
}

# key_gone SERIAL: it does not exist any more, or is as good as gone
key_gone()
{
	! keyctl describe "$1"
}

# ended PID...: none of the processes is there any more
ended()
{
	! kill -0 "$@"
}

# held PID: it waits for I/O
held()
{
	local stat

	read -r stat <"/proc/$1/stat" && [[ ${stat##*) } == D* ]]
}

# start_monitor FILE [OPTION]: what happens to disks from now on goes into a file
start_monitor()
{
	local file=$1

	shift
	: >"$file"
	evs-setup monitor "$@" >>"$file" & # Added to, so that it can be emptied
	monitor=$!
	at_exit kill $monitor
	must wait_for listens $monitor
}

# listens PID: a member of a multicast group of generic netlink, other than the one
# that tells of families, which it joins first. The number of the socket has that of
# the process in its last 22 bits.
listens()
{
	awk -v pid="$1" '$2 == 16 && $3 % 4194304 == pid && $4 !~ /^0000[08]000$/ { found = 1 }
			 END { exit !found }' /proc/net/netlink
}

# saw FILE EVENT CAUSE [REGEX]: the monitor has a line, or gets one, in its text
saw()
{
	wait_for grep -qE " $2 cause=$3 .*${4-}" "$1"
}

# start_uevents FILE: the uevents of the kernel from now on go into a file, each a
# line of words
start_uevents()
{
	perl -e '
		$| = 1;
		socket(my $sock, 16, 2, 15) or die "$!\n";
		bind($sock, pack("SSLL", 16, 0, 0, 1)) or die "$!\n";
		print "ready\n";
		while (defined recv($sock, my $event, 8192, 0)) {
			print join(" ", split(/\0/, $event)), "\n";
		}' >"$1" &
	at_exit kill $!
	must wait_for grep -qx ready "$1"
}

# What is left of disks: themselves, loop devices with a file, keys that are good
leftovers()
{
	local path id flags usage timeout perm uid gid type description

	for path in /sys/block/evs[0-9]* /sys/block/loop*/loop/backing_file; do
		[ ! -e "$path" ] || echo "$path"
	done
	# Revoked, dead, negative, invalidated and expired keys await collection
	while read -r id flags usage timeout perm uid gid type description; do
		case "$type $description" in
		'evs '* | 'user evs-error:'*)
			[[ $flags == *[RDNi]* || $timeout == expd ]] || echo "$id $type $description"
			;;
		esac
	done </proc/keys
	return 0
}

# no_leftovers: nothing is attached and nothing left behind; the kernel collects
# dead keys and loop devices a moment later
no_leftovers()
{
	local end=$((SECONDS + 60)) left

	while left=$(leftovers); [ -n "$left" ]; do
		if [ $SECONDS -ge $end ]; then
			echo "$left"
			return 1
		fi
		sleep 0.05
	done
}
