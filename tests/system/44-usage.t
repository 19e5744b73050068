#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Userspace alone: no kernel has a part in it.
# The command line: help, usage errors, the shape of what is printed.
. "$(dirname "$0")/tap.sh"

at_exit detach_all

# help COMMAND...: --help prints to stdout, succeeds
help()
{
	local out

	out=$("$@" --help 2>"$tmp/err")
	is $? 0 "$* --help: exit status 0"
	like "$out" '^(usage|verbs):' "$* --help: says how"
	is "$(cat "$tmp/err")" "" "$* --help: nothing on stderr"
}

help evs-setup
# Every verb that the help lists has a help of its own, as have the groups
evs-setup help | sed -n 's/^  \([a-z][a-z -]*[a-z]\)  .*/\1/p' >"$tmp/verbs"
mapfile -t verbs <"$tmp/verbs"
is "$((${#verbs[@]} > 30))" 1 "the help lists the verbs"
for verb in "${verbs[@]}" cmk "cmk grant" header; do
	# shellcheck disable=SC2086
	help evs-setup $verb
done
for verb in "" init "audit show" "audit verify" "audit rotate" "root rewrap" backup restore; do
	# shellcheck disable=SC2086
	help evs-kmsd $verb
done

is "$(evs-setup help --json | jq -r '.verbs[].name')" "$(<"$tmp/verbs")" "help --json"
is "$(evs-setup help --json cmk grant | jq -c '[.verbs[].name]')" \
	'["cmk grant add","cmk grant list","cmk grant remove"]' "help --json of a group"
is "$(evs-setup help --json list | jq -r '.verbs[] | .name, .brief' | xargs)" \
	"$(evs-setup help | grep '^  list  ' | xargs)" "help --json of a verb"
refused 1 '^usage: evs-setup' "no verb" env evs-setup
for args in "frobnicate" "create" "create a b" "create --sector-size x /dev/null" "attach" \
	"attach a b" "attach --raw /dev/null" "attach --key 1 /dev/null" \
	"attach --no-such-option a" "detach" "detach a b" "list a b" "list --no-such-option" \
	"cmk" "cmk frobnicate" "cmk create" "cmk create a b" "cmk show" "cmk enable" \
	"cmk disable" "cmk import" "cmk import test" "cmk import --file /etc/passwd --days 0 test" \
	"cmk delete-material" "cmk quotas extra" "cmk grant" "cmk grant add test" \
	"cmk grant frobnicate" "cmk grant remove test" "cmk grant list --to x test" \
	"cmk grant list test extra" "cmk set" "cmk set test" "cmk set test --alias" "cmk rotate" \
	"cmk rotate test extra" "cmk rotation" "cmk rotation test extra" \
	"cmk rotation --on --off test" "cmk rotation --off --every 30 test" \
	"cmk rotation --every 29 test" "cmk rotation --every 366 test" \
	"cmk rotation --every x test" "list --output" "list --output NONE" "list -z" \
	"kms" "kms init"; do
	# shellcheck disable=SC2086
	refused 1 '.' "usage error: $args" evs-setup $args
done
for args in --no-such-option frobnicate audit "audit frobnicate" "audit rotate extra" "init extra" \
	"init --no-such-option" "init --state-dir"; do
	# shellcheck disable=SC2086
	refused 1 '.' "usage error: evs-kmsd $args" evs-kmsd $args
done

# ---- evs-kmsd init ----

rm -rf $kms_state /etc/evs
start_kms
refused 5 'initiali[sz]ed|exists' "a second init is refused" evs-kmsd init
ok "and the KMS works on" evs-setup cmk show test
is "$(stat -c '%a %U' $kms_state)" "700 root" "the state directory is root's alone"
is "$(find $kms_state -type f -perm /077 | wc -l)" 0 "so is every file there"
is "$(stat -c '%a %U' $kms_socket)" "600 root" "so is the socket"
export SOFTHSM2_CONF=$kms_state/softhsm2.conf
PIN=$(cat $kms_state/pin)
export PIN
objects=$(pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label evs --login \
	--pin env:PIN --list-objects --type secrkey 2>&1)
like "$objects" 'AES length 32' "the root key is an AES-256 key in the token"
like "$objects" 'sensitive' "sensitive"
unlike "${objects//never extractable/}" 'extractable' "and never extractable"

# ---- cmk ----

