// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "newfile.h"

int kmsd_newfile_write(const char *path, mode_t mode, const void *data, size_t size,
		       struct evs_error *err)
{
	const struct stat as = { .st_mode = mode, .st_uid = (uid_t)-1, .st_gid = (gid_t)-1 };

	return kmsd_newfile_write_as(path, &as, data, size, err);
}

int kmsd_newfile_write_as(const char *path, const struct stat *as, const void *data, size_t size,
			  struct evs_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int ret = 0;

	if (fd < 0)
		return evs_error_set(err, errno, "%s: %m", path);
	/* Whatever the umask says */
	if (fchown(fd, as->st_uid, as->st_gid) || fchmod(fd, as->st_mode & 0777))
		ret = -errno;
	if (!ret)
		ret = evs_fd_write(fd, data, size);
	if (!ret && fsync(fd))
		ret = -errno;
	if (close(fd) && !ret)
		ret = -errno;
	return ret ? evs_error_set(err, -ret, "%s: %s", path, strerror(-ret)) : 0;
}

int kmsd_newfile_sync_name(const char *path, struct evs_error *err)
{
	char dir[PATH_MAX];
	int fd, ret = 0;

	snprintf(dir, sizeof(dir), "%s", path);
	fd = open(dirname(dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd))
		ret = evs_error_set(err, errno, "%s: %m", dir);
	if (fd >= 0)
		close(fd);
	return ret;
}
