// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
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

/* Reads what fits; @used is set to the number of bytes. */
static int read_all(int fd, const char *path, struct evs_secret *secret, size_t *used,
		    struct evs_error *err)
{
	ssize_t got;

	*used = 0;
	do {
		got = read(fd, secret->data + *used, secret->size - *used);
		if (got > 0)
			*used += (size_t)got;
	} while (*used < secret->size && (got > 0 || (got < 0 && errno == EINTR)));
	return got < 0 ? evs_error_set(err, errno, "%s: %m", path) : 0;
}

static int check_line(struct evs_secret *secret, size_t used, const char *path,
		      struct evs_error *err)
{
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

/*
 * A file that is not there may be a credential of the service, of the same name: systemd
 * keeps it sealed on the disk, and has it in memory while the service runs.
 */
static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *dir = getenv("CREDENTIALS_DIRECTORY"), *name = strrchr(path, '/');
	char credential[PATH_MAX];
	int len;

	if (fd >= 0 || errno != ENOENT || !dir || !name)
		return fd;
	len = snprintf(credential, sizeof(credential), "%s%s", dir, name);
	if (len < 0 || (size_t)len >= sizeof(credential))
		return -1;
	return open(credential, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

/* Room for one byte more than there should be, at least, shows a file that is too long. */
static int read_file(struct evs_secret **secret, const char *path, size_t room, size_t *used,
		     struct evs_error *err)
{
	int fd, ret;

	fd = open_file(path);
	if (fd < 0)
		return evs_error_set(err, errno, "%s: %m", path);
	ret = check_file(fd, path, err);
	if (ret)
		goto out_close;
	*secret = evs_secret_alloc(room);
	if (!*secret) {
		ret = evs_error_set(err, errno, "cannot lock memory (ulimit -l): %m");
		goto out_close;
	}
	ret = read_all(fd, path, *secret, used, err);
	if (ret)
		evs_secret_free(*secret);
out_close:
	close(fd);
	return ret;
}

int evs_secret_read(struct evs_secret **secret, const char *path, struct evs_error *err)
{
	struct evs_secret *new;
	size_t used;
	int ret;

	ret = read_file(&new, path, SECRET_MAX + 1, &used, err);
	if (ret)
		return ret;
	ret = check_line(new, used, path, err);
	if (ret)
		evs_secret_free(new);
	else
		*secret = new;
	return ret;
}

int evs_secret_read_key(struct evs_secret **secret, const char *path, size_t size,
			struct evs_error *err)
{
	struct evs_secret *new;
	size_t used;
	int ret;

	ret = read_file(&new, path, size + 1, &used, err);
	if (ret)
		return ret;
	if (used != size) {
		evs_secret_free(new);
		return evs_error_set(err, EINVAL, "%s: must be the %zu bytes of the key and nothing else",
				     path, size);
	}
	new->size = size;
	*secret = new;
	return 0;
}

int evs_secret_read_pem(struct evs_secret **secret, const char *path, struct evs_error *err)
{
	struct evs_secret *new;
	size_t used;
	int ret;

	/* One byte is for the NUL that the reader of a string wants. */
	ret = read_file(&new, path, EVS_PEM_MAX + 1, &used, err);
	if (ret)
		return ret;
	if (!used || used > EVS_PEM_MAX - 1) {
		evs_secret_free(new);
		return evs_error_set(err, EINVAL, "%s: not a PEM file of up to %d bytes", path,
				     EVS_PEM_MAX);
	}
	new->size = used + 1;
	*secret = new;
	return 0;
}
