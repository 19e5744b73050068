// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "volume-private.h"

/* A backup that cannot be read is none. */
static int check_backup(const char *file, struct evs_error *err)
{
	struct evs_volume *vol;
	int ret;

	ret = evs_volume_read(&vol, file, EVS_VOLUME_HEADER, err);
	if (ret)
		return ret;
	if (*vol->damage)
		ret = evs_error_set(err, EIO, "%s: %s", file, vol->damage);
	evs_volume_close(vol);
	return ret;
}

int evs_volume_backup(struct evs_volume *vol, const char *file, struct evs_error *err)
{
	struct evs_device out = { .path = file, .is_file = true };
	int ret;

	ret = evs_image_read_areas(&vol->image, &vol->dev, vol->header_size, err);
	if (ret)
		return ret;
	out.fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (out.fd < 0 && errno == EEXIST)
		return evs_error_set(err, EEXIST, "%s: exists already", file);
	if (out.fd < 0)
		return evs_error_set(err, errno, "%s: %m", file);
	ret = evs_image_write(&vol->image, &out, vol->header_size, false, err);
	if (close(out.fd) && !ret)
		ret = evs_error_set(err, errno, "%s: %m", file);
	if (!ret)
		ret = check_backup(file, err);
	if (ret)
		unlink(file);
	return ret;
}

static int other_disk(const char *path, const char *there, const char *uuid,
		      struct evs_error *err)
{
	return evs_error_set(err, EEXIST,
			     "%s: holds disk %s, the backup is of %s; --force destroys what is there",
			     path, there, uuid);
}

/**
 * struct target - Where a header is to be written.
 * @dev: the device
 * @holds_it: it holds an intact header of the same disk, in the same place
 */
struct target {
	const struct evs_device *dev;
	bool holds_it;
};

/* May the header go there? */
static int check_target(struct target *target, const struct evs_volume *backup, bool force,
			struct evs_error *err)
{
	const char *path = target->dev->path, *uuid = backup->uuid;
	struct evs_probe probe = {};
	struct evs_volume *vol;
	int ret, probed;

	ret = evs_volume_open(&vol, target->dev, EVS_VOLUME_HEADER, err);
	if (!ret) {
		target->holds_it = !strcmp(vol->uuid, uuid) &&
				   vol->image.copy_size == backup->image.copy_size;
		if (strcmp(vol->uuid, uuid) && !force)
			ret = other_disk(path, vol->uuid, uuid, err);
		evs_volume_close(vol);
		return ret;
	}
	if (force)
		return 0;
	if (ret != -EUCLEAN && ret != -EBADMSG && ret != -EMEDIUMTYPE)
		return ret;
	probed = evs_device_probe(target->dev, &probe, err);
	if (probed && probed != -EUCLEAN)
		return probed;
	if (ret == -EMEDIUMTYPE)
		return evs_error_set(err, EEXIST,
			"%s: holds no EVS disk but %s; is it the right one? --force writes the header nevertheless",
			path, probed || probe.found ? "something else" : "nothing that is known");
	/* What a backup is for: damaged, or with tokens that are no good any more */
	if (!probed && *probe.uuid && strcmp(probe.uuid, uuid))
		return other_disk(path, probe.uuid, uuid, err);
	return 0;
}

/* Would it be a disk? */
static int check_fits(const struct evs_device *dev, const struct evs_volume *backup,
		      struct evs_error *err)
{
	unsigned int block_size;
	uint64_t size;
	int ret;

	ret = evs_device_size(dev, &size, &block_size, err);
	if (ret)
		return ret;
	if (size < backup->sector_size || size - backup->sector_size < backup->data_offset)
		return evs_error_set(err, EBADMSG,
				     "%s: too small for the disk of this header: it ends before the data begins",
				     dev->path);
	if (backup->sector_size < block_size)
		return evs_error_set(err, EINVAL,
				     "%s: has sectors of %u bytes, the disk of this header has %u",
				     dev->path, block_size, backup->sector_size);
	return 0;
}

static int restore(const struct evs_device *dev, struct evs_volume *backup, bool force,
		   struct evs_error *err)
{
	struct target target = { .dev = dev };
	struct evs_volume *vol;
	int ret;

	ret = check_target(&target, backup, force, err);
	if (!ret)
		ret = check_fits(dev, backup, err);
	if (!ret)
		ret = evs_image_read_areas(&backup->image, &backup->dev, backup->header_size, err);
	if (!ret)
		ret = evs_image_write(&backup->image, dev, backup->header_size, target.holds_it,
				      err);
	if (!ret)
		ret = evs_volume_open(&vol, dev, 0, err);
	if (!ret)
		evs_volume_close(vol);
	return ret;
}

int evs_volume_restore(const struct evs_device *dev, const char *file, bool force,
		       struct evs_error *err)
{
	struct evs_volume *backup;
	struct evs_device in;
	int ret;

	ret = evs_device_open(&in, file, O_RDONLY, err);
	if (ret)
		return ret;
	ret = evs_volume_open(&backup, &in, EVS_VOLUME_HEADER, err);
	if (!ret) {
		ret = restore(dev, backup, force, err);
		evs_volume_close(backup);
	}
	evs_device_close(&in);
	return ret;
}
