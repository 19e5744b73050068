// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"
#include "hex.h"
#include "repo/dir/dir.h"

#define TEXT_MAX ((off_t)1 << 30)
#define DIGITS (2 * EVS_HASH_SIZE)

int evs_repo_dir_open_at(int fd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	long ret = syscall(SYS_openat2, fd, path, &how, sizeof(how));

	return ret < 0 ? -errno : (int)ret;
}

int evs_repo_dir_each(struct evs_repo_dir *dir, evs_repo_dir_fn *each, void *arg,
		      struct evs_error *err)
{
	int fd = evs_repo_dir_open_at(dir->fd, ".", O_RDONLY | O_DIRECTORY), ret = 0;
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!stream) {
		ret = evs_error_set(err, errno, "%s: %m", dir->path);
		if (fd >= 0)
			close(fd);
		return ret;
	}
	while (!ret) {
		errno = 0;
		entry = readdir(stream);
		if (!entry && errno)
			ret = evs_error_set(err, errno, "%s: %m", dir->path);
		if (!entry)
			break;
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			ret = each(dir, entry->d_name, arg, err);
	}
	closedir(stream);
	return ret;
}

bool evs_repo_dir_exists(const struct evs_repo_dir *dir, const char *name, const char *file)
{
	char path[REPO_DIR_PATH_SIZE];

	snprintf(path, sizeof(path), "%s/%s", name, file);
	return !faccessat(dir->fd, path, F_OK, AT_SYMLINK_NOFOLLOW);
}

/* ---- what is being made ---- */

int evs_repo_dir_new(char name[REPO_DIR_NEW_SIZE], struct evs_error *err)
{
	unsigned char random[REPO_DIR_RANDOM];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return evs_error_set(err, errno, "no random number: %m");
	strcpy(name, REPO_DIR_NEW);
	evs_hex_encode(name + strlen(REPO_DIR_NEW), random, sizeof(random));
	return 0;
}

void evs_repo_dir_forget(int fd, const char *name)
{
	static const char *const files[] = { REPO_DIR_MANIFEST, REPO_DIR_COMMENT, REPO_DIR_DATA };
	char path[REPO_DIR_PATH_SIZE];
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", name, files[i]);
		unlinkat(fd, path, 0);
	}
	unlinkat(fd, name, AT_REMOVEDIR);
}

static int sweep_one(struct evs_repo_dir *dir, const char *name, void *arg, struct evs_error *err)
{
	struct stat st;
	int fd;

	(void)arg;
	(void)err;
	if (strncmp(name, REPO_DIR_NEW, strlen(REPO_DIR_NEW)) ||
	    strlen(name) >= REPO_DIR_NEW_SIZE)
		return 0;
	fd = evs_repo_dir_open_at(dir->fd, name, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return 0;
	if (!flock(fd, LOCK_EX | LOCK_NB) && !fstat(fd, &st)) {
		if (S_ISDIR(st.st_mode))
			evs_repo_dir_forget(dir->fd, name);
		else
			unlinkat(dir->fd, name, 0);
	}
	close(fd);
	return 0;
}

void evs_repo_dir_sweep(struct evs_repo_dir *dir)
{
	struct evs_error ignored = {};

	evs_repo_dir_each(dir, sweep_one, NULL, &ignored);
}

/* ---- texts ---- */

static int get_digits(const char *text, size_t length, char digits[DIGITS + 1])
{
	unsigned char hash[EVS_HASH_SIZE];

	if (EVP_Digest(text, length, hash, NULL, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	evs_hex_encode(digits, hash, sizeof(hash));
	return 0;
}

int evs_repo_dir_write_text(int fd, const char *name, const char *text, struct evs_error *err)
{
	char digits[DIGITS + 2];
	int file, ret;

	file = openat(fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file < 0)
		return evs_error_set(err, errno, "%s: %m", name);
	ret = flock(file, LOCK_EX) ? -errno : get_digits(text, strlen(text), digits);
	strcpy(digits + DIGITS, "\n");
	if (!ret)
		ret = evs_fd_write(file, digits, DIGITS + 1);
	if (!ret)
		ret = evs_fd_write(file, text, strlen(text));
	if (!ret && fsync(file))
		ret = -errno;
	if (!ret)
		return file;
	unlinkat(fd, name, 0);
	close(file);
	return evs_error_set(err, -ret, "%s: %s", name, strerror(-ret));
}

static int read_file(int fd, char **text)
{
	char digits[DIGITS + 1], *data;
	size_t length;
	struct stat st;
	int ret;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size <= DIGITS || st.st_size > TEXT_MAX)
		return -EBADMSG;
	length = (size_t)st.st_size;
	data = malloc(length + 1);
	if (!data)
		return -ENOMEM;
	ret = evs_fd_read(fd, data, length);
	if (ret == -ENODATA)
		ret = -EBADMSG;
	data[length] = '\0';
	length -= DIGITS + 1;
	if (!ret)
		ret = get_digits(data + DIGITS + 1, length, digits);
	if (!ret && (strncmp(data, digits, DIGITS) || data[DIGITS] != '\n' ||
		     strlen(data) != DIGITS + 1 + length))
		ret = -EBADMSG;
	if (!ret)
		*text = memmove(data, data + DIGITS + 1, length + 1);
	else
		free(data);
	return ret;
}

int evs_repo_dir_read_text(const struct evs_repo_dir *dir, const char *path, char **text,
			   struct evs_error *err)
{
	int fd = evs_repo_dir_open_at(dir->fd, path, O_RDONLY | O_NONBLOCK), ret;

	if (fd < 0)
		return evs_error_set(err, -fd, "%s/%s: %s", dir->path, path, strerror(-fd));
	ret = read_file(fd, text);
	close(fd);
	if (ret == -EBADMSG)
		return evs_error_set(err, EBADMSG, "%s/%s: is damaged: its first line is not the hash of the rest",
				     dir->path, path);
	return ret ? evs_error_set(err, -ret, "%s/%s: %s", dir->path, path, strerror(-ret)) : 0;
}
