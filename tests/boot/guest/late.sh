# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# A disk over a device that comes late at a boot, and one whose KMS does.
# Part of tests/boot/guest/run.

# A disk over a device that comes late, and one with a KMS that does, mounted by fstab
setup_late()
{
	local units=/etc/systemd/system name

	echo 0 >$kept/late
	cat >$kept/come-late <<-EOT
		sleep "\$(cat $kept/late)"
		modprobe loop
		losetup /dev/loop7 $kept/late.img
		systemctl --no-block start evs-test-kms.socket
	EOT
	printf '%s\n' '[Unit]' DefaultDependencies=no After=systemd-remount-fs.service \
		Conflicts=shutdown.target '[Service]' Type=exec \
		"ExecStart=/bin/sh $kept/come-late" >$units/evs-test-late.service
	printf '%s\n' '[Unit]' DefaultDependencies=no Conflicts=shutdown.target \
		'[Socket]' ListenStream=127.0.0.1:9444 >$units/evs-test-kms.socket
	printf '%s\n' '[Unit]' DefaultDependencies=no Conflicts=shutdown.target '[Service]' \
		"ExecStart=/lib/systemd/systemd-socket-proxyd /run/evs/kmsd.sock" \
		>$units/evs-test-kms.service
	printf '[kms late]\nurl = http://127.0.0.1:9444\ntimeout = 600\n' >/etc/evs/evs.conf
	printf '%s\n' "late /dev/loop7 x-systemd.device-timeout=10min" "slow $kept/slow.img" \
		>>/etc/evstab
	for name in late slow; do
		echo "/dev/evs/$name /$name ext4 defaults 0 2" >>/etc/fstab
		mkdir -p /$name $units/dev-evs-$name.device.d
		must truncate --size 20M $kept/$name.img
		[ $late -gt 90 ] || printf '[Unit]\nJobRunningTimeoutSec=15\n' \
			>$units/dev-evs-$name.device.d/30-short.conf
	done
	must systemctl daemon-reload
	must systemctl start evs-test-late
	must wait_for systemctl is-active evs-test-kms.socket
	ok "late: create a disk on the device" evs-setup create --cmk boot /dev/loop7
	ok "late: create one with the other KMS" \
		evs-setup create --kms late --cmk boot $kept/slow.img
	for name in late slow; do
		ok "late: the unit of $name attaches it" starts evs-attach@$name
		must mkfs.ext4 -q /dev/evs/$name
		must systemctl start $name.mount
		echo "$name" >/$name/file
	done
	must ln -s ../evs-test-late.service $units/sysinit.target.wants/
	echo $late >$kept/late
}

late_disks_are_there()
{
	local name

	for name in late slow; do
		is "$(findmnt --noheadings --output SOURCE /$name)" "$(node_of $name)" \
			"boot $EVS_BOOT: /$name is mounted"
		is "$(cat /$name/file)" $name "boot $EVS_BOOT: with what was written to it"
	done
}

# In microseconds since the machine was switched on
was_late()
{
	local name up

	for name in late slow; do
		up=$(show ActiveEnterTimestampMonotonic evs-attach@$name)
		ok "late: the boot has waited $((up / 1000000)) s for $name" \
			test "$up" -gt $((late * 1000000))
	done
	echo 0 >$kept/late
}
