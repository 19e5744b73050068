/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_OTC_PRIVATE_H
#define EVS_KMS_OTC_PRIVATE_H

#include <json.h>

#include "kms/backend.h"
#include "kms/otc/auth.h"

/**
 * struct evs_otc - What a client of the REST API keeps.
 * @http: connection to the KMS
 * @iam: connection to the identity service, NULL until it is needed
 * @auth: who it is to the KMS; NULL for the back end evs, whose KMS goes by the
 *	  connection
 */
struct evs_otc {
	struct evs_http *http;
	struct evs_http *iam;
	struct evs_otc_auth *auth;
};

/* ---- request.c ---- */

/* Where the project is not configured: what evs-kmsd has. */
#define EVS_OTC_PROJECT "default"

/**
 * evs_otc_project() - Id of the project that is worked in.
 * @cfg: the section
 */
const char *evs_otc_project(const struct evs_config_kms *cfg);

/**
 * evs_otc_post() - Make one call of the API.
 * @kms: the client
 * @op: name of the operation
 * @body: the request, JSON; NULL for the calls that are a GET
 * @answer: filled; valid until the next call
 * @err: filled on failure
 *
 * Credentials that are refused are renewed once.
 *
 * Return: 0 for an answer of success, otherwise a negative errno.
 */
int evs_otc_post(struct evs_kms *kms, const char *op, const char *body,
		 struct evs_http_answer *answer, struct evs_error *err);

/**
 * evs_otc_call() - Make one call whose answer has no secrets.
 * @kms: the client
 * @op: name of the operation
 * @request: the request, which is released; NULL stands for no memory
 * @reply: set to the answer
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_otc_call(struct evs_kms *kms, const char *op, json_object *request, json_object **reply,
		 struct evs_error *err);

/**
 * evs_otc_done() - Make one call whose answer tells nothing.
 * @kms: the client
 * @op: name of the operation
 * @request: the request, which is released; NULL stands for no memory
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_otc_done(struct evs_kms *kms, const char *op, json_object *request,
		 struct evs_error *err);

/**
 * evs_otc_request() - A request of one member.
 * @name: its name
 * @text: its value
 *
 * Return: the request, NULL when out of memory.
 */
json_object *evs_otc_request(const char *name, const char *text);

/**
 * evs_otc_add() - Add a member to a request.
 * @request: the request; released and set to NULL when out of memory. May be
 *	     NULL already, and stays so
 * @name: name of the member
 * @value: its value, taken over; NULL stands for no memory
 */
void evs_otc_add(json_object **request, const char *name, json_object *value);

/** evs_otc_add_text() - Add a text. @request: the request @name: its name @text: its value */
void evs_otc_add_text(json_object **request, const char *name, const char *text);

/** evs_otc_no_memory() - Report that memory is short. @err: filled. Return: -ENOMEM */
int evs_otc_no_memory(struct evs_error *err);

/**
 * evs_otc_bad_answer() - Report an answer that is none.
 * @err: filled
 * @op: name of the operation
 * @why: what is wrong with it
 *
 * Return: -EPROTO.
 */
int evs_otc_bad_answer(struct evs_error *err, const char *op, const char *why);

/**
 * evs_otc_time() - A time in seconds, whether told in seconds or milliseconds.
 * @object: the object
 * @name: name of the member
 *
 * Return: seconds since 1970, 0 when there is none.
 */
int64_t evs_otc_time(json_object *object, const char *name);

/* ---- list.c ---- */

/**
 * struct evs_otc_list - A list that comes in pages.
 * @op: name of the operation
 * @limit: how many to ask for at a time
 * @max: how many there may be
 * @member: name of the array in the answer
 * @size: of one element, in memory
 * @get: reads one element; returns 0, or -EPROTO when it is none
 * @bad: what such a one is, for the message
 */
struct evs_otc_list {
	const char *op;
	const char *limit;
	size_t max;
	const char *member;
	size_t size;
	int (*get)(json_object *info, void *one);
	const char *bad;
};

/**
 * evs_otc_list() - Get all pages of a list.
 * @kms: the client
 * @what: which list
 * @id: the CMK that it is about, or NULL
 * @list: set to an array for free(); NULL on failure
 * @count: how many
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_otc_list(struct evs_kms *kms, const struct evs_otc_list *what, const char *id,
		 void **list, size_t *count, struct evs_error *err);

/* ---- otc.c: operations of struct evs_kms_ops ---- */

int evs_otc_create_key(struct evs_kms *kms, const char *alias, const char *description,
		       char id[EVS_CMK_REF_SIZE], struct evs_error *err);
int evs_otc_create_external_key(struct evs_kms *kms, const char *alias,
				const char *description, char id[EVS_CMK_REF_SIZE],
				struct evs_error *err);
int evs_otc_list_keys(struct evs_kms *kms, struct evs_cmk **cmks, size_t *count,
		      struct evs_error *err);
