// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "text.h"
#include "volume/private.h"

/* ---- label ---- */

int evs_label_check(const char *label, struct evs_error *err)
{
	if (strlen(label) > EVS_LABEL_MAX)
		return evs_error_set(err, EINVAL, "the label is longer than %d bytes",
				     EVS_LABEL_MAX);
	if (!evs_text_valid(label))
		return evs_error_set(err, EINVAL, "a label is UTF-8 without control characters");
	return 0;
}

int evs_volume_set_label(struct evs_volume *vol, const char *label, struct evs_error *err)
{
	const char *now;
	int ret;

	ret = evs_label_check(label, err);
	if (ret)
		return ret;
	vol->log.text[0] = '\0';
	ret = crypt_set_label(vol->cd, *label ? label : NULL, EVS_SUBSYSTEM);
	if (ret < 0)
		return evs_error_set(err, -ret, "%s: cannot change the header: %s", vol->dev.path,
				     *vol->log.text ? vol->log.text : strerror(-ret));
	ret = evs_volume_write(vol, err);
	if (ret)
		return ret;
	now = crypt_get_label(vol->cd);
	if (strcmp(now ? now : "", label))
		return evs_error_set(err, EIO, "%s: the label was not written", vol->dev.path);
	strcpy(vol->label, label);
	return 0;
}

/* ---- backup ---- */

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

/* ---- restore ---- */

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
 * @agree: asks whether a header that differs may be lost, or NULL
 * @arg: for @agree
 */
struct target {
	const struct evs_device *dev;
	bool holds_it;
	evs_agree_fn *agree;
	void *arg;
};

static bool has_cmk(const struct evs_volume *vol, const struct evs_token *token)
{
	size_t i;

	for (i = 0; i < vol->token_count; i++)
		if (!strcmp(vol->tokens[i].cmk, token->cmk) &&
		    !strcmp(vol->tokens[i].kms, token->kms))
			return true;
	return false;
}

/* The header that is there may be newer: what is lost with it cannot be had back. */
static int check_step_back(const struct target *target, const struct evs_volume *there,
			   const struct evs_volume *backup, struct evs_error *err)
{
	const struct evs_token *now = &there->tokens[0], *then = &backup->tokens[0];
	char change[640];

	if (!evs_volume_same_dk(there, backup))
		snprintf(change, sizeof(change),
			 "%s: the backup has another data key than the disk: what was encrypted with the present one cannot be read any more",
			 target->dev->path);
	else if (!has_cmk(there, then))
		snprintf(change, sizeof(change),
			 "%s: was rewrapped after the backup: its header names CMK %s of KMS %s, the backup CMK %s of KMS %s: from then on, only that one opens the disk",
			 target->dev->path, now->cmk, now->kms, then->cmk, then->kms);
	else
		return 0;
	return target->agree(target->arg, change, err);
}

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
		if (strcmp(vol->uuid, uuid))
			ret = force ? 0 : other_disk(path, vol->uuid, uuid, err);
		else if (target->agree)
			ret = check_step_back(target, vol, backup, err);
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
	uint64_t size;
	int ret;

	ret = evs_device_size(dev, &size, NULL, err);
	if (ret)
		return ret;
	if (size < backup->sector_size || size - backup->sector_size < backup->data_offset)
		return evs_error_set(err, EBADMSG,
				     "%s: too small for the disk of this header: it ends before the data begins",
				     dev->path);
	return 0;
}

/* Written, and read back */
static int put_header(struct evs_volume *vol, const struct evs_device *dev, bool replace,
		      struct evs_error *err)
{
	struct evs_volume *now;
	int ret;

	ret = check_fits(dev, vol, err);
	if (!ret)
		ret = evs_image_read_areas(&vol->image, &vol->dev, vol->header_size, err);
	if (!ret)
		ret = evs_image_write(&vol->image, dev, vol->header_size, replace, err);
	if (!ret)
		ret = evs_volume_open(&now, dev, 0, err);
	if (!ret)
		evs_volume_close(now);
	return ret;
}

static int restore(struct target *target, struct evs_volume *backup, bool force,
		   struct evs_error *err)
{
	int ret = check_target(target, backup, force, err);

	return ret ? ret : put_header(backup, target->dev, target->holds_it, err);
}

int evs_volume_copy_header(struct evs_volume *vol, const struct evs_device *dev,
			   struct evs_error *err)
{
	struct evs_volume *there;
	bool same;
	int ret;

	ret = evs_volume_open(&there, dev, 0, err);
	if (ret)
		return ret;
	same = evs_volume_same_dk(vol, there) && vol->data_offset == there->data_offset &&
	       vol->sector_size == there->sector_size &&
	       vol->image.copy_size == there->image.copy_size;
	evs_volume_close(there);
	if (!same)
		return evs_error_set(err, EKEYREJECTED, "%s: holds data of another data key",
				     dev->path);
	return put_header(vol, dev, true, err);
}

int evs_volume_restore(const struct evs_device *dev, const char *file, bool force,
		       evs_agree_fn *agree, void *arg, struct evs_error *err)
{
	struct target target = { .dev = dev, .agree = agree, .arg = arg };
	struct evs_volume *backup;
	struct evs_device in;
	int ret;

	ret = evs_device_open(&in, file, O_RDONLY, err);
	if (ret)
		return ret;
	ret = evs_volume_open(&backup, &in, EVS_VOLUME_HEADER, err);
	if (!ret) {
		ret = restore(&target, backup, force, err);
		evs_volume_close(backup);
	}
	evs_device_close(&in);
	return ret;
}
