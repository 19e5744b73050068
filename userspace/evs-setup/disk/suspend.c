// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "cli/cli.h"
#include "disks.h"
#include "dk.h"

static int suspend(struct evs_nl *nl, const struct evs_disk *disk, const char *ref,
		   struct evs_error *err)
{
	int ret = evs_nl_suspend(nl, disk->id, dk_grace(disk), err);

	if (ret == -EALREADY)
		evs_error_set(err, EALREADY, "%s: to go on, evs-setup resume %s", err->text, ref);
	return ret;
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	return disks_command(argc, argv, suspend, err);
}

const struct verb verb_suspend = {
	.name = "suspend",
	DISKS_VERB_OPERAND,
	.brief = "wipe the key of a disk and hold its I/O",
	.notes = "I/O waits until resume brings the key back; it fails if the disk is revoked or\n"
		 "detached by force. If evs.conf has a grace for the KMS, the kernel keeps the key\n"
		 "for that time.\n"
		 "\n"
		 DISKS_HELP,
	.run = run,
};
