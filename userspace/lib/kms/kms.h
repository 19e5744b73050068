/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_H
#define EVS_KMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "error.h"
#include "kms/cmk.h"
#include "secret.h"
#include "token.h"

struct evs_kms;

#define EVS_GRANT_OPERATIONS_MAX 8

/**
 * struct evs_grant - The permission of somebody to use one CMK.
 * @id: its id, which the KMS makes
 * @cmk: id of the CMK; from the KMS
 * @name: free text, "" for none
 * @grantee: id of who may use the CMK
 * @retiring: id of who may give the grant back, "" for none
 * @issuer: id of who gave it; from the KMS
 * @created: seconds since 1970, 0 when not told; from the KMS
 * @operation_count: how many operations
 * @operations: what the grantee may do, such as "decrypt-datakey"
 */
struct evs_grant {
	char id[72];
	char cmk[EVS_CMK_REF_SIZE];
	char name[256];
	char grantee[72];
	char retiring[72];
	char issuer[72];
	int64_t created;
	size_t operation_count;
	char operations[EVS_GRANT_OPERATIONS_MAX][40];
};

#define EVS_QUOTAS_MAX 8

/**
 * struct evs_quota - How many of something a project may have.
 * @type: of what, such as "CMK" or "grant_per_CMK"
 * @used: how many it has; of things for each CMK, the CMK that has most
 * @limit: how many it may have
 */
struct evs_quota {
	char type[40];
	int64_t used;
	int64_t limit;
};

/*
 * Every call below returns 0 or a negative errno with @err filled: its class,
 * the KMS's code and request id, and a sentence that names the CMK, its state
 * and the next step. A call takes at most the time-out of the configuration.
 * Within that it is repeated while the KMS is overloaded or cannot be reached
 * over a network, never after another refusal.
 *
 * @ref is a CMK's id, its alias, or `alias/` and its alias.
 */

/**
 * evs_kms_open() - Get a client of a KMS; does not connect yet.
 * @kms: set to the client; release with evs_kms_close()
 * @cfg: the end point
 * @err: filled on failure
 */
int evs_kms_open(struct evs_kms **kms, const struct evs_config_kms *cfg, struct evs_error *err);

/**
 * evs_kms_close() - Release a client.
 * @kms: the client, or NULL
 */
void evs_kms_close(struct evs_kms *kms);

/**
 * evs_kms_create_key() - Make a CMK (AES-256).
 * @kms: the client
 * @alias: its alias, with or without `alias/`
 * @description: free text, or NULL
 * @cmk: filled as evs_kms_describe_key() does
 * @err: filled on failure
 */
int evs_kms_create_key(struct evs_kms *kms, const char *alias, const char *description,
		       struct evs_cmk *cmk, struct evs_error *err);

/**
 * evs_kms_create_external_key() - Make a CMK that waits for its material.
 * @kms: the client
 * @alias: its alias, with or without `alias/`
 * @description: free text, or NULL
 * @cmk: filled as evs_kms_describe_key() does
 * @err: filled on failure
 */
int evs_kms_create_external_key(struct evs_kms *kms, const char *alias, const char *description,
				struct evs_cmk *cmk, struct evs_error *err);

/**
 * evs_kms_examine() - Find out whether the KMS could wrap a DK at all.
 * @kms: the client
 * @err: filled when it could not
 *
 * Return: 0, also where only trying it would tell, or a negative errno.
 */
int evs_kms_examine(struct evs_kms *kms, struct evs_error *err);

/**
 * evs_kms_list_keys() - All CMKs, page by page.
 * @kms: the client
 * @cmks: set to an array, to be freed with free()
 * @count: set to its length
 * @err: filled on failure
 */
int evs_kms_list_keys(struct evs_kms *kms, struct evs_cmk **cmks, size_t *count,
		      struct evs_error *err);

/**
 * evs_kms_describe_key() - Find a CMK by id or alias; its state does not matter.
 * @kms: the client
 * @ref: id or alias
 * @cmk: filled
 * @err: filled on failure
 */
int evs_kms_describe_key(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			 struct evs_error *err);

