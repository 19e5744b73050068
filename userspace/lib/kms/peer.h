/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_PEER_H
#define EVS_KMS_PEER_H

#include <curl/curl.h>

#include "error.h"
#include "kms/http.h"
#include "secret.h"

/**
 * struct evs_peer - What a connection keeps of who is talked to.
 * @url: where it is
 * @ca_file: certificates of who may sign the server's, or NULL
 * @cert_file: certificate of this host, or NULL
 * @key: its private key; NULL where no certificate is shown
 * @alert: number of the fatal alert of TLS that came, or 0
 */
struct evs_peer {
	char *url;
	char *ca_file;
	char *cert_file;
	struct evs_secret *key;
	int alert;
};

/**
 * evs_peer_open() - Copy who is talked to, and read the private key.
 * @peer: all zero; release with evs_peer_close(), also after a failure
 * @told: who is talked to, and by which files
 * @err: filled on failure
 *
 * Return: 0 or a negative errno; -EPERM for a key that others can read.
 */
int evs_peer_open(struct evs_peer *peer, const struct evs_http_peer *told,
		  struct evs_error *err);

/**
 * evs_peer_close() - Release it, wiping the key.
 * @peer: who was talked to
 */
void evs_peer_close(struct evs_peer *peer);

/**
 * evs_peer_set() - Have curl trust the one, and show the other certificate.
 * @curl: before it connects
 * @peer: must outlive the transfers of @curl; its @alert is set during them
 *
 * Return: CURLE_OK or why not.
 */
CURLcode evs_peer_set(CURL *curl, struct evs_peer *peer);

#endif /* EVS_KMS_PEER_H */
