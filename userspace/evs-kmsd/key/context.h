/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_CONTEXT_H
#define KMSD_CONTEXT_H

#include <json-c/json.h>
#include <stddef.h>

#include "error.h"

/**
 * struct kmsd_context - An encryption context in its one canonical form.
 * @data: for each pair, sorted by name: name and value, each behind its length
 *	  as 32-bit big-endian number
 * @size: bytes in @data
 *
 * Two contexts have the same bytes if, and only if, they have the same pairs.
 */
struct kmsd_context {
	unsigned char *data;
	size_t size;
};

/* Unless said otherwise, these return 0, or a negative errno with @err filled. */

/*
 * Read an encryption context. @context: release with kmsd_context_free(), also after a
 * failure. @json: the member encryption_context, or NULL for none, which is the same as {}.
 * @err: filled with KMS.0208 for anything but an object of string pairs of at most 8192
 * characters.
 */
int kmsd_context_init(struct kmsd_context *context, struct json_object *json,
		      struct evs_error *err);

/* Release a context. */
void kmsd_context_free(struct kmsd_context *context);

#endif /* KMSD_CONTEXT_H */
