#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Repositories of borg: one that is reached over SSH, here on this host; what is cut off
# or killed leaves no half backup, and says why.
. "$(dirname "$0")/life.sh"

at_exit detach_pools
start_kms
must evs-setup cmk create other
must dd if=/dev/urandom of="$tmp/data" bs=1M count=8 status=none
sum=$(md5sum <"$tmp/data")
engine=$(engines | head -n 1)
new_pool p "$engine"
must evs-setup create --size 12M --cmk test p/d1
must put "$tmp/data" p/d1
# How often each is killed: that takes its time
count=0
mib=16
[ "${EVS_LONG:-1}" -eq 1 ] || { count=30; mib=64; }
must evs-setup create --size ${mib}M --plain p/big
must dd if=/dev/urandom of="$(raw p/big)" bs=1M count=$mib conv=notrunc,fsync status=none

# ---- SSH ----

# serve: a server of SSH for this host alone, to which root's own key is one
serve()
{
	local key

	must ip link set lo up
	must mkdir -p -m 700 /root/.ssh
	must ssh-keygen -q -t ed25519 -N "" -f /root/.ssh/id_ed25519
	# Its own network has no address, which borg would know its own locks by.
	echo "command=\"env BORG_HOST_ID=other borg serve\" $(</root/.ssh/id_ed25519.pub)" \
		>/root/.ssh/authorized_keys
	must dropbearkey -t ed25519 -f "$tmp/host-key"
	key=$(dropbearkey -y -f "$tmp/host-key" | grep -o '^ssh-ed25519 [^ ]*')
	echo "[127.0.0.1]:2222 $key" >/root/.ssh/known_hosts
	at_exit rm -rf /root/.ssh
	dropbear -F -E -s -p 127.0.0.1:2222 -r "$tmp/host-key" 2>"$tmp/dropbear" &
	server=$!
	at_exit kill $server
	must wait_for bash -c "</dev/tcp/127.0.0.1/2222"
}

serve
(umask 077 && echo passphrase >"$tmp/key")
url=ssh://root@127.0.0.1:2222$tmp/b
must env BORG_BASE_DIR="$tmp/borg" BORG_PASSPHRASE=passphrase BORG_RSH="ssh -oBatchMode=yes" \
	borg --log-json init -e authenticated-blake2 "$url" 2>/dev/null
add_repo b borg "path = $url" "key-file = $tmp/key" "plain = yes"
one=$(backup p/d1 b)
is "$(evs-setup backup list b --json | jq -r '.backups[0] | "\(.name) \(.disk) \(.uuid)"')" \
	"$one p/d1 $(object p/d1 uuid)" "a backup is listed"
ok "it is intact" evs-setup backup verify "$one"
is "$(shown "$one" cmk)" "$(cmk_id test)" "with its CMK"
if [ $count -gt 0 ]; then
	must evs-setup backup export "$one" "$tmp/exported"
	ok "it is the disk, byte for byte" cmp "$tmp/exported" "$(raw p/d1)"
	must rm "$tmp/exported"
fi
ok "a disk is made of it" evs-setup create --from-backup "$one" --cmk other p/d2
is "$(content p/d2)" "$sum" "with the data of the backup"

# kept NAME: the one backup is there, none beside it, and nothing in the pool
kept()
{
	is "$(evs-setup backup list b --noheadings --output NAME)" "$one" "$1: no half backup"
	sweep
	is "$(everything p)" "$before" "$1: nothing is left in the pool"
}

# reached KIB: has what is under way written so much? What was cut off before has written
# something as well, which goes first.
reached()
{
	local kib

	[ -d /proc/$pid ] || return 0
	kib=$(($(du -sk "$tmp/b/data" | cut -f1) - size))
	[ $kib -ge "$1" ] || below=yes
	[ -n "$below" ] && [ $kib -ge "$1" ]
}

# cut_off KIB COMMAND...: back the large disk up, and kill the processes that the command
# prints once so much is written. True if it fails then.
cut_off()
{
	local kib=$1 below=

	shift
	evs-setup backup create --quiet p/big b >"$tmp/out" 2>"$tmp/err" &
	pid=$!
	until reached "$kib"; do
		sleep 0.01
	done
	# shellcheck disable=SC2046 # one or more
	kill -KILL $("$@")
	! wait $pid
}