int evs_otc_describe_key(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			 struct evs_error *err);
int evs_otc_set_enabled(struct evs_kms *kms, const char *id, bool enabled,
			struct evs_error *err);

/**
 * evs_otc_close() - Release what a client keeps, also after its open failed half-way.
 * @kms: the client
 */
void evs_otc_close(struct evs_kms *kms);

/* What evs-kmsd and the cloud have in common: all but who asks, and the agency. */
#define EVS_OTC_CALLS							\
	.is_id = evs_cmk_is_id, \
	.create_key = evs_otc_create_key, \
	.create_external_key = evs_otc_create_external_key, \
	.list_keys = evs_otc_list_keys, \
	.describe_key = evs_otc_describe_key, \
	.set_enabled = evs_otc_set_enabled, \
	.schedule_deletion = evs_otc_schedule_deletion, \
	.cancel_deletion = evs_otc_cancel_deletion, \
	.rename = evs_otc_rename, \
	.set_description = evs_otc_set_description, \
	.set_rotation = evs_otc_set_rotation, \
	.set_rotation_interval = evs_otc_set_rotation_interval, \
	.get_rotation = evs_otc_get_rotation, \
	.create_grant = evs_otc_create_grant, \
	.list_grants = evs_otc_list_grants, \
	.revoke_grant = evs_otc_revoke_grant, \
	.list_retirable_grants = evs_otc_list_retirable_grants, \
	.get_quotas = evs_otc_get_quotas, \
	.import_material = evs_otc_import_material, \
	.delete_material = evs_otc_delete_material, \
	.create_datakey = evs_otc_create_datakey, \
	.decrypt_datakey = evs_otc_decrypt_datakey, \
	.encrypt_datakey = evs_otc_encrypt_datakey, \
	.rewrap = evs_otc_rewrap_datakey, \
	.close = evs_otc_close

/* ---- datakey.c: operations of struct evs_kms_ops ---- */

int evs_otc_create_datakey(struct evs_kms *kms, struct evs_token *token, struct evs_secret *dk,
			   struct evs_error *err);
int evs_otc_decrypt_datakey(struct evs_kms *kms, const struct evs_token *token,
			    struct evs_secret *dk, struct evs_error *err);
int evs_otc_encrypt_datakey(struct evs_kms *kms, struct evs_token *token,
			    const struct evs_secret *dk, struct evs_error *err);
int evs_otc_rewrap_datakey(struct evs_kms *kms, const struct evs_token *old,
			   struct evs_token *token, struct evs_error *err);

/* ---- admin.c: operations of struct evs_kms_ops ---- */

int evs_otc_schedule_deletion(struct evs_kms *kms, const char *id, unsigned int days,
			      int64_t *when, struct evs_error *err);
int evs_otc_cancel_deletion(struct evs_kms *kms, const char *id, struct evs_error *err);
int evs_otc_rename(struct evs_kms *kms, const char *id, const char *alias,
		   struct evs_error *err);
int evs_otc_set_description(struct evs_kms *kms, const char *id, const char *description,
			    struct evs_error *err);
int evs_otc_set_rotation(struct evs_kms *kms, const char *id, bool on, struct evs_error *err);
int evs_otc_set_rotation_interval(struct evs_kms *kms, const char *id, unsigned int days,
				  struct evs_error *err);
int evs_otc_get_rotation(struct evs_kms *kms, const char *id, struct evs_rotation *rotation,
			 struct evs_error *err);
int evs_otc_create_grant(struct evs_kms *kms, const char *id, struct evs_grant *grant,
			 struct evs_error *err);
int evs_otc_list_grants(struct evs_kms *kms, const char *id, struct evs_grant **grants,
			size_t *count, struct evs_error *err);
int evs_otc_revoke_grant(struct evs_kms *kms, const char *id, const char *grant, bool retire,
			 struct evs_error *err);

int evs_otc_list_retirable_grants(struct evs_kms *kms, struct evs_grant **grants, size_t *count,
				  struct evs_error *err);
int evs_otc_get_quotas(struct evs_kms *kms, struct evs_quota quotas[EVS_QUOTAS_MAX],
		       size_t *count, struct evs_error *err);

/* ---- import.c: operations of struct evs_kms_ops ---- */

int evs_otc_import_material(struct evs_kms *kms, const char *id,
			    const struct evs_secret *material, int64_t expires,
			    struct evs_error *err);
int evs_otc_delete_material(struct evs_kms *kms, const char *id, struct evs_error *err);

/* ---- agency.c: operations of struct evs_kms_ops ---- */

int evs_otc_create_agency(struct evs_kms *kms, struct evs_agency *agency,
			  struct evs_error *err);
int evs_otc_find_agency(struct evs_kms *kms, struct evs_agency *agency, struct evs_error *err);
int evs_otc_delete_agency(struct evs_kms *kms, const struct evs_agency *agency,
			  struct evs_error *err);

#endif /* EVS_KMS_OTC_PRIVATE_H */
