/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_BACKUP_H
#define KMSD_BACKUP_H

#include <stdint.h>
#include <stddef.h>

#include "error.h"

/*
 * A backup is one file: a line with the SHA-256 of all that follows it, the size and
 * the time; then the database as SQLite has it. The root key is not in it.
 */

/**
 * struct kmsd_backup - A backup that has been read.
 * @time: when it was made, milliseconds since 1970
 * @data: the database, for free()
 * @size: its size
 */
struct kmsd_backup {
	int64_t time;
	unsigned char *data;
	size_t size;
};

/* Unless said otherwise, these return 0, or a negative errno with @err filled. */

/*
 * Back up a database, whether a daemon serves it or not. @path: the file, which must not be
 * there yet.
 */
int kmsd_backup_write(const char *database, const char *path, struct evs_error *err);

/*
 * Read a backup and see that it is whole. @backup: free() its data. Returns 0, -EBADMSG when
 * it is no backup or is damaged, or another negative errno.
 */
int kmsd_backup_read(struct kmsd_backup *backup, const char *path, struct evs_error *err);

#endif /* KMSD_BACKUP_H */
