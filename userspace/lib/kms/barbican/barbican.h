/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_BARBICAN_H
#define EVS_KMS_BARBICAN_H

#include "secret.h"
#include "token.h"

/* A CMK: a key of AES-256 */
#define EVS_BARBICAN_KEY_SIZE 32

/**
 * evs_barbican_wrap() - Wrap a DK with AES-256-GCM, here in this process.
 * @key: the CMK, EVS_BARBICAN_KEY_SIZE bytes
 * @token: the context is bound in, wrapped_dk is filled
 * @dk: secret of EVS_DK_SIZE bytes
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_barbican_wrap(const unsigned char *key, struct evs_token *token,
		      const struct evs_secret *dk, struct evs_error *err);

/**
 * evs_barbican_unwrap() - Undo it.
 * @key: the CMK, EVS_BARBICAN_KEY_SIZE bytes
 * @token: context and wrapped_dk are read
 * @dk: secret of EVS_DK_SIZE bytes, filled; wiped on failure
 * @err: filled on failure: EVS_CLASS_TAMPERED when key, context and wrapped DK
 *	 do not belong together
 *
 * Return: 0 or a negative errno.
 */
int evs_barbican_unwrap(const unsigned char *key, const struct evs_token *token,
			struct evs_secret *dk, struct evs_error *err);

#endif /* EVS_KMS_BARBICAN_H */
