/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_KMSD_H
#define KMSD_KMSD_H

#include <pthread.h>

#include "audit/audit.h"
#include "clock.h"
#include "conf.h"
#include "error.h"
#include "hsm/hsm.h"
#include "http/metrics.h"
#include "store/store.h"

/**
 * struct kmsd - A running KMS.
 * @conf: its configuration
 * @clients_lock: protects conf.clients once it runs
 * @clock: where it takes the time from; the wall clock unless changed
 * @hsm: the token with the root key
 * @store: the database
 * @audit: the audit log
 * @metrics: counters
 */
struct kmsd {
	struct kmsd_conf conf;
	pthread_rwlock_t clients_lock;
	struct kmsd_clock clock;
	struct kmsd_hsm *hsm;
	struct kmsd_store *store;
	struct kmsd_audit *audit;
	struct kmsd_metrics metrics;
};

/* The text of the database that shows whether the root key is the right one. */
#define KMSD_ROOT_CHECK_AAD "evs-kmsd root key check"
#define KMSD_ROOT_CHECK_TEXT "evs-kmsd"

/* Unless said otherwise, these return 0, or a negative errno with @err filled. */

/*
 * Do a token and a database belong together? @conf: what messages call them. @err: filled when
 * they do not. Returns 0, -EKEYREJECTED when they do not, or another negative errno.
 */
int kmsd_root_check(struct kmsd_store *store, struct kmsd_hsm *hsm, const struct kmsd_conf *conf,
		    struct evs_error *err);

/*
 * Open token and database and see that they belong together. @kmsd: release with kmsd_close().
 * @conf: where they are; taken over when this succeeds.
 */
int kmsd_open(struct kmsd *kmsd, const struct kmsd_conf *conf, struct evs_error *err);

/* Undo kmsd_open(). @kmsd: the KMS; no thread uses it any more. */
void kmsd_close(struct kmsd *kmsd);

#endif /* KMSD_KMSD_H */
