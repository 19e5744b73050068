// SPDX-License-Identifier: GPL-2.0-or-later
#include <blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"
#include "volume-private.h"

int evs_device_open(const char *path, int flags, struct evs_error *err)
{
	struct stat st;
	int fd;

	/* O_NONBLOCK: a FIFO must not hold us up before it is refused. */
	fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return evs_error_set(err, errno, "%s: %m", path);
	if (fstat(fd, &st)) {
		evs_error_set(err, errno, "%s: %m", path);
	} else if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode)) {
		evs_error_set(err, ENOTBLK, "%s: neither a block device nor a regular file",
			      path);
	} else {
		return fd;
	}
	close(fd);
	return -err->errnum;
}

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
	char version[8], subsystem[64];

	get_value(blkid, "TYPE", probe->type, sizeof(probe->type));
	get_value(blkid, "USAGE", probe->usage, sizeof(probe->usage));
	get_value(blkid, "LABEL", probe->label, sizeof(probe->label));
	get_value(blkid, "UUID", probe->uuid, sizeof(probe->uuid));
	get_value(blkid, "VERSION", version, sizeof(version));
	get_value(blkid, "SUBSYSTEM", subsystem, sizeof(subsystem));
	probe->is_evs = !strcmp(probe->type, "crypto_LUKS") && !strcmp(version, "2") &&
			!strcmp(subsystem, EVS_SUBSYSTEM);
	if (!*probe->type) {
		get_value(blkid, "PTTYPE", probe->type, sizeof(probe->type));
		get_value(blkid, "PTUUID", probe->uuid, sizeof(probe->uuid));
		strcpy(probe->usage, "partition table");
	} else if (!*probe->usage) {
		strcpy(probe->usage, "other");
	}
	probe->found = *probe->type;
}

blkid_probe evs_blkid_new(int fd)
{
	blkid_probe probe = blkid_new_probe();

	if (!probe)
		return NULL;
	if (blkid_probe_set_device(probe, fd, 0, 0) ||
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

int evs_volume_probe(const char *path, struct evs_probe *probe, struct evs_error *err)
{
	blkid_probe blkid;
	int fd, found, ret = 0;

	memset(probe, 0, sizeof(*probe));
	fd = evs_device_open(path, O_RDONLY, err);
	if (fd < 0)
		return fd;
	blkid = evs_blkid_new(fd);
	if (!blkid) {
		close(fd);
		return evs_error_set(err, EIO, "%s: cannot be probed", path);
	}
	found = blkid_do_safeprobe(blkid);
	if (found == 0)
		get_values(blkid, probe);
	else if (found == -2)
		ret = evs_error_set(err, EUCLEAN,
				    "%s: holds several things that contradict each other (see wipefs)",
				    path);
	else if (found < 0)
		ret = evs_error_set(err, errno ? errno : EIO, "%s: cannot be read: %m", path);
	blkid_free_probe(blkid);
	close(fd);
	return ret;
}
