// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What evs.conf(5) says of a pool, read without what KMSs and engines need: systemd waits
 * for a generator. The service may do what a folder takes, not what the programs of the
 * other engines do, and nobody here knows which devices those wait for.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "folder.h"
#include "ini.h"

#define SECTION "pool "

/**
 * struct search - A pool that is looked for.
 * @entry: the line that names it
 * @path: filled with its folder
 * @size: room there
 * @found: there is such a pool
 */
struct search {
	const struct evstab_entry *entry;
	char *path;
	size_t size;
	bool found;
};

static bool is_pool(const struct search *search, const char *section)
{
	const char *device = search->entry->device;
	size_t len = strcspn(device, "/");

	if (strncmp(section, SECTION, strlen(SECTION)))
		return false;
	section += strlen(SECTION);
	return strlen(section) == len && !strncmp(section, device, len);
}

static int take_section(void *arg, const char *section, struct evs_error *err)
{
	struct search *search = arg;

	(void)err;
	search->found |= is_pool(search, section);
	return 0;
}

static int take_key(void *arg, unsigned int line, const char *section, const char *key,
		    const char *value, struct evs_error *err)
{
	struct search *search = arg;

	(void)line;
	if (!is_pool(search, section) || strcmp(key, "dir"))
		return 0;
	if ((size_t)snprintf(search->path, search->size, "%s", value) >= search->size)
		return evs_error_set(err, ENAMETOOLONG, "the path of the folder is too long");
	return 0;
}

int folder_of_pool(const struct evstab_entry *entry, char *path, size_t size,
		   struct evs_error *err)
{
	static const struct evs_ini_reader reader = { take_section, take_key };
	struct search search = { .entry = entry, .path = path, .size = size };
	int ret;

	*path = '\0';
	ret = evs_ini_read(EVS_CONFIG_PATH, &reader, &search, err);
	if (ret)
		return ret;
	if (!search.found)
		return evs_error_set(err, ENOENT, "%s: its pool is not in %s", entry->name,
				     EVS_CONFIG_PATH);
	if (!*path)
		return evs_error_set(err, EOPNOTSUPP,
				     "%s: systemd attaches only disks of pools of engine dir; attach it by: evs-setup attach --tab %s",
				     entry->name, entry->name);
	return 0;
}
