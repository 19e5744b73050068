/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_CHAIN_H
#define KMSD_CHAIN_H

#include <stdint.h>
#include <stdio.h>

#include "error.h"

#define KMSD_AUDIT_HASH_SIZE 32
#define KMSD_AUDIT_HEX_SIZE (2 * KMSD_AUDIT_HASH_SIZE + 1)
#define KMSD_AUDIT_LINE_MAX 4096

/**
 * struct kmsd_link - One record's place in the chain.
 * @seq: its number, from 1
 * @hash: its hash, in hex
 */
struct kmsd_link {
	int64_t seq;
	char hash[KMSD_AUDIT_HEX_SIZE];
};

/* Unless said otherwise, these return 0, or a negative errno with @err filled. */

/*
 * The hash of a record. @prev: hex hash of the record before, "" for the first. @json: the
 * record, without newline. Returns 0 or -ENOMEM.
 */
int kmsd_audit_hash(const char *prev, const char *json, char hex[KMSD_AUDIT_HEX_SIZE]);

/*
 * Read a line's number and hash. @line: the line, without newline. Returns the JSON text in
 * @line, or NULL when it is no record.
 */
const char *kmsd_audit_parse(const char *line, struct kmsd_link *link);

/**
 * struct kmsd_reader - A log being read.
 * @file: it
 * @line: the newest line, without newline
 * @room: room there
 */
struct kmsd_reader {
	FILE *file;
	char *line;
	size_t room;
};

/* Begin to read a log. @r: release with kmsd_reader_close(). */
int kmsd_reader_open(struct kmsd_reader *r, const char *path, struct evs_error *err);

/* Stop reading. @r: the reader. */
void kmsd_reader_close(struct kmsd_reader *r);

/* Read a line. @r: the reader. Returns 1 for a line, 0 at the end, -EBADMSG for half a line. */
int kmsd_reader_next(struct kmsd_reader *r);

#endif /* KMSD_CHAIN_H */
