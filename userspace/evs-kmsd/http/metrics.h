/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_METRICS_H
#define KMSD_METRICS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define KMSD_BUCKETS 14

struct kmsd;

/**
 * struct kmsd_metrics - What has been counted since the daemon started.
 *
 * An operation is known by the address of its name, so names are constants.
 */
struct kmsd_metrics {
	pthread_mutex_t lock;
	struct kmsd_op_count *ops;
	size_t op_count;
	struct kmsd_code_count *codes;
	size_t code_count;
	struct kmsd_expiry *expiries;
	size_t expiry_count;
};

/* Begin at zero. @metrics: release with kmsd_metrics_exit(). */
void kmsd_metrics_init(struct kmsd_metrics *metrics);

/* Release. */
void kmsd_metrics_exit(struct kmsd_metrics *metrics);

/*
 * Count one request. @code: KMS code of the answer, "" for success. @us: microseconds that it
 * took. Out of memory, a request goes uncounted.
 */
void kmsd_metrics_count(struct kmsd_metrics *metrics, const char *op, unsigned int status,
			const char *code, int64_t us);

/* Notes when the certificate of a client expires, or the daemon's own: @client is "". */
void kmsd_metrics_expiry(struct kmsd_metrics *metrics, const char *client, int64_t expires);

#endif /* KMSD_METRICS_H */
