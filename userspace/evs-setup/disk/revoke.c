// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/cli.h"
#include "disks.h"

static int revoke(struct evs_nl *nl, const struct evs_disk *disk, const char *ref,
		  struct evs_error *err)
{
	(void)ref;
	return evs_nl_revoke(nl, disk->id, err);
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	return disks_command(argc, argv, revoke, err);
}

const struct verb verb_revoke = {
	.name = "revoke",
	DISKS_VERB_OPERAND,
	.brief = "wipe the key of a disk at once, in use or not",
	.notes = "Users of the disk get I/O errors, and what is not written yet is lost. To use it\n"
		 "again, detach it and attach it anew.\n"
		 "\n"
		 DISKS_HELP,
	.run = run,
};
