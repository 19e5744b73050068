/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_AUDIT_H
#define KMSD_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "store/store.h"

/*
 * The audit log: a file of lines `HASH {json}`, where HASH is the SHA-256 of
 * the line before's hash and of this line's JSON text. The database holds the
 * number and hash of a record near the end, so that a shortened file is found
 * out; for the newest change it holds the whole line, which became valid in the
 * same transaction as the change itself.
 */

#define KMSD_AUDIT_HASH_SIZE 32
#define KMSD_AUDIT_LINE_MAX 4096

struct kmsd_audit;

/**
 * struct kmsd_event - What an audit record says.
 * @time: milliseconds since 1970
 * @name: event name, as the cloud's trace service has it
 * @project: whose key
 * @user: who did it
 * @source: from where: `unix:uid=N`, an address, or `evs-kmsd`
 * @key_id: the CMK, "" when there is none
 * @request_id: X-Request-Id, "" when it was no request
 * @status: HTTP status of the answer
 * @code: KMS code of the answer, "" for success
 * @stranger: the refusal of somebody who has not shown who it is: beyond a few a
 *	      second, the next record only tells how many were left out
 */
struct kmsd_event {
	int64_t time;
	const char *name;
	const char *project;
	const char *user;
	const char *source;
	const char *key_id;
	const char *request_id;
	unsigned int status;
	const char *code;
	bool stranger;
};

/**
 * kmsd_audit_open() - Open the log and take up its chain.
 * @audit: set; release with kmsd_audit_close()
 * @path: the file, made when missing
 * @store: the database that holds the head of the chain
 * @err: filled on failure
 *
 * Appends the record of a change that a killed process had committed but not
 * written, and cuts off a line that it had written in part.
 *
 * Return: 0 or a negative errno.
 */
int kmsd_audit_open(struct kmsd_audit **audit, const char *path, struct kmsd_store *store,
		    struct evs_error *err);

/**
 * kmsd_audit_close() - Sync and close.
 * @audit: the log, or NULL
 */
void kmsd_audit_close(struct kmsd_audit *audit);

/**
 * kmsd_audit_note() - Append a record about something that changes nothing.
 * @audit: the log
 * @event: what happened
 * @err: filled on failure; the caller then must not let it have happened
 *
 * When the call returns, the record outlives the process; it outlives the
 * machine once kmsd_audit_sync() has returned.
 *
 * Return: 0 or a negative errno.
 */
int kmsd_audit_note(struct kmsd_audit *audit, const struct kmsd_event *event,
		    struct evs_error *err);

/**
 * kmsd_audit_commit() - Commit this thread's transaction together with its record.
 * @audit: the log
 * @event: what the transaction did
 * @err: filled on failure; transaction and record are gone then
 *
 * Return: 0 or a negative errno.
 */
int kmsd_audit_commit(struct kmsd_audit *audit, const struct kmsd_event *event,
		      struct evs_error *err);

/**
 * kmsd_audit_sync() - Have all records on disk and the head of the chain at the last.
 * @audit: the log
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_audit_sync(struct kmsd_audit *audit, struct evs_error *err);

/**
 * kmsd_audit_verify() - Check every record of a log, whether a daemon runs or not.
 * @path: the file
 * @database: the database
 * @count: set to the number of good records
 * @err: filled when the chain is broken; names the line and what is wrong
 *
 * Return: 0, -EBADMSG for a broken chain, or another negative errno.
 */
int kmsd_audit_verify(const char *path, const char *database, int64_t *count,
		      struct evs_error *err);

/**
 * kmsd_audit_show() - Print a log for reading, oldest record first.
 * @path: the file
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_audit_show(const char *path, struct evs_error *err);

/*
 * Between audit.c and read.c.
 */

/**
 * struct kmsd_link - One record's place in the chain.
 * @seq: its number, from 1
 * @hash: its hash, in hex
 */
struct kmsd_link {
	int64_t seq;
	char hash[2 * KMSD_AUDIT_HASH_SIZE + 1];
};

/**
 * kmsd_audit_hash() - The hash of a record.
 * @prev: hex hash of the record before, "" for the first
 * @json: the record, without newline
 * @hex: filled
 *
 * Return: 0 or -ENOMEM.
 */
int kmsd_audit_hash(const char *prev, const char *json,
		    char hex[2 * KMSD_AUDIT_HASH_SIZE + 1]);

/**
 * kmsd_audit_parse() - Read a line's number and hash.
 * @line: the line, without newline
 * @link: filled
 *
 * Return: the JSON text in @line, or NULL when it is no record.
 */
const char *kmsd_audit_parse(const char *line, struct kmsd_link *link);

#endif /* KMSD_AUDIT_H */
