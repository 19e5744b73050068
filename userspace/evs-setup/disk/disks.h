/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_DISKS_H
#define EVS_SETUP_DISKS_H

#include <stddef.h>

#include "nl/netlink.h"
#include "volume/volume.h"

/* For the help of verbs that take a disk */
#define DISKS_HELP \
	"DISK is the name or UUID of an attached disk, UUID=UUID, POOL/DISK, its node /dev/evsN\n" \
	"or a link to it, or the device or file below it.\n"

/* What a verb is called with that has a disk and no option, and runs disks_command() */
#define DISKS_VERB_OPERAND \
	.args = "DISK", .operands = { WORD_DISK }, .needs = VERB_NEEDS_ADMIN

/**
 * disks_match() - Is this the disk that is meant?
 * @disk: an attached disk
 * @ref: name, UUID, UUID=UUID, or the path of the node or of a link to it
 */
bool disks_match(const struct evs_disk *disk, const char *ref);

/**
 * disks_is_over() - Is the disk over this device, or over a loop device over this file?
 * @disk: an attached disk
 * @path: path of a block device or a file
 */
bool disks_is_over(const struct evs_disk *disk, const char *path);

/**
 * disks_find() - Find an attached disk.
 * @nl: connection to the kernel
 * @ref: what disks_match() takes, else the device or file below, which may also be
 *	 a tag such as LABEL=...
 * @disk: filled
 * @err: filled when there is none, or more than one
 *
 * Return: 0 or a negative errno, -ENODEV when there is none.
 */
int disks_find(struct evs_nl *nl, const char *ref, struct evs_disk *disk, struct evs_error *err);

/**
 * disks_open() - Connect to the kernel for something to be done to a disk.
 * @nl: set to the connection; release with evs_nl_close()
 * @ref: as disks_find() takes it
 * @disk: filled
 * @err: filled on failure, when there is nothing to release
 *
 * Return: 0 or a negative errno, as disks_find() gives it.
 */
int disks_open(struct evs_nl **nl, const char *ref, struct evs_disk *disk, struct evs_error *err);

/**
 * disks_command() - Run a verb that does one thing to a disk and has no option.
 * @argc: as given to the verb
 * @argv: as given to the verb
 * @op: does it to @disk, which the user called @ref; its error is about the disk,
 *	whose name is put before it
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int disks_command(int argc, char *argv[],
		  int (*op)(struct evs_nl *nl, const struct evs_disk *disk, const char *ref,
			    struct evs_error *err),
		  struct evs_error *err);

/**
 * disks_path() - Path of the node of a disk.
 * @disk: the disk
 * @path: filled
 * @size: room there
 */
void disks_path(const struct evs_disk *disk, char *path, size_t size);

/**
 * disks_read_header() - Read the header of an attached disk on the device below.
 * @disk: the disk
 * @vol: set to the open header; release with evs_volume_close()
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -EMEDIUMTYPE when the header is that of another
 * disk by now.
 */
int disks_read_header(const struct evs_disk *disk, struct evs_volume **vol,
		      struct evs_error *err);

/**
 * disks_note_slots() - Say by what else a disk can be opened, if there is something.
 * @text: how messages call the disk
 * @path: its device or file
 * @vol: its header
 */
void disks_note_slots(const char *text, const char *path, const struct evs_volume *vol);

/**
 * disks_slots() - The same for a line of its own.
 * @text: filled, "" when there is nothing to say
 * @size: room there
 * @path: its device or file
 * @vol: its header
 */
void disks_slots(char *text, size_t size, const char *path, const struct evs_volume *vol);

/**
 * disks_warn_damage() - Say on stderr that one copy of a header is damaged.
 * @path: the device, as the user knows it
 * @vol: its header, damaged or not
 */
void disks_warn_damage(const char *path, const struct evs_volume *vol);

#endif /* EVS_SETUP_DISKS_H */
