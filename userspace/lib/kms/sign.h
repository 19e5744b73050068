/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_SIGN_H
#define EVS_KMS_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "secret.h"

#define EVS_SIGN_HEADERS_MAX 8
#define EVS_SIGN_PAIRS_MAX 16
#define EVS_SIGN_HEX_SIZE 65		/* a SHA-256 in hex and the NUL */
#define EVS_SIGN_DATE_SIZE 17		/* 20191115T033655Z and the NUL */
#define EVS_SIGN_LINE_MAX 768

/**
 * struct evs_sign_pair - A parameter of a query, not encoded.
 * @name: its name
 * @value: its value
 */
struct evs_sign_pair {
	const char *name;
	const char *value;
};

/**
 * struct evs_sign - A request and who signs it.
 * @access: access key id (AK)
 * @key: secret access key (SK), a text and a NUL
 * @method: such as "POST"
 * @path: path of the URL, not encoded, without query
 * @query: parameters of the query
 * @pairs: how many
 * @headers: header lines `Name: value` that are signed, NULL at the end; one
 *	     of them must be X-Sdk-Date
 * @body: the body, NULL for none
 * @len: its length
 */
struct evs_sign {
	const char *access;
	const struct evs_secret *key;
	const char *method;
	const char *path;
	const struct evs_sign_pair *query;
	size_t pairs;
	const char *const *headers;
	const void *body;
	size_t len;
};

/**
 * evs_sign_date() - A time as X-Sdk-Date has it.
 * @seconds: seconds since 1970
 * @date: filled
 */
void evs_sign_date(int64_t seconds, char date[EVS_SIGN_DATE_SIZE]);

/**
 * evs_sign_query() - A query as it is signed, which is also fit for the URL.
 * @query: the parameters
 * @pairs: how many, at most EVS_SIGN_PAIRS_MAX
 * @text: filled: names sorted, all encoded
 * @size: room there
 *
 * Return: its length, or -EMSGSIZE.
 */
int evs_sign_query(const struct evs_sign_pair *query, size_t pairs, char *text, size_t size);

/**
 * evs_sign_hash() - SHA-256 of the canonical form of a request, in hex.
 * @sign: the request
 * @hex: filled
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_sign_hash(const struct evs_sign *sign, char hex[EVS_SIGN_HEX_SIZE],
		  struct evs_error *err);

/**
 * evs_sign() - Sign a request with SDK-HMAC-SHA256.
 * @sign: the request
 * @line: filled with the line `Authorization: ...`
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_sign(const struct evs_sign *sign, char line[EVS_SIGN_LINE_MAX], struct evs_error *err);

#endif /* EVS_KMS_SIGN_H */
