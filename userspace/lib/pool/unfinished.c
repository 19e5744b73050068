// SPDX-License-Identifier: GPL-2.0-or-later
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nl/netlink.h"
#include "pool/record.h"
#include "pool/unfinished.h"

#define LOCKS "/run/evs/" EVS_UNFINISHED
#define DRIVER "/sys/module/evs"

int evs_unfinished_lock(struct evs_lock *lock, const char *uuid)
{
	snprintf(lock->path, sizeof(lock->path), LOCKS "%s", uuid);
	return evs_lock_take(lock, false);
}

/*
 * All of it must say so: the name, this host as its maker, and that nobody holds its
 * lock. What is found to be left is going to be removed, and is gone for good.
 */
bool evs_unfinished_left(const char *uuid, const char *maker, const char *own)
{
	struct evs_lock lock;

	if (!evs_uuid_valid(uuid) || !evs_record_same_host(maker, own) ||
	    evs_unfinished_lock(&lock, uuid))
		return false;
	evs_lock_release(&lock);
	return true;
}

/* ---- disks ---- */

static bool is_left(const struct evs_disk *disk)
{
	return !disk->lazy && !strncmp(disk->name, EVS_UNFINISHED, strlen(EVS_UNFINISHED)) &&
	       evs_uuid_valid(disk->name + strlen(EVS_UNFINISHED));
}

/* With its lock. It may have gone before that, and its number be that of another disk. */
static void detach(struct evs_nl *nl, const char *name)
{
	struct evs_error ignored = {};
	struct evs_disk *disks;
	size_t count, i;

	if (evs_nl_dump(nl, &disks, &count, &ignored))
		return;
	for (i = 0; i < count; i++)
		if (is_left(&disks[i]) && !strcmp(disks[i].name, name))
			evs_nl_detach(nl, disks[i].id, EVS_DETACH_LAZY, &ignored);
	free(disks);
}

void evs_unfinished_detach(void)
{
	struct evs_error ignored = {};
	struct evs_disk *disks;
	struct evs_lock lock;
	struct evs_nl *nl;
	size_t count, i;

	if (access(DRIVER, F_OK) || evs_nl_open(&nl, &ignored))
		return;
	if (!evs_nl_dump(nl, &disks, &count, &ignored)) {
		for (i = 0; i < count; i++) {
			if (!is_left(&disks[i]) ||
			    evs_unfinished_lock(&lock, disks[i].name + strlen(EVS_UNFINISHED)))
				continue;
			detach(nl, disks[i].name);
			evs_lock_release(&lock);
		}
		free(disks);
	}
	evs_nl_close(nl);
}

/* ---- locks ---- */

void evs_unfinished_unlock(void)
{
	struct evs_lock lock;
	const char *uuid;
	glob_t found;
	size_t i;

	if (glob(LOCKS "*", 0, NULL, &found))
		return;
	for (i = 0; i < found.gl_pathc; i++) {
		uuid = found.gl_pathv[i] + strlen(LOCKS);
		if (evs_uuid_valid(uuid) && !evs_unfinished_lock(&lock, uuid))
			evs_lock_release(&lock);
	}
	globfree(&found);
}
