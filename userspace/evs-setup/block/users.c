// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who uses a block device: file systems, swap space, devices made of it,
 * processes. All that is looked for costs one walk through /proc.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <libmount.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "mountinfo.h"
#include "stack.h"
#include "text.h"
#include "users.h"

#define SHOWN_MAX 20		/* lines that are printed */
#define FOUND_MAX 1024		/* of each kind */
#define SECONDS_MAX 5		/* for the walk through /proc */
#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%,="

/**
 * struct found - A use of a device, before it is put into words.
 * @kind: what kind of use
 * @dev: the device
 * @pid: of the process, or of one in the mount namespace; 0 for that of the caller
 * @text: mount point, path of the swap space, or name of the process
 */
struct found {
	enum { FOUND_MOUNT, FOUND_SWAP, FOUND_PROCESS } kind;
	dev_t dev;
	pid_t pid;
	char *text;
};

/**
 * struct search - What is looked for and what is found.
 * @stack: the devices
 * @found: what was found
 * @count: how many
 * @namespaces: the mount namespaces that were looked at
 */
struct search {
	struct stack stack;
	struct found *found;
	size_t count;
	struct mount_namespaces namespaces;
};

static bool is_wanted(const struct search *search, dev_t dev)
{
	size_t i;

	for (i = 0; i < search->stack.count; i++)
		if (search->stack.devices[i].dev == dev)
			return true;
	return false;
}

static void add_found(struct search *search, int kind, dev_t dev, pid_t pid, const char *text)
{
	struct found *found;
	size_t i;

	/* A mount is in the namespaces of its peers too; a process has a file open twice. */
	for (i = 0; i < search->count; i++) {
		found = &search->found[i];
		if ((int)found->kind == kind && found->dev == dev &&
		    (kind == FOUND_PROCESS ? found->pid == pid : !strcmp(found->text, text)))
			return;
	}
	if (search->count == FOUND_MAX)
		return;
	found = reallocarray(search->found, search->count + 1, sizeof(*found));
	if (!found)
		return;
	search->found = found;
	found += search->count;
	found->kind = kind;
	found->dev = dev;
	found->pid = pid;
	found->text = strdup(text);
	if (found->text)
		search->count++;
}

/* ---- file systems and swap space ---- */

static void find_mounts(struct search *search, const char *table, pid_t pid)
{
	struct libmnt_table *mounts = mnt_new_table_from_file(table);
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_BACKWARD);
	struct libmnt_fs *fs;
	dev_t dev;

	while (mounts && iter && !mnt_table_next_fs(mounts, iter, &fs)) {
		dev = mount_device(fs);
		if (is_wanted(search, dev))
			add_found(search, FOUND_MOUNT, dev, pid, mnt_fs_get_target(fs));
	}
	mnt_free_iter(iter);
	mnt_unref_table(mounts);
}

static void find_swap(struct search *search)
{
	struct libmnt_table *swaps = mnt_new_table();
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	const char *path;
	struct stat st;
	dev_t dev;

	if (swaps && iter && !mnt_table_parse_swaps(swaps, NULL)) {
		while (!mnt_table_next_fs(swaps, iter, &fs)) {
			path = mnt_fs_get_source(fs);
			if (!path || stat(path, &st))
				continue;
			dev = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
			if (is_wanted(search, dev))
				add_found(search, FOUND_SWAP, dev, 0, path);
		}
	}
	mnt_free_iter(iter);
	mnt_unref_table(swaps);
}

/* ---- processes ---- */

static void find_open(struct search *search, pid_t pid)
{
	char path[64], comm[64] = "";
	const struct dirent *entry;
	struct statx st;
	FILE *file;
	dev_t dev;
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	if (!dir)
		return;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	while ((entry = readdir(dir))) {
		fd = dirfd(dir);
		/* No server of files in the network is asked: it might not answer. */
		if (!isdigit((unsigned char)*entry->d_name) ||
		    statx(fd, entry->d_name, AT_STATX_DONT_SYNC, STATX_TYPE, &st) ||
		    !S_ISBLK(st.stx_mode))
			continue;
		dev = makedev(st.stx_rdev_major, st.stx_rdev_minor);
		if (!is_wanted(search, dev))
			continue;
		file = fopen(path, "re");
		if (file && fgets(comm, sizeof(comm), file))
			comm[strcspn(comm, "\n")] = '\0';
		if (file)
			fclose(file);
		add_found(search, FOUND_PROCESS, dev, pid, comm);
	}
	closedir(dir);
}

static void walk_proc(struct search *search)
{
	struct timespec now, start;
	const struct dirent *entry;
	char table[64];
	DIR *dir;
	pid_t pid;

	clock_gettime(CLOCK_MONOTONIC, &start);
	dir = opendir("/proc");
	while (dir && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - start.tv_sec > SECONDS_MAX)
			break;
		pid = (pid_t)atol(entry->d_name);
		if (pid != getpid())
			find_open(search, pid);
		snprintf(table, sizeof(table), "/proc/%d/mountinfo", (int)pid);
		if (mount_namespaces_add(&search->namespaces, entry->d_name))
			find_mounts(search, table, pid);
	}
	if (dir)
		closedir(dir);
}

