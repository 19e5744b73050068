// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli.h"
#include "disks.h"

static const struct option options[] = {
	{},
};

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct evs_disk disk;
	struct evs_nl *nl;
	const char *ref;
	int ret;

	if (cli_option(argc, argv, options, err) < 0 ||
	    cli_operand(argc, argv, "disk", &ref, err))
		return -err->errnum;
	ret = disks_open(&nl, ref, &disk, err);
	if (ret)
		return ret;
	ret = evs_nl_revoke(nl, disk.id, err);
	if (ret)
		evs_error_prefix(err, "%s", ref);
	evs_nl_close(nl);
	return ret;
}

const struct verb verb_revoke = {
	.name = "revoke",
	.args = "NAME|UUID|/dev/evsN",
	.brief = "wipe the key of a disk at once, in use or not",
	.help = "Who has the disk open gets I/O errors from then on, and what was not written\n"
		"yet is lost. To use it again, detach it and attach it anew.\n",
	.run = run,
};
