// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The disks of this host that are lost with a CMK. No place knows all of them: the
 * driver has those that are attached, udev the block devices with a header, and
 * evstab(5) also files, and devices that are away at the moment.
 */
#include <ctype.h>
#include <errno.h>
#include <libudev.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "disk/disks.h"
#include "disks.h"
#include "evstab.h"
#include "pool/entries.h"
#include "repo/repo.h"
#include "text.h"
#include "volume/export.h"

/**
 * struct search - What is looked for, and what was found.
 * @kms: name of the KMS
 * @cmk: id of the CMK, NULL for any
 * @each: called for each, or NULL
 * @arg: for @each
 * @uuids: UUIDs of the disks found, a disk may be seen in several places
 * @uuid_count: how many
 * @found: how many disks
 */
struct search {
	const char *kms;
	const char *cmk;
	cmk_user_fn *each;
	void *arg;
	char (*uuids)[EVS_UUID_SIZE];
	size_t uuid_count;
	int found;
};

/* Nothing when it was found before. "" is the UUID of what has none, or none of its own. */
static void report(struct search *s, const struct cmk_user *user)
{
	const char *uuid = user->uuid;
	char (*grown)[EVS_UUID_SIZE];
	size_t i;

	for (i = 0; *uuid && i < s->uuid_count; i++)
		if (!strcmp(s->uuids[i], uuid))
			return;
	grown = *uuid ? reallocarray(s->uuids, s->uuid_count + 1, sizeof(*grown)) : NULL;
	if (grown) {
		s->uuids = grown;
		snprintf(grown[s->uuid_count++], EVS_UUID_SIZE, "%s", uuid);
	}
	s->found++;
	if (s->each)
		s->each(s->arg, user);
}

static bool token_matches(const struct search *s, const struct evs_token *token)
{
	return !strcmp(token->kms, s->kms) && (!s->cmk || !strcmp(token->cmk, s->cmk));
}

static bool volume_matches(const struct search *s, const struct evs_volume *vol)
{
	size_t i;

	for (i = 0; i < evs_volume_token_count(vol); i++)
		if (token_matches(s, evs_volume_token_at(vol, i)))
			return true;
	return false;
}

/* ---- attached disks ---- */

static void look_at_attached(struct search *s, const struct evs_disk *disk)
{
	struct evs_error ignored = {};
	struct cmk_user user = { .kind = "disk", .uuid = disk->uuid };
	struct evs_volume *vol;
	bool found = true;
	char path[32], name[sizeof(disk->name) + sizeof(path) + 4];

	user.state = "attached here";
	if (disks_read_header(disk, &vol, &ignored)) {
		user.state = "attached here (perhaps: its header cannot be read)";
	} else {
		found = volume_matches(s, vol);
		evs_volume_close(vol);
	}
	disks_path(disk, path, sizeof(path));
	snprintf(name, sizeof(name), "%s (%s)", disk->name, path);
	user.name = name;
	if (found)
		report(s, &user);
}

static int find_attached(struct search *s, struct evs_error *err)
{
	static const struct cmk_user unseen = {
		.kind = "disk",
		.name = "-",
		.uuid = "",
		.state = "perhaps attached here: only root can see such disks",
	};
	struct evs_disk *disks;
	struct evs_nl *nl;
	size_t count, i;
	int ret;

	ret = evs_nl_open(&nl, err);
	if (ret == -ENOPKG)
		return 0;	/* no driver, no disks */
	if (ret)
		return ret;
	ret = evs_nl_dump(nl, &disks, &count, err);
	evs_nl_close(nl);
	/* A user who may ask the KMS need not be one who may ask the driver. */
	if (ret == -EPERM) {
		report(s, &unseen);
		return 0;
	}
	if (ret)
		return ret;
	for (i = 0; i < count; i++)
		look_at_attached(s, &disks[i]);
	free(disks);
	return 0;
}

/* ---- block devices ---- */

static bool is(struct udev_device *device, const char *property, const char *value)
{
	const char *got = udev_device_get_property_value(device, property);

	return got && !strcmp(got, value);
}

