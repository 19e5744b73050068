#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Also under KASAN and lockdep.
# The module: loads by itself, cannot go while it is needed, goes afterwards.
. "$(dirname "$0")/tap.sh"

module_loaded()
{
	[ -d /sys/module/evs ]
}


modprobe -r evs 2>/dev/null
ok "the module is not loaded at first" not module_loaded

# A kernel for which the module was not built, as after an upgrade
release=$(uname -r)
mkdir "$tmp/modules"
: >"$tmp/modules/modules.dep"
must mount --bind "$tmp/modules" "/lib/modules/$release"
at_exit umount "/lib/modules/$release"
refused 6 "no kernel module evs for this kernel \\(${release//+/[+]}\\); to build it, install linux-headers-" \
	"no module for this kernel" evs-setup list
echo 'extra/evs.ko.xz:' >"$tmp/modules/modules.dep"
refused 6 'could not be loaded; to see why, run: modprobe evs' "a module that does not load" \
	evs-setup list
must umount "/lib/modules/$release"

ok "the first list succeeds" evs-setup list
ok "it has loaded the module, by the alias of its netlink family" module_loaded
is "$(cat /sys/module/evs/refcnt)" 0 "nothing uses the module"
is "$(ls /sys/module/evs/parameters 2>/dev/null)" "" "it has no parameters"
is "$(evs-setup list --json | jq -c .disks)" "[]" "the list is empty"
ok "it can be unloaded" rmmod evs
ok "it can be loaded from its file, too" insmod "$EVS_KO"
is "$(cat /sys/module/evs/version)" "$(evs-setup --version | cut -d ' ' -f 2)" \
	"it has the version of the programs"

new_null evs_t0 16
at_exit detach_all
evs=$(raw_attach /dev/evs_t0 4096)
ok "a disk is attached" test -b "$evs"
is "$(cat /sys/module/evs/refcnt)" 1 "it uses the module"
nok "the module cannot be unloaded now" rmmod evs
ok "and is still there" module_loaded
ok "and works" dd if="$evs" of=/dev/null bs=4k count=4 iflag=direct status=none

cipher=$(evs-setup list --json | jq -r '.disks[0].cipher')
if [ "$EVS_VM" = qemu ]; then
	like "$cipher" 'aesni|vaes' "the cipher is the processor's: $cipher"
else
	like "$cipher" xts "the cipher is xts(aes): $cipher"
fi

ok "the disk is detached" evs-setup detach "$evs"
ok "the module can be unloaded" rmmod evs
ok "no key type is left behind" not grep -qw evs /proc/modules
ok "it loads again" modprobe evs

for _ in 1 2 3 4 5; do
	rmmod evs && modprobe evs || break
done
ok "and again, five times" module_loaded

unlike "$(kernel_complaints)" . "the kernel did not complain"
done_testing
