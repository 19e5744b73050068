/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_AUDIT_H
#define KMSD_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/event.h"
#include "error.h"
#include "store/store.h"

/*
 * The audit log: a file of lines `HASH {json}`, where HASH is the SHA-256 of
 * the line before's hash and of this line's JSON text. The database holds the
 * number and hash of a record near the end, so that a shortened file is found
 * out; for the newest change it holds the whole line, which became valid in the
 * same transaction as the change itself.
 */

/* The record that begins a new file: it has the number and hash of the one before. */
#define KMSD_ROTATE_EVENT "rotateAudit"

struct kmsd_audit;

/* Unless said otherwise, these return 0, or a negative errno with @err filled. */

/*
 * Open the log and take up its chain. @audit: release with kmsd_audit_close(). @path: the
 * file, made when missing. @store: the database that holds the head of the chain. Appends the
 * record of a change that a killed process had committed but not written, and cuts off a line
 * that it had written in part.
 */
int kmsd_audit_open(struct kmsd_audit **audit, const char *path, struct kmsd_store *store,
		    struct evs_error *err);

/*
 * Begin a log behind the last record that a database knows. @path: the file, which must not be
 * there yet. @store: the database, restored on a machine that does not have the log.
 */
int kmsd_audit_begin(const char *path, struct kmsd_store *store, struct evs_error *err);

/* Sync and close. @audit: the log, or NULL. */
void kmsd_audit_close(struct kmsd_audit *audit);

/*
 * Append a record about something that changes nothing. @event: what happened. @err: the
 * caller then must not let it have happened. When the call returns, the record outlives the
 * process; it outlives the machine once kmsd_audit_sync() has returned.
 */
int kmsd_audit_note(struct kmsd_audit *audit, const struct kmsd_event *event,
		    struct evs_error *err);

/*
 * Commit this thread's transaction together with its record. @event: what the transaction did.
 * @err: transaction and record are gone then.
 */
int kmsd_audit_commit(struct kmsd_audit *audit, const struct kmsd_event *event,
		      struct evs_error *err);

/*
 * Have all records on disk and the head of the chain at the last. @now: the time. Records the
 * refusals that were counted in a minute that is over, and goes on in a new file when the log
 * has been renamed: call it each second.
 */
int kmsd_audit_sync(struct kmsd_audit *audit, int64_t now, struct evs_error *err);

/**
 * struct kmsd_span - The records that a verification has seen.
 * @first: number of the first
 * @last: number of the last
 */
struct kmsd_span {
	int64_t first;
	int64_t last;
};

/*
 * Check every record of a log, whether a daemon runs or not. @older: files that it was rotated
 * to, in any order. @err: filled when the chain is broken; names file and line, and what is
 * wrong. The first file has to begin with the first record of all, or as a new file does.
 * Returns 0, -EBADMSG for a broken chain, or another negative errno.
 */
int kmsd_audit_verify(const char *path, char *const *older, size_t count, const char *database,
		      struct kmsd_span *span, struct evs_error *err);

/**
 * struct kmsd_filter - Which records to print, and how.
 * @since: from this time on, milliseconds since 1970; 0 for all
 * @cmk: id of the CMK, NULL for any
 * @volume: UUID of the volume, NULL for any
 * @json: as they are in the file, without their hashes
 */
struct kmsd_filter {
	int64_t since;
	const char *cmk;
	const char *volume;
	bool json;
};

/* Print a log, oldest record first. @filter: what of it. */
int kmsd_audit_show(const char *path, const struct kmsd_filter *filter, struct evs_error *err);

/*
 * Give the log another name and see that a new one is begun. @renamed: set to the name,
 * PATH_MAX bytes. A daemon that runs begins the new one itself, within a second or so.
 */
int kmsd_audit_rotate(const char *path, const char *database, char *renamed,
		      struct evs_error *err);

#endif /* KMSD_AUDIT_H */