static void look_at_device(struct search *s, struct udev_device *device)
{
	const char *uuid = udev_device_get_property_value(device, "EVS_UUID");
	const char *node = udev_device_get_devnode(device);
	const char *name = udev_device_get_sysname(device);
	struct cmk_user user = { .kind = "disk", .state = "not attached" };
	char cmk[EVS_CMK_REF_SIZE];

	if (s->cmk) {
		snprintf(cmk, sizeof(cmk), "%s", s->cmk);
		evs_export_defuse(cmk);
		if (!is(device, "EVS_CMK", cmk))
			return;
	}
	/* An attached disk has the properties, too; it was found above. */
	if (!node || !uuid || (!strncmp(name, "evs", 3) && isdigit((unsigned char)name[3])))
		return;
	user.name = node;
	user.uuid = uuid;
	report(s, &user);
}

static void find_devices(struct search *s)
{
	struct udev *udev = udev_new();
	struct udev_enumerate *devices = udev ? udev_enumerate_new(udev) : NULL;
	struct udev_list_entry *entry;
	struct udev_device *device;

	if (!devices || udev_enumerate_add_match_subsystem(devices, "block") < 0 ||
	    udev_enumerate_add_match_property(devices, "EVS_KMS", s->kms) < 0 ||
	    udev_enumerate_scan_devices(devices) < 0)
		goto out_unref;
	udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(devices)) {
		device = udev_device_new_from_syspath(udev, udev_list_entry_get_name(entry));
		if (device)
			look_at_device(s, device);
		udev_device_unref(device);
	}
out_unref:
	udev_enumerate_unref(devices);
	udev_unref(udev);
}

/* ---- evstab(5) ---- */

/* The header where there is one, else what the line demands of it */
static bool entry_matches(const struct search *s, const struct evstab_entry *entry,
			  char uuid[EVS_UUID_SIZE])
{
	struct evs_error ignored = {};
	struct evs_volume *vol;
	bool found = false;
	char *path;

	*uuid = '\0';
	if (evstab_resolve(entry, &path, &ignored))
		path = NULL;
	if (path && !evs_volume_read(&vol, path, 0, &ignored)) {
		snprintf(uuid, EVS_UUID_SIZE, "%s", evs_volume_uuid(vol));
		found = volume_matches(s, vol);
		evs_volume_close(vol);
	} else {
		found = !strcmp(entry->kms, s->kms) && (!s->cmk || !strcmp(entry->cmk, s->cmk));
	}
	free(path);
	return found;
}

static void find_entries(struct search *s)
{
	struct evs_error ignored = {};
	char uuid[EVS_UUID_SIZE], name[PATH_MAX + 64];
	struct cmk_user user = { .kind = "disk", .name = name, .uuid = uuid };
	struct evstab tab;
	size_t i;

	user.state = "not attached";
	if (evstab_load(&tab, &ignored))
		return;
	for (i = 0; i < tab.count; i++) {
		if (tab.entries[i].bad || !entry_matches(s, &tab.entries[i], uuid))
			continue;
		snprintf(name, sizeof(name), "%s of %s", tab.entries[i].name, tab.path);
		report(s, &user);
	}
	evstab_free(&tab);
}

/* ---- pools ---- */

static bool is_attached(const struct evs_disk *disks, size_t count, const char *uuid)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!strcmp(disks[i].uuid, uuid) && disks[i].state != EVS_DEV_STATE_DEAD)
			return true;
	return false;
}

static void look_at_object(struct search *s, const struct evs_pool *pool,
			   const struct evs_pool_entry *entry, bool attached)
{
	const struct evs_record *record = &entry->record;
	char name[EVS_OBJECT_TEXT_SIZE];
	struct cmk_user user = {
		.kind = evs_kind_name(entry->object.kind),
		.name = name,
		.pool = pool->config->name,
		/* A snapshot has the UUID of its disk. */
		.uuid = entry->object.kind == EVS_KIND_SNAPSHOT ? "" : record->id,
		.state = attached ? "attached here" : "not attached",
	};

	if (!record->encrypted || strcmp(record->kms, s->kms) ||
	    (s->cmk && strcmp(record->cmk, s->cmk)))
		return;
	evs_object_text(name, pool->config->name, &entry->object);
	report(s, &user);
}

