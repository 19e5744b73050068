/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_CERTIFICATE_H
#define EVS_KMS_CERTIFICATE_H

#include <curl/curl.h>

#include "error.h"
#include "kms/http.h"
#include "secret.h"

/**
 * evs_certificate_key() - Read the private key of this host's certificate.
 * @key: set to it, NULL where no certificate is shown; release with evs_secret_free()
 * @peer: who is talked to, and by which files
 * @err: filled on failure
 *
 * Return: 0 or a negative errno; -EPERM for a file that others can read.
 */
int evs_certificate_key(struct evs_secret **key, const struct evs_http_peer *peer,
			struct evs_error *err);

/**
 * evs_certificate_set() - Have curl show a certificate.
 * @curl: before it connects
 * @cert_file: the certificate, or NULL for none
 * @key: its private key, which must outlive the transfers of @curl
 *
 * Return: CURLE_OK or why not.
 */
CURLcode evs_certificate_set(CURL *curl, const char *cert_file, const struct evs_secret *key);

#endif /* EVS_KMS_CERTIFICATE_H */