out=$(evs-setup cmk create second)
like "$out" '^[0-9a-f]{8}-[0-9a-f-]{27}$|second' "cmk create prints the new CMK"
ok "cmk list --json is JSON" eval 'evs-setup cmk list --json | jq -e .'
like "$(evs-setup cmk list)" 'second' "cmk list has it"
like "$(evs-setup cmk show second)" 'enabled' "cmk show says its state"
must evs-setup cmk disable second
like "$(evs-setup cmk show second)" 'disabled' "cmk show says its new state"
ok "cmk enable by its id" evs-setup cmk enable "$(cmk_id second)"
like "$(evs-setup cmk show "alias/second")" 'enabled' "cmk show by alias/NAME"

disk=$(new_file disk.img 18M)
must evs-setup create --cmk second --label L "$disk"
id=$(cmk_id second)
is "$(evs-setup cmk set second --alias other)" "$id other enabled" "cmk set --alias"
refused 2 'second' "it has its old alias no longer" evs-setup cmk show second
refused 5 'another CMK has' "an alias that another one has" evs-setup cmk set other --alias test
is "$(evs-setup cmk set --alias second --description "what it is for" "$id")" \
	"$id second enabled" "cmk set by its id: alias and description"
is "$(evs-setup cmk show --json second | jq -r ".cmks[0].description")" "what it is for" \
	"cmk show has the description"
is "$(evs-setup cmk rotation second)" "$id second rotation off, 0 so far" \
	"cmk rotation: off at first"
is "$(evs-setup cmk rotation --on second)" "$id second rotation on, every 365 days, 0 so far" \
	"cmk rotation --on"
refused 2 'already' "it cannot be turned on twice" evs-setup cmk rotation --on second
is "$(evs-setup cmk rotation --every 30 second)" \
	"$id second rotation on, every 30 days, 0 so far" "cmk rotation --every"
refused 2 'cannot rotate CMKs on demand' "cmk rotate: not something that this KMS does" \
	evs-setup cmk rotate second
is "$(evs-setup cmk rotation --off second)" "$id second rotation off, 0 so far" "cmk rotation --off"
refused 2 'not enabled' "it cannot be turned off twice" evs-setup cmk rotation --off second
refused 2 'default master key' "cmk rotation of the default one" \
	evs-setup cmk rotation --on evs/default

like "$(evs-setup cmk quotas)" '^CMKs +[0-9]+ +100' "cmk quotas"
is "$(evs-setup cmk grant list --json | jq -c .grants)" "[]" "no grants to give back"
user=root
refused 2 'there is no client nemo' "nor one to a client that there is not" \
	evs-setup cmk grant add --to nemo test
grant=$(evs-setup cmk grant add --to $user --name ci --operation decrypt-datakey test)
like "$grant" '^[0-9a-f]{64}$' "cmk grant add prints the id"
is "$(evs-setup cmk grant list --json test | jq -c '.grants[0] | [.id, .grantee, .operations]')" \
	"[\"$grant\",\"$user\",\"decrypt-datakey\"]" "cmk grant list has it"
ok "cmk grant remove" evs-setup cmk grant remove test "$grant"
is "$(evs-setup cmk grant list --json test | jq -c .grants)" "[]" "and it is gone"
refused 2 'no such grant' "nor can it be removed once more" evs-setup cmk grant remove test "$grant"
grant=$(evs-setup cmk grant add --to $user test)
is "$(evs-setup cmk grant list --json test | jq -r '.grants[0].operations')" \
	"create-datakey,encrypt-datakey,decrypt-datakey,describe-key" \
	"cmk grant add: what attaching takes, and nothing else"
ok "cmk grant remove --retire" evs-setup cmk grant remove --retire test "$grant"
is "$(evs-setup cmk grant list --json test | jq -c .grants)" "[]" "and it is gone, too"

like "$(evs-setup cmk create --external mine)" 'pending import' "cmk create --external"
refused 2 $'pending import\ncmk import --file FILE mine' "it protects no disk yet" \
	evs-setup create --cmk mine "$(new_file mine.img 18M)"
(umask 077 && head -c 32 /dev/urandom >"$tmp/material")
like "$(evs-setup cmk import --file "$tmp/material" mine)" 'enabled' "cmk import"
ok "it does now" evs-setup create --cmk mine "$tmp/mine.img"
like "$(evs-setup cmk delete-material mine)" 'pending import' "cmk delete-material"
refused 2 'pending import' "what it protects cannot be attached" evs-setup attach "$tmp/mine.img"
chmod 644 "$tmp/material"
refused 2 'chmod 600' "cmk import of a file that is open to others" \
	evs-setup cmk import --file "$tmp/material" mine
chmod 600 "$tmp/material"
ok "cmk import of the same material" evs-setup cmk import --file "$tmp/material" mine
evs=$(evs-setup attach "$tmp/mine.img")
ok "it can be attached again" test -b "$evs"
must evs-setup detach "$evs"

# ---- list and status ----

