// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/op/ops.h"

struct kmsd_op_count {
	const char *op;
	uint64_t buckets[KMSD_BUCKETS + 1];	/* the last one: longer than all */
	uint64_t us;
	uint64_t count;
};

struct kmsd_code_count {
	const char *op;
	unsigned int status;
	char code[16];
	uint64_t count;
};

struct kmsd_expiry {
	char client[KMSD_USER_MAX + 1];		/* "" for the daemon itself */
	int64_t expires;
};

static const int64_t bounds_us[KMSD_BUCKETS] = {
	100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000,
	5000000,
};

void kmsd_metrics_init(struct kmsd_metrics *metrics)
{
	*metrics = (struct kmsd_metrics){};
	pthread_mutex_init(&metrics->lock, NULL);
}

void kmsd_metrics_exit(struct kmsd_metrics *metrics)
{
	free(metrics->ops);
	free(metrics->codes);
	free(metrics->expiries);
	pthread_mutex_destroy(&metrics->lock);
}

/* One more element at the end of an array, all zero; NULL when out of memory. */
static void *grow(void *array_p, size_t *count, size_t size)
{
	void **array = array_p;
	char *more = realloc(*array, (*count + 1) * size);

	if (!more)
		return NULL;
	*array = more;
	return memset(more + (*count)++ * size, 0, size);
}

static struct kmsd_op_count *find_op(struct kmsd_metrics *m, const char *op)
{
	struct kmsd_op_count *c;
	size_t i;

	for (i = 0; i < m->op_count; i++)
		if (m->ops[i].op == op)
			return &m->ops[i];
	c = grow(&m->ops, &m->op_count, sizeof(*c));
	if (c)
		c->op = op;
	return c;
}

static struct kmsd_code_count *find_code(struct kmsd_metrics *m, const char *op,
					 unsigned int status, const char *code)
{
	struct kmsd_code_count *c;
	size_t i;

	for (i = 0; i < m->code_count; i++) {
		c = &m->codes[i];
		if (c->op == op && c->status == status && !strcmp(c->code, code))
			return c;
	}
	c = grow(&m->codes, &m->code_count, sizeof(*c));
	if (!c)
		return NULL;
	c->op = op;
	c->status = status;
	snprintf(c->code, sizeof(c->code), "%s", code);
	return c;
}

void kmsd_metrics_count(struct kmsd_metrics *m, const char *op, unsigned int status,
			const char *code, int64_t us)
{
	struct kmsd_code_count *c;
	struct kmsd_op_count *o;
	size_t i = 0;

	pthread_mutex_lock(&m->lock);
	c = find_code(m, op, status, code);
	o = find_op(m, op);
	if (c)
		c->count++;
	if (o) {
		while (i < KMSD_BUCKETS && us > bounds_us[i])
			i++;
		o->buckets[i]++;
		o->us += (uint64_t)us;
		o->count++;
	}
	pthread_mutex_unlock(&m->lock);
}

void kmsd_metrics_expiry(struct kmsd_metrics *m, const char *client, int64_t expires)
{
	struct kmsd_expiry *e = NULL;
	size_t i;

	pthread_mutex_lock(&m->lock);
	for (i = 0; i < m->expiry_count && !e; i++)
		if (!strcmp(m->expiries[i].client, client))
			e = &m->expiries[i];
	if (!e)
		e = grow(&m->expiries, &m->expiry_count, sizeof(*e));
	if (e) {
		snprintf(e->client, sizeof(e->client), "%s", client);
		e->expires = expires;
	}
	pthread_mutex_unlock(&m->lock);
}

/* The daemon's own, and those of clients that have called and are still clients */
static void print_expiries(FILE *out, const struct kmsd_metrics *m,
			   const struct kmsd_clients *clients)
{
	fputs("# HELP evs_kmsd_certificate_expiry_seconds When a certificate expires, since 1970.\n"
	      "# TYPE evs_kmsd_certificate_expiry_seconds gauge\n", out);
	for (size_t i = 0; i < m->expiry_count; i++) {
		const struct kmsd_expiry *e = &m->expiries[i];

		if (!e->client[0] || kmsd_clients_by_name(clients, e->client))
			fprintf(out, "evs_kmsd_certificate_expiry_seconds{client=\"%s\"} %lld\n",
				e->client, (long long)e->expires);
	}
}

