/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OTC_CLOUD_H
#define OTC_CLOUD_H

#include <json-c/json.h>
#include <pthread.h>
#include <stdbool.h>

#include "http/api.h"
#include "kmsd.h"

/*
 * A double of the cloud that the back end otc is for: the core of evs-kmsd behind an
 * identity service (IAM) and a gateway that knows tokens and signatures. It has what
 * lib/kms/otc calls and nothing else, and is never installed.
 *
 *	server.c   HTTP on 127.0.0.1: a request becomes a struct otc_request
 *	cloud.c    which service is it for? KMS calls go on as those of a client
 *	who.c      who makes a request: tokens, access keys, agencies, and when they end
 *	iam.c      tokens, agencies, roles, the metadata service
 *	sign.c     SDK-HMAC-SHA256
 *	conf.c     accounts, projects and users, from a file
 *
 * Its rules are the cloud's. An account has users, projects and agencies. A role is held
 * in a project of the user's own account, or in the account as a whole; security
 * administrators are the account's, and so is who may take up agencies. An agency gives
 * another account roles in projects of its own account. What somebody has been given
 * holds as long as all by whom it was given are there and may still give it.
 */

#define OTC_NAME_MAX 64
#define OTC_ID_SIZE 33		/* 32 hex digits and the NUL */
#define OTC_TOKEN_SIZE 65	/* 64 of them */
#define OTC_ACCESS_SIZE 21
#define OTC_SECRET_SIZE 41
#define OTC_ITEMS_MAX 32	/* users, projects, agencies, and roles of one */

/* The account whose agencies the metadata service gives keys for. */
#define OTC_INSTANCES "op_svc_ecs"

enum otc_role_id {
	OTC_KMS_ADMINISTRATOR,
	OTC_SECURITY_ADMINISTRATOR,
	OTC_AGENT_OPERATOR,
	OTC_ROLES,
};

/* What a role is called: its id, and its name. */
extern const struct otc_role {
	const char *id;
	const char *name;
} otc_roles[OTC_ROLES];

/* A role in a project, "" for the account as a whole. */
struct otc_grant {
	enum otc_role_id role;
	char project[EVS_KMS_PROJECT_MAX + 1];
};

struct otc_project {
	char id[EVS_KMS_PROJECT_MAX + 1];
	char account[OTC_NAME_MAX + 1];
};

/* A user, whose name is its id as well. */
struct otc_user {
	char name[OTC_NAME_MAX + 1];
	char account[OTC_NAME_MAX + 1];
	char password[OTC_NAME_MAX + 1];
	char access[OTC_NAME_MAX + 1];
	char secret[OTC_NAME_MAX + 1];
	struct otc_grant grants[OTC_ITEMS_MAX];
	size_t count;
};

/* @trusted: the account that may take it up */
struct otc_agency {
	char id[OTC_ID_SIZE];
	char name[OTC_NAME_MAX + 1];
	char account[OTC_NAME_MAX + 1];
	char trusted[OTC_NAME_MAX + 1];
	struct otc_grant grants[OTC_ITEMS_MAX];
	size_t count;
};

/**
 * struct otc_token - A token, or a temporary access key with its security token.
 * @text: the token
 * @user: who got it; "" for an instance
 * @agency: id of the agency it is for, "" for the user itself
 * @project: that it is for, "" for the account
 * @expires: milliseconds since 1970
 * @access: of an access key, "" for a token
 * @secret: of it
 */
struct otc_token {
	char text[OTC_TOKEN_SIZE];
	char user[OTC_NAME_MAX + 1];
	char agency[OTC_ID_SIZE];
	char project[EVS_KMS_PROJECT_MAX + 1];
	int64_t expires;
	char access[OTC_ACCESS_SIZE];
	char secret[OTC_SECRET_SIZE];
};

