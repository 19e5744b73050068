/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_EVSTAB_H
#define EVS_EVSTAB_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "names.h"

#define EVSTAB_PATH "/etc/evstab"
#define EVSTAB_NAME_MAX 63	/* as the kernel has it */
#define EVSTAB_DEVICE_MAX 4095
#define EVSTAB_TIMEOUT_MAX 31

/**
 * struct evstab_entry - A line of the table.
 * @line: its number, from 1
 * @bad: why it is no good, "FILE:LINE: why"; NULL for a good one, and nothing
 *	 but @line and, where it was read, @name is set in a bad one
 * @name: how the disk shall be called; letters, digits and #+-.:=@_ only
 * @device: absolute path, or a tag as blkid(8) knows it, such as UUID=..., or POOL/DISK
 * @in_pool: it is POOL/DISK, and @name is POOL:DISK
 * @read_only: the disk refuses writes
 * @discard: discards go through to the device
 * @no_partscan: partitions are not looked for
 * @nofail: the system is fine without it
 * @noauto: only on demand, not at boot
 * @netdev: needs the network
 * @initrd: the initial RAM disk has attached or opened it, and nobody else does
 * @device_timeout: how long to wait for the device, as systemd.time(7) has it;
 *		    "" for the default
 * @kms: the KMS that the disk must have, "" for any
 * @cmk: id of the CMK that the disk must have, "" for any
 */
struct evstab_entry {
	unsigned int line;
	char *bad;
	char name[EVSTAB_NAME_MAX + 1];
	char device[EVSTAB_DEVICE_MAX + 1];
	bool in_pool;
	bool read_only, discard, no_partscan;
	bool nofail;
	bool noauto;
	bool netdev;
	bool initrd;
	char device_timeout[EVSTAB_TIMEOUT_MAX + 1];
	char kms[EVS_KMS_NAME_MAX + 1];
	char cmk[EVS_CMK_REF_SIZE];
};

/**
 * struct evstab - /etc/evstab.
 * @path: where it was read from
 * @entries: its lines without comments and empty ones, in order
 * @count: how many
 */
struct evstab {
	const char *path;
	struct evstab_entry *entries;
	size_t count;
};

/**
 * evstab_parse() - Read a table out of memory.
 * @tab: filled; release with evstab_free()
 * @path: what messages call it
 * @text: the table, of any bytes
 * @len: its length
 * @err: filled on failure
 *
 * A line that is no good becomes an entry that says so, and stops no other.
 *
 * Return: 0 or -ENOMEM.
 */
int evstab_parse(struct evstab *tab, const char *path, const char *text, size_t len,
		 struct evs_error *err);

/**
 * evstab_load() - Read the table of this host.
 * @tab: filled; release with evstab_free()
 * @err: filled on failure
 *
 * Reads the file that the environment names in EVSTAB (ignored in set-uid
 * programs), which must exist then, else EVSTAB_PATH, which need not.
 *
 * Return: 0 or a negative errno.
 */
int evstab_load(struct evstab *tab, struct evs_error *err);

/**
 * evstab_free() - Release what evstab_parse() or evstab_load() filled.
 * @tab: the table
 */
void evstab_free(struct evstab *tab);

/**
 * evstab_find() - Find a good line by the name of its disk.
 * @tab: the table
 * @name: the name
 * @err: filled when there is none, or only a bad one
 *
 * Return: the entry, owned by @tab, or NULL.
 */
const struct evstab_entry *evstab_find(const struct evstab *tab, const char *name,
				       struct evs_error *err);

/**
 * evstab_link() - Path under which udev has the device of an entry.
 * @entry: a good entry, not of a pool
 * @path: filled: its path, or the link in /dev/disk for a tag
 * @size: room there
 * @err: filled on failure
 *
 * Looks at no device: what it gives need not exist.
 *
 * Return: 0, or -ENAMETOOLONG.
 */
int evstab_link(const struct evstab_entry *entry, char *path, size_t size,
		struct evs_error *err);

/**
 * evstab_resolve() - Path of the device of an entry.
 * @entry: a good entry
 * @path: set to it, or to POOL/DISK, to be freed with free()
 * @err: filled on failure
 *
 * A tag is looked up in udev's links, and where these are missing on all
 * devices.
 *
 * Return: 0, -ENODEV when no device has the tag, -ENOMEM.
 */
int evstab_resolve(const struct evstab_entry *entry, char **path, struct evs_error *err);

#endif /* EVS_EVSTAB_H */
