// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Copies of headers in the folder header-copies of evs.conf: UUID-DATE.header, one for
 * each disk. A copy is written beside under another name and renamed when it is whole.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "config.h"
#include "date.h"
#include "header-copy.h"
#include "volume/volume.h"

#define SUFFIX ".header"
#define UNFINISHED SUFFIX ".new"

/**
 * struct copies - The copies of the header of one disk.
 * @ref: how messages call the disk
 * @uuid: UUID of the disk
 * @folder: where they are
 * @fd: the same, open
 */
struct copies {
	const char *ref;
	const char *uuid;
	char folder[EVS_CONFIG_VALUE_MAX + 1];
	int fd;
};

/* Only root may put something there: what is in it is written back to disks. */
static int open_folder(struct copies *copies, struct evs_error *err)
{
	struct stat st;

	copies->fd = open(copies->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (copies->fd < 0 || fstat(copies->fd, &st)) {
		evs_error_set(err, errno, "%s: %m", copies->folder);
	} else if ((st.st_uid && st.st_uid != geteuid()) || st.st_mode & 022) {
		evs_error_set(err, EPERM, "%s: others can write to it; run: chown root %s; chmod 700 %s",
			      copies->folder, copies->folder, copies->folder);
	} else {
		return 0;
	}
	if (copies->fd >= 0)
		close(copies->fd);
	return -err->errnum;
}

/* Returns 1 when there is such a folder, 0 when none is wanted, or a negative errno. */
static int begin(struct copies *copies, const char *ref, struct evs_error *err)
{
	struct evs_config config;
	int ret;

	ret = evs_config_load(&config, err);
	if (ret)
		return ret;
	strcpy(copies->folder, config.header_copies);
	evs_config_free(&config);
	copies->ref = ref;
	if (!*copies->folder)
		return 0;
	ret = open_folder(copies, err);
	return ret ? ret : 1;
}

static bool ends_in(const char *name, const char *end)
{
	size_t len = strlen(name), tail = strlen(end);

	return len >= tail && !strcmp(name + len - tail, end);
}

/* ---- the old ones ---- */

/* The wrapped key in it would still open what was encrypted with it. */
static int destroy(const struct copies *copies, const char *name)
{
	static const char zeros[1 << 16];
	int fd = openat(copies->fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	off_t offset;

	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode)) {
		for (offset = 0; offset < st.st_size; offset += (off_t)sizeof(zeros))
			if (pwrite(fd, zeros, sizeof(zeros), offset) < 0)
				break;
		fsync(fd);
	}
	if (fd >= 0)
		close(fd);
	return unlinkat(copies->fd, name, 0) ? -errno : 0;
}

/* Why it goes; NULL where it just gives way to the new one */
static const char *tell_reason(const struct copies *copies, const char *name,
			       const struct evs_volume *vol, char *text, size_t size)
{
	const char *reason = "cannot be read";
	struct evs_error ignored = {};
	const struct evs_token *then;
	struct evs_volume *old;
	char path[PATH_MAX];
	size_t i;

	snprintf(path, sizeof(path), "%s/%s", copies->folder, name);
	if (evs_volume_read(&old, path, EVS_VOLUME_HEADER, &ignored))
		return reason;
	then = evs_volume_token(old);
	snprintf(text, size, "names CMK %s of KMS %s, which does not protect the disk any more",
		 then->cmk, then->kms);
	reason = text;
	for (i = 0; i < evs_volume_token_count(vol); i++)
		if (!strcmp(evs_volume_token_at(vol, i)->cmk, then->cmk) &&
		    !strcmp(evs_volume_token_at(vol, i)->kms, then->kms))
			reason = NULL;
	if (!evs_volume_same_dk(old, vol))
		reason = "has a data key that the disk does not have any more";
	evs_volume_close(old);
	return reason;
}

static void remove_one(const struct copies *copies, const char *name,
		       const struct evs_volume *vol)
{
	char text[EVS_CMK_REF_SIZE + 128];
	const char *reason = NULL;
	int ret;

	if (!ends_in(name, UNFINISHED))
		reason = vol ? tell_reason(copies, name, vol, text, sizeof(text)) :
			 "is of no use any more";
	ret = destroy(copies, name);
	if (ret)
		cli_note("warning: %s/%s: cannot be removed: %s", copies->folder, name,
			 strerror(-ret));
	else if (reason)
		cli_note("%s: note: the copy of its header %s/%s %s; it is removed", copies->ref,
			 copies->folder, name, reason);
}

/* All copies of the disk but @keep */
static void prune(const struct copies *copies, const char *keep, const struct evs_volume *vol)
{
	size_t len = strlen(copies->uuid);
	struct dirent *entry;
	int fd = dup(copies->fd);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	rewinddir(dir);
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, copies->uuid, len) && entry->d_name[len] == '-' &&
		    (ends_in(entry->d_name, SUFFIX) || ends_in(entry->d_name, UNFINISHED)) &&
		    (!keep || strcmp(entry->d_name, keep)))
			remove_one(copies, entry->d_name, vol);
	closedir(dir);
	fsync(copies->fd);
}

/* ---- the new one ---- */

static int write_copy(const struct copies *copies, struct evs_volume *vol, const char *name,
		      struct evs_error *err)
{
	char path[PATH_MAX], unfinished[NAME_MAX];

	snprintf(unfinished, sizeof(unfinished), "%s.new", name);
	snprintf(path, sizeof(path), "%s/%s", copies->folder, unfinished);
	/* One of the same second, of an evs-setup that was killed */
	unlinkat(copies->fd, unfinished, 0);
	if (evs_volume_backup(vol, path, err))
		return -err->errnum;
	if (!renameat(copies->fd, unfinished, copies->fd, name) && !fsync(copies->fd))
		return 0;
	evs_error_set(err, errno, "%s/%s: %m", copies->folder, name);
	unlinkat(copies->fd, unfinished, 0);
	return -err->errnum;
}

static int take(struct copies *copies, struct evs_volume *vol, struct evs_error *err)
{
	char name[EVS_UUID_SIZE + EVS_DATE_SIZE + sizeof(SUFFIX)], date[EVS_DATE_SIZE];
	int ret;

	copies->uuid = evs_volume_uuid(vol);
	snprintf(name, sizeof(name), "%s-%s" SUFFIX, copies->uuid,
		 evs_date_time(date, time(NULL)));
	ret = write_copy(copies, vol, name, err);
	if (!ret)
		prune(copies, name, vol);
	return ret;
}

void header_copy_take(const char *ref, const struct evs_device *dev)
{
	struct evs_error err = {};
	struct evs_volume *vol;
	struct copies copies;
	int ret;

	ret = begin(&copies, ref, &err);
	if (ret > 0) {
		ret = evs_volume_open(&vol, dev, EVS_VOLUME_HEADER, &err);
		if (!ret) {
			ret = take(&copies, vol, &err);
			evs_volume_close(vol);
		}
		close(copies.fd);
	}
	if (ret)
		cli_note("warning: %s: its header is not copied: %s; copy it by: evs-setup header backup %s FILE",
			 ref, err.text, ref);
}

void header_copy_drop(const char *ref, const char *uuid)
{
	struct evs_error err = {};
	struct copies copies;
	int ret = begin(&copies, ref, &err);

	copies.uuid = uuid;
	if (ret > 0) {
		prune(&copies, NULL, NULL);
		close(copies.fd);
	} else if (ret) {
		cli_note("warning: %s: copies of its header are not removed: %s", ref, err.text);
	}
}
