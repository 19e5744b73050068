// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What can be done to disks: each step finds what it needs by itself.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "step.h"
#include "stress.h"

unsigned int step_below(struct actor *actor, unsigned int limit)
{
	return (unsigned int)rand_r(&actor->seed) % limit;
}

/* What the kernel says of a disk, if it is attached under its name */
int step_find(struct actor *actor, const struct disk *disk, struct evs_disk *found)
{
	struct evs_disk *all;
	struct evs_error error;
	size_t count;
	int ret;

	ret = evs_nl_dump(actor->nl, &all, &count, &error);
	if (ret)
		return ret;
	ret = -ENODEV;
	for (size_t i = 0; i < count; i++) {
		/* A dead one has no claim to its name any more */
		if (strcmp(all[i].name, disk->load.name) ||
		    (!ret && all[i].state == EVS_DEV_STATE_DEAD))
			continue;
		*found = all[i];
		ret = 0;
	}
	free(all);
	return ret;
}

static int attach_size(struct actor *actor, struct disk *disk, uint64_t size)
{
	struct evs_attach what = { .name = disk->load.name, .size = size };
	struct evs_disk attached;
	struct evs_error error;
	struct stat st;
	int ret;

	if (stat(disk->node, &st))
		return -ENXIO;
	what.backing_dev = st.st_rdev;
	what.sector_size = disk->load.which % 2 ? 512 : 4096;
	what.key_serial = stress_key(disk->load.which);
	ret = evs_nl_attach(actor->nl, &what, &attached, &error);
	keyctl_unlink(what.key_serial, KEY_SPEC_SESSION_KEYRING);
	if (!ret)
		atomic_store(&disk->load.id, (int)attached.id);
	return ret;
}

static int step_attach(struct actor *actor, struct disk *disk)
{
	return atomic_load(&disk->load.filled) ? attach_size(actor, disk, step_below(actor, 2) ? 0 : 1 << 20) : -ENXIO;
}

/* Turn a device on whose data is lost, and write all of it */
int step_fill(struct actor *actor, struct disk *disk)
{
	struct evs_error error;
	struct evs_disk found;
	int fd, ret;

	if (atomic_load(&disk->load.filled))
		return -EALREADY;
	/* What is left of the old one */
	while (!step_find(actor, disk, &found))
		if (evs_nl_detach(actor->nl, found.id, EVS_DETACH_FORCE, &error) &&
		    found.state == EVS_DEV_STATE_DEAD)
			return -EBUSY;
	fd = open(disk->power, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || (write(fd, "1", 1) != 1 && errno != EEXIST))
		err(2, "%s", disk->power);
	close(fd);
	ret = attach_size(actor, disk, 0);
	if (!ret) {
		/* A step may have been meant for another one, which has had its number */
		if (load_fill(&disk->load))
			return -EAGAIN;
		atomic_store(&disk->load.filled, true);
	}
	return ret;
}

static int step_power_off(struct actor *actor, struct disk *disk)
{
	int fd = open(disk->power, O_WRONLY | O_CLOEXEC);

	(void)actor;
	/* First, so that nobody attaches what is empty */
	atomic_store(&disk->load.filled, false);
	if (fd < 0 || write(fd, "0", 1) != 1)
		err(2, "%s", disk->power);
	close(fd);
	return 0;
}

static int detach(struct actor *actor, const struct disk *disk, enum evs_detach how)
{
	struct evs_error error;
	struct evs_disk found;
	int ret = step_find(actor, disk, &found);

	return ret ? ret : evs_nl_detach(actor->nl, found.id, how, &error);
}

static int step_detach(struct actor *actor, struct disk *disk)
{
	return detach(actor, disk, EVS_DETACH_IDLE);
}

static int step_lazy(struct actor *actor, struct disk *disk)
{
	return detach(actor, disk, EVS_DETACH_LAZY);
}

static int step_force(struct actor *actor, struct disk *disk)
{
	return detach(actor, disk, EVS_DETACH_FORCE);
}

/* A command that is told nothing but the disk's number */
static int command(struct actor *actor, const struct disk *disk,
		   int (*make)(struct evs_nl *nl, uint32_t id, struct evs_error *err))
{
	struct evs_error error;
	struct evs_disk found;
	int ret = step_find(actor, disk, &found);

	return ret ? ret : make(actor->nl, found.id, &error);
}

static int step_revoke(struct actor *actor, struct disk *disk)
{
	return command(actor, disk, evs_nl_revoke);
}

/* The key is kept until somebody gives it back, or not for so long, or not at all */
static int step_suspend(struct actor *actor, struct disk *disk)
{
	static const unsigned int graces[] = { 0, 1, 60 };
	unsigned int grace = graces[step_below(actor, sizeof(graces) / sizeof(*graces))];
	struct evs_error error;
	struct evs_disk found;
	int ret = step_find(actor, disk, &found);

	return ret ? ret : evs_nl_suspend(actor->nl, found.id, grace, &error);
}

