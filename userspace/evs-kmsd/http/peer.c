// SPDX-License-Identifier: GPL-2.0-or-later
/* Which client is at the other end: by user id, or by certificate. */
#include <ctype.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fail.h"
#include "hex.h"
#include "http/peer.h"
#include "text.h"

static int by_uid(struct kmsd_peer *peer, const struct kmsd *kmsd, struct evs_error *err)
{
	const struct kmsd_client *c = kmsd_clients_by_uid(&kmsd->conf.clients, peer->uid);

	if (!c)
		return kmsd_fail(err, KMSD_E_PERMISSION,
				 "uid %ld is no client of this KMS: it takes a section [client NAME] in evs-kmsd.conf",
				 peer->uid);
	peer->known = true;
	peer->client = *c;
	return 0;
}

static bool has_subject(gnutls_x509_crt_t crt, const char *subject)
{
	char text[KMSD_SUBJECT_MAX + 1];
	size_t size = sizeof(text);

	return !gnutls_x509_crt_get_dn(crt, text, &size) && !strcmp(text, subject);
}

static bool has_san(gnutls_x509_crt_t crt, const char *san)
{
	char text[KMSD_SUBJECT_MAX + 1];
	unsigned int i, type;
	size_t size;
	int ret;

	for (i = 0;; i++) {
		size = sizeof(text);
		ret = gnutls_x509_crt_get_subject_alt_name2(crt, i, text, &size, &type, NULL);
		if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			return false;
		if (ret < 0 || type != GNUTLS_SAN_DNSNAME)
			continue;
		if (size == strlen(san) && !strncasecmp(text, san, size))
			return true;
	}
}

static const struct kmsd_client *find_name(const struct kmsd_clients *clients,
					   gnutls_x509_crt_t crt)
{
	const struct kmsd_client *c = clients->list;
	size_t i;

	for (i = 0; i < clients->count; i++, c++)
		if ((c->subject[0] && has_subject(crt, c->subject)) ||
		    (c->san[0] && has_san(crt, c->san)))
			return c;
	return NULL;
}

/* SHA-256 of the certificate, in lower case. */
static int set_fingerprint(struct kmsd_peer *peer, const gnutls_datum_t *der,
			   struct evs_error *err)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int size = 0;
	char *c;

	if (!EVP_Digest(der->data, der->size, hash, &size, EVP_sha256(), NULL) ||
	    2 * size + 1 != sizeof(peer->fingerprint))
		return evs_error_set(err, ENOMEM, "SHA-256 failed");
	evs_hex_encode(peer->fingerprint, hash, size);
	for (c = peer->fingerprint; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return 0;
}

static int match(struct kmsd_peer *peer, const struct kmsd *kmsd, const struct kmsd_tls *tls,
		 void *session, gnutls_x509_crt_t crt, struct evs_error *err)
{
	const struct kmsd_clients *clients = &kmsd->conf.clients;
	const struct kmsd_client *c;
	char dn[1024];
	size_t size = sizeof(dn);

	/* Anybody may have written it */
	if (!gnutls_x509_crt_get_dn(crt, dn, &size))
		evs_text_copy(peer->subject, sizeof(peer->subject), dn, strlen(dn));
	peer->expires = gnutls_x509_crt_get_expiration_time(crt);
	if (peer->expires <= time(NULL) || gnutls_x509_crt_get_activation_time(crt) > time(NULL))
		return kmsd_fail(err, KMSD_E_CERTIFICATE,
				 "the client certificate %.16s... has expired, or is not valid yet",
				 peer->fingerprint);
	c = kmsd_clients_by_fingerprint(clients, peer->fingerprint);
	if (!c && kmsd_tls_trusts(tls, session))
		c = find_name(clients, crt);
	if (!c)
		return kmsd_fail(err, KMSD_E_CERTIFICATE,
				 "the certificate with the fingerprint %s is no client of this KMS: it takes a section [client NAME] in evs-kmsd.conf",
				 peer->fingerprint);
	peer->known = true;
	peer->client = *c;
	return 0;
}

static int by_certificate(struct kmsd_peer *peer, const struct kmsd *kmsd,
			  const struct kmsd_tls *tls, void *session, struct evs_error *err)
{
	unsigned int count = 0;
	const gnutls_datum_t *der = gnutls_certificate_get_peers(session, &count);
	gnutls_x509_crt_t crt;
	int ret;

	if (!der || !count)
		return kmsd_fail(err, KMSD_E_NO_CERTIFICATE, "a client certificate is required");
	ret = set_fingerprint(peer, der, err);
	if (ret)
		return ret;
	if (gnutls_x509_crt_init(&crt))
		return evs_error_set(err, ENOMEM, "out of memory");
	ret = gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) ?
		      kmsd_fail(err, KMSD_E_CERTIFICATE, "not a certificate") :
		      match(peer, kmsd, tls, session, crt, err);
	gnutls_x509_crt_deinit(crt);
	return ret;
}

int kmsd_peer_identify(struct kmsd_peer *peer, struct kmsd *kmsd, const struct kmsd_tls *tls,
		       void *session, struct evs_error *err)
{
	char whose[KMSD_USER_MAX + 16];
	int ret;

	if (peer->known && (peer->local || peer->expires > time(NULL)))
		return 0;
	peer->known = false;
	if (peer->local)
		return by_uid(peer, kmsd, err);
	ret = by_certificate(peer, kmsd, tls, session, err);
	if (ret)
		return ret;
	/* With each connection: it has to be noticed */
	snprintf(whose, sizeof(whose), "client %s", peer->client.name);
	kmsd_tls_warn(whose, peer->expires);
	kmsd_metrics_expiry(&kmsd->metrics, peer->client.name, peer->expires);
	return 0;
}

bool kmsd_peer_stays(const struct kmsd_peer *peer, const struct kmsd_clients *clients)
{
	if (peer->local)
		return peer->uid == kmsd_client_root.uid || kmsd_clients_has(clients, &peer->client);
	return peer->client.fingerprint[0] && kmsd_clients_has(clients, &peer->client);
}
