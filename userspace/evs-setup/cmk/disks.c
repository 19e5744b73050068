// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The disks of this host that are lost with a CMK. No place knows all of them: the
 * driver has those that are attached, udev the block devices with a header, and
 * evstab(5) also files, and devices that are away at the moment.
 */
#include <ctype.h>
#include <errno.h>
#include <libudev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "disk/disks.h"
#include "disks.h"
#include "evstab.h"
#include "text.h"
#include "volume/export.h"

/**
 * struct search - What is looked for, and what was found.
 * @kms: name of the KMS
 * @cmk: id of the CMK, NULL for any
 * @name: what messages call the CMK, NULL to print nothing
 * @uuids: UUIDs of the disks found, a disk may be seen in several places
 * @uuid_count: how many
 * @found: how many disks
 */
struct search {
	const char *kms;
	const char *cmk;
	const char *name;
	char (*uuids)[EVS_UUID_SIZE];
	size_t uuid_count;
	int found;
};

/* Is this one new? "" is of a disk whose UUID is not known. */
static bool is_new(struct search *s, const char *uuid)
{
	char (*grown)[EVS_UUID_SIZE];
	size_t i;

	for (i = 0; *uuid && i < s->uuid_count; i++)
		if (!strcmp(s->uuids[i], uuid))
			return false;
	grown = *uuid ? reallocarray(s->uuids, s->uuid_count + 1, sizeof(*grown)) : NULL;
	if (grown) {
		s->uuids = grown;
		snprintf(grown[s->uuid_count++], EVS_UUID_SIZE, "%s", uuid);
	}
	s->found++;
	return s->name;
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
	const char *why = "";
	struct evs_volume *vol;
	bool found = true;
	char path[32];

	if (disks_read_header(disk, &vol, &ignored)) {
		why = " (perhaps: its header cannot be read)";
	} else {
		found = volume_matches(s, vol);
		evs_volume_close(vol);
	}
	disks_path(disk, path, sizeof(path));
	if (found && is_new(s, disk->uuid))
		cli_note("CMK %s protects disk %s (%s), which is attached here%s",
			      s->name, disk->name, path, why);
}

static int find_attached(struct search *s, struct evs_error *err)
{
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
		cli_note("CMK %s may protect disks that are attached here: only root can see them",
			      s->name);
		s->found++;
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
	if (is_new(s, uuid))
		cli_note("CMK %s protects the disk on %s, which is not attached",
			      s->name, node);
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
	char uuid[EVS_UUID_SIZE];
	struct evstab tab;
	size_t i;

	if (evstab_load(&tab, &ignored))
		return;
	for (i = 0; i < tab.count; i++)
		if (!tab.entries[i].bad && entry_matches(s, &tab.entries[i], uuid) &&
		    is_new(s, uuid))
			cli_note("CMK %s protects disk %s of %s, which is not attached",
				      s->name, tab.entries[i].name, tab.path);
	evstab_free(&tab);
}

int cmk_disks_tell(const char *kms, const struct evs_cmk *cmk, struct evs_error *err)
{
	struct search s = {
		.kms = kms, .cmk = cmk->id, .name = *cmk->alias ? cmk->alias : cmk->id,
	};
	int ret;

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
