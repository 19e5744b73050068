// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

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
	ret = evs_nl_suspend(nl, disk.id, err);
	if (ret == -EALREADY)
		evs_error_set(err, EALREADY, "%s: %s: to go on, evs-setup resume %s", ref,
			      err->text, ref);
	else if (ret)
		evs_error_prefix(err, "%s", ref);
	evs_nl_close(nl);
	return ret;
}

const struct verb verb_suspend = {
	.name = "suspend",
	.args = "NAME|UUID|/dev/evsN",
	.brief = "wipe the key of a disk and let its I/O wait",
	.help = "Who has the disk open waits from then on, until resume brings the key back.\n"
		"What waits fails if the disk is revoked or detached by force meanwhile.\n",
	.run = run,
};
