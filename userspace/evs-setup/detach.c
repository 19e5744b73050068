// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "cli.h"
#include "disks.h"

static const struct option options[] = {
	{ "force", no_argument, NULL, 'f' },
	{ "lazy", no_argument, NULL, 'l' },
	{},
};

static enum evs_detach how_of(int opt)
{
	return opt == 'f' ? EVS_DETACH_FORCE : EVS_DETACH_LAZY;
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct evs_disk disk;
	enum evs_detach how = EVS_DETACH_IDLE;
	struct evs_nl *nl;
	const char *ref;
	int opt, ret;

	while ((opt = cli_option(argc, argv, options, err)) > 0) {
		if (how != EVS_DETACH_IDLE && how != how_of(opt))
			return evs_error_set(err, EINVAL,
					     "--force does not wait and --lazy does: give one of them");
		how = how_of(opt);
	}
	if (opt < 0 || cli_operand(argc, argv, "disk", &ref, err))
		return -err->errnum;
	ret = disks_open(&nl, ref, &disk, err);
	if (ret)
		return ret;
	ret = evs_nl_detach(nl, disk.id, how, err);
	if (ret == -EBUSY)
		evs_error_set(err, EBUSY, "%s: %s: close it, or try --lazy or --force", ref,
			      err->text);
	else if (ret)
		evs_error_prefix(err, "%s", ref);
	evs_nl_close(nl);
	return ret;
}

const struct verb verb_detach = {
	.name = "detach",
	.args = "[--force|--lazy] NAME|UUID|/dev/evsN",
	.brief = "remove a disk and wipe its key",
	.help = "  --force  although it is open: who has it open gets I/O errors from then on,\n"
		"           and what was not written yet is lost\n"
		"  --lazy   once it is closed: nobody can open it any more, and it goes when\n"
		"           the last one who has it open closes it\n"
		"\n"
		"A disk that is mounted or otherwise open is refused without one of them.\n",
	.run = run,
};
