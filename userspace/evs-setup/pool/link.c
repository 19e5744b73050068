// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "link.h"

#define FOLDER "/dev/evs"
#define MARKS "/run/evs/plain"	/* 61-evs.rules looks there, for each device's number of use */
#define UDEV_RUNS "/run/udev/control"
#define WAIT_MS 60000

void link_name(char name[LINK_SIZE], const struct evs_pool *pool, const struct evs_object *disk)
{
	snprintf(name, LINK_SIZE, "%s:%s", pool->config->name, disk->name);
}

void link_path(char path[LINK_SIZE], const char *name)
{
	char *colon;

	snprintf(path, LINK_SIZE, FOLDER "/%s", name);
	colon = strchr(path, ':');
	if (colon)
		*colon = '/';
}

int link_read(const char *name, char *node, size_t size)
{
	char path[LINK_SIZE], target[PATH_MAX];
	const char *from = target;
	ssize_t len;

	link_path(path, name);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return -ENOENT;
	target[len] = '\0';
	/* Those of udev are ../../NODE, from their folder to /dev. */
	while (!strncmp(from, "../", strlen("../")))
		from += strlen("../");
	len = snprintf(node, size, "%s%s", *from == '/' ? "" : "/dev/", from);
	return (size_t)len < size ? 0 : -ENOENT;
}

static bool leads_to(const char *name, const char *node)
{
	char there[PATH_MAX];
	struct stat one, other;

	if (link_read(name, there, sizeof(there)))
		return false;
	/* That of udev is to /dev/dm-N, whatever else the node is called. */
	return !strcmp(there, node) || (!stat(there, &one) && !stat(node, &other) &&
					S_ISBLK(one.st_mode) && one.st_rdev == other.st_rdev);
}

int link_make(const char *name, const char *node, struct evs_error *err)
{
	char path[LINK_SIZE], new[LINK_SIZE + 8];
	char *slash;

	/* By udev, whose rules have been run by now; it counts on its own links. */
	if (leads_to(name, node))
		return 0;
	link_path(path, name);
	slash = strrchr(path, '/');
	*slash = '\0';
	if ((mkdir(FOLDER, 0755) && errno != EEXIST) || (mkdir(path, 0755) && errno != EEXIST))
		return evs_error_set(err, errno, "%s: %m", path);
	*slash = '/';
	/* Replaced at once, so that nobody finds it missing. No disk has this name. */
	snprintf(new, sizeof(new), "%.*s/.%s", (int)(slash - path), path, slash + 1);
	if (unlink(new) && errno != ENOENT)
		return evs_error_set(err, errno, "%s: %m", new);
	if (symlink(node, new) || rename(new, path))
		return evs_error_set(err, errno, "%s: %m", path);
	return 0;
}


/* Disks outside of pools may have any name, such as "..:null". */
void link_remove(const char *name, const char *node)
{
	char path[LINK_SIZE];

	if (!evs_object_is_disk(name, ':') || !leads_to(name, node))
		return;
	link_path(path, name);
	if (unlink(path))
		return;
	/* The folder of the pool goes with its last link. */
	*strrchr(path, '/') = '\0';
	rmdir(path);
}

/* ---- plain disks: nothing but this tells udev of them ---- */

int link_mark(char mark[LINK_SIZE], const char *node)
{
	char path[64], number[24];
	struct stat st;
	FILE *file;
	int found;

	if (stat(node, &st))
		return -errno;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/diskseq", major(st.st_rdev),
		 minor(st.st_rdev));
	file = fopen(path, "re");
	if (!file)
		return -errno;
	found = fscanf(file, "%23[0-9]", number);
	fclose(file);
	if (found != 1)
		return -EINVAL;
	snprintf(mark, LINK_SIZE, MARKS "/%s", number);
	return 0;
}

static int write_text(const char *path, int flags, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0644);
	ssize_t len = (ssize_t)strlen(text);
	int ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, (size_t)len) == len ? 0 : -EIO;
	return close(fd) ? -errno : ret;
}

static void wait_for_udev(const char *name, const char *node)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	unsigned int left = WAIT_MS / 10;

	for (; left && !access(UDEV_RUNS, F_OK) && !leads_to(name, node); left--)
		nanosleep(&pause, NULL);
}

/* Return: whether udev will make the link. */
static bool mark(const char *name, const char *node)
{
	char path[LINK_SIZE], text[LINK_SIZE + 16], event[64];
	struct stat st;

	link_path(path, name);
	snprintf(text, sizeof(text), "EVS_LINK=%s\n", path + strlen("/dev/"));
	if ((mkdir(MARKS, 0755) && errno != EEXIST) || stat(node, &st) || link_mark(path, node) ||
	    write_text(path, O_CREAT | O_TRUNC, text))
		return false;
	snprintf(event, sizeof(event), "/sys/dev/block/%u:%u/uevent", major(st.st_rdev),
		 minor(st.st_rdev));
	return !write_text(event, 0, "change");
}

int link_make_plain(const char *name, const char *node, struct evs_error *err)
{
	if (mark(name, node))
		wait_for_udev(name, node);
	return link_make(name, node, err);
}
