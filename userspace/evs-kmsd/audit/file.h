/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_FILE_H
#define KMSD_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "audit/chain.h"
#include "error.h"

/**
 * struct kmsd_file - The file that the log is written to.
 * @path: where it belongs; it may have been renamed
 * @fd: the file; stays the same number when a new one is begun
 * @size: of the file, all of it whole lines
 * @written: bytes ever written through this structure, to whatever file
 */
struct kmsd_file {
	char path[PATH_MAX];
	int fd;
	off_t size;
	uint64_t written;
};

/* Unless said otherwise, these return 0, or a negative errno with @err filled. */

/*
 * Open the log, or make it. @file: close @file->fd. Where the log has been renamed and no new
 * one begun, the renamed one is opened: the newest of those called @path and a suffix that
 * begins with . or -
 */
int kmsd_file_open(struct kmsd_file *file, const char *path, struct evs_error *err);

/*
 * Find the newest record and cut off a line that was not finished. @link: left alone when the
 * last line is no record, or there is none.
 */
int kmsd_file_tail(struct kmsd_file *file, struct kmsd_link *link, struct evs_error *err);

/* Append a whole line or nothing. @line: the line, with its newline. */
int kmsd_file_append(struct kmsd_file *file, const char *line, struct evs_error *err);

/* Have on disk what was written before the call. */
int kmsd_file_sync(struct kmsd_file *file, struct evs_error *err);

/* Has somebody given the log another name? */
bool kmsd_file_was_renamed(const struct kmsd_file *file);

/*
 * Go on in a new file; the old one, renamed, is on disk before. @line: the first line, with
 * its newline. @err: the old file is the log still. The new file gets its name when it is on
 * disk with its first line.
 */
int kmsd_file_begin(struct kmsd_file *file, const char *line, struct evs_error *err);

#endif /* KMSD_FILE_H */
