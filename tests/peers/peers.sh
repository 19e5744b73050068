# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# KMSs of others in a guest, for the tests that source this after tap.sh or life.sh; each has
# what it keeps in $tmp/NAME.

peers=$(dirname "${BASH_SOURCE[0]}")
keystone=http://127.0.0.1:5000
project=11111111111111111111111111111111

# peer NAME PORT: start one of this folder, which takes its time to listen
peer()
{
	must mkdir -p "$tmp/$1"
	"$peers/$1" "$tmp/$1" "$2" >"$tmp/$1.log" 2>&1 &
	at_exit kill -KILL $!
	disown # No word about its end
}

listening()
{
	(: <"/dev/tcp/127.0.0.1/$1")
}

# await PORT: twice the time of wait_for, as making certificates and databases takes some
await()
{
	wait_for listening "$1" || must wait_for listening "$1"
}

# Barbican with Keystone in front
start_openstack()
{
	must busybox ip link set lo up
	peer keystone 5000
	KEYSTONE=$keystone peer barbican 9311
}

# A token of user disks
openstack_token()
{
	curl -sf -o /dev/null -D "$tmp/login" -H 'Content-Type: application/json' -d '{"auth": {
		"identity": {"methods": ["password"], "password": {"user": {"name": "disks",
			"domain": {"id": "default"}, "password": "s3cret"}}},
		"scope": {"project": {"id": "'$project'"}}}}' $keystone/v3/auth/tokens
	sed -n 's/^X-Subject-Token: \([^\r]*\).*/\1/ip' "$tmp/login"
}

# conf_openstack NAME: its section in evs.conf
conf_openstack()
{
	(umask 077 && echo s3cret >/etc/evs/keystone.password)
	cat >>/etc/evs/evs.conf <<-EOF
		[kms $1]
		backend = barbican
		url = http://127.0.0.1:9311
		timeout = 60
		iam-url = $keystone
		project = $project
		auth = password
		user = disks
		domain = Default
		password-file = /etc/evs/keystone.password

	EOF
}

# conf_softhsm NAME: a new token, and its section in evs.conf
conf_softhsm()
{
	export SOFTHSM2_CONF=$tmp/softhsm2.conf
	must mkdir -p "$tmp/tokens"
	printf 'directories.tokendir = %s\nobjectstore.backend = file\n' "$tmp/tokens" \
		>"$SOFTHSM2_CONF"
	must softhsm2-util --init-token --free --label disks --so-pin 123456 --pin 1234
	(umask 077 && echo 1234 >/etc/evs/hsm.pin)
	cat >>/etc/evs/evs.conf <<-EOF
		[kms $1]
		backend = pkcs11
		module = /usr/lib/softhsm/libsofthsm2.so
		token = disks
		pin-file = /etc/evs/hsm.pin
		softhsm2-conf = $SOFTHSM2_CONF

	EOF
}
