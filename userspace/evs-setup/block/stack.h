/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_STACK_H
#define EVS_SETUP_STACK_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/**
 * struct stack_device - A block device of a stack.
 * @dev: its number
 * @name: its name in sysfs, such as "evs0p1" or "dm-3"
 * @partition: it is a partition
 */
struct stack_device {
	dev_t dev;
	char name[NAME_MAX + 1];
	bool partition;
};

/**
 * struct stack - A block device, its partitions, and all that is made of them.
 * @devices: a device comes after all that use it, so the lowest is the last one
 * @count: how many
 */
struct stack {
	struct stack_device *devices;
	size_t count;
};

/**
 * stack_read() - Find what is made of a block device.
 * @stack: filled; release with stack_free()
 * @dev: number of the device
 *
 * Follows partitions, holders as sysfs has them (device mapper, md and others),
 * loop devices and EVS disks. Out of memory, or of room, it stops short.
 */
void stack_read(struct stack *stack, dev_t dev);

/**
 * stack_free() - Release what stack_read() filled.
 * @stack: the stack
 */
void stack_free(struct stack *stack);

/**
 * stack_node() - Path of the node of a device.
 * @device: the device
 * @path: filled
 * @size: room there
 */
void stack_node(const struct stack_device *device, char *path, size_t size);

/**
 * stack_describe() - Say what a device is and how to remove it.
 * @device: the device
 * @dead: the lowest device of the stack does no I/O any more
 * @what: filled, such as "LVM volume vg-data (/dev/dm-0)"
 * @what_size: room there
 * @command: filled with the command that removes it, "" where none is known
 * @command_size: room there
 */
void stack_describe(const struct stack_device *device, bool dead, char *what, size_t what_size,
		    char *command, size_t command_size);

#endif /* EVS_SETUP_STACK_H */
