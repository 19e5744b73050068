// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "cli.h"
#include "disks.h"

static const struct option options[] = {
	{ "force", no_argument, NULL, 'f' },
	{},
};

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct evs_disk disk;
	bool force = false;
	struct evs_nl *nl;
	const char *ref;
	int opt, ret;

	while ((opt = cli_option(argc, argv, options, err)) > 0)
		force = true;
	if (opt < 0 || cli_operand(argc, argv, "disk", &ref, err))
		return -err->errnum;
	ret = disks_open(&nl, ref, &disk, err);
	if (ret)
		return ret;
	ret = evs_nl_detach(nl, disk.id, force, err);
	if (ret)
		evs_error_prefix(err, "%s", ref);
	evs_nl_close(nl);
	return ret;
}

const struct verb verb_detach = {
	.name = "detach",
	.args = "[--force] NAME|UUID|/dev/evsN",
	.brief = "remove a disk and wipe its key",
	.help = "  --force  although it is open: who has it open gets I/O errors from then on,\n"
		"           and what was not written yet is lost\n"
		"\n"
		"A disk that is mounted or otherwise open is refused without --force.\n",
	.run = run,
};
