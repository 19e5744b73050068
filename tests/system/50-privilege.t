#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Who is not root in the initial user namespace gets nothing: no operation of the
# netlink family (whatever the spec has by now), no file, no key, no KMS; and what
# was refused is in a log.
. "$(dirname "$0")/tap.sh"

spec=$(dirname "$0")/../../Documentation/netlink/specs/evs.yaml
helper=/usr/libexec/evs/evs-request-key
tracing=/sys/kernel/tracing
syslog=$tmp/syslog

# What syslogd does: datagrams at /dev/log into a file
start_syslog()
{
	perl -MIO::Socket::UNIX -e '
		unlink "/dev/log";
		my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "/dev/log") or die;
		chmod 0666, "/dev/log";
		$| = 1;
		while (defined $s->recv(my $line, 8192)) { print "$line\n" }' >"$syslog" &
	at_exit kill $!
	must wait_for test -S /dev/log
}

start_syslog
at_exit detach_all
start_kms
new_null evs_t0 32
new_null evs_t1 32
must evs-setup create --cmk test /dev/evs_t0
uuid=$(cryptsetup luksUUID /dev/evs_t0)
evs=$(evs-setup attach --name data /dev/evs_t0)
handle=$(evs-setup list --json | jq -r '.disks[0]."key-serial"')
key=$(raw_key x)
# The checkout may be where only root gets to
must cp "$(dirname "$0")/genl" "$tmp/genl"
chmod 755 "$tmp"

nobody()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all --inh-caps=-all \
		keyctl session - "$@"
}

# Root in a user namespace, nobody outside
container()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups \
		unshare --user --map-root-user keyctl session - "$@"
}

# The same with a network of its own, in which it may administer anything
container_net()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups \
		unshare --user --net --map-root-user keyctl session - "$@"
}

# Root in a user namespace made by root: uid 0 inside and outside
rootless()
{
	unshare --user --map-root-user keyctl session - "$@"
}

# Root with all that GENL_ADMIN_PERM, the flag of generic netlink, would ask for
net_admin()
{
	setpriv --bounding-set=-all,+net_admin --inh-caps=-all "$@"
}

# Root with everything but what counts
not_sys_admin()
{
	setpriv --bounding-set=-sys_admin --inh-caps=-all "$@"
}

# requests: how often the KMS was asked for a DK
requests()
{
	grep -c decrypt-datakey $kms_log
}

# ---- files ----

