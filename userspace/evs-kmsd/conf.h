/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_CONF_H
#define KMSD_CONF_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "client.h"
#include "config.h"
#include "error.h"

#define KMSD_CONFIG_PATH EVS_KMSD_CONFIG_PATH
#define KMSD_SOCKET EVS_KMSD_SOCKET
#define KMSD_TOKEN "evs"
#define KMSD_ROOT_KEY "evs-root"

/* A PKCS#11 token label has 32 bytes; sun_path of an AF_UNIX address 108. */
#define KMSD_LABEL_MAX 32
#define KMSD_SOCKET_MAX 107
#define KMSD_ADDRESS_MAX 63
#define KMSD_DATABASE_MAX 500	/* SQLite takes 512, with what it appends */

/**
 * struct kmsd_conf - evs-kmsd.conf.
 * @socket: [listen] socket
 * @address: [listen] address, `ADDRESS:PORT` for TLS; "" for none
 * @certificate: [listen] certificate, PEM
 * @private_key: [listen] private-key, PEM
 * @client_ca: [listen] client-ca, PEM: by a certificate from it, clients are
 *	       known by subject or san; "" for none
 * @client_crl: [listen] client-crl, PEM: what that CA has revoked; "" for none
 * @connections: [limits] connections, on each of the two sockets
 * @peer_connections: [limits] connections-per-peer, by address
 * @request_seconds: [limits] request-seconds, in which a request has to have
 *		     arrived, and an answer to have been taken
 * @idle_seconds: [limits] idle-seconds of silence on a connection
 * @clients: [client NAME]
 * @database: [store] database
 * @audit: [audit] file; audit.log beside the database unless given
 * @cmks: [quota] cmks, of a project
 * @grants: [quota] grants, of a CMK
 * @module: [hsm] module, the PKCS#11 library
 * @softhsm2_conf: [hsm] softhsm2-conf, "" when the module is not SoftHSM's
 * @module_args: [hsm] module-args, "" for a module that takes none
 * @token: [hsm] token, its label
 * @pin_file: [hsm] pin-file, whose first line is the user's PIN
 * @root_key: [hsm] root-key, its label
 */
struct kmsd_conf {
	char socket[KMSD_SOCKET_MAX + 1];
	char address[KMSD_ADDRESS_MAX + 1];
	char certificate[PATH_MAX];
	char private_key[PATH_MAX];
	char client_ca[PATH_MAX];
	char client_crl[PATH_MAX];
	int64_t connections;
	int64_t peer_connections;
	int64_t request_seconds;
	int64_t idle_seconds;
	struct kmsd_clients clients;
	char database[KMSD_DATABASE_MAX + 1];
	char audit[PATH_MAX];
	int64_t cmks;
	int64_t grants;
	char module[PATH_MAX];
	char softhsm2_conf[PATH_MAX];
	char module_args[PATH_MAX];
	char token[KMSD_LABEL_MAX + 1];
	char pin_file[PATH_MAX];
	char root_key[KMSD_LABEL_MAX + 1];
};

/* Unless said otherwise, these return 0, or a negative errno with @err filled. */

/*
 * Read the daemon's configuration. @conf: release with kmsd_conf_free(). @err: names file and
 * line. An unknown section or key, a key given twice, a relative path or a value that is too
 * long or out of range is an error; so is a file that lacks [store] database, [hsm] module or
 * [hsm] pin-file, which have no default, or that has an address to listen on without
 * certificate and key.
 */
int kmsd_conf_load(struct kmsd_conf *conf, const char *path, struct evs_error *err);

/*
 * Read the text of a configuration that is no file yet. @path: how messages call it. Returns
 * as kmsd_conf_load().
 */
int kmsd_conf_parse(struct kmsd_conf *conf, const char *path, const char *text,
		    struct evs_error *err);

/* Release what the configuration keeps outside of itself. */
void kmsd_conf_free(struct kmsd_conf *conf);

#endif /* KMSD_CONF_H */
