/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_SIGN_H
#define KMSD_SIGN_H

#include "iam/auth.h"

#define KMSD_SIGN_SCHEME "SDK-HMAC-SHA256"
#define KMSD_ACCESS_MAX 64
#define KMSD_SCOPE_MAX 128
#define KMSD_SIGNED_MAX 512

/* How far a request's date may be from now. */
#define KMSD_SIGN_WINDOW_MS (15 * 60 * KMSD_SECOND_MS)

/**
 * struct kmsd_signature - An Authorization header, taken apart.
 * @access: access key
 * @scope: DATE/REGION/SERVICE/sdk_request of the scoped form, "" in the simple one
 * @headers: names of the signed headers, separated by semicolons
 * @signature: HMAC-SHA256
 */
struct kmsd_signature {
	char access[KMSD_ACCESS_MAX + 1];
	char scope[KMSD_SCOPE_MAX + 1];
	char headers[KMSD_SIGNED_MAX + 1];
	unsigned char signature[KMSD_HASH_SIZE];
};

/**
 * kmsd_sign_parse() - Take an Authorization header apart.
 * @header: its value
 * @sig: filled
 * @err: filled on failure, with APIGW.0301
 *
 * Return: 0 or a negative errno.
 */
int kmsd_sign_parse(const char *header, struct kmsd_signature *sig, struct evs_error *err);

/**
 * kmsd_sign_check() - Is a request signed with a secret key, and not long ago?
 * @http: the request
 * @sig: its signature
 * @secret: the secret key
 * @size: bytes in it
 * @now: milliseconds since 1970
 * @err: filled when not, with APIGW.0301
 *
 * Return: 0 or a negative errno.
 */
int kmsd_sign_check(const struct kmsd_http *http, const struct kmsd_signature *sig,
		    const void *secret, size_t size, int64_t now, struct evs_error *err);

/**
 * kmsd_sign_canonical() - A request in the form that is signed.
 * @http: the request
 * @headers: names of the signed headers, separated by semicolons
 *
 * Return: text to free(), or NULL when there is no memory or a signed header
 * is not there.
 */
char *kmsd_sign_canonical(const struct kmsd_http *http, const char *headers);

#endif /* KMSD_SIGN_H */
