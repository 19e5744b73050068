#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A suspended disk does not answer; LVM reads all devices that it may look at. What is
# done in a pool of LVM meanwhile neither hangs nor fails.
. "$(dirname "$0")/life.sh"
modprobe -q -a dm-thin-pool dm-snapshot ||
	{ echo "1..0 # SKIP the kernel has no thin pools"; exit 0; }
# shellcheck disable=SC2034 # life.sh has it
engine=lvm
at_exit detach_pools
start_kms

new_pool p lvm
must evs-setup create p/enc --size 64M
must evs-setup create p/plain --plain --size 64M
must evs-setup attach p/enc
must evs-setup suspend p/enc
at_exit evs-setup resume p/enc
for command in "list p" "snapshot create p/plain@s1" "create p/more --plain --size 64M" \
	"create p/copy --from-snapshot p/plain@s1" "delete p/more --yes"; do
	# shellcheck disable=SC2086 # words
	ok "$command" timeout 120 evs-setup $command
done
must evs-setup resume p/enc
must evs-setup detach p/enc
done_testing
