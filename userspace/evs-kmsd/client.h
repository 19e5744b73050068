/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_CLIENT_H
#define KMSD_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "error.h"
#include "permission.h"

#define KMSD_USER_MAX 64
#define KMSD_FINGERPRINT_SIZE 65	/* of a SHA-256 in hex, and the NUL */
#define KMSD_SUBJECT_MAX 255
#define KMSD_IDENTITY_SIZE (KMSD_SUBJECT_MAX + 16)
#define KMSD_CLIENTS_MAX 10000

/**
 * struct kmsd_client - One that may call the KMS: a section [client NAME].
 * @name: its name, to which grants are given
 * @uid: its user id on the Unix socket, -1 for none
 * @fingerprint: SHA-256 of its certificate, lower-case hex, "" for none
 * @subject: distinguished name of its certificate, "" for none
 * @san: DNS name of its certificate, "" for none
 * @project: the project that it works in, "" for root's any
 * @role: what it may do there
 *
 * All bytes of it are set, so that memcmp() tells whether two are the same.
 */
struct kmsd_client {
	char name[KMSD_USER_MAX + 1];
	int64_t uid;
	char fingerprint[KMSD_FINGERPRINT_SIZE];
	char subject[KMSD_SUBJECT_MAX + 1];
	char san[KMSD_SUBJECT_MAX + 1];
	char project[EVS_KMS_PROJECT_MAX + 1];
	enum kmsd_client_role role;
};

/**
 * struct kmsd_clients - All of them.
 * @list: an array
 * @count: how many
 */
struct kmsd_clients {
	struct kmsd_client *list;
	size_t count;
};

/* Uid 0 on the Unix socket: administrator of every project, without a section. */
extern const struct kmsd_client kmsd_client_root;

/* Unless said otherwise, these return 0, or a negative errno with @err filled. */

/* A section [client NAME] begins. @clients: one is added, unless it is there. */
int kmsd_clients_section(struct kmsd_clients *clients, const char *name, struct evs_error *err);

/*
 * Take a line of a section. @client: name of the section's. @name: name of the setting.
 * Returns NULL, or what is wrong with it.
 */
const char *kmsd_clients_set(struct kmsd_clients *clients, const char *client, const char *name,
			     const char *value);

/*
 * Is each section complete, and no caller two clients? @clients: the clients; a project that
 * is not given is filled in. @ca: there is a client-ca, by which names in certificates can be
 * trusted. Returns 0 or -EINVAL.
 */
int kmsd_clients_check(struct kmsd_clients *clients, bool ca, struct evs_error *err);

/* Can this be the id of a project: letters, digits, _ and -? */
bool kmsd_project_valid(const char *project);

/* Release them. */
void kmsd_clients_free(struct kmsd_clients *clients);

/* Who is a user of this host? Returns the client, or NULL. */
const struct kmsd_client *kmsd_clients_by_uid(const struct kmsd_clients *clients, long uid);

/* Whose is a certificate? @fingerprint: of the certificate. Returns the client, or NULL. */
const struct kmsd_client *kmsd_clients_by_fingerprint(const struct kmsd_clients *clients,
						      const char *fingerprint);

/* Which client has a name? Returns the client, or NULL. */
const struct kmsd_client *kmsd_clients_by_name(const struct kmsd_clients *clients,
					       const char *name);

/* What tells a client from a later one of its name. @identity: "" where there is nothing. */
void kmsd_client_identity(const struct kmsd_client *client, char identity[KMSD_IDENTITY_SIZE]);

/* Is there still a client, just as it was? */
bool kmsd_clients_has(const struct kmsd_clients *clients, const struct kmsd_client *client);

#endif /* KMSD_CLIENT_H */
