// SPDX-License-Identifier: GPL-2.0-or-later
#include <blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/major.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "block.h"
#include "block/backing.h"
#include "block/loop.h"
#include "cli/cli.h"
#include "disks.h"
#include "volume/slots.h"

#define UUID_TAG "UUID="
#define LINK_DIR "/dev/evs/"

void disks_path(const struct evs_disk *disk, char *path, size_t size)
{
	snprintf(path, size, "/dev/evs%u", disk->id);
}

/* A disk of a pool, POOL:DISK, is called POOL/DISK by users. */
static bool is_in_pool(const char *name, const char *ref)
{
	size_t len = strcspn(ref, "/");

	return len && !strncmp(name, ref, len) && name[len] == ':' &&
	       !strcmp(name + len + 1, ref + len + 1);
}

bool disks_match(const struct evs_disk *disk, const char *ref)
{
	char path[32];
	struct stat st;

	if (!strchr(ref, '/')) {
		if (strcmp(disk->name, ref) == 0)
			return true;
		if (!strncmp(ref, UUID_TAG, strlen(UUID_TAG)))
			ref += strlen(UUID_TAG);
		return *disk->uuid && strcasecmp(disk->uuid, ref) == 0;
	}
	if (is_in_pool(disk->name, ref))
		return true;
	/* A disk that was detached by force has its path, but no node any more. */
	disks_path(disk, path, sizeof(path));
	if (strcmp(path, ref) == 0)
		return true;
	/* The link of udev, which may be late or not there */
	if (!strncmp(ref, LINK_DIR, strlen(LINK_DIR)) &&
	    !strcmp(ref + strlen(LINK_DIR), disk->name))
		return true;
	return !stat(ref, &st) && S_ISBLK(st.st_mode) && st.st_rdev == disk->disk_dev;
}

bool disks_is_over(const struct evs_disk *disk, const char *path)
{
	char node[PATH_MAX];
	struct stat st;

	if (stat(path, &st))
		return false;
	if (S_ISBLK(st.st_mode))
		return st.st_rdev == disk->backing_dev;
	if (!S_ISREG(st.st_mode) || major(disk->backing_dev) != LOOP_MAJOR)
		return false;
	evs_block_node(disk->backing_dev, node, sizeof(node));
	return loop_is_over(node, &st);
}

/* How many dead disks, or others, are meant by this; the last one of them */
static size_t select_disk(const struct evs_disk *disks, size_t count, bool dead,
			  bool (*is_meant)(const struct evs_disk *disk, const char *ref),
			  const char *ref, struct evs_disk *disk)
{
	size_t i, found = 0;

	for (i = 0; i < count; i++) {
		if ((disks[i].state == EVS_DEV_STATE_DEAD) == dead && is_meant(&disks[i], ref)) {
			*disk = disks[i];
			found++;
		}
	}
	return found;
}

/* The device or file below, by its path or by a tag that libblkid knows */
static size_t select_below(const struct evs_disk *disks, size_t count, const char *ref,
			   struct evs_disk *disk)
{
	char *path = strchr(ref, '/') || !strchr(ref, '=') ? NULL : blkid_evaluate_spec(ref, NULL);
	size_t found;

	found = select_disk(disks, count, false, disks_is_over, path ? path : ref, disk);
	free(path);
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
	found = select_disk(disks, count, false, disks_match, ref, disk);
	if (!found)
		found = select_disk(disks, count, true, disks_match, ref, disk);
	if (!found)
		found = select_below(disks, count, ref, disk);
	free(disks);
	if (!found)
		return evs_error_set(err, ENODEV, "%s: no such disk is attached", ref);
	/* A disk may be named like another one's UUID. */
	if (found > 1)
		return evs_error_set(err, EINVAL, "%s: matches more than one disk: give /dev/evsN", ref);
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
	struct evs_disk disk;
	struct evs_nl *nl;
	const char *ref;
	int ret;

	if (cli_option(argc, argv, err) < 0 ||
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

int disks_read_header(const struct evs_disk *disk, struct evs_volume **vol,
		      struct evs_error *err)
{
	struct evs_device dev;
	char path[PATH_MAX];
	int ret;

	evs_block_node(disk->backing_dev, path, sizeof(path));
	ret = evs_device_open(&dev, path, O_RDONLY, err);
	if (ret)
		return ret;
	if (dev.is_file || dev.number != disk->backing_dev)
		ret = evs_error_set(err, ENXIO, "%s: is not the device below the disk", path);
	else
		ret = evs_volume_open(vol, &dev, 0, err);
	evs_device_close(&dev);
	if (ret || !strcmp(evs_volume_uuid(*vol), disk->uuid))
		return ret;
	ret = evs_error_set(err, EMEDIUMTYPE,
			    "%s: holds the header of disk %s now, not of %s", path,
			    evs_volume_uuid(*vol), disk->uuid);
	evs_volume_close(*vol);
	return ret;
}

void disks_slots(char *text, size_t size, const char *path, const struct evs_volume *vol)
{
	unsigned int others = evs_volume_other_slots(vol);
	size_t used = 0;

	*text = '\0';
	if (others)
		used = (size_t)snprintf(text, size,
					"%u other key slot%s this disk without the KMS; remove %s by: evs-setup adopt --remove-slots %s",
					others, others == 1 ? " opens" : "s open",
					others == 1 ? "it" : "them", path);
	if (evs_volume_token(vol)->adopted && used < size)
		snprintf(text + used, size - used,
			 "%sits data key was not made by the KMS: copy the data to a new disk where that matters",
			 used ? "; " : "");
}

void disks_note_slots(const char *text, const char *path, const struct evs_volume *vol)
{
	char slots[PATH_MAX * 2 + 256];

	disks_slots(slots, sizeof(slots), path, vol);
	if (*slots)
		cli_note("%s: note: %s", text, slots);
}

void disks_warn_damage(const char *path, const struct evs_volume *vol)
{
	if (*evs_volume_damage(vol))
		cli_note("%s: warning: %s (attach and rewrap repair it)", path,
			 evs_volume_damage(vol));
}
