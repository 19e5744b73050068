/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_UNWRAP_H
#define EVS_UNWRAP_H

#include "error.h"
#include "secret.h"
#include "token.h"

/**
 * evs_unwrap() - Have the KMS that a token names unwrap the DK.
 * @token: the token
 * @dk: secret of EVS_DK_SIZE bytes, filled; wiped on failure
 * @begin: called before the KMS is, with the seconds that may take; or NULL
 * @err: filled on failure
 *
 * The KMS is looked up in the configuration. Whether it is the DK of a certain
 * disk is for evs_volume_verify_dk().
 *
 * Return: 0 or a negative errno.
 */
int evs_unwrap(const struct evs_token *token, struct evs_secret *dk,
	       void (*begin)(unsigned int seconds), struct evs_error *err);

#endif /* EVS_UNWRAP_H */
