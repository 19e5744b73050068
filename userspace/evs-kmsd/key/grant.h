/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_GRANT_H
#define KMSD_GRANT_H

#include "kmsd.h"

#define KMSD_GRANT_ID_SIZE 65	/* 64 hex digits and the NUL */
#define KMSD_GRANT_NAME_MAX 255

/* What can be granted. */
enum kmsd_grant_operation {
	KMSD_G_CREATE_DATAKEY = 1 << 0,
	KMSD_G_ENCRYPT_DATAKEY = 1 << 1,
	KMSD_G_DECRYPT_DATAKEY = 1 << 2,
	KMSD_G_DESCRIBE_KEY = 1 << 3,
	KMSD_G_CREATE_GRANT = 1 << 4,
	KMSD_G_RETIRE_GRANT = 1 << 5,
};

#define KMSD_GRANT_OPERATIONS 6

/* Their names, by the number of the bit. */
extern const char *const kmsd_grant_names[KMSD_GRANT_OPERATIONS];

/**
 * struct kmsd_grant - Somebody may use a CMK.
 * @id: its id
 * @cmk: the CMK
 * @name: free text, "" for none
 * @parent: the grant by which its issuer was allowed to make it, with which it ends;
 *	    "" for an administrator's own
 * @grantee: name of the client that may
 * @identity: what that client is known by, kmsd_client_identity(): another one that is given
 *	      its name later may not
 * @operations: bits of enum kmsd_grant_operation
 * @issuer: who has made it
 * @retiring: who may retire it, "" for nobody else
 * @created: milliseconds since 1970
 */
struct kmsd_grant {
	char id[KMSD_GRANT_ID_SIZE];
	char cmk[EVS_CMK_ID_SIZE];
	char parent[KMSD_GRANT_ID_SIZE];
	char name[KMSD_GRANT_NAME_MAX + 1];
	char grantee[KMSD_USER_MAX + 1];
	char identity[KMSD_IDENTITY_SIZE];
	uint32_t operations;
	char issuer[KMSD_USER_MAX + 1];
	char retiring[KMSD_USER_MAX + 1];
	int64_t created;
};

/* All return 0 or a negative errno with @err filled. */

/* What has a client been granted on a CMK? */
int kmsd_grant_operations(struct kmsd *kmsd, const char *cmk, const struct kmsd_client *grantee,
			  uint32_t *operations, struct evs_error *err);

/* Which grant, "" for none, gives a client all of these operations on a CMK? */
int kmsd_grant_covering(struct kmsd *kmsd, const char *cmk, const struct kmsd_client *grantee,
			uint32_t operations, char id[KMSD_GRANT_ID_SIZE], struct evs_error *err);

/* Keeps a grant, whose id and date are filled; KMS.2404 when the CMK has too many. */
int kmsd_grant_add(struct kmsd *kmsd, struct kmsd_grant *grant, struct evs_error *err);

/* Finds a grant by its id; KMS.2501 when there is none. */
int kmsd_grant_find(struct kmsd *kmsd, const char *id, struct kmsd_grant *grant,
		    struct evs_error *err);

/* Ends a grant, and those that were made by it. */
int kmsd_grant_delete(struct kmsd *kmsd, const char *id, struct evs_error *err);

/**
 * struct kmsd_grant_list - A page of grants.
 * @cmk: those on this CMK; NULL for those that @retiring may retire
 * @retiring: name of a client
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

/* Walks a page of grants. */
int kmsd_grant_walk(struct kmsd *kmsd, struct kmsd_grant_list *list, struct evs_error *err);

/* How many grants has the CMK of a project that has most? */
int kmsd_grant_most(struct kmsd *kmsd, const char *project, int64_t *count,
		    struct evs_error *err);

#endif /* KMSD_GRANT_H */
