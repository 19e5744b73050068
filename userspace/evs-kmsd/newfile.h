/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_NEWFILE_H
#define KMSD_NEWFILE_H

#include <stddef.h>
#include <sys/stat.h>

#include "error.h"

/* Unless said otherwise, these return 0, or a negative errno with @err filled. */

/*
 * Make a file that is not there yet; it is on disk on return. @mode: its mode. @data: its
 * bytes.
 */
int kmsd_newfile_write(const char *path, mode_t mode, const void *data, size_t size,
		       struct evs_error *err);

/* The same, with owner, group and mode of another file. @as: that file. */
int kmsd_newfile_write_as(const char *path, const struct stat *as, const void *data, size_t size,
			  struct evs_error *err);

/* Have the name of a file in its directory on disk. */
int kmsd_newfile_sync_name(const char *path, struct evs_error *err);

#endif /* KMSD_NEWFILE_H */