# modes FOLDER: of the files there, links apart
modes()
{
	(cd "$1" && stat -c '%A %U %n' ./*) | sed 's,\./,,' | LC_ALL=C sort -k 3
}

is "$(modes "/sys/block/${evs#/dev/}/evs")" "$(cat <<-END
	-r--r--r-- root allow_discards
	-r--r--r-- root backing_dev
	-r--r--r-- root bounce_pages
	-r--r--r-- root bytes_read
	-r--r--r-- root bytes_written
	-r--r--r-- root cipher
	-r-------- root cmk
	-r--r--r-- root errors
	-r--r--r-- root in_flight
	-r-------- root key_serial
	-r--r--r-- root lazy
	-r--r--r-- root name
	-r--r--r-- root no_partscan
	-r--r--r-- root offset
	-r--r--r-- root openers
	-r--r--r-- root read_only
	-r--r--r-- root reads
	-r--r--r-- root sector_size
	-r--r--r-- root state
	-r--r--r-- root uuid
	-r--r--r-- root writes
END
)" "sysfs: nothing to write, nothing of keys for all"
for file in cmk key_serial; do
	ok "sysfs: root reads $file" cat "/sys/block/${evs#/dev/}/evs/$file"
	for who in nobody container; do
		nok "sysfs: $who cannot read $file" $who cat "/sys/block/${evs#/dev/}/evs/$file"
	done
done
is "$(find /sys/module/evs "/sys/block/${evs#/dev/}/" -type f -perm /022)" "" \
	"sysfs: nothing of the module or the disk is for others to write"

is "$(stat -c %a "$evs")" 600 "$evs: mode"
for who in nobody container; do
	nok "$evs: $who cannot read it" $who dd if="$evs" of=/dev/null bs=4k count=1
	nok "$evs: $who cannot write it" $who dd if=/dev/zero of="$evs" bs=4k count=1
done

nok "debugfs: closed to nobody" nobody ls /sys/kernel/debug
[ -d $tracing/events ] || mount -t tracefs tracefs $tracing 2>/dev/null
if [ -d $tracing/events/evs ]; then
	ok "trace: root has events" cat $tracing/events/evs/evs_state/format
	nok "trace: nobody has none" nobody cat $tracing/events/evs/evs_state/format
	nok "trace: nobody cannot start it" nobody sh -c "echo 1 >$tracing/events/evs/enable"
else
	skip "trace: nobody has none" "no tracing in this kernel"
fi

ok "the state of the KMS is there" test -s $kms_state/kms.db
is "$(find $kms_state \( -perm /077 -o ! -user root \))" "" "the state of the KMS is root's alone"
is "$(stat -c '%a %U' $kms_socket)" "600 root" "so is its socket"
is "$(find /etc/evs /run/evs /etc/request-key.d/evs.conf ! -type l \( -perm /022 -o ! -user root \))" "" \
	"configuration and run-time files are root's to write"
is "$(find /usr/sbin/evs-* /usr/libexec/evs -perm /6022)" "" \
	"no program has another's rights, or is for others to change"
for who in nobody container; do
	nok "$who: cannot read the state of the KMS" $who ls $kms_state
	nok "$who: cannot read its database" $who cat $kms_state/kms.db
	nok "$who: cannot talk to the KMS" $who curl -sf --unix-socket $kms_socket \
		-H 'Content-Type: application/json' --data '{}' \
		http://localhost/v1.0/default/kms/list-keys
done

# ---- netlink: every operation that the spec has ----

# The operations: NUMBER do|dump; what is only sent by the kernel has a number, too
spec_ops()
{
	awk '/^operations:/ { on = 1; next }
	     /^[a-z]/ { on = 0 }
	     on && /^      name: / { number++ }
	     on && /^      (do|dump):$/ { sub(":", "", $1); print number, $1 }' "$spec"
}

# As they are there in the kernel: two files that say what is to be tested
spec_ops >"$tmp/ops"
is "$("$tmp/genl" ops)" "$(<"$tmp/ops")" "netlink: the kernel has what the spec has"
ok "netlink: attach, detach and so on" test "$(wc -l <"$tmp/ops")" -ge 8

# requests_for DISK: all of them; attach and a dump take no number of a disk
requests_for()
{
	awk -v disk="$1" '{ print $0 ($0 ~ /^1 |dump/ ? "" : " " disk) }' "$tmp/ops"
}

# answer FILE WHAT: to one of them, or to join
answer()
{
	sed -n "s/^$2 //p" "$1"
}

# logs WHO UID: one refused request of theirs, and the line that the log has of it.
# Each before the many requests below, as the log has a limit of lines in a time.
logs()
{
	echo "evs-test: $1 asks" >/dev/kmsg
	requests_for "${evs#/dev/evs}" | head -n 1 | $1 "$tmp/genl" call >"$tmp/answers" 2>&1
	ok "netlink: the kernel's log says that $1 was refused, uid $2" \
		wait_for logged "$1" "evs: refused genl\[[0-9]+\], uid $2: lacks CAP_SYS_ADMIN$"
}

# logged WHO REGEX: since the mark
logged()
{
	dmesg | sed "1,/evs-test: $1 asks/d" | grep -qE "$2"
}

while read -r who uid; do
	logs "$who" "$uid"
done <<-END
	nobody 65534
	container 65534
	container_net 65534
	rootless 0
	net_admin 0
	not_sys_admin 0
END

for who in nobody container container_net rootless net_admin not_sys_admin; do
	requests_for "${evs#/dev/evs}" | $who "$tmp/genl" call >"$tmp/answers" 2>&1
	while read -r op; do
		is "$(answer "$tmp/answers" "$op")" EPERM "netlink: $who: $op"
	done <"$tmp/ops"
	# What happens to disks is told in the first network namespace only
	[ $who = container_net ] ||
		is "$(answer "$tmp/answers" join)" EPERM "netlink: $who: no events"
done
requests_for 4711 | "$tmp/genl" call >"$tmp/answers" 2>&1
while read -r op; do
	unlike "$(answer "$tmp/answers" "$op")" '^$|EPERM' "netlink: root: $op is no matter of rights"
done <"$tmp/ops"
is "$(answer "$tmp/answers" join)" OK "netlink: root: events"
# A script's name is that of its process; the log may have to be waited for, see above
must cp "$tmp/genl" "$tmp/"$'x\nevs: y'
logs_escaped()
{
	requests_for 0 | nobody "$tmp/"$'x\nevs: y' call
	dmesg | grep -qE 'evs: refused x\\nevs: y\[[0-9]+\], uid'
}
ok "netlink: a name with a line of its own makes none in the log" wait_for logs_escaped
is "$(disk_state data)" live "the disk is as it was"

# ---- evs-setup, with nothing but EVS in the way ----

chmod 666 /dev/evs_t0 /dev/evs_t1 "$evs"
for who in nobody container rootless; do
	nok "$who: cannot list" $who evs-setup list
	is "$($who evs-setup list --json 2>/dev/null | grep -c data)" 0 "$who: and learns no name"
	nok "$who: cannot attach" $who evs-setup attach /dev/evs_t0
	nok "$who: cannot attach a raw disk" $who evs-setup attach --raw --sector-size 4096 \
		--key "$key" /dev/evs_t1
	nok "$who: cannot detach" $who evs-setup detach data
	nok "$who: cannot detach by force" $who evs-setup detach --force "$evs"
	nok "$who: cannot revoke" $who evs-setup revoke data
done
ok "the disk is still there" dd if="$evs" of=/dev/null bs=4k count=1 iflag=direct
is "$(evs-setup list --json | jq '.disks | length')" 1 "and it is the only one"
nok "CAP_NET_ADMIN is not enough" net_admin evs-setup list

refused 2 'root|permi|privilege' "nobody is told why" \
	setpriv --reuid 65534 --clear-groups --bounding-set=-all --inh-caps=-all evs-setup list
refused 2 'root|permi|privilege' "nobody is told why, at attach" \
	setpriv --reuid 65534 --clear-groups --bounding-set=-all --inh-caps=-all evs-setup attach /dev/evs_t0

# ---- keys ----

before=$(keyctl rdescribe "$key") handle_before=$(keyctl rdescribe "$handle")
for who in nobody container; do
	for serial in "$key" "$handle"; do
		[ "$serial" = "$key" ] && which="a key" || which="the handle of a disk"
		while read -r verb; do
			# shellcheck disable=SC2086 # several words
			nok "$which: $who: keyctl ${verb/KEY/}" $who keyctl ${verb/KEY/$serial}
		done <<-END
			rdescribe KEY
			print KEY
			pipe KEY
			link KEY @s
			setperm KEY 0x3f3f3f3f
			chown KEY 65534
			chgrp KEY 65534
			timeout KEY 1
			revoke KEY
			invalidate KEY
			security KEY
			update KEY x
			reject KEY 1 rejected @s
			instantiate KEY x @s
		END
	done
	nok "the keyring of disks: $who cannot list it" $who keyctl list "$(awk '$9 == ".evs:" { print "0x" $1 }' /proc/keys)"
	nok "$who: cannot search for the key of the disk" $who keyctl search @us evs "evs:$uuid" @s
done
nok "not even root reads a key" keyctl print "$key"
nok "not even root reads the handle of a disk" keyctl print "$handle"
is "$(keyctl rdescribe "$key")" "$before" "the key is as it was"
is "$(keyctl rdescribe "$handle")" "$handle_before" "so is the handle"
is "$(disk_state data)" live "and the disk"

# ---- the helper ----

# What is uid 0 outside as well may have asked: it is the one whom the KMS serves
ok "the KMS logs that it was asked" test "$(requests)" -gt 0
asked=$(requests)
for who in nobody container; do
	nok "$who: has no helper that asks the KMS" \
		$who keyctl request2 evs "evs:$uuid" device=/dev/evs_t0 @s
	nok "$who: cannot be the helper" $who $helper "$key" 0 "evs:$uuid"
	nok "$who: cannot try the helper" $who $helper -D "$uuid" /dev/evs_t0
done
is "$(requests)" "$asked" "the KMS was not asked once"
ok "syslog: the refusal of a request by another uid" wait_for grep -q \
	"evs-request-key.*disk $uuid: only root may ask for the key, not uid 65534" "$syslog"
ok "syslog: the helper run by hand" wait_for grep -qE \
	"evs-request-key.*key $key: " "$syslog"

# ---- the KMS ----

must chmod 755 /run/evs
must chmod 666 $kms_socket
nok "a socket open to all is not enough" nobody curl -sf --unix-socket $kms_socket \
	-H 'Content-Type: application/json' --data '{}' http://localhost/v1.0/default/kms/list-keys
ok "the KMS logs who was refused" wait_for grep -q \
	'status=403 .* from=unix:uid=65534: uid 65534 is no client' $kms_log

must evs-setup detach data
must keyctl revoke "$key"
must keyctl unlink "$key" @s
ok "nothing is left behind" no_leftovers
done_testing
