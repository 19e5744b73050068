/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OTC_SIGN_H
#define OTC_SIGN_H

#include "cloud.h"

/* A signature is refused by the gateway in front of a service, in its own form. */
#define OTC_E_SIGNATURE "APIGW.0301"

#define OTC_SIGN_SCHEME "SDK-HMAC-SHA256"
#define OTC_HASH_SIZE 32
#define OTC_SCOPE_MAX 128
#define OTC_SIGNED_MAX 512

/* How far a request's date may be from now. */
#define OTC_SIGN_WINDOW_MS (15 * 60 * KMSD_SECOND_MS)

/**
 * struct otc_signature - An Authorization header, taken apart.
 * @access: access key
 * @scope: DATE/REGION/SERVICE/sdk_request of the scoped form, "" in the simple one
 * @headers: names of the signed headers, separated by semicolons
 * @signature: HMAC-SHA256
 */
struct otc_signature {
	char access[OTC_NAME_MAX + 1];
	char scope[OTC_SCOPE_MAX + 1];
	char headers[OTC_SIGNED_MAX + 1];
	unsigned char signature[OTC_HASH_SIZE];
};

/**
 * otc_sign_parse() - Take an Authorization header apart.
 * @header: its value
 * @sig: filled
 * @err: filled on failure, with APIGW.0301
 *
 * Return: 0 or a negative errno.
 */
int otc_sign_parse(const char *header, struct otc_signature *sig, struct evs_error *err);

/**
 * otc_sign_check() - Is a request signed with a secret key, and not long ago?
 * @req: the request
 * @sig: its signature
 * @secret: the secret key
 * @now: milliseconds since 1970
 * @err: filled when not, with APIGW.0301
 *
 * Return: 0 or a negative errno.
 */
int otc_sign_check(const struct otc_request *req, const struct otc_signature *sig,
		    const char *secret, int64_t now, struct evs_error *err);

/**
 * otc_sign_canonical() - A request in the form that is signed.
 * @req: the request
 * @headers: names of the signed headers, separated by semicolons
 *
 * Return: text to free(), or NULL when there is no memory or a signed header
 * is not there.
 */
char *otc_sign_canonical(const struct otc_request *req, const char *headers);

#endif /* OTC_SIGN_H */
