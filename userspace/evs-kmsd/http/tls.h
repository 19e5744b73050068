/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_TLS_H
#define KMSD_TLS_H

#include <gnutls/x509.h>
#include <stdbool.h>

#include "conf.h"
#include "error.h"
#include "secret.h"

/* What GnuTLS may use: TLS 1.2 and later, nothing below 128 bits. */
#define KMSD_TLS_PRIORITIES \
	"SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-CIPHER-ALL:+AES-256-GCM:" \
	"+CHACHA20-POLY1305:+AES-128-GCM"

/**
 * struct kmsd_tls - The files for TLS, read.
 * @certificate: PEM
 * @private_key: PEM
 * @expires: when the certificate does, seconds since 1970
 * @trust: the CA of clients' certificates and what it has revoked, or NULL
 */
struct kmsd_tls {
	struct evs_secret *certificate;
	struct evs_secret *private_key;
	int64_t expires;
	gnutls_x509_trust_list_t trust;
};

/* Unless said otherwise, these return 0, or a negative errno with @err filled. */

/*
 * Read certificate, key and CA. @tls: release with kmsd_tls_free(). A key that others can read
 * is refused.
 */
int kmsd_tls_load(struct kmsd_tls *tls, const struct kmsd_conf *conf, struct evs_error *err);

/* Logs that somebody's certificate expires within 30 days, if it does. */
void kmsd_tls_warn(const char *whose, int64_t expires);

/* Wipe and release them. */
void kmsd_tls_free(struct kmsd_tls *tls);

/* Read the CA for clients, and what it has revoked. @trust: NULL when there is no CA. */
int kmsd_tls_load_trust(gnutls_x509_trust_list_t *trust, const struct kmsd_conf *conf,
			struct evs_error *err);

/*
 * Has the client a certificate from our CA, for clients, not revoked? @session: its
 * gnutls_session_t.
 */
bool kmsd_tls_trusts(const struct kmsd_tls *tls, void *session);

#endif /* KMSD_TLS_H */
