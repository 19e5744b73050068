/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_NETLINK_H
#define EVS_NETLINK_H

#include <linux/evs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

struct nlmsghdr;

/* Longest driver name of a cipher, as the kernel's crypto API limits it. */
#define EVS_CIPHER_MAX 127

/* An open connection to the family. */
struct evs_nl;

/**
 * struct evs_disk - An attached disk as the kernel describes it.
 * @id: the N of /dev/evsN
 * @name: the user's name of it, evsN where none was given
 * @uuid: UUID from its header, "" where it was attached without one
 * @backing_dev: the block device below
 * @offset: where the data starts there, in bytes
 * @size: size of the disk in bytes
 * @sector_size: size of a crypto sector in bytes
 * @key_serial: key that is the handle of the disk's DK
 * @read_only: it refuses writes
 * @state: what it does with I/O
 * @cipher: driver name of the cipher in use
 * @openers: how often it is open
 * @disk_dev: device number of /dev/evsN
 */
struct evs_disk {
	uint32_t id;
	char name[EVS_NAME_MAX + 1];
	char uuid[EVS_UUID_MAX + 1];
	dev_t backing_dev;
	uint64_t offset;
	uint64_t size;
	uint32_t sector_size;
	int32_t key_serial;
	bool read_only;
	enum evs_dev_state state;
	char cipher[EVS_CIPHER_MAX + 1];
	uint32_t openers;
	dev_t disk_dev;
};

/**
 * struct evs_attach - What to attach.
 * @name: the user's name of it, or NULL for evsN
 * @uuid: UUID from its header, or NULL
 * @backing_dev: the block device below
 * @offset: where the data starts there, in bytes
 * @size: size of the disk in bytes, 0 for all that is left
 * @sector_size: 512 or 4096
 * @key_serial: key of type "evs" that this process possesses
 * @read_only: the disk shall refuse writes
 */
struct evs_attach {
	const char *name;
	const char *uuid;
	dev_t backing_dev;
	uint64_t offset;
	uint64_t size;
	uint32_t sector_size;
	int32_t key_serial;
	bool read_only;
};

/*
 * Where the kernel refuses, the text of the error is the reason it gives in
 * the extended acknowledgement, and the errno is the kernel's.
 */

/**
 * evs_nl_open() - Connect to the family, which loads the module if need be.
 * @nl: set to the connection; release with evs_nl_close()
 * @err: filled on failure
 *
 * Return: 0 or a negative errno; -ENOPKG when the kernel has no such family.
 */
int evs_nl_open(struct evs_nl **nl, struct evs_error *err);

/**
 * evs_nl_close() - Release a connection.
 * @nl: the connection, or NULL
 */
void evs_nl_close(struct evs_nl *nl);

/**
 * evs_nl_attach() - Make a disk over a block device.
 * @nl: the connection
 * @what: the device, where on it, and the key
 * @disk: filled with the new disk
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_nl_attach(struct evs_nl *nl, const struct evs_attach *what, struct evs_disk *disk,
		  struct evs_error *err);

/**
 * evs_nl_detach() - Remove a disk.
 * @nl: the connection
 * @id: the N of /dev/evsN
 * @force: although it is open
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_nl_detach(struct evs_nl *nl, uint32_t id, bool force, struct evs_error *err);

/**
 * evs_nl_revoke() - Take the key away from a disk, at once.
 * @nl: the connection
 * @id: the N of /dev/evsN
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -EALREADY when that has been done.
 */
int evs_nl_revoke(struct evs_nl *nl, uint32_t id, struct evs_error *err);

/**
 * evs_nl_get() - Describe a disk.
 * @nl: the connection
 * @id: the N of /dev/evsN
 * @disk: filled
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_nl_get(struct evs_nl *nl, uint32_t id, struct evs_disk *disk, struct evs_error *err);

/**
 * evs_nl_dump() - Describe all disks, by ascending id.
 * @nl: the connection
 * @disks: set to an array, to be freed with free(); NULL when there are none
 * @count: set to its length
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_nl_dump(struct evs_nl *nl, struct evs_disk **disks, size_t *count, struct evs_error *err);

/**
 * evs_nl_parse_disk() - Read the description of a disk out of a message.
 * @msg: a whole message of the family
 * @disk: filled
 *
 * Return: 0, or -EPROTO when an attribute is malformed or one that every disk
 * has is missing.
 */
int evs_nl_parse_disk(struct nlmsghdr *msg, struct evs_disk *disk);

/**
 * evs_nl_parse_extack() - Read the reason out of an acknowledgement.
 * @msg: a whole message of type NLMSG_ERROR or NLMSG_DONE
 * @text: filled with the reason, "" when there is none; control characters
 *	  become blanks
 * @size: room there
 */
void evs_nl_parse_extack(const struct nlmsghdr *msg, char *text, size_t size);

#endif /* EVS_NETLINK_H */
