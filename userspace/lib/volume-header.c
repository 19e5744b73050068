// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "volume-private.h"

static int library_error(const char *path, const char *what, const struct evs_crypt_log *log,
			 int ret, struct evs_error *err)
{
	return evs_error_set(err, -ret, "%s: %s: %s", path, what,
			     *log->text ? log->text : strerror(-ret));
}

int evs_volume_backup(const char *path, const char *file, struct evs_error *err)
{
	struct evs_volume *vol;
	struct stat st;
	int ret;

	if (!lstat(file, &st))
		return evs_error_set(err, EEXIST, "%s: exists already", file);
	ret = evs_volume_open(&vol, path, err);
	if (ret)
		return ret;
	vol->log.text[0] = '\0';
	ret = crypt_header_backup(vol->cd, CRYPT_LUKS2, file);
	if (ret < 0)
		ret = library_error(file, "the header cannot be copied", &vol->log, ret, err);
	evs_volume_close(vol);
	if (ret)
		return ret;
	/* A backup that cannot be read is none. */
	ret = evs_volume_open_header(&vol, file, err);
	if (!ret)
		evs_volume_close(vol);
	return ret;
}

static int other_disk(const char *path, const char *there, const char *uuid,
		      struct evs_error *err)
{
	return evs_error_set(err, EEXIST,
			     "%s: holds disk %s, the backup is of %s; --force destroys what is there",
			     path, there, uuid);
}

/* May the header with this UUID go there? */
static int check_target(const char *path, const char *uuid, struct evs_error *err)
{
	struct evs_probe probe = {};
	struct evs_volume *vol;
	int ret, probed;

	ret = evs_volume_open_header(&vol, path, err);
	if (!ret) {
		if (strcmp(evs_volume_uuid(vol), uuid))
			ret = other_disk(path, evs_volume_uuid(vol), uuid, err);
		evs_volume_close(vol);
		return ret;
	}
	if (ret != -EUCLEAN && ret != -EBADMSG && ret != -EMEDIUMTYPE)
		return ret;
	probed = evs_volume_probe(path, &probe, err);
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

int evs_volume_restore(const char *path, const char *file, bool force, struct evs_error *err)
{
	char uuid[EVS_UUID_SIZE];
	struct crypt_device *cd;
	struct evs_crypt_log log;
	struct evs_volume *vol;
	int ret;

	ret = evs_volume_open_header(&vol, file, err);
	if (ret)
		return ret;
	strcpy(uuid, evs_volume_uuid(vol));
	evs_volume_close(vol);
	ret = force ? 0 : check_target(path, uuid, err);
	if (!ret)
		ret = evs_crypt_init(&cd, path, &log, err);
	if (ret)
		return ret;
	ret = crypt_header_restore(cd, CRYPT_LUKS2, file);
	if (ret < 0)
		ret = library_error(path, "the header cannot be written", &log, ret, err);
	crypt_free(cd);
	if (ret)
		return ret;
	ret = evs_volume_open(&vol, path, err);
	if (!ret)
		evs_volume_close(vol);
	return ret;
}
