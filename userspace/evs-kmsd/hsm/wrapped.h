/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_HSM_WRAPPED_H
#define KMSD_HSM_WRAPPED_H

#include "hsm/hsm.h"
#include "store/store.h"

/**
 * struct kmsd_wrapped - All that the root key wraps, while it is unwrapped.
 * @items: what it is
 * @count: how many
 * @plain: the bytes, KMSD_WRAPPED_MAX for each
 */
struct kmsd_wrapped {
	struct kmsd_wrapped_item *items;
	size_t count;
	struct evs_secret *plain;
};

/* Unless said otherwise, these return 0, or a negative errno with @err filled. */

/*
 * Read all from a database and unwrap it. @all: release with kmsd_wrapped_free(), also after a
 * failure.
 */
int kmsd_wrapped_read(struct kmsd_wrapped *all, struct kmsd_db *db, struct kmsd_hsm *hsm,
		      struct evs_error *err);

/* Wrap it with another root key, within a transaction. @all: it. */
int kmsd_wrapped_write(const struct kmsd_wrapped *all, struct kmsd_store *store,
		       struct kmsd_hsm *hsm, struct evs_error *err);

/* Wipe and release. @all: it. */
void kmsd_wrapped_free(struct kmsd_wrapped *all);

#endif /* KMSD_HSM_WRAPPED_H */
