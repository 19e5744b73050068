// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "loop.h"
#include "program.h"

#define LOOP_CONTROL "/dev/loop-control"
#define MODPROBE "/sbin/modprobe" /* the kernel's own default */

/* Between asking for a free device and taking it, somebody else may take it. */
#define TAKE_TRIES 64

/*
 * Opening the node loads the module, but it is udev or systemd that makes the
 * node of a module that is not loaded yet, and neither need be there.
 */
static int open_control(struct evs_error *err)
{
	static const char *const modprobe[] = { MODPROBE, "-q", "loop", NULL };
	int fd = open(LOOP_CONTROL, O_RDWR | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		program_run(modprobe);
		fd = open(LOOP_CONTROL, O_RDWR | O_CLOEXEC);
	}
	if (fd < 0)
		return evs_error_set(err, errno, LOOP_CONTROL ": %m (try modprobe loop)");
	return fd;
}

int loop_attach(int file, unsigned int block_size, char *path, size_t size,
		struct evs_error *err)
{
	struct loop_config config = {
		.fd = (__u32)file,
		.block_size = block_size,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO,
	};
	int flags = fcntl(file, F_GETFL), control, loop = -1, nr, tries;

	if (flags < 0)
		return evs_error_set(err, errno, "cannot look at the file: %m");
	flags &= O_ACCMODE;
	if (flags == O_RDONLY)
		config.info.lo_flags |= LO_FLAGS_READ_ONLY;
	control = open_control(err);
	if (control < 0)
		return control;
	for (tries = 0; tries < TAKE_TRIES && loop < 0; tries++) {
		nr = ioctl(control, LOOP_CTL_GET_FREE);
		if (nr < 0) {
			evs_error_set(err, errno, LOOP_CONTROL ": no free loop device: %m");
			break;
		}
		snprintf(path, size, "/dev/loop%d", nr);
		loop = open(path, flags | O_CLOEXEC);
		if (loop < 0) {
			evs_error_set(err, errno, "%s: %m", path);
			break;
		}
		if (!ioctl(loop, LOOP_CONFIGURE, &config))
			break;
		evs_error_set(err, errno, "%s: cannot be set up: %m", path);
		close(loop);
		loop = -1;
		if (err->errnum != EBUSY)
			break;
	}
	close(control);
	return loop < 0 ? -err->errnum : loop;
}

int loop_keep(int loop, bool partscan, struct evs_error *err)
{
	struct loop_info64 info;

	if (ioctl(loop, LOOP_GET_STATUS64, &info))
		return evs_error_set(err, errno, "cannot look at the loop device: %m");
	info.lo_flags &= ~(__u32)LO_FLAGS_AUTOCLEAR;
	if (partscan)
		info.lo_flags |= LO_FLAGS_PARTSCAN;
	return ioctl(loop, LOOP_SET_STATUS64, &info) ?
	       evs_error_set(err, errno, "cannot set up the loop device: %m") : 0;
}

static int control_path(const char *path, unsigned long request, struct evs_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return evs_error_set(err, errno, "%s: %m", path);
	if (ioctl(fd, request, 0))
		ret = evs_error_set(err, errno, "%s: %m", path);
	close(fd);
	return ret;
}

int loop_detach(const char *path, struct evs_error *err)
{
	return control_path(path, LOOP_CLR_FD, err);
}

int loop_grow(const char *path, struct evs_error *err)
{
	return control_path(path, LOOP_SET_CAPACITY, err);
}

bool loop_covers(int loop, const struct stat *target)
{
	struct loop_info64 info;

	if (ioctl(loop, LOOP_GET_STATUS64, &info))
		return false;
	if (S_ISBLK(target->st_mode))
		return info.lo_rdevice == target->st_rdev;
	return info.lo_device == target->st_dev && info.lo_inode == target->st_ino;
}

bool loop_is_over(const char *loop, const struct stat *target)
{
	int fd = open(loop, O_RDONLY | O_CLOEXEC);
	bool over;

	if (fd < 0)
		return false;
	over = loop_covers(fd, target);
	close(fd);
	return over;
}

int loop_find(const struct stat *file, char *path, size_t size, struct evs_error *err)
{
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	dir = opendir("/sys/block");
	if (!dir)
		return evs_error_set(err, errno, "/sys/block: %m");
	while (!found && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "loop", 4))
			continue;
		snprintf(path, size, "/dev/%s", entry->d_name);
		found = loop_is_over(path, file);
	}
	closedir(dir);
	return found;
}

int loop_over(const char *file, struct stat *st, char *path, size_t size, struct evs_error *err)
{
	if (stat(file, st))
		return evs_error_set(err, errno, "%s: %m", file);
	return S_ISREG(st->st_mode) ? loop_find(st, path, size, err) : 0;
}

/* Do two loop devices over the same file or device have a byte in common? */
static bool overlap(const struct loop_info64 *a, const struct loop_info64 *b)
{
	return a->lo_device == b->lo_device && a->lo_inode == b->lo_inode &&
	       a->lo_rdevice == b->lo_rdevice &&
	       (!a->lo_sizelimit || a->lo_offset + a->lo_sizelimit > b->lo_offset) &&
	       (!b->lo_sizelimit || b->lo_offset + b->lo_sizelimit > a->lo_offset);
}

/* Has somebody claimed this loop device, which is another one than the first? */
static bool is_claimed_twin(const char *loop, const struct loop_info64 *first)
{
	int fd = open(loop, O_RDONLY | O_CLOEXEC), claimed;
	struct loop_info64 info;
	bool twin;

	if (fd < 0)
		return false;
	twin = !ioctl(fd, LOOP_GET_STATUS64, &info) && info.lo_number != first->lo_number &&
	       overlap(&info, first);
	close(fd);
	if (!twin)
		return false;
	claimed = open(loop, O_RDONLY | O_EXCL | O_CLOEXEC);
	if (claimed >= 0)
		close(claimed);
	return claimed < 0 && errno == EBUSY;
}

bool loop_is_autoclear(const char *loop)
{
	const char *name = strrchr(loop, '/');
	char path[64];
	bool is;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/block/%s/loop/autoclear", name ? name + 1 : loop);
	file = fopen(path, "re");
	if (!file)
		return false;
	is = fgetc(file) == '1';
	fclose(file);
	return is;
}

bool loop_find_twin(int loop, char *path, size_t size)
{
	const struct dirent *entry;
	struct loop_info64 info;
	bool found = false;
	DIR *dir;

	if (ioctl(loop, LOOP_GET_STATUS64, &info))
		return false;
	dir = opendir("/sys/block");
	while (dir && !found && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "loop", 4))
			continue;
		snprintf(path, size, "/dev/%s", entry->d_name);
		found = is_claimed_twin(path, &info);
	}
	if (dir)
		closedir(dir);
	return found;
}
