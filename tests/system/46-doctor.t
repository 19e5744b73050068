#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What doctor finds, on a host where all is well and where something is not.
. "$(dirname "$0")/tap.sh"

start_kms
out=$(evs-setup doctor 2>&1)
is $? 0 "all is well: exit status"
unlike "$out" 'BAD' "all is well: nothing is bad"
for what in module request-key 'locked memory' configuration 'KMS local'; do
	like "$out" "^ok +$what: " "all is well: $what"
done

# doctor_finds NAME LINE: exactly this is bad
doctor_finds()
{
	out=$(evs-setup doctor 2>&1)
	is $? 2 "$1: exit status"
	like "$out" "^BAD +$2" "$1"
	is "$(grep -c '^BAD' <<<"$out")" 1 "$1: nothing else"
}

# The kernel's command line as doctor sees it
at_exit umount /proc/cmdline
cmdline()
{
	umount /proc/cmdline 2>/dev/null
	echo "$*" >"$tmp/cmdline"
	must mount --bind "$tmp/cmdline" /proc/cmdline
}

cmdline quiet root=/dev/vda1
like "$(evs-setup doctor)" '^note +freed memory: is not zeroed.*init_on_free=1' \
	"freed memory is not zeroed"
cmdline quiet init_on_free=0 init_on_free=1 root=/dev/vda1
like "$(evs-setup doctor)" '^ok +freed memory: is zeroed' "freed memory is zeroed"
cmdline init_on_free=1 init_on_free=off
like "$(evs-setup doctor)" '^note +freed memory: ' "freed memory: the last word counts"
must umount /proc/cmdline

# LVM, which is asked what it is told to read; this host has none
if [ ! -e /sbin/lvmconfig ]; then
	unlike "$(evs-setup doctor)" ' LVM: ' "no LVM: nothing is said of it"
	at_exit rm -f /sbin/lvmconfig
	printf '#!/bin/sh\ncat %s\n' "$tmp/lvmconfig" >/sbin/lvmconfig
	must chmod +x /sbin/lvmconfig
	printf 'use_devicesfile=0\nglobal_filter=["a|.*|"]\n' >"$tmp/lvmconfig"
	like "$(evs-setup doctor)" '^note +LVM: .*suspended.*global_filter' "LVM reads every disk"
	printf 'use_devicesfile=0\nglobal_filter=["r|^/dev/evs|"]\n' >"$tmp/lvmconfig"
	like "$(evs-setup doctor)" '^ok +LVM: ' "LVM is told to leave them alone"
	printf 'use_devicesfile=1\nglobal_filter=["a|.*|"]\n' >"$tmp/lvmconfig"
	like "$(evs-setup doctor)" '^ok +LVM: ' "LVM has a file with its devices"
	must rm /sbin/lvmconfig
fi

kms_stop
doctor_finds "KMS stopped" 'KMS local: .*kmsd.sock: .*is its daemon running'
kms_start

printf '[kms local]\ntimeout = never\n' >/etc/evs/evs.conf
doctor_finds "configuration" 'configuration: /etc/evs/evs.conf:2: timeout must be'

must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=test \
	-days 365 -keyout "$tmp/key.pem" -out "$tmp/cert.pem"
printf '[kms local]\nca-file = %s\n' "$tmp/cert.pem" >/etc/evs/evs.conf
like "$(evs-setup doctor)" '^ok +KMS local: ca-file: .* is valid' "certificate"
must openssl req -x509 -key "$tmp/key.pem" -subj /CN=test -days 1 -out "$tmp/cert.pem"
like "$(evs-setup doctor)" '^note +KMS local: ca-file: .*within 30 days' "certificate that ends soon"
printf 'nothing\n' >"$tmp/cert.pem"
doctor_finds "certificate that is none" 'KMS local: ca-file: .*no certificate'
must rm /etc/evs/evs.conf

must mv /etc/request-key.d/evs.conf "$tmp/entry"
at_exit mv "$tmp/entry" /etc/request-key.d/evs.conf
doctor_finds "no entry for the helper" 'request-key: .*no entry for keys of type evs'

done_testing
