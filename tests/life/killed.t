#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Verbs that attach disks for themselves, killed at some of their calls to the kernel. It
# takes minutes, so it does nothing unless EVS_LONG is more than 1.
. "$(dirname "$0")/life.sh"

[ "${EVS_LONG:-1}" -gt 1 ] || { echo "1..0 # SKIP only in the long form"; exit 0; }
must modprobe evs
must ip link set lo up
must cd "$life/../../userspace"
said=$(build/unit/pool_killed_driver_test 2>&1)
is $? 0 "killed verbs leave the old or the new, and nothing attached"
diag "$said"
done_testing
