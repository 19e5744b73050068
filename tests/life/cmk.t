#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What each verb needs of the CMK and of its KMS: one that reads or makes a data key is
# refused before anything is made, and says what to do; all others go on as ever.
. "$(dirname "$0")/life.sh"

at_exit detach_pools
start_kms
must evs-setup cmk create other
must truncate -s 4M "$tmp/raw"

# with_key COMMAND...: call it with each verb that reads or makes a data key of the CMK
with_key()
{
	"$@" attach p/enc
	"$@" create --size 4M --cmk "$test" p/no
	"$@" create --from-snapshot p/enc@s p/no
	"$@" create --from-image p/image:e p/no
	"$@" image create --from p/enc@s p/image:no
	"$@" image copy p/image:e p/image:no
	"$@" image copy --cmk other p/image:e p/image:no
	"$@" image copy --plain p/image:e p/image:no
	"$@" image import --format raw --cmk "$test" "$tmp/raw" p/image:no
}

# no_key STATUS REGEX WHAT VERB...: it is refused, and leaves nothing
no_key()
{
	local status=$1 regex=$2 what=$3 before

	shift 3
	before=$(everything p)
	refused "$status" "$regex" "$engine: $what: $*" evs-setup "$@"
	is "$(everything p)" "$before" "$engine: $what: $*: nothing is left"
}

# others_work WHAT: the verbs that need no key, and what is attached
others_work()
{
	local verb

	must evs-setup create --size 4M --plain p/victim
	for verb in "snapshot create p/enc@now" "snapshot list p/enc" "snapshot diff p/enc@now" \
		"list --verify p" "image list p" "image export p/image:e $tmp/exported" \
		"resize p/enc --size $((size += 4))M" "snapshot rollback --yes p/enc@now" \
		"snapshot delete --yes p/enc@now" "create --from-snapshot p/plain@s p/copy" \
		"delete --yes p/copy" "delete --yes p/victim" \
		"snapshot create p/held@now" "snapshot delete --yes p/held@now"; do
		# shellcheck disable=SC2086 # words
		ok "$engine: $1: $verb" evs-setup $verb
	done
	rm "$tmp/exported"
	ok "$engine: $1: the attached disk" dd if="$held" of=/dev/null bs=1M count=1 iflag=direct
}

# asks VERB...: start it; return when it has begun and the KMS, which is stopped, is asked
asks()
{
	must kill -STOP "$kms_pid"
	evs-setup "$@" >/dev/null 2>"$tmp/asks" &
	asker=$!
	must wait_for eval '[ -n "$(ls /run/evs/new.*)" ]'
	sleep 0.3
}

# asks_key DISK: start to attach it; return when its KMS, which is stopped, is asked
asks_key()
{
	must kill -STOP "$kms_pid"
	evs-setup attach "$1" >/dev/null 2>"$tmp/asks" &
	asker=$!
	must wait_for pgrep -x evs-request-key
}

# answered STATUS REGEX NAME: it ends so once the KMS answers
answered()
{
	local status

	must kill -CONT "$kms_pid"
	wait "$asker"
	status=$?
	is "$status" "$1" "$engine: $3"
	like "$(<"$tmp/asks")" "$2" "$engine: $3: it says so"
}

# listed STATE: what the list says of the CMK
listed()
{
	like "$(evs-setup list p)" "^p/enc .*$1" "$engine: $1: list says so"
	is "$(evs-setup list --json --verify p | jq -r '.objects[] | select(.name == "p/enc")."cmk-state"')" \
		"$1" "$engine: $1: list --verify --json as well"
}

for engine in $(engines); do
	size=4
	new_pool p "$engine"
	must evs-setup cmk create "$engine"
	test=$(cmk_id "$engine")
	must evs-setup create --size 4M --cmk "$engine" p/enc
	must evs-setup create --size 4M --cmk "$engine" p/held
	must evs-setup create --size 4M --plain p/plain
	must evs-setup snapshot create p/enc@s p/plain@s
	must evs-setup image create --from p/enc@s p/image:e
	held=$(evs-setup attach p/held)

	# ---- the CMK ----

	listed enabled
	must evs-setup cmk disable "$engine"
	listed disabled
	with_key no_key 2 "CMK .*: disabled \\(KMS.0209
