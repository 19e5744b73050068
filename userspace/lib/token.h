/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_TOKEN_H
#define EVS_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "error.h"
#include "names.h"

#define EVS_CONTEXT_VOLUME "volume"	/* the pair with the UUID of the disk */
#define EVS_CONTEXT_PAIRS_MAX 8
#define EVS_CONTEXT_NAME_MAX 64
#define EVS_CONTEXT_VALUE_MAX 256
#define EVS_WRAPPED_HEX_MAX 4096
#define EVS_TOKEN_JSON_MAX 8192

/**
 * struct evs_context - Encryption context: what a wrapped DK is bound to.
 * @count: pairs in use
 * @pair: name and value; both are authenticated by the KMS, neither is secret
 */
struct evs_context {
	size_t count;
	struct {
		char name[EVS_CONTEXT_NAME_MAX + 1];
		char value[EVS_CONTEXT_VALUE_MAX + 1];
	} pair[EVS_CONTEXT_PAIRS_MAX];
};

/**
 * struct evs_token - The LUKS2 token of type "evs-kms": how to get the DK back.
 * @kms: name of the KMS end point in evs.conf
 * @cmk: id of the CMK, whatever that is with this KMS; printable, without blanks
 * @context: encryption context to give with every call
 * @wrapped_dk: the DK as the CMK wraps it, hex; opaque
 * @keyslots: one bit for each key slot that the DK opens; for cryptsetup alone
 * @adopted: the DK was not made by the KMS: it is that of a disk which was adopted
 */
struct evs_token {
	char kms[EVS_KMS_NAME_MAX + 1];
	char cmk[EVS_CMK_REF_SIZE];
	struct evs_context context;
	char wrapped_dk[EVS_WRAPPED_HEX_MAX + 1];
	uint32_t keyslots;
	bool adopted;
};

/**
 * evs_token_init() - Begin the token of a new disk; wrapped DK still empty.
 * @token: filled
 * @kms: name of the KMS end point
 * @cmk: id of the CMK (evs_kms_describe_key() gives it)
 * @uuid: UUID the disk will have; bound into the context
 * @err: filled on failure
 *
 * Return: 0, or -EINVAL when a name, id or UUID is not well-formed.
 */
int evs_token_init(struct evs_token *token, const char *kms, const char *cmk, const char *uuid,
		   struct evs_error *err);

/**
 * evs_token_to_json() - Write a token as it stands in the header.
 * @token: the token
 * @json: room for EVS_TOKEN_JSON_MAX bytes
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_token_to_json(const struct evs_token *token, char *json, struct evs_error *err);

/**
 * evs_token_from_json() - Read a token that anybody may have written.
 * @token: filled
 * @json: the token's JSON
 * @err: filled on failure; says which field is missing, too long or wrong
 *
 * Return: 0, -EBADMSG for a bad token, -EPROTONOSUPPORT for a version that is
 * not 1, another negative errno.
 */
int evs_token_from_json(struct evs_token *token, const char *json, struct evs_error *err);

#define EVS_CONTEXT_DIGEST_SIZE 32

/**
 * evs_context_digest() - What a DK is bound to by a KMS that takes bytes only.
 * @context: the context
 * @digest: SHA-256 over the pairs, sorted by name: name and value, each behind
 *	    its length as 32-bit big-endian number
 * @err: filled on failure
 *
 * Two contexts have the same digest if, and only if, they have the same pairs.
 *
 * Return: 0 or a negative errno.
 */
int evs_context_digest(const struct evs_context *context,
		       unsigned char digest[EVS_CONTEXT_DIGEST_SIZE], struct evs_error *err);

#endif /* EVS_TOKEN_H */
