#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Userspace alone
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

# Secure Boot, and the kernel's keys, as doctor sees them
boots_securely()
{
	must mount -t tmpfs none /sys/firmware
	must mkdir -p /sys/firmware/efi/efivars
	printf '\6\0\0\0\1' >/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c
	must mv /sbin/modinfo /sbin/modinfo.kmod
	at_exit mv /sbin/modinfo.kmod /sbin/modinfo
	printf '#!/bin/sh\necho "%s"\n' "$1" >/sbin/modinfo
	must chmod +x /sbin/modinfo
	echo "01234567 I------ 1 perm 1f030000 0 0 asymmetri $2: 0a1b: X509.rsa 0a1b []" >"$tmp/keys"
	must mount --bind "$tmp/keys" /proc/keys
}

unlike "$(evs-setup doctor)" 'Secure Boot' "no Secure Boot: nothing is said of it"
boots_securely "DKMS module signing key" "Debian Secure Boot CA"
doctor_finds "a signer who is not enrolled" \
	"Secure Boot: is on and the module's signer is not enrolled \\(DKMS module signing key\\).*mokutil"
keys=$(sed 's/Debian Secure Boot CA/DKMS module signing key/' "$tmp/keys")
echo "$keys" >"$tmp/keys"
like "$(evs-setup doctor)" '^ok +Secure Boot: ' "a signer who is enrolled"
printf '#!/bin/sh\n' >/sbin/modinfo
doctor_finds "a module that is not signed" 'Secure Boot: is on and the module is not signed'
printf '\6\0\0\0\0' >/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c
unlike "$(evs-setup doctor)" 'Secure Boot' "Secure Boot is off: nothing is said of it"
must umount /proc/keys
must umount /sys/firmware

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
doctor_finds "KMS stopped" \
	'KMS local: .*kmsd.sock: .*evs-kmsd is not running; to start it, run: systemctl start evs-kmsd$'
must mv /etc/evs/evs-kmsd.conf "$tmp/"
doctor_finds "no KMS yet" 'KMS local: .*kmsd.sock: .*not set up; to set it up, run: evs-kmsd init$'
refused 6 'to set it up, run: evs-kmsd init' "create tells the same" \
	evs-setup create "$(new_file disk.img 32M)"
must mv "$tmp/evs-kmsd.conf" /etc/evs/
kms_start

printf '[kms local]\ntimeout = never\n' >/etc/evs/evs.conf
doctor_finds "configuration" 'configuration: /etc/evs/evs.conf:2: timeout must be'

must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=test \
	-days 365 -keyout "$tmp/key.pem" -out "$tmp/cert.pem"
printf '[kms local]\nca-file = %s\n' "$tmp/cert.pem" >/etc/evs/evs.conf
like "$(evs-setup doctor)" '^ok +KMS local: ca-file: .* is valid until 20' "certificate"
must openssl req -x509 -key "$tmp/key.pem" -subj /CN=test -days 1 -out "$tmp/cert.pem"
like "$(evs-setup doctor)" '^note +KMS local: ca-file: .*expires on 20.*, within 30 days' \
	"certificate that ends soon"
must openssl req -x509 -key "$tmp/key.pem" -subj /CN=test -days 29 -out "$tmp/cert.pem"
like "$(evs-setup doctor)" '^note +KMS local: ca-file: .*within 30 days' "in 29 days"
must openssl req -x509 -key "$tmp/key.pem" -subj /CN=test -days 31 -out "$tmp/cert.pem"
like "$(evs-setup doctor)" '^ok +KMS local: ca-file: ' "in 31 days"
printf 'nothing\n' >"$tmp/cert.pem"
doctor_finds "certificate that is none" 'KMS local: ca-file: .*no certificate'
must rm /etc/evs/evs.conf

# The KMS of this host counts when it is configured or needed, and else not
kms_stop
hsm_conf=$tmp/softhsm2.conf
must mkdir "$tmp/tokens"
printf 'directories.tokendir = %s\nobjectstore.backend = file\n' "$tmp/tokens" >"$hsm_conf"
must env SOFTHSM2_CONF="$hsm_conf" softhsm2-util --init-token --free --label disks \
	--so-pin 123456 --pin 1234
(umask 077 && echo 1234 >"$tmp/pin")
cat >/etc/evs/evs.conf <<-EOF
	[kms hsm]
	backend = pkcs11
	module = /usr/lib/softhsm/libsofthsm2.so
	token = disks
	pin-file = $tmp/pin
	softhsm2-conf = $hsm_conf
EOF
out=$(evs-setup doctor 2>&1)
is $? 0 "another KMS alone is configured: exit status"
like "$out" '^note +KMS local: is not asked: ' "the KMS of this host is not asked"
like "$out" '^ok +KMS hsm: answers, 0 CMKs' "the other one is"
at_exit rm -f /etc/evstab
printf 'data %s kms=local\n' "$tmp/no-such-disk" >/etc/evstab
doctor_finds "a disk of evstab needs the KMS of this host" 'KMS local: .*kmsd.sock'
rm /etc/evstab
# SoftHSM 2.6 has the mechanism that is named first all the same
echo 'slots.mechanisms = -CKM_MD5,CKM_AES_GCM,CKM_AES_KEY_WRAP_PAD' >>"$hsm_conf"
doctor_finds "a token without mechanisms" 'KMS hsm: token disks can wrap no data key: '
refused 2 'KMS hsm: token disks can wrap no data key: .*CKM_AES_GCM' "nor is a CMK made in it" \
	evs-setup cmk create --kms hsm db
is "$(evs-setup cmk list --kms hsm --json | jq -c .cmks)" "[]" "there is none"
echo '[kms local]' >>/etc/evs/evs.conf
like "$(evs-setup doctor 2>/dev/null)" '^BAD +KMS local: ' \
	"an empty section configures the KMS of this host"
must rm /etc/evs/evs.conf
kms_start

must mv /etc/request-key.d/evs.conf "$tmp/entry"
at_exit mv "$tmp/entry" /etc/request-key.d/evs.conf
doctor_finds "no entry for the helper" 'request-key: .*no entry for keys of type evs'

done_testing