/* ---- words ---- */

/* A word of a command, for a shell */
static void quote(const char *word, char *quoted, size_t size)
{
	char *end = quoted + size - sizeof("'\\'''");

	if (*word && word[strspn(word, PLAIN)] == '\0') {
		snprintf(quoted, size, "%s", word);
		return;
	}
	*quoted++ = '\'';
	for (; *word && quoted < end; word++) {
		if (*word == '\'')
			quoted = stpcpy(quoted, "'\\'");
		*quoted++ = *word;
	}
	strcpy(quoted, "'");
}

static void __attribute__((format(printf, 3, 4)))
add_user(struct users *users, const char *command, const char *fmt, ...)
{
	char what[PATH_MAX + 256];
	struct user *user;
	va_list ap;
	size_t i;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	user = reallocarray(users->user, users->count + 1, sizeof(*user));
	if (!user)
		return;
	users->user = user;
	/* One command for all volumes of a group: it works at the last one only. */
	for (i = 0; i < users->count; i++)
		if (!strcmp(user[i].command, command))
			*user[i].command = '\0';
	user += users->count;
	user->what = strdup(what);
	user->command = strdup(command);
	if (user->what && user->command) {
		users->count++;
		return;
	}
	free(user->what);
	free(user->command);
}

static void describe_found(struct users *users, const struct found *found, const char *node,
			   enum users_device does)
{
	char command[PATH_MAX + 64], word[PATH_MAX], space[64] = "";

	quote(found->text, word, sizeof(word));
	switch (found->kind) {
	case FOUND_PROCESS:
		/* udev has it open for a moment only. */
		if (does != USERS_WORKS && strstr(found->text, "udev"))
			return;
		add_user(users, "", "%s is open in process %d (%s)", node, (int)found->pid,
			 found->text);
		return;
	case FOUND_SWAP:
		/* swapoff(2) opens the device. */
		snprintf(command, sizeof(command), "swapoff %s", word);
		if (does == USERS_GONE)
			add_user(users, "", "%s has the swap space %s, which cannot be switched off before the next boot",
				 node, found->text);
		else
			add_user(users, command, "%s has the swap space %s", node, found->text);
		return;
	case FOUND_MOUNT:
		snprintf(command, sizeof(command), "umount %s", word);
		if (found->pid) {
			snprintf(space, sizeof(space), " in the mount namespace of process %d",
				 (int)found->pid);
			snprintf(command, sizeof(command), "nsenter -t %d -m umount %s",
				 (int)found->pid, word);
		}
		add_user(users, command, "%s is mounted on %s%s", node, found->text, space);
	}
}

static void describe(struct users *users, const struct search *search, enum users_device does)
{
	char node[NAME_MAX + sizeof("/dev/")], lowest[sizeof(node)], what[1024], command[1024];
	const struct stack_device *device;
	size_t i, j;

	if (search->stack.count)
		stack_node(&search->stack.devices[search->stack.count - 1], lowest, sizeof(lowest));
	for (i = 0; i < search->stack.count; i++) {
		device = &search->stack.devices[i];
		stack_node(device, node, sizeof(node));
		for (j = 0; j < search->count; j++)
			if (search->found[j].dev == device->dev)
				describe_found(users, &search->found[j], node, does);
		/* The lowest is the device itself; its partitions go with it. */
		if (i + 1 == search->stack.count || device->partition)
			continue;
		stack_describe(device, does != USERS_WORKS, what, sizeof(what), command,
			       sizeof(command));
		add_user(users, command, "%s is on %s", what, lowest);
	}
}

void users_find(struct users *users, dev_t dev, enum users_device does)
{
	struct search *search = calloc(1, sizeof(*search));
	size_t i;

	memset(users, 0, sizeof(*users));
	if (!search)
		return;
	stack_read(&search->stack, dev);
	if (mount_namespaces_add(&search->namespaces, "self"))
		find_mounts(search, "/proc/self/mountinfo", 0);
	find_swap(search);
	walk_proc(search);
	describe(users, search, does);
	for (i = 0; i < search->count; i++)
		free(search->found[i].text);
	free(search->found);
	stack_free(&search->stack);
	free(search);
}

void users_print(const struct users *users, const char *prefix)
{
	const struct user *user;
	size_t i;

	for (i = 0; i < users->count && i < SHOWN_MAX; i++) {
		user = &users->user[i];
		evs_text_line(stderr, "evs-setup: %s: %s%s%s", prefix, user->what,
			      *user->command ? ": run " : "", user->command);
	}
	if (i < users->count)
		evs_text_line(stderr, "evs-setup: %s: %zu more are not shown", prefix,
			      users->count - i);
}

void users_free(struct users *users)
{
	size_t i;

	for (i = 0; i < users->count; i++) {
		free(users->user[i].what);
		free(users->user[i].command);
	}
	free(users->user);
	memset(users, 0, sizeof(*users));
}

size_t users_tell(dev_t dev, const char *prefix)
{
	struct users users;
	size_t count;

	users_find(&users, dev, USERS_WORKS);
	users_print(&users, prefix);
	count = users.count;
	users_free(&users);
	return count;
}
