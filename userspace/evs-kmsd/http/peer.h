/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_PEER_H
#define KMSD_PEER_H

#include "http/tls.h"
#include "kmsd.h"

/**
 * struct kmsd_peer - Who is at the other end of a connection.
 * @local: it is a Unix socket
 * @uid: user id there, as the kernel said when it began; -1 when it did not
 * @fingerprint: SHA-256 of its certificate; "" for none, or none yet
 * @subject: the certificate's, which says nothing unless it is a client; "" for none
 * @expires: when the certificate expires, seconds since 1970
 * @known: it is a client
 * @client: which one
 * @unknown: why it is none
 *
 * All but the connection's own thread only reads it, and that under the clients_lock.
 */
struct kmsd_peer {
	bool local;
	long uid;
	char fingerprint[KMSD_FINGERPRINT_SIZE];
	char subject[KMSD_EVENT_TEXT];
	int64_t expires;
	bool known;
	struct kmsd_client client;
	struct evs_error unknown;
};

/*
 * Find out which client a peer is. @peer: local and uid are set; the rest is filled. @kmsd:
 * the KMS, whose clients_lock is held. @tls: the CA for clients. @session: the
 * gnutls_session_t of a connection by TLS. Returns 0 or -EINVAL.
 */
int kmsd_peer_identify(struct kmsd_peer *peer, struct kmsd *kmsd, const struct kmsd_tls *tls,
		       void *session, struct evs_error *err);

/*
 * Is a peer still the client that it was? @clients: the clients as they are now. By subject or
 * san it is none: the list of revoked certificates may have changed.
 */
bool kmsd_peer_stays(const struct kmsd_peer *peer, const struct kmsd_clients *clients);

#endif /* KMSD_PEER_H */
