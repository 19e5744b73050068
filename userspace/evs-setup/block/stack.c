// SPDX-License-Identifier: GPL-2.0-or-later
/* What is made of a block device, as sysfs tells it. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "loop.h"
#include "stack.h"

#define DEVICES_MAX 256
#define BLOCK_CLASS "/sys/class/block"
#define BLOCK_DISKS "/sys/block"
#define LVM_UUID "LVM-"
#define CRYPT_UUID "CRYPT-"

/* ---- sysfs ---- */

/* The first line of a file of a device, or false */
static bool read_attr(const char *name, const char *attr, char *line, size_t size)
{
	char path[PATH_MAX];
	bool good;
	FILE *file;

	if ((size_t)snprintf(path, sizeof(path), BLOCK_CLASS "/%s/%s", name, attr) >= sizeof(path))
		return false;
	file = fopen(path, "re");
	if (!file)
		return false;
	good = fgets(line, (int)size, file) != NULL;
	fclose(file);
	if (good)
		line[strcspn(line, "\n")] = '\0';
	return good;
}

static bool read_number(const char *name, const char *attr, dev_t *dev)
{
	unsigned int dev_major, dev_minor;
	char line[32];

	if (!read_attr(name, attr, line, sizeof(line)) ||
	    sscanf(line, "%u:%u", &dev_major, &dev_minor) != 2)
		return false;
	*dev = makedev(dev_major, dev_minor);
	return true;
}

static bool has_attr(const char *name, const char *attr)
{
	char path[PATH_MAX];

	return (size_t)snprintf(path, sizeof(path), BLOCK_CLASS "/%s/%s", name, attr) <
	       sizeof(path) && !access(path, F_OK);
}

/* The name that sysfs has for a device; false when there is no such device */
static bool find_name(dev_t dev, char *name, size_t size)
{
	char path[64], target[PATH_MAX];
	const char *base;
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = '\0';
	base = strrchr(target, '/');
	return (size_t)snprintf(name, size, "%s", base ? base + 1 : target) < size;
}

/* ---- the walk ---- */

/**
 * struct walk - The way through a stack.
 * @stack: what has been passed upwards and downwards
 * @seen: what has been passed upwards
 * @seen_count: how many
 */
struct walk {
	struct stack *stack;
	dev_t seen[DEVICES_MAX];
	size_t seen_count;
};

static void visit(struct walk *walk, dev_t dev);

static bool is_seen(struct walk *walk, dev_t dev)
{
	size_t i;

	for (i = 0; i < walk->seen_count; i++)
		if (walk->seen[i] == dev)
			return true;
	if (walk->seen_count == DEVICES_MAX)
		return true;
	walk->seen[walk->seen_count++] = dev;
	return false;
}

static void visit_name(struct walk *walk, const char *name)
{
	dev_t dev;

	if (read_number(name, "dev", &dev))
		visit(walk, dev);
}

static void visit_folder(struct walk *walk, const char *name)
{
	char path[PATH_MAX], attr[NAME_MAX + sizeof("/partition")];
	const struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), BLOCK_CLASS "/%s/holders", name);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (*entry->d_name != '.')
			visit_name(walk, entry->d_name);
	if (dir)
		closedir(dir);
	snprintf(path, sizeof(path), BLOCK_CLASS "/%s", name);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		snprintf(attr, sizeof(attr), "%s/partition", entry->d_name);
		if (*entry->d_name != '.' && has_attr(name, attr))
			visit_name(walk, entry->d_name);
	}
	if (dir)
		closedir(dir);
}

/* Loop devices and EVS disks over the device: they need not be among its holders. */
static void visit_disks(struct walk *walk, dev_t dev)
{
	const struct stat device = { .st_mode = S_IFBLK, .st_rdev = dev };
	char node[NAME_MAX + sizeof("/dev/")];
	const struct dirent *entry;
	dev_t below;
	DIR *dir;

	dir = opendir(BLOCK_DISKS);
	while (dir && (entry = readdir(dir))) {
		if (!strncmp(entry->d_name, "loop", 4)) {
			snprintf(node, sizeof(node), "/dev/%s", entry->d_name);
			if (has_attr(entry->d_name, "loop/backing_file") &&
			    loop_is_over(node, &device))
				visit_name(walk, entry->d_name);
		} else if (!strncmp(entry->d_name, "evs", 3)) {
			if (read_number(entry->d_name, "evs/backing_dev", &below) && below == dev)
				visit_name(walk, entry->d_name);
		}
	}
	if (dir)
		closedir(dir);
}

