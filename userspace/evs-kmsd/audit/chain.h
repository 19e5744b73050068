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

/**
 * kmsd_audit_hash() - The hash of a record.
 * @prev: hex hash of the record before, "" for the first
 * @json: the record, without newline
 * @hex: filled
 *
 * Return: 0 or -ENOMEM.
 */
int kmsd_audit_hash(const char *prev, const char *json, char hex[KMSD_AUDIT_HEX_SIZE]);

/**
 * kmsd_audit_parse() - Read a line's number and hash.
 * @line: the line, without newline
 * @link: filled
 *
 * Return: the JSON text in @line, or NULL when it is no record.
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

/**
 * kmsd_reader_open() - Begin to read a log.
 * @r: filled; release with kmsd_reader_close()
 * @path: the file
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_reader_open(struct kmsd_reader *r, const char *path, struct evs_error *err);

/**
 * kmsd_reader_close() - Stop reading.
 * @r: the reader
 */
void kmsd_reader_close(struct kmsd_reader *r);

/**
 * kmsd_reader_next() - Read a line.
 * @r: the reader
 *
 * Return: 1 for a line, 0 at the end, -EBADMSG for half a line.
 */
int kmsd_reader_next(struct kmsd_reader *r);

#endif /* KMSD_CHAIN_H */