# ---- cut off ----

before=$(everything p)
size=$(du -sk "$tmp/b/data" | cut -f1)
ok "SSH is cut off" cut_off 8192 pgrep -P $server
like "$(<"$tmp/err")" "^evs-setup: backup create: .*connection" "it says why"
kept "cut off"
for ((i = 1; i <= count; i++)); do
	ok "borg is killed, $i of $count" cut_off $((mib * 1024 * i / (count + 1))) \
		pgrep -f "borg import-tar"
	like "$(<"$tmp/err")" "^evs-setup: backup create: .*borg.*signal 9" "it says why, $i"
	kept "borg is killed, $i"
	ok "borg is killed on the other host, $i" \
		cut_off $((mib * 1024 * i / (count + 1))) pgrep -f "borg serve"
	kept "borg is killed on the other host, $i"
	ok "evs-setup is killed, $i" \
		cut_off $((mib * 1024 * i / (count + 1))) pgrep -f "evs-setup backup create"
	kept "evs-setup is killed, $i"
done

# ---- stands still ----

# stand_still FILE KIB COMMAND...: the other host stops once the file has so much. True if
# evs-setup, which is then told to end, does so and fails while the host stands still.
stand_still()
{
	local file=$1 kib=$2 status

	shift 2
	"$@" >"$tmp/out" 2>"$tmp/err" &
	pid=$!
	must wait_for bash -c "[ \$(du -sk $file 2>/dev/null | cut -f1) -ge $kib ]"
	# Not ssh, which has that at the end of its arguments
	must pkill -STOP -f "bin/borg serve"
	sleep 1
	must kill -TERM $pid
	wait_for test ! -e /proc/$pid
	status=$?
	pkill -CONT -f "bin/borg serve"
	! wait $pid && [ $status -eq 0 ]
}

if [ $count -gt 0 ]; then
	size=$(du -sk "$tmp/b/data" | cut -f1)
	ok "a backup to a host that stands still is interrupted" \
		stand_still "$tmp/b/data" $((size + 4096)) evs-setup backup create --quiet p/big b
	like "$(<"$tmp/err")" "interrupted" "it says so"
	kept "stands still"
	ok "an export from one" \
		stand_still "$tmp/exported" 4 evs-setup backup export --quiet "$one" "$tmp/exported"
	like "$(<"$tmp/err")" "interrupted" "it says so"
	ok "there is no half file" test ! -e "$tmp/exported"
fi

# ---- one more ----

size=$(du -sk "$tmp/b" | cut -f1)
must evs-setup attach p/d1
must dd if="$tmp/data" of=/dev/evs/p/d1 bs=4k count=1 seek=1000 oflag=direct conv=fsync status=none
detach_pools
more=$(backup p/d1 b)
ok "64 KiB for 4, beside what borg and the manifest take" \
	test $(($(du -sk "$tmp/b" | cut -f1) - size)) -le 160
like "$(evs-setup doctor)" "^ok +repository b: borg takes up to 24(\\.0)?K of memory for 12M of 1 disk" \
	"doctor reckons the memory that it takes"
must evs-setup resize --size 2T p/d1
like "$(evs-setup doctor)" "^note +repository b: borg may take 4G of memory .*larger chunk" \
	"and says so where that is much"
if [ $count -gt 0 ]; then
	chmod 644 "$tmp/key"
	refused 2 "chmod 600" "its key is a secret" evs-setup backup list b
	chmod 600 "$tmp/key"
	segment=$(find "$tmp/b/data" -type f -size +1M | sort -V | head -1)
	flip "$segment" 5000000
	refused 4 "(${one#*::}|${more#*::}): is damaged: bytes [0-9]* to [0-9]*
integrity" "a bit of a segment" evs-setup backup verify b
	flip "$segment" 5000000
	ok "intact again" evs-setup backup verify b
	ok "deleted" evs-setup backup delete --yes "$one"
	ok "the other one stays whole" evs-setup backup verify "$more"
fi
done_testing