evs-setup cmk enable ($engine|$test)" disabled
	others_work disabled

	must evs-setup cmk schedule-deletion --yes --days 7 "$engine"
	day=$(date -u -d '+7 days' +%Y-%m-%d)
	listed "pending deletion"
	with_key no_key 2 "CMK .*: scheduled for deletion on $day
evs-setup cmk cancel-deletion ($engine|$test)" "pending deletion"
	others_work "pending deletion"
	must evs-setup cmk cancel-deletion "$engine"
	must evs-setup cmk enable "$engine"

	# ---- the KMS ----

	kms_stop
	with_key no_key 6 "KMS local" "no KMS"
	others_work "no KMS"
	kms_start

	before=$(everything p)
	asks create --from-snapshot p/enc@s p/no
	is "$(everything p)" "$before" "$engine: nothing is made before the KMS has answered"
	kill -KILL $asker
	wait $asker 2>/dev/null
	must kill -CONT "$kms_pid"
	must evs-setup create --size 4M --plain p/taken
	is "$(ls /run/evs/new.* 2>/dev/null)" "" "$engine: killed meanwhile: the next one clears up"
	must evs-setup delete --yes p/taken
	is "$(everything p)" "$before" "$engine: nor is anything left"
	asks create --size 4M --cmk "$engine" p/taken
	must evs-setup create --size 4M --plain p/taken
	answered 5 "exists already" "the name is taken meanwhile"
	is "$(object p/taken attribute)" plain "$engine: by that which was first"
	must evs-setup delete --yes p/taken
	must evs-setup snapshot create p/enc@gone
	asks create --from-snapshot p/enc@gone p/no
	must evs-setup snapshot delete --yes p/enc@gone
	answered 4 "no such snapshot" "the snapshot is deleted meanwhile"
	is "$(everything p)" "$before" "$engine: nothing is left of that"
	asks_key p/enc
	for verb in "attach p/plain" "detach p/plain" "snapshot create p/enc@asked" \
		"snapshot delete --yes p/enc@asked"; do
		# shellcheck disable=SC2086 # words
		ok "$engine: $verb while the KMS is asked for another disk" \
			timeout 60 evs-setup $verb
	done
	answered 0 "^$" "attach goes on after that"
	must evs-setup detach p/enc
	asks_key p/enc
	must evs-setup resize p/enc --size $((size += 4))M
	answered 5 "p/enc: another evs-setup has changed the disk meanwhile; try again" \
		"the disk is resized meanwhile"
	is "$(object p/enc attached)" null "$engine: it is not attached"

	printf '[kms local]\ntimeout = 1\n' >>/etc/evs/evs.conf
	must kill -STOP "$kms_pid"
	with_key no_key 6 "KMS local" "a KMS that does not answer"
	others_work "a KMS that does not answer"
	must kill -CONT "$kms_pid"

	# ---- deleted: the daemon does that as it starts ----

	must evs-setup cmk schedule-deletion --yes --days 7 "$engine"
	must date -s '+7 days 1 minute'
	kms_stop
	kms_start
	must wait_for not evs-setup cmk show "$test"
	listed deleted
	with_key no_key 2 "CMK .*: no such CMK, or it was deleted \\(KMS.0207" deleted
	refused 2 "delete what it protected with: evs-setup delete p/enc$" "$engine: attach says what to do" \
		evs-setup attach p/enc
	refused 2 "delete what it protected with: evs-setup snapshot delete p/enc@s$" \
		"$engine: create says what to do" evs-setup create --from-snapshot p/enc@s p/no
	others_work deleted
	must evs-setup detach p/held
	drop_pools
done
done_testing
