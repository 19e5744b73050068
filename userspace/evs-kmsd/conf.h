/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_CONF_H
#define KMSD_CONF_H

#include <limits.h>

#include "error.h"

#define KMSD_CONFIG_PATH "/etc/evs/evs-kmsd.conf"
#define KMSD_SOCKET "/run/evs/kmsd.sock"
#define KMSD_TOKEN "evs"
#define KMSD_ROOT_KEY "evs-root"

/* A PKCS#11 token label has 32 bytes; sun_path of an AF_UNIX address 108. */
#define KMSD_LABEL_MAX 32
#define KMSD_SOCKET_MAX 107

/**
 * struct kmsd_conf - evs-kmsd.conf.
 * @socket: [listen] socket
 * @database: [store] database
 * @module: [hsm] module, the PKCS#11 library
 * @softhsm2_conf: [hsm] softhsm2-conf, "" when the module is not SoftHSM's
 * @token: [hsm] token, its label
 * @pin_file: [hsm] pin-file, whose first line is the user's PIN
 * @root_key: [hsm] root-key, its label
 */
struct kmsd_conf {
	char socket[KMSD_SOCKET_MAX + 1];
	char database[PATH_MAX];
	char module[PATH_MAX];
	char softhsm2_conf[PATH_MAX];
	char token[KMSD_LABEL_MAX + 1];
	char pin_file[PATH_MAX];
	char root_key[KMSD_LABEL_MAX + 1];
};

/**
 * kmsd_conf_load() - Read the daemon's configuration.
 * @conf: filled
 * @path: the file
 * @err: filled on failure; names file and line
 *
 * An unknown section or key, a key given twice, a relative path or a value
 * that is too long is an error; so is a file that lacks [store] database,
 * [hsm] module or [hsm] pin-file, which have no default.
 *
 * Return: 0 or a negative errno.
 */
int kmsd_conf_load(struct kmsd_conf *conf, const char *path, struct evs_error *err);

#endif /* KMSD_CONF_H */
