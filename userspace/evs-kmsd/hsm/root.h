/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_ROOT_H
#define KMSD_ROOT_H

#include <stdbool.h>

#include "error.h"

/**
 * struct kmsd_root_target - The root key to go to. NULL leaves what is configured.
 * @module: PKCS#11 module
 * @softhsm2_conf: its configuration, when it is SoftHSM's; "" for none
 * @token: label of the token, which has been initialised
 * @pin_file: file with the user's PIN
 * @root_key: label of the root key, which is made when there is none
 * @new_key: in the configured token, under the next name
 */
struct kmsd_root_target {
	const char *module, *softhsm2_conf;
	const char *token, *pin_file, *root_key;
	bool new_key;
};

/* Unless said otherwise, these return 0, or a negative errno with @err filled. */

/*
 * Wrap all that is in the database with another root key. @config: the configuration, which
 * names the new one afterwards. No daemon may run. All is wrapped anew in one transaction; a
 * call that was killed after it has only the configuration left to write, which the same call
 * does when it is made again. The old root key stays in its token.
 */
int kmsd_root_rewrap(const char *config, const struct kmsd_root_target *to,
		     struct evs_error *err);

#endif /* KMSD_ROOT_H */