/**
 * evs_kms_enable_key() - Enable a disabled CMK.
 * @kms: the client
 * @ref: id or alias
 * @cmk: filled, with the new state
 * @err: filled on failure
 */
int evs_kms_enable_key(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
		       struct evs_error *err);

/**
 * evs_kms_disable_key() - Disable an enabled CMK.
 * @kms: the client
 * @ref: id or alias
 * @cmk: filled, with the new state
 * @err: filled on failure
 */
int evs_kms_disable_key(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			struct evs_error *err);

/**
 * evs_kms_schedule_deletion() - Have a CMK deleted, and with it all it protects.
 * @kms: the client
 * @ref: id or alias
 * @days: how many days from now, 7 to 1096 with OTC
 * @cmk: filled, with the new state and the date
 * @err: filled on failure
 */
int evs_kms_schedule_deletion(struct evs_kms *kms, const char *ref, unsigned int days,
			      struct evs_cmk *cmk, struct evs_error *err);

/**
 * evs_kms_cancel_deletion() - Keep a CMK after all; it is disabled then.
 * @kms: the client
 * @ref: id or alias
 * @cmk: filled, with the new state
 * @err: filled on failure
 */
int evs_kms_cancel_deletion(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			    struct evs_error *err);

/**
 * evs_kms_rename() - Give a CMK another alias.
 * @kms: the client
 * @ref: id or alias
 * @alias: the new one
 * @cmk: filled, with the new alias
 * @err: filled on failure
 */
int evs_kms_rename(struct evs_kms *kms, const char *ref, const char *alias, struct evs_cmk *cmk,
		   struct evs_error *err);

/**
 * evs_kms_set_description() - Give a CMK another description.
 * @kms: the client
 * @ref: id or alias
 * @description: the new one, at most EVS_CMK_DESCRIPTION_MAX bytes
 * @cmk: filled, with the new description
 * @err: filled on failure
 */
int evs_kms_set_description(struct evs_kms *kms, const char *ref, const char *description,
			    struct evs_cmk *cmk, struct evs_error *err);

/**
 * evs_kms_rotate() - Have new material made for a CMK now.
 * @kms: the client
 * @ref: id or alias
 * @cmk: filled
 * @err: filled on failure
 *
 * What older material wrapped can still be unwrapped.
 */
int evs_kms_rotate(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
		   struct evs_error *err);

/**
 * evs_kms_set_rotation() - Have new material made regularly, or no longer.
 * @kms: the client
 * @ref: id or alias
 * @on: regularly
 * @cmk: filled
 * @err: filled on failure
 */
int evs_kms_set_rotation(struct evs_kms *kms, const char *ref, bool on, struct evs_cmk *cmk,
			 struct evs_error *err);

/**
 * evs_kms_set_rotation_interval() - How often new material is made.
 * @kms: the client
 * @ref: id or alias
 * @days: days between two times, 30 to 365 with OTC
 * @cmk: filled
 * @err: filled on failure
 */
int evs_kms_set_rotation_interval(struct evs_kms *kms, const char *ref, unsigned int days,
				  struct evs_cmk *cmk, struct evs_error *err);

/**
 * evs_kms_get_rotation() - Ask how a CMK's material is renewed.
 * @kms: the client
 * @ref: id or alias
 * @cmk: filled
 * @rotation: filled
 * @err: filled on failure
 */
int evs_kms_get_rotation(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			 struct evs_rotation *rotation, struct evs_error *err);

#define EVS_CMK_MATERIAL_SIZE 32

/**
 * evs_kms_import_material() - Give a CMK that waits for it its material.
 * @kms: the client
 * @ref: id or alias
 * @material: the AES key, EVS_CMK_MATERIAL_SIZE bytes; leaves this host encrypted
 *	      with a key of the KMS
 * @expires: when the KMS shall forget it, seconds since 1970, 0 for never
 * @cmk: filled, with the new state
 * @err: filled on failure
 *
 * Once it was forgotten or deleted, the very same can be imported again.
 */
int evs_kms_import_material(struct evs_kms *kms, const char *ref,
			    const struct evs_secret *material, int64_t expires,
			    struct evs_cmk *cmk, struct evs_error *err);

