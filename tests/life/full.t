#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A thin pool that fills up: nothing more is made above the limit, of data or of
# metadata, and what is there can be read.
. "$(dirname "$0")/life.sh"
modprobe -q -a dm-thin-pool dm-snapshot ||
	{ echo "1..0 # SKIP the kernel has no thin pools"; exit 0; }
# shellcheck disable=SC2034 # life.sh has it
engine=lvm
mkdir -p /etc/evs
at_exit detach_pools

# write_to DISK MIB
write_to()
{
	local node

	node=$(evs-setup attach "$1") || return
	dd if=/dev/urandom of="$node" bs=1M count="$2" oflag=direct conv=fsync status=none
	evs-setup detach "$1"
}

new_pool p lvm "limit = 50"
must evs-setup create p/d1 --plain --size 320M
must write_to p/d1 200
must evs-setup snapshot create p/d1@before
must write_to p/d1 120
before=$(objects p)
refused 2 "limit is 50 %" "no disk above the limit" evs-setup create p/d2 --plain --size 64M
refused 2 "limit is 50 %" "no snapshot above the limit" evs-setup snapshot create p/d1@after
is "$(objects p)" "$before" "nothing was made"
ok "what is there can be read" content p/d1
must evs-setup delete p/d1 --with-snapshots --yes
ok "with room, something can be made" evs-setup create p/d2 --plain --size 64M
must evs-setup delete p/d2 --yes

# A fresh pool has used more than this of its metadata.
sed -i 's/^limit = .*/limit = 1/' /etc/evs/evs.conf
refused 2 "its metadata is [0-9]+ % full, and limit is 1 %" \
	"no disk above the limit of metadata" evs-setup create p/d3 --plain --size 64M
is "$(objects p)" "" "nothing was made"
done_testing
