// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/major.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "claim.h"
#include "loop.h"
#include "users.h"

#define FOLDER "/run/evs/lock"
#define FILE_WAIT_MS 3000
#define FILE_PAUSE_MS 20

/* ---- the lock ---- */

/* A folder that only root can write to, so that nobody else can hold a lock */
static int make_folder(struct evs_error *err)
{
	struct stat st;

	if (evs_lock_folder(err))
		return -err->errnum;
	if (mkdir(FOLDER, 0700) && errno != EEXIST)
		return evs_error_set(err, errno, FOLDER ": %m");
	if (lstat(FOLDER, &st))
		return evs_error_set(err, errno, FOLDER ": %m");
	if (!S_ISDIR(st.st_mode) || st.st_uid || st.st_mode & 022)
		return evs_error_set(err, EPERM, FOLDER ": must be a directory that only root can write to");
	return 0;
}

int claim_lock(struct claim *claim, struct evs_error *err)
{
	const struct evs_device *dev = &claim->dev;
	int ret;

	claim->lock.fd = -1;
	/* For a file of their own, users have the lease. */
	if (geteuid())
		return 0;
	if (make_folder(err))
		return -err->errnum;
	snprintf(claim->lock.path, sizeof(claim->lock.path), FOLDER "/%s-%u:%u-%llu",
		 dev->is_file ? "file" : "device", major(dev->number), minor(dev->number),
		 (unsigned long long)dev->inode);
	ret = evs_lock_take(&claim->lock, false);
	if (ret == -EWOULDBLOCK)
		return evs_error_set(err, EBUSY, "%s: is in use by another evs-setup", dev->path);
	return ret ? evs_error_set(err, -ret, "%s: %s", claim->lock.path, strerror(-ret)) : 0;
}

/* ---- files ---- */

static int in_use(const struct evs_device *dev, struct evs_error *err)
{
	char loop[NAME_MAX + sizeof("/dev/")];
	struct evs_error ignored = {};
	struct stat st;

	if (!fstat(dev->fd, &st) && loop_find(&st, loop, sizeof(loop), &ignored) > 0)
		return evs_error_set(err, EBUSY, "%s: is in use by %s", dev->path, loop);
	return evs_error_set(err, EBUSY,
			     "%s: is in use: another program has it open (see fuser)", dev->path);
}