static int find_in_pool(struct search *s, const struct evs_config_pool *config,
			const struct evs_disk *disks, size_t count, struct evs_error *err)
{
	struct entries all;
	struct evs_pool pool;
	size_t i;
	int ret;

	ret = evs_pool_open(&pool, config, err);
	if (ret)
		return ret;
	ret = entries_get(&all, &pool, NULL, err);
	for (i = 0; !ret && i < all.count; i++)
		look_at_object(s, &pool, &all.list[i],
			       all.list[i].object.kind == EVS_KIND_DISK &&
			       is_attached(disks, count, all.list[i].record.id));
	if (!ret)
		entries_free(&all);
	evs_pool_close(&pool);
	return ret;
}

/* A pool that cannot be looked into may have some. */
static void find_in_pools(struct search *s, const struct evs_config *config)
{
	struct evs_disk *disks = NULL;
	struct evs_error err = {};
	struct evs_nl *nl;
	size_t count = 0, i;

	if (!config->pool_count)
		return;
	if (!evs_nl_open(&nl, &err)) {
		if (evs_nl_dump(nl, &disks, &count, &err))
			count = 0;
		evs_nl_close(nl);
	}
	for (i = 0; i < config->pool_count; i++) {
		struct cmk_user user = {
			.kind = "pool",
			.name = config->pools[i].name,
			.uuid = "",
			.state = err.text,
			.hidden = true,
		};

		err = (struct evs_error){};
		if (find_in_pool(s, &config->pools[i], disks, count, &err))
			report(s, &user);
	}
	free(count ? disks : NULL);
}

/* ---- repositories ---- */

static void look_at_backup(struct search *s, struct evs_repo *repo,
			   struct evs_backup_entry *entry)
{
	char name[EVS_POOL_NAME_MAX + EVS_BACKUP_SIZE + 3], state[EVS_BACKUP_DISK_SIZE + 8];
	char pool[EVS_POOL_NAME_MAX + 1];
	struct cmk_user user = { .kind = "backup", .name = name, .uuid = "", .state = state };
	struct evs_record record;
	struct evs_error err = {};

	snprintf(name, sizeof(name), "%s::%s", repo->config->name, entry->name);
	if (evs_repo_protection(repo, entry, &record, &err)) {
		user.hidden = true;
		user.state = err.text;
	} else if (!record.encrypted || strcmp(record.kms, s->kms) ||
		   (s->cmk && strcmp(record.cmk, s->cmk))) {
		return;
	} else if (evs_object_split(entry->disk, pool)) {
		user.pool = pool;
	}
	snprintf(state, sizeof(state), "of %s", entry->disk);
	report(s, &user);
}

static void find_in_repo(struct search *s, const struct evs_config_repo *config)
{
	struct evs_error err = {};
	struct cmk_user user = {
		.kind = "repository",
		.name = config->name,
		.uuid = "",
		.state = err.text,
		.hidden = true,
	};
	struct evs_backup_list list = {};
	struct evs_repo repo;
	size_t i;
	int ret;

	ret = evs_repo_open(&repo, config, &err);
	if (!ret) {
		ret = evs_repo_list(&repo, &list, &err);
		for (i = 0; i < list.count; i++)
			look_at_backup(s, &repo, &list.entry[i]);
		free(list.entry);
		evs_repo_close(&repo);
	}
	if (ret)
		report(s, &user);
}

int cmk_users_find(const char *kms, const char *cmk, cmk_user_fn *each, void *arg,
		   struct evs_error *err)
{
	struct search s = { .kms = kms, .cmk = cmk, .each = each, .arg = arg };
	struct evs_config config;
	size_t i;
	int ret;

	ret = evs_config_load(&config, err);
	if (ret)
		return ret;
	/* By their names in the pool, rather than by those of what is attached */
	find_in_pools(&s, &config);
	for (i = 0; i < config.repo_count; i++)
		find_in_repo(&s, &config.repos[i]);
	evs_config_free(&config);
	ret = find_attached(&s, err);
	if (!ret) {
		find_devices(&s);
		find_entries(&s);
	}
	free(s.uuids);
	return ret ? ret : s.found;
}

bool cmk_disks_use(const char *kms)
{
	struct search s = { .kms = kms };

	find_devices(&s);
	find_entries(&s);
	free(s.uuids);
	return s.found;
}