static int resume(struct actor *actor, const struct disk *disk, unsigned int which)
{
	key_serial_t key = stress_key(which);
	struct evs_error error;
	struct evs_disk found;
	int ret = step_find(actor, disk, &found);

	if (!ret)
		ret = evs_nl_resume(actor->nl, found.id, key, &error);
	keyctl_unlink(key, KEY_SPEC_SESSION_KEYRING);
	return ret;
}

int step_resume(struct actor *actor, struct disk *disk)
{
	return resume(actor, disk, disk->load.which);
}

static int step_resume_wrong(struct actor *actor, struct disk *disk)
{
	int ret = resume(actor, disk, disk->load.which + MAX_DISKS);

	return ret ? ret : -EPROTO; /* That it succeeds is what is not allowed */
}

static int step_resume_kept(struct actor *actor, struct disk *disk)
{
	return command(actor, disk, evs_nl_resume_kept);
}

static int step_resize(struct actor *actor, struct disk *disk)
{
	struct evs_disk found, resized;
	struct evs_error error;
	int ret = step_find(actor, disk, &found);

	return ret ? ret : evs_nl_resize(actor->nl, found.id, 0, &resized, &error);
}

static int step_key(struct actor *actor, struct disk *disk)
{
	struct evs_disk found;
	int ret = step_find(actor, disk, &found);

	if (ret)
		return ret;
	/* Resumed without one */
	if (!found.key_serial)
		return -ENOKEY;
	switch (step_below(actor, 3)) {
	case 0:
		ret = (int)keyctl_revoke(found.key_serial);
		break;
	case 1:
		ret = (int)keyctl_invalidate(found.key_serial);
		break;
	default:
		ret = (int)keyctl_set_timeout(found.key_serial, 1);
	}
	return ret ? -errno : 0;
}

static int step_hold(struct actor *actor, struct disk *disk)
{
	int *held = &actor->held[step_below(actor, HELD)];

	if (*held >= 0)
		close(*held);
	*held = step_below(actor, 2) ? load_open(&disk->load, O_RDWR) : -1;
	return 0;
}

static int step_scan(struct actor *actor, struct disk *disk)
{
	int fd = load_open(&disk->load, O_RDONLY | O_NONBLOCK), ret = 0;

	(void)actor;
	if (fd < 0)
		return -ENODEV;
	if (ioctl(fd, BLKRRPART) || ioctl(fd, BLKFLSBUF))
		ret = -errno;
	close(fd);
	return ret;
}

static int step_sysfs(struct actor *actor, struct disk *disk)
{
	char path[512], text[4096];
	struct dirent *entry;
	ssize_t len;
	DIR *dir;
	int fd;

	(void)actor;
	snprintf(path, sizeof(path), "/sys/block/evs%d/evs", atomic_load(&disk->load.id));
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		len = read(fd, text, sizeof(text));
		if (len == 0 || (len > 0 && text[len - 1] != '\n'))
			errx(1, "%s/%s is not a line", path, entry->d_name);
		close(fd);
	}
	closedir(dir);
	return 0;
}

const struct step steps[STEPS] = {
	{ "attach", 14, step_attach, { EEXIST, EBUSY, ENODEV, ENXIO, ERANGE }, true },
	{ "detach", 4, step_detach, { EBUSY, ENODEV }, false },
	{ "detach-lazy", 2, step_lazy, { ENODEV }, false },
	{ "detach-force", 2, step_force, { ENODEV }, true },
	{ "revoke", 1, step_revoke, { EALREADY, ENODEV, ENXIO }, false },
	{ "suspend", 8, step_suspend, { EALREADY, ENODEV, ENXIO, EKEYREVOKED }, true },
	{ "resume", 10, step_resume, { EALREADY, ENODEV, ENXIO, EKEYREVOKED }, true },
	{ "resume-wrong", 4, step_resume_wrong,
	  { EALREADY, ENODEV, ENXIO, EKEYREVOKED, EKEYREJECTED }, false },
	{ "resume-kept", 4, step_resume_kept,
	  { EALREADY, ENODEV, ENXIO, EKEYREVOKED, ENOKEY }, true },
	{ "resize", 3, step_resize, { EINVAL, ERANGE, ENODEV, ENXIO, EKEYREVOKED }, true },
	{ "key", 1, step_key, { ENODEV, ENOKEY, EKEYREVOKED, EKEYEXPIRED, EACCES }, false },
	{ "hold", 4, step_hold, { 0 }, false },
	{ "scan", 2, step_scan, { ENODEV, EBUSY, EIO, ENXIO, EINVAL }, false },
	{ "sysfs", 2, step_sysfs, { ENOENT, ENODEV }, false },
	{ "power-off", 1, step_power_off, { 0 }, true },
	{ "fill", 5, step_fill, { EALREADY, EBUSY, EEXIST, EAGAIN }, true },
};
