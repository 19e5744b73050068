/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_POOL_H
#define KMSD_POOL_H

#include "secret.h"

/*
 * Locked memory is dear: a mapping, locked and given back, for each secret of
 * each request is a third of the time that a request takes. What is given back
 * here is wiped, stays locked, and is lent again.
 */

/* Bodies of requests have this size, and a list of their own. */
#define KMSD_BODY_MAX 65536

/*
 * Get locked memory. @size: bytes needed. Returns zeros, at least @size of them, or NULL with
 * errno set as evs_secret_alloc() does. kmsd_secret_put() takes it back.
 */
struct evs_secret *kmsd_secret_get(size_t size);

/* Wipe, and keep for the next one or give back. @secret: from kmsd_secret_get(), or NULL. */
void kmsd_secret_put(struct evs_secret *secret);

/*
 * The same, of one that has zeros behind its first @used bytes: to wipe all 64 KiB of a body
 * after each request takes longer than to parse it.
 */
void kmsd_secret_put_used(struct evs_secret *secret, size_t used);

/* Give back all that is kept. */
void kmsd_pool_trim(void);

#endif /* KMSD_POOL_H */
