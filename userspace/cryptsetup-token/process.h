/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_TOKEN_PROCESS_H
#define EVS_TOKEN_PROCESS_H

#include "error.h"
#include "secret.h"

/**
 * process_unwrap() - Have evs-unwrap ask the KMS for the DK of a token.
 * @json: the token
 * @dk: set to the DK; release with evs_secret_free()
 * @err: filled on failure
 *
 * Nothing of the calling process changes: no signal comes of it, and
 * wait(2) does not find the other process.
 *
 * Return: 0 or a negative errno.
 */
int process_unwrap(const char *json, struct evs_secret **dk, struct evs_error *err);

#endif /* EVS_TOKEN_PROCESS_H */
