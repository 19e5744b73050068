/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_GRANT_H
#define KMSD_GRANT_H

#include "iam/auth.h"

#define KMSD_GRANT_ID_SIZE 65	/* 64 hex digits and the NUL */
#define KMSD_GRANT_NAME_MAX 255

/* What can be granted. */
enum kmsd_grant_operation {
	KMSD_G_CREATE_DATAKEY = 1 << 0,
	KMSD_G_CREATE_DATAKEY_BLIND = 1 << 1,
	KMSD_G_ENCRYPT_DATAKEY = 1 << 2,
	KMSD_G_DECRYPT_DATAKEY = 1 << 3,
	KMSD_G_DESCRIBE_KEY = 1 << 4,
	KMSD_G_CREATE_GRANT = 1 << 5,
	KMSD_G_RETIRE_GRANT = 1 << 6,
};

#define KMSD_GRANT_OPERATIONS 7

/* Their names, by the number of the bit. */
extern const char *const kmsd_grant_names[KMSD_GRANT_OPERATIONS];

/**
 * struct kmsd_grant - Somebody may use a CMK.
 * @id: its id
 * @cmk: the CMK
 * @name: free text, "" for none
 * @grantee: id of a user or domain
 * @by_domain: it is a domain's
 * @operations: bits of enum kmsd_grant_operation
 * @issuer: who has made it
 * @retiring: who may retire it, "" for nobody else
 * @created: milliseconds since 1970
 */
struct kmsd_grant {
	char id[KMSD_GRANT_ID_SIZE];
	char cmk[EVS_CMK_ID_SIZE];
	char name[KMSD_GRANT_NAME_MAX + 1];
	char grantee[KMSD_USER_MAX + 1];
	bool by_domain;
	uint32_t operations;
	char issuer[KMSD_USER_MAX + 1];
	char retiring[KMSD_USER_MAX + 1];
	int64_t created;
};

/* All return 0 or a negative errno with @err filled. */

/**
 * kmsd_grant_operations() - What a caller has been granted on a CMK.
 * @kmsd: the KMS
 * @cmk: id of the CMK
 * @who: the caller
 * @operations: set
 * @err: filled on failure
 */
int kmsd_grant_operations(struct kmsd *kmsd, const char *cmk, const struct kmsd_identity *who,
			  uint32_t *operations, struct evs_error *err);

/**
 * kmsd_grant_add() - Keep a grant.
 * @kmsd: the KMS
 * @grant: the grant; its id and date are filled
 * @err: filled on failure; KMS.2404 when the CMK has too many
 */
int kmsd_grant_add(struct kmsd *kmsd, struct kmsd_grant *grant, struct evs_error *err);

/**
 * kmsd_grant_find() - Find a grant by its id.
 * @kmsd: the KMS
 * @id: the id
 * @grant: filled
 * @err: filled on failure; KMS.2501 when there is none
 */
int kmsd_grant_find(struct kmsd *kmsd, const char *id, struct kmsd_grant *grant,
		    struct evs_error *err);

/**
 * kmsd_grant_delete() - End a grant.
 * @kmsd: the KMS
 * @id: its id
 * @err: filled on failure
 */
int kmsd_grant_delete(struct kmsd *kmsd, const char *id, struct evs_error *err);

/**
 * struct kmsd_grant_list - A page of grants.
 * @cmk: those on this CMK; NULL for those that @retiring may retire
 * @retiring: id of a user
 * @limit: at most so many
 * @offset: so many are skipped
 * @total: set to the number on all pages
 * @each: called for each; a negative result ends the walk
 * @arg: given to @each
 */
struct kmsd_grant_list {
	const char *cmk;
	const char *retiring;
	int64_t limit;
	int64_t offset;
	int64_t total;
	int (*each)(void *arg, const struct kmsd_grant *grant);
	void *arg;
};

/**
 * kmsd_grant_walk() - Walk a page of grants.
 * @kmsd: the KMS
 * @list: which, and what to do with them
 * @err: filled on failure
 */
int kmsd_grant_walk(struct kmsd *kmsd, struct kmsd_grant_list *list, struct evs_error *err);

/**
 * kmsd_grant_most() - How many grants has the CMK of a project that has most?
 * @kmsd: the KMS
 * @project: the project
 * @count: set
 * @err: filled on failure
 */
int kmsd_grant_most(struct kmsd *kmsd, const char *project, int64_t *count,
		    struct evs_error *err);

#endif /* KMSD_GRANT_H */
