// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The certificate of this host. curl would read a private key that everybody can
 * read: the file is opened, checked and read here, and curl gets its content.
 */
#include <string.h>

#include "kms/certificate.h"

int evs_certificate_key(struct evs_secret **key, const struct evs_http_peer *peer,
			struct evs_error *err)
{
	*key = NULL;
	if (!peer->cert_file || strncmp(peer->url, "https:", strlen("https:")))
		return 0;
	if (peer->key_file)
		return evs_secret_read_pem(key, peer->key_file, err) ?
		       evs_error_prefix(err, "client-key-file") : 0;
	/* Without client-key-file, OpenSSL looks for the key behind the certificate. */
	return evs_secret_read_pem(key, peer->cert_file, err) ?
	       evs_error_prefix(err, "client-cert-file (there is no client-key-file)") : 0;
}

CURLcode evs_certificate_set(CURL *curl, const char *cert_file, const struct evs_secret *key)
{
	struct curl_blob blob = { .flags = CURL_BLOB_NOCOPY };
	CURLcode ret;

	if (!key)
		return CURLE_OK;
	blob.data = (void *)key->data;
	blob.len = key->size - 1;	/* without the NUL */
	ret = curl_easy_setopt(curl, CURLOPT_SSLCERT, cert_file);
	return ret | curl_easy_setopt(curl, CURLOPT_SSLKEY_BLOB, &blob);
}
