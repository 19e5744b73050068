// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "secret.h"

#define SECRET_MAX 4096

static int check_file(int fd, const char *path, struct evs_error *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return evs_error_set(err, errno, "%s: %m", path);
	if (!S_ISREG(st.st_mode))
		return evs_error_set(err, EINVAL, "%s: no regular file", path);
	if (st.st_uid && st.st_uid != geteuid())
		return evs_error_set(err, EPERM,
				     "%s: belongs to uid %u: it is a secret, run: chown root %s",
				     path, (unsigned int)st.st_uid, path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return evs_error_set(err, EPERM,
				     "%s: open to others (mode %03o): it is a secret, run: chmod 600 %s",
				     path, (unsigned int)st.st_mode & 0777, path);
	return 0;
}

static int read_all(int fd, const char *path, struct evs_secret *secret, struct evs_error *err)
{
	size_t used = 0;
	ssize_t got;

	do {
		got = read(fd, secret->data + used, secret->size - used);
		if (got > 0)
			used += (size_t)got;
	} while (used < secret->size && (got > 0 || (got < 0 && errno == EINTR)));
	if (got < 0)
		return evs_error_set(err, errno, "%s: %m", path);
	if (used == secret->size)
		return evs_error_set(err, EFBIG, "%s: longer than %d bytes", path, SECRET_MAX);
	if (used && secret->data[used - 1] == '\n')
		secret->data[--used] = '\0';
	if (!used)
		return evs_error_set(err, EINVAL, "%s: empty", path);
	if (strcspn((const char *)secret->data, "\r\n") != used)
		return evs_error_set(err, EINVAL, "%s: not one line of text", path);
	return 0;
}

int evs_secret_read(struct evs_secret **secret, const char *path, struct evs_error *err)
{
	struct evs_secret *new;
	int fd, ret;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return evs_error_set(err, errno, "%s: %m", path);
	ret = check_file(fd, path, err);
	if (ret)
		goto out_close;
	new = evs_secret_alloc(SECRET_MAX + 1);
	if (!new) {
		ret = evs_error_set(err, errno, "cannot lock memory (ulimit -l): %m");
		goto out_close;
	}
	ret = read_all(fd, path, new, err);
	if (ret)
		evs_secret_free(new);
	else
		*secret = new;
out_close:
	close(fd);
	return ret;
}
