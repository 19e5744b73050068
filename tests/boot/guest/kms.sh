# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# The KMS of the machine: not set up, set up as README has it, locked in, started by its socket.
# Part of tests/boot/guest/run.

setup_kms()
{
	nok "the module is not loaded before it is needed" test -e /sys/module/evs
	kms_is_not_set_up
	readme_leads_to_a_disk
	ok "in its sandbox it makes a CMK" evs-setup cmk create boot
	kms_is_locked_in "$(systemctl show --property MainPID --value evs-kmsd)"
	kms_by_socket
}

# readme PATTERN: the commands of README's block that begins with a line like that
readme()
{
	sed -n "/^    .*$1/,/^\$/ s/^    //p" /run/vm/README.md
}

# As a stranger does it, with this machine's second disk for /dev/vdb
readme_leads_to_a_disk()
{
	local line

	is "$(readlink -e $data_disk)" /dev/vdb "README: /dev/vdb is a disk to try it with"
	while read -r line; do
		ok "README: $line" eval "${line//sudo /}"
	done < <(readme 'evs-kmsd init')
	nok "README: then it is detached" test -e /dev/evs/data
	must wipefs --quiet --all $data_disk
}

kms_log_says()
{
	journalctl --boot --unit=evs-kmsd --output=cat | grep "$1"
}

# What is not set up does not start, and says so
kms_is_not_set_up()
{
	nok "before evs-kmsd init: the KMS's service does not start" systemctl enable --now evs-kmsd
	ok "before evs-kmsd init: its log says what to run" \
		wait_for kms_log_says 'evs-kmsd.conf: no such file: .* run evs-kmsd init'
	is "$(show NRestarts evs-kmsd)" 0 "before evs-kmsd init: it is not tried again and again"
	nok "before evs-kmsd init: nor does its socket" systemctl start evs-kmsd.socket
	must systemctl disable evs-kmsd
	must systemctl reset-failed
}

# The running process, not the unit's text
kms_is_locked_in()
{
	local status

	status=$(<"/proc/$1/status")
	like "$status" '^CapBnd:.0000000000004000$' "the KMS could have CAP_IPC_LOCK and no more"
	like "$status" '^CapEff:.0000000000004000$' "and has it"
	like "$status" '^NoNewPrivs:.1$' "it can gain no privileges"
	like "$status" '^Seccomp:.2$' "its system calls are filtered"
	like "$(<"/proc/$1/maps")" libsofthsm2.so "the token is SoftHSM2, in the same process"
	nok "it cannot write to /etc" nsenter --target "$1" --mount touch /etc/by-kmsd
	nok "nor to /run" nsenter --target "$1" --mount touch /run/by-kmsd
	nok "it sees no disks" nsenter --target "$1" --mount test -e $data_disk
	ok "it can write to its state" nsenter --target "$1" --mount test -w /var/lib/evs-kmsd
}

# With its socket enabled, systemd starts the daemon when somebody calls
kms_by_socket()
{
	must systemctl stop evs-kmsd
	ok "the KMS's socket is enabled and starts" systemctl enable --now evs-kmsd.socket
	is "$(systemctl is-active evs-kmsd.service)" inactive "the daemon waits for a call"
	is "$(stat -c '%a %U' /run/evs/kmsd.sock)" "600 root" "its socket is root's alone"
	ok "a call is answered" evs-setup cmk show boot
	is "$(systemctl is-active evs-kmsd.service)" active "because the call has started the daemon"
	must systemctl stop evs-kmsd
	ok "stopped, it leaves the socket" test -S /run/evs/kmsd.sock
	ok "and the next call is answered" evs-setup cmk show boot
}
