// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who is talked to, and the certificate of this host. curl would read a private key
 * that everybody can read: the file is opened, checked and read here, and curl gets
 * its content.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "kms/alert.h"
#include "kms/peer.h"

/* NULL stays NULL; returns whether the copy is as it should be. */
static bool copy_text(char **copy, const char *text)
{
	*copy = text ? strdup(text) : NULL;
	return !text || *copy;
}

static int read_key(struct evs_secret **key, const struct evs_http_peer *told,
		    struct evs_error *err)
{
	if (!told->cert_file || strncmp(told->url, "https:", strlen("https:")))
		return 0;
	if (told->key_file)
		return evs_secret_read_pem(key, told->key_file, err) ?
		       evs_error_prefix(err, "client-key-file") : 0;
	/* Without client-key-file, OpenSSL looks for the key behind the certificate. */
	return evs_secret_read_pem(key, told->cert_file, err) ?
	       evs_error_prefix(err, "client-cert-file (there is no client-key-file)") : 0;
}

int evs_peer_open(struct evs_peer *peer, const struct evs_http_peer *told, struct evs_error *err)
{
	if (!copy_text(&peer->url, told->url) || !copy_text(&peer->ca_file, told->ca_file) ||
	    !copy_text(&peer->cert_file, told->cert_file))
		return evs_error_set(err, ENOMEM, "out of memory");
	return read_key(&peer->key, told, err);
}

void evs_peer_close(struct evs_peer *peer)
{
	free(peer->url);
	free(peer->ca_file);
	free(peer->cert_file);
	evs_secret_free(peer->key);
}

CURLcode evs_peer_set(CURL *curl, struct evs_peer *peer)
{
	struct curl_blob blob = { .flags = CURL_BLOB_NOCOPY };
	CURLcode ret;

	ret = curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	ret |= evs_alert_watch(curl, &peer->alert);
	if (peer->ca_file) {		/* these and nobody else */
		ret |= curl_easy_setopt(curl, CURLOPT_CAINFO, peer->ca_file);
		ret |= curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
	if (!peer->key)
		return ret;
	blob.data = (void *)peer->key->data;
	blob.len = peer->key->size - 1;	/* without the NUL */
	ret |= curl_easy_setopt(curl, CURLOPT_SSLCERT, peer->cert_file);
	return ret | curl_easy_setopt(curl, CURLOPT_SSLKEY_BLOB, &blob);
}
