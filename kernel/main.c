// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: a map of the driver; loading and unloading of the module
 *
 * A file includes and calls those of its own line and of lines below. What is above is
 * called back, through pointers that are set at attach. tests/lint/layers checks that.
 *
 *	main			this file
 *	netlink, message	commands, and what they answer
 *	sysfs			the files of a disk
 *	stat			counters
 *	disk, disks, removal	attach; which disks there are; detach, and what is lost
 *	event			what userspace is told
 *	keyslot, suspend	the key of one disk: revoke; suspend and resume
 *	backing, config		the backing device; what was asked for
 *	key			the key type "evs"
 *	keywatch		what becomes of the keys of disks
 *	queue, hold, submit, poll, read, done, write	requests, see queue.h
 *	split, spread		large requests over CPUs; small writes of a busy task
 *	workers			workers on other CPUs
 *	bounce, pool		bounce pages, tables of buffers; pages that are recycled
 *	trace, state		trace events; what may become of a disk
 *	crypt-pool		what the cipher needs for each request
 *	crypt			the cipher
 *	compat, version		differences between kernels; the version
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <net/genetlink.h>
#include <uapi/linux/evs.h>

#include "key.h"
#include "keyslot.h"
#include "netlink.h"
#include "pool.h"
#include "removal.h"
#include "version.h"

static int __init evs_init(void)
{
	int err;

	err = evs_key_init();
	if (err)
		return err;

	err = evs_pools_init();
	if (err)
		goto err_key;

	err = evs_keyslots_init();
	if (err)
		goto err_pools;

	err = evs_removal_init();
	if (err)
		goto err_keyslots;

	/* Last: from here on, disks can be attached */
	err = evs_nl_init();
	if (err)
		goto err_removal;

	return 0;

err_removal:
	evs_removal_exit();
err_keyslots:
	evs_keyslots_exit();
err_pools:
	evs_pools_exit();
err_key:
	evs_key_exit();
	return err;
}

static void __exit evs_exit(void)
{
	/*
	 * Every disk holds a reference to the module, so that none is left.
	 * This waits for handlers that still run; they attach nothing more,
	 * because no reference can be taken any longer.
	 */
	evs_nl_exit();
	evs_removal_exit();
	evs_keyslots_exit();
	evs_pools_exit();
	evs_key_exit();
}

module_init(evs_init);
module_exit(evs_exit);

MODULE_DESCRIPTION("Encrypted block devices with keys from a Key Management Service");
MODULE_LICENSE("GPL");
MODULE_VERSION(EVS_VERSION);
MODULE_ALIAS_GENL_FAMILY(EVS_FAMILY_NAME);
