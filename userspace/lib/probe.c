// SPDX-License-Identifier: GPL-2.0-or-later
#include <blkid.h>
#include <errno.h>
#include <string.h>

#include "device.h"
#include "text.h"
#include "volume/volume.h"

#define SIGNATURES_END (128 << 10)	/* nearly all are before, the one of btrfs is the last */

static void get_value(blkid_probe probe, const char *name, char *text, size_t size)
{
	const char *value;
	size_t len;

	if (blkid_probe_lookup_value(probe, name, &value, &len)) {
		*text = '\0';
		return;
	}
	evs_text_copy(text, size, value, strnlen(value, len));
}

static void get_values(blkid_probe blkid, struct evs_probe *probe)
{
	get_value(blkid, "TYPE", probe->type, sizeof(probe->type));
	get_value(blkid, "USAGE", probe->usage, sizeof(probe->usage));
	get_value(blkid, "LABEL", probe->label, sizeof(probe->label));
	get_value(blkid, "UUID", probe->uuid, sizeof(probe->uuid));
	if (!*probe->type) {
		get_value(blkid, "PTTYPE", probe->type, sizeof(probe->type));
		get_value(blkid, "PTUUID", probe->uuid, sizeof(probe->uuid));
		strcpy(probe->usage, "partition table");
	} else if (!*probe->usage) {
		strcpy(probe->usage, "other");
	}
	probe->found = *probe->type;
}

/* By its token; the subsystem is a hint where the header is damaged. */
static bool is_evs(const struct evs_device *dev, blkid_probe blkid)
{
	struct evs_error ignored = {};
	struct evs_volume *vol;
	char subsystem[64];
	int ret;

	ret = evs_volume_open(&vol, dev, EVS_VOLUME_HEADER, &ignored);
	if (!ret)
		evs_volume_close(vol);
	get_value(blkid, "SUBSYSTEM", subsystem, sizeof(subsystem));
	return ret != -EMEDIUMTYPE && (ret != -EUCLEAN || !strcmp(subsystem, EVS_SUBSYSTEM));
}

/* A probe for everything that libblkid knows, through the descriptor that is held */
static blkid_probe new_probe(const struct evs_device *dev)
{
	blkid_probe probe = blkid_new_probe();

	if (!probe)
		return NULL;
	if (blkid_probe_set_device(probe, dev->fd, 0, 0) ||
	    blkid_probe_enable_superblocks(probe, 1) ||
	    blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE |
					      BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID |
					      BLKID_SUBLKS_VERSION | BLKID_SUBLKS_MAGIC) ||
	    blkid_probe_enable_partitions(probe, 1) ||
	    blkid_probe_set_partitions_flags(probe, BLKID_PARTS_MAGIC)) {
		blkid_free_probe(probe);
		return NULL;
	}
	return probe;
}

/* libblkid takes a sector that cannot be read for one without a signature. */
static int check_readable(const struct evs_device *dev, struct evs_error *err)
{
	char block[4096];
	uint64_t offset;
	int ret;

	for (offset = 0; offset < SIGNATURES_END; offset += sizeof(block)) {
		ret = evs_device_read(dev, block, sizeof(block), offset);
		if (ret)
			return evs_error_set(err, -ret, "%s: cannot be read: %s", dev->path,
					     strerror(-ret));
	}
	return 0;
}

int evs_device_probe(const struct evs_device *dev, struct evs_probe *probe,
		     struct evs_error *err)
{
	blkid_probe blkid;
	int found, ret;

	memset(probe, 0, sizeof(*probe));
	ret = check_readable(dev, err);
	if (ret)
		return ret;
	blkid = new_probe(dev);
	if (!blkid)
		return evs_error_set(err, EIO, "%s: cannot be probed", dev->path);
	errno = 0;
	found = blkid_do_safeprobe(blkid);
	if (found == 0) {
		get_values(blkid, probe);
		probe->is_evs = !strcmp(probe->type, "crypto_LUKS") && is_evs(dev, blkid);
	}
	else if (found == -2)
		ret = evs_error_set(err, EUCLEAN,
				    "%s: holds several things that contradict each other (see wipefs)",
				    dev->path);
	else if (found < 0)
		ret = evs_error_set(err, EIO, "%s: cannot be read: %s", dev->path,
				    strerror(errno ? errno : EIO));
	blkid_free_probe(blkid);
	return ret;
}

int evs_device_wipe(const struct evs_device *dev, struct evs_error *err)
{
	blkid_probe probe = new_probe(dev);
	int found;

	if (!probe)
		return evs_error_set(err, EIO, "%s: cannot be probed", dev->path);
	errno = 0;
	while ((found = blkid_do_probe(probe)) == 0) {
		if (blkid_do_wipe(probe, 0)) {
			found = -1;
			break;
		}
	}
	blkid_free_probe(probe);
	if (found < 0)
		return evs_error_set(err, EIO, "%s: cannot wipe what is on it: %s", dev->path,
				     strerror(errno ? errno : EIO));
	return 0;
}

bool evs_device_has_other(const struct evs_device *dev)
{
	char luks[] = "crypto_LUKS", *const names[] = { luks, NULL };
	blkid_probe probe = new_probe(dev);
	bool other = false;
	int found;

	if (!probe)
		return false;
	if (!blkid_probe_filter_superblocks_type(probe, BLKID_FLTR_NOTIN, (char **)names)) {
		found = blkid_do_safeprobe(probe);
		other = found == 0 || found == -2;
	}
	blkid_free_probe(probe);
	return other;
}
