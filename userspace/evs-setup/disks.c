// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cli.h"
#include "disks.h"

void disks_path(const struct evs_disk *disk, char *path, size_t size)
{
	snprintf(path, size, "/dev/evs%u", disk->id);
}

bool disks_match(const struct evs_disk *disk, const char *ref)
{
	char path[32];
	struct stat st;

	if (!strchr(ref, '/'))
		return strcmp(disk->name, ref) == 0 ||
		       (*disk->uuid && strcasecmp(disk->uuid, ref) == 0);
	/* A disk that was detached by force has its path, but no node any more. */
	disks_path(disk, path, sizeof(path));
	if (strcmp(path, ref) == 0)
		return true;
	return !stat(ref, &st) && S_ISBLK(st.st_mode) && st.st_rdev == disk->disk_dev;
}

/* How many dead disks, or others, are meant; the last one of them */
static size_t select_disk(const struct evs_disk *disks, size_t count, bool dead,
			  const char *ref, struct evs_disk *disk)
{
	size_t i, found = 0;

	for (i = 0; i < count; i++) {
		if ((disks[i].state == EVS_DEV_STATE_DEAD) == dead &&
		    disks_match(&disks[i], ref)) {
			*disk = disks[i];
			found++;
		}
	}
	return found;
}

int disks_find(struct evs_nl *nl, const char *ref, struct evs_disk *disk, struct evs_error *err)
{
	struct evs_disk *disks;
	size_t count, found;
	int ret;

	ret = evs_nl_dump(nl, &disks, &count, err);
	if (ret)
		return ret;
	/* A dead disk has lost its name to the one that was attached after it. */
	found = select_disk(disks, count, false, ref, disk);
	if (!found)
		found = select_disk(disks, count, true, ref, disk);
	free(disks);
	if (!found)
		return evs_error_set(err, ENODEV, "%s: no such disk is attached", ref);
	/* A disk may be named like another one's UUID. */
	if (found > 1)
		return evs_error_set(err, EINVAL, "%s: is more than one disk: give /dev/evsN", ref);
	return 0;
}

int disks_open(struct evs_nl **nl, const char *ref, struct evs_disk *disk, struct evs_error *err)
{
	int ret;

	ret = evs_nl_open(nl, err);
	if (ret)
		return ret;
	ret = disks_find(*nl, ref, disk, err);
	if (ret)
		evs_nl_close(*nl);
	return ret;
}

int disks_command(int argc, char *argv[],
		  int (*op)(struct evs_nl *nl, const struct evs_disk *disk, const char *ref,
			    struct evs_error *err),
		  struct evs_error *err)
{
	static const struct option options[] = { {} };
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
	ret = op(nl, &disk, ref, err);
	if (ret)
		evs_error_prefix(err, "%s", ref);
	evs_nl_close(nl);
	return ret;
}
