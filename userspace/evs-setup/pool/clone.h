/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_CLONE_H
#define EVS_SETUP_POOL_CLONE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/verb.h"
#include "target.h"

#define CLONE_OPTION_COPY \
	{ "copy", VERB_LONG('C'), NULL, WORD_NONE, \
	  "copy all data of the source, where the file system of the\npool cannot clone files" }

/* For struct clone_request: what the source may be */
#define CLONE_FROM(kind) (1U << (kind))

/**
 * struct clone_request - What is to be made of what.
 * @source: name of the source, which is in the same pool
 * @kinds: what it may be, CLONE_FROM() of each
 * @label: label of the clone, or NULL for none
 * @size: usable bytes, 0 for those of the source
 * @flatten: have it depend on nothing
 * @copy: copy all data, where the engine cannot clone
 * @dry_run: only say what would be made
 */
struct clone_request {
	const char *source;
	unsigned int kinds;
	const char *label;
	uint64_t size;
	bool flatten;
	bool copy;
	bool dry_run;
};

/**
 * clone_in_pool() - Make a disk of a snapshot or an image, or an image of a disk, and print it.
 * @target: name of what is to be made, a disk or an image
 * @req: of what, and how
 * @err: filled on failure, when it was not made
 *
 * It has the attribute, the KMS and the CMK of its source. An encrypted one has a UUID
 * and a wrapped data key of its own before it has a name.
 *
 * Return: 0 or a negative errno.
 */
int clone_in_pool(struct target *target, const struct clone_request *req, struct evs_error *err);

#endif /* EVS_SETUP_POOL_CLONE_H */