static void visit(struct walk *walk, dev_t dev)
{
	struct stack *stack = walk->stack;
	struct stack_device device = { .dev = dev }, *devices;

	if (is_seen(walk, dev) || !find_name(dev, device.name, sizeof(device.name)))
		return;
	device.partition = has_attr(device.name, "partition");
	visit_folder(walk, device.name);
	visit_disks(walk, dev);
	devices = reallocarray(stack->devices, stack->count + 1, sizeof(*devices));
	if (!devices)
		return;
	stack->devices = devices;
	devices[stack->count++] = device;
}

void stack_read(struct stack *stack, dev_t dev)
{
	struct walk *walk = calloc(1, sizeof(*walk));

	memset(stack, 0, sizeof(*stack));
	if (!walk)
		return;
	walk->stack = stack;
	visit(walk, dev);
	free(walk);
}

void stack_free(struct stack *stack)
{
	free(stack->devices);
	memset(stack, 0, sizeof(*stack));
}

/* ---- what a device is ---- */

void stack_node(const struct stack_device *device, char *path, size_t size)
{
	char *c;

	snprintf(path, size, "/dev/%s", device->name);
	/* sysfs has an exclamation mark where /dev has a folder. */
	for (c = path; (c = strchr(c, '!')); c++)
		*c = '/';
}

/* The volume group in the name of an LVM volume: up to the first single hyphen */
static void group_of(const char *name, char *group, size_t size)
{
	size_t len = 0;

	for (; *name && len < size - 1; name++) {
		if (*name == '-' && *++name != '-')
			break;
		group[len++] = *name;
	}
	group[len] = '\0';
}

static void describe_mapped(const char *node, const char *sysfs, bool dead, char *what,
			    size_t what_size, char *command, size_t command_size)
{
	char name[NAME_MAX + sizeof("/dev/")], uuid[256] = "", group[sizeof(name)];

	if (!read_attr(sysfs, "dm/name", name, sizeof(name)))
		snprintf(name, sizeof(name), "%s", node);
	read_attr(sysfs, "dm/uuid", uuid, sizeof(uuid));
	if (!strncmp(uuid, LVM_UUID, strlen(LVM_UUID))) {
		snprintf(what, what_size, "LVM volume %s (%s)", name, node);
		group_of(name, group, sizeof(group));
		/* LVM can only deactivate volumes whose metadata it can read. */
		if (dead)
			snprintf(command, command_size, "dmsetup remove %s", name);
		else
			snprintf(command, command_size, "vgchange -an %s", group);
	} else if (!strncmp(uuid, CRYPT_UUID, strlen(CRYPT_UUID))) {
		snprintf(what, what_size, "dm-crypt device %s (%s)", name, node);
		snprintf(command, command_size, "cryptsetup close %s", name);
	} else {
		snprintf(what, what_size, "device-mapper device %s (%s)", name, node);
		snprintf(command, command_size, "dmsetup remove %s", name);
	}
}

void stack_describe(const struct stack_device *device, bool dead, char *what, size_t what_size,
		    char *command, size_t command_size)
{
	char node[NAME_MAX + sizeof("/dev/")];

	stack_node(device, node, sizeof(node));
	*command = '\0';
	if (device->partition) {
		snprintf(what, what_size, "partition %s", node);
	} else if (has_attr(device->name, "dm")) {
		describe_mapped(node, device->name, dead, what, what_size, command, command_size);
	} else if (has_attr(device->name, "md")) {
		snprintf(what, what_size, "md array %s", node);
		snprintf(command, command_size, "mdadm --stop %s", node);
	} else if (has_attr(device->name, "loop/backing_file")) {
		snprintf(what, what_size, "loop device %s", node);
		snprintf(command, command_size, "losetup --detach %s", node);
	} else if (has_attr(device->name, "evs")) {
		snprintf(what, what_size, "EVS disk %s", node);
		snprintf(command, command_size, "evs-setup detach %s%s", dead ? "--force " : "", node);
	} else {
		snprintf(what, what_size, "device %s", node);
	}
}