/**
 * evs_kms_delete_material() - Have the KMS forget material that was imported.
 * @kms: the client
 * @ref: id or alias
 * @cmk: filled, with the new state
 * @err: filled on failure
 */
int evs_kms_delete_material(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			    struct evs_error *err);

/**
 * evs_kms_get_quotas() - Ask how much a project may have, and has.
 * @kms: the client
 * @quotas: filled
 * @count: set to their number
 * @err: filled on failure
 */
int evs_kms_get_quotas(struct evs_kms *kms, struct evs_quota quotas[EVS_QUOTAS_MAX],
		       size_t *count, struct evs_error *err);

/**
 * evs_kms_create_grant() - Let somebody else use a CMK.
 * @kms: the client
 * @ref: id or alias
 * @grant: name, grantee, retiring and operations are read, the id is filled
 * @err: filled on failure
 */
int evs_kms_create_grant(struct evs_kms *kms, const char *ref, struct evs_grant *grant,
			 struct evs_error *err);

/**
 * evs_kms_list_grants() - List the grants of a CMK.
 * @kms: the client
 * @ref: id or alias
 * @grants: set to an array, to be freed with free()
 * @count: set to its length
 * @err: filled on failure
 */
int evs_kms_list_grants(struct evs_kms *kms, const char *ref, struct evs_grant **grants,
			size_t *count, struct evs_error *err);

/**
 * evs_kms_list_retirable_grants() - List the grants that one may give back.
 * @kms: the client
 * @grants: set to an array, to be freed with free()
 * @count: set to its length
 * @err: filled on failure
 */
int evs_kms_list_retirable_grants(struct evs_kms *kms, struct evs_grant **grants, size_t *count,
				  struct evs_error *err);

/**
 * evs_kms_revoke_grant() - Take a grant away, or give one back.
 * @kms: the client
 * @ref: id or alias
 * @grant: id of the grant
 * @retire: give back one's own, instead of taking it from the grantee
 * @err: filled on failure
 */
int evs_kms_revoke_grant(struct evs_kms *kms, const char *ref, const char *grant, bool retire,
			 struct evs_error *err);

/**
 * evs_kms_create_datakey() - Have a new DK made and wrapped.
 * @kms: the client
 * @token: cmk and context are read, wrapped_dk is filled
 * @dk: secret of EVS_DK_SIZE bytes, filled
 * @err: filled on failure
 */
int evs_kms_create_datakey(struct evs_kms *kms, struct evs_token *token, struct evs_secret *dk,
			   struct evs_error *err);

/**
 * evs_kms_decrypt_datakey() - Have a DK unwrapped; checked against its SHA-256.
 * @kms: the client
 * @token: cmk, context and wrapped_dk are read
 * @dk: secret of EVS_DK_SIZE bytes, filled; wiped on failure
 * @err: filled on failure
 *
 * The digest shows that the answer is whole, not that it is the key of a
 * certain disk: that is for evs_volume_verify_dk().
 */
int evs_kms_decrypt_datakey(struct evs_kms *kms, const struct evs_token *token,
			    struct evs_secret *dk, struct evs_error *err);

/**
 * evs_kms_encrypt_datakey() - Have a DK that exists wrapped.
 * @kms: the client
 * @token: cmk and context are read, wrapped_dk is filled
 * @dk: secret of EVS_DK_SIZE bytes
 * @err: filled on failure
 */
int evs_kms_encrypt_datakey(struct evs_kms *kms, struct evs_token *token,
			    const struct evs_secret *dk, struct evs_error *err);

/**
 * evs_kms_rewrap_datakey() - Have a wrapped DK wrapped anew.
 * @kms: the client
 * @old: the token it is in
 * @token: cmk and context are read, wrapped_dk is filled; the CMK may be that of
 *	   @old, whose newest material is used then
 * @err: filled on failure
 *
 * Where the KMS can do it by itself, the DK does not leave it. A refusal is told
 * as one about the CMK of @token: unwrap @old before, to know of the other one.
 * Unwrap what came out and evs_volume_verify_dk() it before relying on it.
 */
int evs_kms_rewrap_datakey(struct evs_kms *kms, const struct evs_token *old,
			   struct evs_token *token, struct evs_error *err);

#endif /* EVS_KMS_H */