evs=$(evs-setup attach --name data "$disk")
json=$(evs-setup list --json)
ok "list --json is JSON" jq -e . <<<"$json"
is "$(evs-setup status --json | jq -cS .disks[0].device)" "\"$evs\"" "status --json is JSON, too"
for pair in name=data device="$evs" uuid="$(cryptsetup luksUUID "$disk")" sector-size=4096 \
	state=live read-only=false openers=0; do
	is "$(jq -r ".disks[0].\"${pair%%=*}\"" <<<"$json")" "${pair#*=}" "list --json: $pair"
done
is "$(jq -r '.disks[0].size' <<<"$json")" "$(blockdev --getsize64 "$evs")" "its size is the kernel's"
like "$(evs-setup list)" 'data' "list has it"
like "$(evs-setup status)" 'data' "status has it"
like "$(evs-setup status data)" 'live' "status of one disk"
refused 4 'no such|not attached' "status of no disk" evs-setup status nosuch
unlike "$json" '"dk"|data.?key' "no data key in it"
is "$(evs-setup list -n -o NAME,RO | xargs)" "data no" "list -n -o"
is "$(evs-setup list -n -b -o SIZE | xargs)" "$(blockdev --getsize64 "$evs")" "list -b"
is "$(evs-setup status -n -o STATE data)" "live" "status -n -o"
is "$(evs-setup resize --json data | jq .disks[0].size)" "$(blockdev --getsize64 "$evs")" \
	"resize --json"
is "$(evs-setup suspend --json data)" "{}" "suspend --json"
is "$(evs-setup resume --json data)" "{}" "resume --json"
is "$(evs-setup detach --json data)" "{}" "detach --json"
refused 4 'no such|not attached' "detach of no disk" evs-setup detach data
is "$(evs-setup detach --json data 2>/dev/null | jq -r .error.class)" "not-found" "as JSON, too"
json=$(evs-setup attach --json --name data "$disk")
is "$(jq -r '.disks[0] | .name, .device, .uuid, .backing' <<<"$json" | xargs)" \
	"data $evs $(cryptsetup luksUUID "$disk") $disk" "attach --json"

# What a KMS refuses is told whole, though the key helper has heard it, in another process
must evs-setup cmk disable second 2>/dev/null
ok "detach --quiet" eval 'evs-setup detach --quiet data 2>"$tmp/err"'
is "$(cat "$tmp/err")" "" "detach --quiet prints no note"
json=$(evs-setup attach --json "$disk" 2>"$tmp/err")
is $? 2 "attach --json of a disabled CMK: exit status"
is "$(jq -c '.error | [.class, .code, .key, .state, .advice]' <<<"$json")" \
	"[\"cmk-disabled\",\"KMS.0209\",\"$id\",\"disabled\",\"enable it with: evs-setup cmk enable second\"]" \
	"attach --json of a disabled CMK"
like "$(cat "$tmp/err")" '^evs-setup: attach: CMK second .*disabled' "and in words"
must evs-setup cmk enable second

# ---- output that is lost ----

# lost COMMAND...: nobody can read what it prints: a status of its own, and a message
lost()
{
	local how status=

	"$@" >/dev/full 2>"$tmp/err"
	status+=$?
	"$@" >&- 2>>"$tmp/err"
	status+=$?
	"$@" <&- >&- 2>&-
	status+=$?
	is "$status $(grep -c 'standard output: ' "$tmp/err")" "333 2" "output lost: $*"
}

lost evs-setup attach "$disk"
is "$(evs-setup list --json | jq -c .disks)" "[]" "nothing is attached whose path was lost"
ok "and the disk is whole" evs-setup probe "$disk"
must evs-setup attach --name data "$disk"
lost evs-setup list
lost evs-setup list --json
lost evs-setup status
lost evs-setup status --json data
lost evs-setup resize data
lost evs-setup probe "$disk"
for form in suspend resume; do
	ok "$form prints nothing: closed descriptors are no matter" \
		eval "evs-setup $form data <&- >&- 2>&-"
done
must evs-setup detach data

# The helper without a kernel
ok "evs-request-key -D" /usr/libexec/evs/evs-request-key -D "$(cryptsetup luksUUID "$disk")" "$disk"
is "$(/usr/libexec/evs/evs-request-key -D "$(cryptsetup luksUUID "$disk")" "$disk")" \
	"DK of $(cryptsetup luksUUID "$disk"): verified" "says that it has the key, not which"
refused 2 'holds disk' "evs-request-key -D with another UUID" \
	/usr/libexec/evs/evs-request-key -D 00000000-0000-0000-0000-000000000000 "$disk"

ok "nothing is left behind" no_leftovers
done_testing
