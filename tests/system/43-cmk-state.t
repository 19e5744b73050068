#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Userspace alone.
# list, status and detach say which disks will not attach again.
. "$(dirname "$0")/tap.sh"

at_exit detach_all
start_kms
must evs-setup cmk create other
disk=$(new_file disk.img 18M)
second=$(new_file second.img 18M)
must evs-setup create --cmk test "$disk"
must evs-setup create --cmk other "$second"
must evs-setup attach --name data "$disk"
must evs-setup attach --name more "$second"

# told COMMAND...: what it prints on standard error. On a machine that is busy the KMS
# may not have answered in time: then nothing is said, so it is asked again
told()
{
	local end=$((SECONDS + 60))

	until "$@" 2>&1 >/dev/null | tee "$tmp/told" | grep -q .; do
		[ $SECONDS -lt $end ] || return 1
	done
	cat "$tmp/told"
}

# detached: what detach says of the disk, after an attach by an enabled CMK; CHANGE...
# is made in between
detached()
{
	local try said

	for try in 1 2 3 4 5; do
		said=$(evs-setup detach data 2>&1)
		[ -z "$said" ] || break
		must "${back[@]}"
		must evs-setup attach --name data "$disk"
		must "$@"
	done
	echo "$said"
}

# state DISK: as status has it in JSON
state()
{
	evs-setup status --json "$1" 2>/dev/null | jq -r '.disks[0]."cmk-state"'
}

# in_cmk_state DISK STATE
in_cmk_state()
{
	[ "$(state "$1")" = "$2" ]
}

is "$(evs-setup list 2>&1 >/dev/null)" "" "list: nothing to say"
is "$(evs-setup status 2>&1 >/dev/null)" "" "status: nothing to say"
ok "status --json: enabled" wait_for in_cmk_state data enabled
in_properties()
{
	evs-setup status data 2>/dev/null | grep -qE '^CMK-STATE +enabled$'
}
ok "status has it, too" wait_for in_properties

# ---- disabled ----

note='^evs-setup: CMK test is disabled: disk data \(/dev/evs[0-9]+\) will not attach again until you run: evs-setup cmk enable test$'
evs-setup cmk disable test >/dev/null 2>&1
ok "status --json: disabled" wait_for in_cmk_state data disabled
ok "and the other one is enabled" wait_for in_cmk_state more enabled
said=$(told evs-setup list)
like "$said" "$note" "list: disabled"
is "$(wc -l <<<"$said")" 1 "list: no word about the other disk"
like "$(told evs-setup status data)" "$note" "status: disabled"
is "$(evs-setup list --json 2>&1 | jq -c '[.disks[]."cmk-state"]')" "[null,null]" \
	"list --json does not ask, and says nothing"
is "$(evs-setup list 2>/dev/null | wc -l)" 3 "list: standard output is as ever"
back=(evs-setup cmk enable test)
like "$(detached evs-setup cmk disable test)" "$note" "detach: disabled"
nok "it is detached" evs-setup status data
must evs-setup cmk enable test
must evs-setup attach --name data "$disk"
is "$(evs-setup detach data 2>&1)" "" "detach: nothing to say"
must evs-setup attach --name data "$disk"

# ---- scheduled for deletion ----

must evs-setup cmk schedule-deletion --days 7 --yes test
note="^evs-setup: CMK test is pending deletion on $(date -u -d '+7 days' +%Y-%m-%d): disk data .* evs-setup cmk cancel-deletion test, then: evs-setup cmk enable test\$"
like "$(told evs-setup list)" "$note" "list: pending deletion"
ok "status --json: pending deletion" wait_for in_cmk_state data 'pending deletion'

# ---- a KMS that does not answer, or is not there ----

kill -STOP "$kms_pid"
at_exit kill -CONT "$kms_pid"
start=$SECONDS
is "$(evs-setup list 2>&1 >/dev/null)" "" "KMS hangs: list says nothing"
ok "KMS hangs: status" evs-setup status data
is "$(state data)" null "KMS hangs: status --json"
must evs-setup detach more
ok "KMS hangs: all of it takes no longer than a few seconds" test $((SECONDS - start)) -lt 60
ok "no process is left behind" not pgrep -P $$ -x evs-setup
evs-setup status --prometheus >"$tmp/metrics" &
sleep 4 # Twice as long as status would wait
kill -CONT "$kms_pid"
wait $!
like "$(<"$tmp/metrics")" '^evs_disk_cmk_state\{.*,name="data",state="pending deletion"\} 1$' \
	"KMS hangs for a while: status --prometheus waits for it"
kms_stop
is "$(evs-setup list 2>&1 >/dev/null)" "" "KMS stopped: list says nothing"
like "$(evs-setup status --prometheus)" '^evs_disk_cmk_state\{.*,name="data",state="unanswered"\} 1$' \
	"KMS stopped: status --prometheus says so"
printf 'broken\n' >/etc/evs/evs.conf
ok "bad configuration: list" evs-setup list
is "$(evs-setup list 2>&1 >/dev/null)" "" "bad configuration: list says nothing"
rm /etc/evs/evs.conf
kms_start

# ---- deleted; by evstab ----

must evs-setup cmk cancel-deletion test
must evs-setup cmk enable test
ok "status --json: enabled again" wait_for in_cmk_state data enabled
sqlite3 $kms_state/kms.db "DELETE FROM cmk_version; DELETE FROM cmk"
kms_stop
kms_start
ok "status --json: deleted" wait_for in_cmk_state data deleted
like "$(told evs-setup status)" "^evs-setup: CMK .* of KMS local is deleted: disk data .*not copied .* lost\$" \
	"status: deleted"
at_exit rm -f /etc/evstab
printf 'data %s\n' "$disk" >/etc/evstab
like "$(evs-setup detach --all 2>&1)" '^(evs-setup: CMK .* is deleted: disk data .*)?$' \
	"detach --all says so, unless it takes too long"
ok "nothing is left behind" no_leftovers
done_testing
