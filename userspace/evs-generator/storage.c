// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What evs.conf(5) says of a pool, read without what KMSs and engines need: systemd waits
 * for a generator.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "ini.h"
#include "storage.h"

#define SECTION "pool "

/**
 * struct search - A pool that is looked for.
 * @entry: the line that names it
 * @storage: filled
 * @found: there is such a pool
 */
struct search {
	const struct evstab_entry *entry;
	struct storage *storage;
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

static int take_value(char *to, size_t size, const char *key, const char *value,
		      struct evs_error *err)
{
	return (size_t)snprintf(to, size, "%s", value) < size ? 0 :
	       evs_error_set(err, ENAMETOOLONG, "the value of %s is too long", key);
}

static int take_key(void *arg, unsigned int line, const char *section, const char *key,
		    const char *value, struct evs_error *err)
{
	struct search *search = arg;
	struct storage *storage = search->storage;

	(void)line;
	if (!is_pool(search, section))
		return 0;
	if (!strcmp(key, "engine"))
		return take_value(storage->engine, sizeof(storage->engine), key, value, err);
	if (!strcmp(key, "dir"))
		return take_value(storage->folder, sizeof(storage->folder), key, value, err);
	return 0;
}

int storage_of_pool(const struct evstab_entry *entry, struct storage *storage,
		    struct evs_error *err)
{
	static const struct evs_ini_reader reader = { take_section, take_key };
	struct search search = { .entry = entry, .storage = storage };
	int ret;

	*storage = (struct storage){};
	ret = evs_ini_read(EVS_CONFIG_PATH, &reader, &search, err);
	if (ret)
		return ret;
	if (!search.found)
		return evs_error_set(err, ENOENT, "%s: its pool is not in %s", entry->name,
				     EVS_CONFIG_PATH);
	if (storage_is(storage, "lvm") || storage_is(storage, "rbd") ||
	    (storage_is(storage, "dir") && *storage->folder))
		return 0;
	return evs_error_set(err, EINVAL,
			     "%s: its pool has no valid engine in %s; see evs.conf(5)", entry->name,
			     EVS_CONFIG_PATH);
}

bool storage_is(const struct storage *storage, const char *engine)
{
	return !strcmp(storage->engine, engine);
}
