/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_REPO_SOURCE_H
#define EVS_REPO_SOURCE_H

#include "repo/manifest.h"

/**
 * struct evs_reader - A source that is read block by block, from its start to its end.
 * @source: the source
 * @manifest: takes the hashes
 * @buffer: the block that was read last
 * @allocated: range of that kind that is looked at
 * @changed: the same
 * @told: when progress was told last, in milliseconds
 * @done: bytes that are behind
 */
struct evs_reader {
	const struct evs_source *source;
	struct evs_manifest *manifest;
	void *buffer;
	size_t allocated;
	size_t changed;
	uint64_t told;
	uint64_t done;
};

/* What a block is */
enum evs_block {
	EVS_BLOCK_ZERO,		/* zeros: not to be kept */
	EVS_BLOCK_BASE,		/* what it is in the base, as far as the engine tells: not read */
	EVS_BLOCK_DATA,		/* data, in the buffer of the reader */
};

/**
 * evs_reader_begin() - Begin to read.
 * @reader: filled; end it with evs_reader_end()
 * @source: the source
 * @manifest: its size is set
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_reader_begin(struct evs_reader *reader, const struct evs_source *source,
		     struct evs_manifest *manifest, struct evs_error *err);

/**
 * evs_reader_next() - Read the next block, and fill in its hash.
 * @reader: the reader
 * @index: which block: 0, 1, ...
 * @err: filled on failure
 *
 * Return: one of enum evs_block, or a negative errno.
 */
int evs_reader_next(struct evs_reader *reader, size_t index, struct evs_error *err);

/** evs_reader_end() - Release what it has. @reader: what evs_reader_begin() filled */
void evs_reader_end(struct evs_reader *reader);

#endif /* EVS_REPO_SOURCE_H */
