/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_AUTH_H
#define KMSD_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "kmsd.h"
#include "secret.h"

/* The agency by which a project lets EVS use its keys, and to whom it is given. */
#define KMSD_EVS_AGENCY "EVSAccessKMS"
#define KMSD_EVS_DOMAIN "op_svc_evs"

/* The domain of the users that the KMS keeps. */
#define KMSD_DOMAIN "local"

/* Roles that hold in every project. */
#define KMSD_ALL_PROJECTS "*"

/**
 * struct kmsd_role - A set of permissions.
 * @id: id
 * @name: name, as the cloud spells it
 * @permissions: what it allows
 */
struct kmsd_role {
	const char *id;
	const char *name;
	uint32_t permissions;
};

extern const struct kmsd_role kmsd_roles[];
extern const size_t kmsd_role_count;

/**
 * kmsd_role_find() - Find a role.
 * @name: its id or its name
 *
 * Return: the role, or NULL.
 */
const struct kmsd_role *kmsd_role_find(const char *name);

/**
 * struct kmsd_identity - Who makes a request.
 * @id: id of the user, or of the agency
 * @name: name of it, for logs
 * @domain: domain of the user
 * @project: the one its token is for; "" when it has none
 * @permissions: what it may do in the project of the request
 * @service: it acts for the EVS service
 * @temporary: it has signed with a temporary access key
 */
struct kmsd_identity {
	char id[KMSD_USER_MAX + 1];
	char name[KMSD_USER_MAX + 1];
	char domain[KMSD_USER_MAX + 1];
	char project[EVS_KMS_PROJECT_MAX + 1];
	uint32_t permissions;
	bool service;
	bool temporary;
};

/**
 * struct kmsd_http - A request as it came in.
 * @method: HTTP method
 * @path: path of the URL, decoded
 * @uri: path and query as they were sent
 * @header: gives a header's value, or NULL
 * @arg: given to @header
 * @source: from where, for the audit log
 * @uid: user id behind the Unix socket
 * @fingerprint: of the client's certificate, for the audit log; NULL for none
 * @request_id: X-Request-Id of the answer
 * @client: the client that sends it, by its connection; NULL for none of them
 * @unknown: why it is none of them
 * @local: it came over the Unix socket
 * @body: changed while it is parsed
 * @size: its size
 */
struct kmsd_http {
	const char *method;
	const char *path;
	const char *uri;
	const char *(*header)(void *arg, const char *name);
	void *arg;
	const char *source;
	long uid;
	const char *fingerprint;
	const char *request_id;
	const struct kmsd_client *client;
	const struct evs_error *unknown;
	bool local;
	char *body;
	size_t size;
};

/**
 * kmsd_auth() - Find out who makes a request, and what it may do.
 * @kmsd: the KMS
 * @http: the request; its body has not been parsed
 * @project: the project that it is about, "" for none
 * @who: filled
 * @err: filled when it is refused
 *
 * A token in X-Auth-Token goes first, then a signature in Authorization, then
 * the client of the connection. Without @project, the one that the token is for
 * counts, but KMSD_P_IAM then takes a role in all projects.
 *
 * Return: 0 or a negative errno.
 */
int kmsd_auth(struct kmsd *kmsd, const struct kmsd_http *http, const char *project,
	      struct kmsd_identity *who, struct evs_error *err);

/**
 * kmsd_user_roles() - The permissions of a user in a project.
 * @kmsd: the KMS
 * @user: id
 * @project: project, "" for those that hold in every one
 * @permissions: set
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_user_roles(struct kmsd *kmsd, const char *user, const char *project,
		    uint32_t *permissions, struct evs_error *err);

/**
 * kmsd_agency_roles() - What a project lets an agency do.
 * @kmsd: the KMS
 * @agency: id
 * @project: project
 * @permissions: set
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_agency_roles(struct kmsd *kmsd, const char *agency, const char *project,
		      uint32_t *permissions, struct evs_error *err);

/**
 * kmsd_password_hash() - scrypt.
 * @salt: KMSD_SALT_SIZE bytes
 * @password: the password
 * @size: bytes in it
 * @hash: filled, KMSD_HASH_SIZE bytes
 * @err: filled on failure
 *
 * Takes 16 MiB and some 50 ms; one thread at a time, and one more may wait.
 *
 * Return: 0 or a negative errno; with the status 429 when others wait already.
 */
int kmsd_password_hash(const unsigned char *salt, const void *password, size_t size,
		       unsigned char *hash, struct evs_error *err);

#define KMSD_SALT_SIZE 16
#define KMSD_HASH_SIZE 32

/* A token is this many random bytes, in hex; the database has its SHA-256. */
#define KMSD_TOKEN_BYTES 32

/**
 * kmsd_token_hash() - By what the database knows a token.
 * @token: the token
 * @hash: filled, KMSD_HASH_SIZE bytes
 *
 * Return: 0 or -ENOMEM.
 */
int kmsd_token_hash(const char *token, unsigned char *hash);

/**
 * kmsd_token_new() - Make a token.
 * @token: filled, a string of 2 * KMSD_TOKEN_BYTES digits; wipe it when it has been sent
 * @hash: filled, KMSD_HASH_SIZE bytes
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_token_new(char *token, unsigned char *hash, struct evs_error *err);

#endif /* KMSD_AUTH_H */
