/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_PASSPHRASE_H
#define EVS_SETUP_PASSPHRASE_H

#include <stdbool.h>

#include "error.h"
#include "secret.h"

/**
 * passphrase_get() - Get a passphrase, from a file or from the terminal.
 * @passphrase: set to its bytes; release with evs_secret_free()
 * @file: a file whose bytes are the passphrase, all of them, as with cryptsetup; NULL to ask
 * @what: what it is of, for the question
 * @is_new: ask twice
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int passphrase_get(struct evs_secret **passphrase, const char *file, const char *what,
		   bool is_new, struct evs_error *err);

#endif /* EVS_SETUP_PASSPHRASE_H */
