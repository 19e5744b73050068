/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_TRACE_H
#define EVS_KMS_TRACE_H

#include "error.h"

/*
 * What is asked of KMSs, for a program that shows it: no header and no body of a
 * request, so no secret.
 */

/**
 * struct evs_trace - One request.
 * @method: method of HTTP, operation of KMIP, or what a PKCS#11 token does
 * @url: where it goes, without a user's name and password
 * @status: status of HTTP; 0 for other protocols, and where there was no answer
 * @failure: why there was no good answer; NULL where there was one
 * @ms: how long it has taken
 */
struct evs_trace {
	const char *method;
	const char *url;
	long status;
	const char *failure;
	long ms;
};

/**
 * struct evs_trace_ops - Who wants to know; one in a process, which asks from one thread.
 * @begin: a request is about to be sent
 * @end: it is answered, or has failed
 */
struct evs_trace_ops {
	void (*begin)(const struct evs_trace *trace);
	void (*end)(const struct evs_trace *trace);
};

/** evs_trace_set() - Say who wants to know. @ops: NULL for nobody */
void evs_trace_set(const struct evs_trace_ops *ops);

/**
 * evs_trace_begin() - A request is about to be sent.
 * @method: as in struct evs_trace
 * @format: printf format of the URL
 */
void evs_trace_begin(const char *method, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * evs_trace_end() - The request that began last has ended.
 * @status: as in struct evs_trace
 * @failure: as in struct evs_trace
 */
void evs_trace_end(long status, const char *failure);

#endif /* EVS_KMS_TRACE_H */