static void print_requests(FILE *out, const struct kmsd_metrics *m)
{
	const struct kmsd_code_count *c = m->codes;
	size_t i;

	fputs("# HELP evs_kmsd_requests_total Requests by operation and result.\n"
	      "# TYPE evs_kmsd_requests_total counter\n", out);
	for (i = 0; i < m->code_count; i++, c++)
		fprintf(out, "evs_kmsd_requests_total{op=\"%s\",status=\"%u\",code=\"%s\"} %llu\n",
			c->op, c->status, c->code, (unsigned long long)c->count);
}

static void print_latency(FILE *out, const struct kmsd_metrics *m)
{
	const struct kmsd_op_count *o = m->ops;
	unsigned long long sum;
	size_t i, b;

	fputs("# HELP evs_kmsd_request_seconds Time from a request's last byte to its answer.\n"
	      "# TYPE evs_kmsd_request_seconds histogram\n", out);
	for (i = 0; i < m->op_count; i++, o++) {
		for (b = 0, sum = 0; b < KMSD_BUCKETS; b++) {
			sum += o->buckets[b];
			fprintf(out, "evs_kmsd_request_seconds_bucket{op=\"%s\",le=\"%g\"} %llu\n",
				o->op, (double)bounds_us[b] / 1e6, sum);
		}
		fprintf(out, "evs_kmsd_request_seconds_bucket{op=\"%s\",le=\"+Inf\"} %llu\n",
			o->op, (unsigned long long)o->count);
		fprintf(out, "evs_kmsd_request_seconds_sum{op=\"%s\"} %.6f\n", o->op,
			(double)o->us / 1e6);
		fprintf(out, "evs_kmsd_request_seconds_count{op=\"%s\"} %llu\n", o->op,
			(unsigned long long)o->count);
	}
}

static int print_state(void *arg, sqlite3_stmt *row)
{
	static const char *const names[] = {
		"unknown", "waiting", "enabled", "disabled", "pending_deletion", "pending_import",
	};
	int state = sqlite3_column_int(row, 0);

	fprintf(arg, "evs_kmsd_cmks{state=\"%s\"} %lld\n",
		names[state < 0 || state > 5 ? 0 : state],
		(long long)sqlite3_column_int64(row, 1));
	return 0;
}

static void print_keys(FILE *out, struct kmsd *kmsd)
{
	struct evs_error err = {};

	fputs("# HELP evs_kmsd_cmks Customer master keys by state.\n"
	      "# TYPE evs_kmsd_cmks gauge\n", out);
	if (kmsd_db_each(kmsd_store_reading(kmsd->store), &err, print_state, out,
			 "SELECT state, count(*) FROM cmk GROUP BY state", "") < 0)
		fprintf(out, "# %s\n", err.text);
	fprintf(out,
		"# HELP evs_kmsd_hsm_errors_total Calls that the token failed.\n"
		"# TYPE evs_kmsd_hsm_errors_total counter\n"
		"evs_kmsd_hsm_errors_total %llu\n",
		(unsigned long long)kmsd_hsm_errors(kmsd->hsm));
}

static char *metrics_text(struct kmsd *kmsd)
{
	struct kmsd_metrics *m = &kmsd->metrics;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	pthread_rwlock_rdlock(&kmsd->clients_lock);	/* in the order of kmsd_peer_identify() */
	pthread_mutex_lock(&m->lock);
	print_requests(out, m);
	print_latency(out, m);
	print_expiries(out, m, &kmsd->conf.clients);
	pthread_mutex_unlock(&m->lock);
	pthread_rwlock_unlock(&kmsd->clients_lock);
	print_keys(out, kmsd);
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}

int kmsd_op_metrics(struct kmsd_call *call, struct evs_error *err)
{
	call->reply->type = "text/plain; version=0.0.4";
	return kmsd_reply_text(call->reply, metrics_text(call->kmsd), err);
}
