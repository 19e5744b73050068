# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# Events of the disks in the journal, and metrics.
# Part of tests/boot/guest/run.

# entries ID: names of the disks that have an entry with this MESSAGE_ID since the boot
entries()
{
	journalctl --boot --output=json "MESSAGE_ID=$1" | jq -r .EVS_NAME | sort -u | xargs
}

setup_monitoring()
{
	local revoked=ee4fdf01fc8e4c778af4fd695e124783 file=/var/lib/prometheus/node-exporter/evs.prom

	ok "monitoring: events go to the journal" systemctl enable --now evs-monitor
	must starts evs-attach@file
	must evs-setup revoke file
	revoked_is_told()
	{
		[ "$(entries $revoked)" = file ]
	}
	ok "monitoring: a disk that is revoked is in the journal" wait_for revoked_is_told
	like "$(journalctl --boot --catalog "MESSAGE_ID=$revoked")" \
		'EVS disk file .* has lost its key' "monitoring: and the catalog explains it"
	must systemctl stop evs-attach@file
	must systemctl start evs-metrics
	nok "monitoring: no metrics where nobody reads them" test -e $file
	must mkdir -p ${file%/*}
	ok "monitoring: the timer is enabled and starts" systemctl enable --now evs-metrics.timer
	ok "monitoring: metrics are written at once" wait_for test -s $file
	kms_is_asked()
	{
		grep -E '^evs_disk_cmk_state\{.*,name="data",state="enabled"\} 1$' $file ||
			{ systemctl start evs-metrics; false; }
	}
	ok "monitoring: in its sandbox it asks the KMS" wait_for kms_is_asked ||
		diag "$(grep ^evs_disk_cmk_state $file; echo outside of it:
			evs-setup status --prometheus | grep ^evs_disk_cmk_state)"
	is "$(stat -c %a $file)" 644 "monitoring: node_exporter may read them"
}

boot_is_in_journal()
{
	like " $(entries faba7a52577a474fb9ee7ce2e37b8b6e) " ' data .*net .*parts ' \
		"boot $EVS_BOOT: the journal has that the disks were attached"
}
