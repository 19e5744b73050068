/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_INIT_H
#define KMSD_INIT_H

#include "error.h"

#define KMSD_STATE_DIR "/var/lib/evs-kmsd"
#define KMSD_MODULE "/usr/lib/softhsm/libsofthsm2.so"

/**
 * struct kmsd_init - What `evs-kmsd init` may be told. NULL means the default.
 * @state_dir: absolute path of the directory for token, PINs and database;
 *	       made when missing, must be empty otherwise (KMSD_STATE_DIR)
 * @module: absolute path of the PKCS#11 module (KMSD_MODULE)
 * @config: configuration file to write (KMSD_CONFIG_PATH)
 * @socket: socket to write into it (KMSD_SOCKET)
 */
struct kmsd_init {
	const char *state_dir;
	const char *module;
	const char *config;
	const char *socket;
};

/*
 * Set up a KMS: token with random PINs, root key, database, configuration. @init: where. The
 * configuration file is written last: while it is not there, there is no KMS. Whatever a
 * failed call has made is removed again. Sets SOFTHSM2_CONF in the environment when the module
 * is SoftHSM's, so call it from a program with one thread. Returns 0, or a negative errno:
 * -EEXIST when the KMS is initialised already or @init->state_dir holds something else.
 */
int kmsd_init(const struct kmsd_init *init, struct evs_error *err);

#endif /* KMSD_INIT_H */
