// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"

int evs_fd_read(int fd, void *data, size_t length)
{
	char *bytes = data;
	ssize_t got;

	for (; length; bytes += got, length -= (size_t)got) {
		got = read(fd, bytes, length);
		if (got < 0)
			return errno == EINTR ? -ECANCELED : -errno;
		if (!got)
			return -ENODATA;
	}
	return 0;
}

int evs_fd_write(int fd, const void *data, size_t length)
{
	const char *bytes = data;
	ssize_t done;

	for (; length; bytes += done, length -= (size_t)done) {
		done = write(fd, bytes, length);
		if (done < 0 && errno == EINTR)
			done = 0;
		if (done < 0)
			return -errno;
	}
	return 0;
}

int evs_fd_feed(int fd, const void *data, size_t length)
{
	struct pollfd reader = { .fd = fd };
	ssize_t done = write(fd, data, length);

	if (done < 0 && errno != EINTR)
		return -errno;
	if (done == (ssize_t)length)
		return 0;
	/* It may have taken a part when a signal came, or when its reader went. */
	return poll(&reader, 1, 0) > 0 ? -EPIPE : -ECANCELED;
}

int evs_fd_check_folder(int fd, const char *path, struct evs_error *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return evs_error_set(err, errno, "%s: %m", path);
	if (st.st_uid != geteuid() || st.st_mode & 022)
		return evs_error_set(err, EPERM,
				     "%s: must be a directory that only its owner, root, can write to",
				     path);
	return 0;
}