/* For a file system without leases: other programs are not noticed, loop devices are. */
static int lock_file(const struct evs_device *dev, struct evs_error *err)
{
	char loop[NAME_MAX + sizeof("/dev/")];
	struct stat st;
	int ret;

	if (flock(dev->fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
		return in_use(dev, err);
	if (fstat(dev->fd, &st))
		return evs_error_set(err, errno, "%s: %m", dev->path);
	ret = loop_find(&st, loop, sizeof(loop), err);
	return ret > 0 ? in_use(dev, err) : ret;
}

/*
 * The signal for somebody who waits: of this one nobody takes notice, while SIGIO
 * would end the process. Giving up a lease resets it.
 */
static int take_lease(const struct evs_device *dev)
{
	fcntl(dev->fd, F_SETSIG, SIGURG);
	return fcntl(dev->fd, F_SETLEASE, F_WRLCK);
}

static int hold_file(struct claim *claim, struct evs_error *err)
{
	claim->leased = !take_lease(&claim->dev);
	if (claim->leased)
		return 0;
	if (errno == EAGAIN)
		return in_use(&claim->dev, err);
	return lock_file(&claim->dev, err);
}

/* Is there a loop device over the file, other than one that goes with its last user? */
static bool has_loop(const struct evs_device *dev)
{
	char loop[NAME_MAX + sizeof("/dev/")];
	struct evs_error ignored = {};
	struct stat st;

	return !fstat(dev->fd, &st) && loop_find(&st, loop, sizeof(loop), &ignored) > 0 &&
	       !loop_is_autoclear(loop);
}

/*
 * Another evs-setup has the file open for a moment, before it meets our lock; so has who
 * just reads it; and udev may look at the loop device of a disk that is detached already.
 */
int claim_file(struct claim *claim, struct evs_error *err)
{
	const struct timespec pause = { .tv_nsec = FILE_PAUSE_MS * 1000000 };
	int tries = FILE_WAIT_MS / FILE_PAUSE_MS, ret;

	while ((ret = hold_file(claim, err)) == -EBUSY && tries-- && !has_loop(&claim->dev))
		nanosleep(&pause, NULL);
	return ret;
}

void claim_share_file(struct claim *claim)
{
	if (claim->leased)
		fcntl(claim->dev.fd, F_SETLEASE, F_UNLCK);
	else if (claim->dev.is_file)
		flock(claim->dev.fd, LOCK_UN);
	claim->leased = false;
}

/* ---- both ---- */

int claim_yield(struct claim *claim, struct evs_error *err)
{
	struct evs_device shared;
	int ret;

	claim_share_file(claim);
	if (claim->dev.is_file)
		return 0;
	ret = evs_device_open_again(&shared, claim->dev.fd, claim->dev.path, O_RDWR, err);
	if (ret)
		return ret;
	evs_device_close(&claim->dev);
	claim->dev = shared;
	return 0;
}

static int hold(struct claim *claim, struct evs_error *err)
{
	int ret = claim_lock(claim, err);

	claim->leased = false;
	if (!ret && claim->dev.is_file)
		ret = claim_file(claim, err);
	if (ret)
		claim_close(claim);
	return ret;
}

int claim_open(struct claim *claim, const char *path, struct evs_error *err)
{
	char loop[NAME_MAX + sizeof("/dev/")];
	struct stat st;
	int ret;

	/* For a file, O_EXCL means nothing. */
	ret = evs_device_open(&claim->dev, path, O_RDWR | O_EXCL, err);
	if (!ret && major(claim->dev.number) == LOOP_MAJOR &&
	    loop_find_twin(claim->dev.fd, loop, sizeof(loop))) {
		evs_device_close(&claim->dev);
		return evs_error_set(err, EBUSY, "%s: its data is in use through %s (see lsblk %s)",
				     path, loop, loop);
	}
	if (ret != -EBUSY)
		return ret ? ret : hold(claim, err);
	if (!stat(path, &st) && S_ISBLK(st.st_mode))
		users_tell(st.st_rdev, path);
	return evs_error_set(err, EBUSY, "%s: is mounted, attached or otherwise in use", path);
}

/* The loop device over a file, if there is one. Returns 1, 0 or a negative errno. */
static int open_loop(struct claim *claim, const char *path, struct evs_error *err)
{
	char loop[NAME_MAX + sizeof("/dev/")];
	struct stat st;
	int ret;

	ret = loop_over(path, &st, loop, sizeof(loop), err);
	if (ret <= 0)
		return ret;
	ret = evs_device_open(&claim->dev, loop, O_RDWR, err);
	if (ret)
		return ret;
	claim->dev.path = path;
	if (loop_covers(claim->dev.fd, &st))
		return 1;
	evs_device_close(&claim->dev);
	return evs_error_set(err, EBUSY, "%s: is being detached; try again", path);
}

int claim_open_header(struct claim *claim, const char *path, struct evs_error *err)
{
	int ret;

	ret = open_loop(claim, path, err);
	if (!ret)
		ret = evs_device_open(&claim->dev, path, O_RDWR | O_EXCL, err);
	if (ret == -EBUSY)
		ret = evs_device_open(&claim->dev, path, O_RDWR, err);
	return ret < 0 ? ret : hold(claim, err);
}

static int check_path(const struct evs_device *dev, struct evs_error *err)
{
	struct stat st;
	bool same;

	if (stat(dev->path, &st))
		same = false;
	else if (dev->is_file)
		same = S_ISREG(st.st_mode) && st.st_dev == dev->number && st.st_ino == dev->inode;
	else
		same = S_ISBLK(st.st_mode) && st.st_rdev == dev->number;
	return same ? 0 : evs_error_set(err, EBUSY,
			"%s: the path names something else now; nothing was written", dev->path);
}

int claim_confirm(struct claim *claim, struct evs_error *err)
{
	if (claim->leased) {
		/* Anew: the old lease may have been taken away, and its time may be over. */
		fcntl(claim->dev.fd, F_SETLEASE, F_UNLCK);
		if (claim_file(claim, err))
			return evs_error_set(err, EBUSY,
				"%s: is in use: another program has opened it meanwhile; nothing was written",
				claim->dev.path);
	} else if (claim->dev.is_file && lock_file(&claim->dev, err)) {
		return -err->errnum;
	}
	return check_path(&claim->dev, err);
}

void claim_close(struct claim *claim)
{
	evs_device_close(&claim->dev);
	evs_lock_release(&claim->lock);
	claim->leased = false;
}
