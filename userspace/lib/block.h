/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_BLOCK_H
#define EVS_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Block devices as sysfs has them.
 */

/**
 * evs_block_number() - Read a device number, as files of sysfs have it.
 * @text: MAJOR:MINOR
 * @dev: set to it
 *
 * Return: whether @text is one.
 */
bool evs_block_number(const char *text, dev_t *dev);

/**
 * evs_block_node() - Where the node of a block device is.
 * @dev: its number
 * @path: filled with the path, or with MAJOR:MINOR when there is no such device
 * @size: room there
 */
void evs_block_node(dev_t dev, char *path, size_t size);

/**
 * evs_block_disk() - Find the EVS disk over a block device.
 * @dev: the device's number
 * @disk: filled with the disk's kernel name, such as evs0, or "" when there is none
 * @size: room there
 *
 * By sysfs: asking the kernel over netlink would load the module for every device
 * with a header.
 */
void evs_block_disk(dev_t dev, char *disk, size_t size);

#endif /* EVS_BLOCK_H */
