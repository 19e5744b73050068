/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_SWEEP_H
#define KMSD_SWEEP_H

#include "kmsd.h"

/* Unless said otherwise, these return 0, or a negative errno with @err filled. */

/*
 * Do what has become due. Deletes CMKs whose date has come and erases their material, removes
 * imported material that has expired, and rotates CMKs. Each is a transaction with its audit
 * record. One that fails does not keep the others. Context: any thread, one at a time. Returns
 * 0 or the negative errno of the last failure.
 */
int kmsd_sweep(struct kmsd *kmsd, struct evs_error *err);

/*
 * Delete the CMKs whose date has come. @kmsd: the KMS; this thread has no transaction open.
 * Leaves kmsd_store_scrub() to the caller. Returns 0 or the negative errno of the last
 * failure.
 */
int kmsd_sweep_deletions(struct kmsd *kmsd, struct evs_error *err);

/*
 * Have it done in the background from now on. The same thread syncs the audit log once a
 * second.
 */
int kmsd_sweep_start(struct kmsd *kmsd, struct evs_error *err);

/* End the background thread. */
void kmsd_sweep_stop(void);

#endif /* KMSD_SWEEP_H */
