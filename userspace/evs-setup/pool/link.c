// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "link.h"

#define FOLDER "/dev/evs"

void link_name(char name[LINK_SIZE], const struct evs_pool *pool, const struct evs_object *disk)
{
	snprintf(name, LINK_SIZE, "%s:%s", pool->config->name, disk->name);
}

void link_path(char path[LINK_SIZE], const char *name)
{
	char *colon;

	snprintf(path, LINK_SIZE, FOLDER "/%s", name);
	colon = strchr(path, ':');
	if (colon)
		*colon = '/';
}

int link_make(const char *name, const char *node, struct evs_error *err)
{
	char path[LINK_SIZE], new[LINK_SIZE + 8];
	char *slash;

	link_path(path, name);
	slash = strrchr(path, '/');
	*slash = '\0';
	if ((mkdir(FOLDER, 0755) && errno != EEXIST) || (mkdir(path, 0755) && errno != EEXIST))
		return evs_error_set(err, errno, "%s: %m", path);
	*slash = '/';
	/* Replaced at once, so that nobody finds it missing. No disk has this name. */
	snprintf(new, sizeof(new), "%.*s/.%s", (int)(slash - path), path, slash + 1);
	if (unlink(new) && errno != ENOENT)
		return evs_error_set(err, errno, "%s: %m", new);
	if (symlink(node, new) || rename(new, path))
		return evs_error_set(err, errno, "%s: %m", path);
	return 0;
}

int link_read(const char *name, char *node, size_t size)
{
	char path[LINK_SIZE];
	ssize_t len;

	link_path(path, name);
	len = readlink(path, node, size - 1);
	if (len < 0)
		return -ENOENT;
	node[len] = '\0';
	return 0;
}

/* Disks outside of pools may have any name, such as "..:null". */
void link_remove(const char *name, const char *node)
{
	char path[LINK_SIZE], there[64];

	if (!evs_object_is_disk(name, ':') || link_read(name, there, sizeof(there)) ||
	    strcmp(there, node))
		return;
	link_path(path, name);
	if (unlink(path))
		return;
	/* The folder of the pool goes with its last link. */
	*strrchr(path, '/') = '\0';
	rmdir(path);
}
