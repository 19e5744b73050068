// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "block.h"

bool evs_block_number(const char *text, dev_t *dev)
{
	unsigned int dev_major, dev_minor;
	int end = 0;

	if (strspn(text, "0123456789:") != strlen(text) ||
	    sscanf(text, "%8u:%8u%n", &dev_major, &dev_minor, &end) != 2 || text[end])
		return false;
	*dev = makedev(dev_major, dev_minor);
	return true;
}

void evs_block_node(dev_t dev, char *path, size_t size)
{
	char link[64], target[PATH_MAX];
	const char *base;
	ssize_t len;

	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	len = readlink(link, target, sizeof(target) - 1);
	if (len < 0) {
		snprintf(path, size, "%u:%u", major(dev), minor(dev));
		return;
	}
	target[len] = '\0';
	base = strrchr(target, '/');
	snprintf(path, size, "/dev/%s", base ? base + 1 : target);
	/* sysfs has an exclamation mark where /dev has a folder. */
	for (path += sizeof("/dev/") - 1; *path; path++)
		if (*path == '!')
			*path = '/';
}

/* Is this disk over the device? */
static bool stands_on(const char *disk, dev_t dev)
{
	unsigned int dev_major, dev_minor;
	char path[PATH_MAX];
	bool found;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/block/%s/evs/backing_dev", disk);
	file = fopen(path, "re");
	if (!file)
		return false;
	found = fscanf(file, "%u:%u", &dev_major, &dev_minor) == 2 &&
		makedev(dev_major, dev_minor) == dev;
	fclose(file);
	return found;
}

void evs_block_disk(dev_t dev, char *disk, size_t size)
{
	const struct dirent *entry;
	DIR *dir = opendir("/sys/block");

	*disk = '\0';
	if (!dir)
		return;
	while (!*disk && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, "evs", 3) && stands_on(entry->d_name, dev))
			snprintf(disk, size, "%s", entry->d_name);
	closedir(dir);
}