/* What the file has. @instance: name of the agency of the instance, @account: whose */
struct otc_conf {
	struct otc_project projects[OTC_ITEMS_MAX];
	size_t project_count;
	struct otc_user users[OTC_ITEMS_MAX];
	size_t user_count;
	char instance[OTC_NAME_MAX + 1];
	char account[OTC_NAME_MAX + 1];
};

/**
 * struct otc_cloud - The cloud.
 * @kmsd: its KMS
 * @lock: protects the rest
 * @conf: the file
 * @agencies: agencies
 * @tokens: an array that grows
 */
struct otc_cloud {
	struct kmsd *kmsd;
	pthread_mutex_t lock;
	struct otc_conf conf;
	struct otc_agency agencies[OTC_ITEMS_MAX];
	size_t agency_count;
	struct otc_token *tokens;
	size_t token_count;
};

/**
 * struct otc_request - A request as it came in.
 * @header: gives a header's value, or NULL
 * @query: gives a parameter's value, or NULL
 * @uri: path and query as they were sent
 */
struct otc_request {
	const char *method;
	const char *path;
	const char *uri;
	const char *(*header)(void *arg, const char *name);
	const char *(*query)(void *arg, const char *name);
	void *arg;
	const char *id;
	char *body;
	size_t size;
};

/* @token: X-Subject-Token, "" for none */
struct otc_answer {
	struct kmsd_reply reply;
	char token[OTC_TOKEN_SIZE];
};

/* Who makes a request: a user by itself, or through an agency; an instance has no user. */
struct otc_who {
	const struct otc_user *user;
	const struct otc_agency *agency;
	const struct otc_token *token;
};

/* All of these that return int return 0, or a negative errno with @err filled. */

/* ---- conf.c ---- */

/* Reads accounts, projects and users. */
int otc_conf_load(struct otc_conf *conf, const char *path, struct evs_error *err);

/* ---- cloud.c ---- */

int otc_open(struct otc_cloud *cloud, struct kmsd *kmsd, const char *path, struct evs_error *err);
void otc_close(struct otc_cloud *cloud);

/* Reads the file again: who is no longer in it has nothing left. */
int otc_reload(struct otc_cloud *cloud, const char *path, struct evs_error *err);

/* Answers a request; release the answer by kmsd_reply_free(). */
void otc_handle(struct otc_cloud *cloud, const struct otc_request *req,
		struct otc_answer *answer);

/* ---- who.c; the lock is held ---- */

const struct otc_user *otc_user(const struct otc_cloud *cloud, const char *name);
const struct otc_project *otc_project(const struct otc_cloud *cloud, const char *id);
struct otc_agency *otc_agency(struct otc_cloud *cloud, const char *id);
struct otc_agency *otc_agency_named(struct otc_cloud *cloud, const char *account,
				    const char *name);

/* Has a user the role in a project, "" for the account? */
bool otc_user_has(const struct otc_user *user, const char *project, enum otc_role_id role);
bool otc_agency_has(const struct otc_agency *agency, const char *project, enum otc_role_id role);

/* Finds out who makes a request. */
int otc_identify(struct otc_cloud *cloud, const struct otc_request *req, struct otc_who *who,
		 struct evs_error *err);

/* Keeps a token or a temporary access key, whose texts are filled. */
int otc_issue(struct otc_cloud *cloud, struct otc_token *token, struct evs_error *err);

/* ---- iam.c; the lock is held ---- */

/* Is the path one of IAM's or the metadata service's? Then it answers. */
bool otc_iam(struct otc_cloud *cloud, const struct otc_request *req, struct otc_answer *answer,
	     int *ret, struct evs_error *err);

/* ---- server.c ---- */

struct otc_server;

/* @port: 0 for any; set to the one there is */
int otc_server_start(struct otc_server **server, struct otc_cloud *cloud, unsigned int *port,
		     struct evs_error *err);
void otc_server_stop(struct otc_server *server);

#endif /* OTC_CLOUD_H */
