/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_BACKEND_H
#define EVS_KMS_BACKEND_H

#include "config.h"
#include "gcm.h"
#include "kms/agency.h"
#include "kms/http.h"
#include "kms/kms.h"

/* What was asked, as far as the sentence about a refusal depends on it. */
enum evs_call {
	EVS_CALL_CREATE,
	EVS_CALL_LIST,
	EVS_CALL_QUOTA,
	EVS_CALL_AGENCY,
	EVS_CALL_DESCRIBE,	/* the calls behind this one are told the CMK's state */
	EVS_CALL_ENABLE,
	EVS_CALL_DISABLE,
	EVS_CALL_SCHEDULE_DELETION,
	EVS_CALL_CANCEL_DELETION,
	EVS_CALL_UPDATE,
	EVS_CALL_ROTATION,
	EVS_CALL_IMPORT,
	EVS_CALL_GRANT_CREATE,
	EVS_CALL_GRANT_LIST,
	EVS_CALL_GRANT_REVOKE,
	EVS_CALL_GRANT_RETIRE,
	EVS_CALL_WRAP,
	EVS_CALL_UNWRAP,
};

/**
 * struct evs_refusal - What the next step depends on, for @advise of struct evs_kms_ops.
 * @call: what was asked
 * @class: what came of it
 * @cmk: the CMK as the user would name it, "" when the call is about none
 * @state: its state, as far as it is known
 * @option: ` --kms NAME` for commands of evs-setup, "" when it is not needed
 */
struct evs_refusal {
	enum evs_call call;
	enum evs_class class;
	const char *cmk;
	enum evs_cmk_state state;
	const char *option;
};

#define EVS_ADVICE_MAX 512

/**
 * struct evs_kms_ops - What a kind of KMS has to provide.
 * @name: value of `backend` in evs.conf
 * @keys: keys of its sections besides `backend` and `timeout`
 * @check: is a section sound as a whole? Errors without the section's name.
 *	   May be NULL
 * @open: makes its state, kms->priv; no connection yet. May be NULL
 * @close: releases kms->priv, also after @open failed half-way. May be NULL
 * @advise: says what to do next about a refusal of class CMK_DISABLED,
 *	    CMK_PENDING_DELETION, CMK_NO_MATERIAL, NO_PERMISSION (who has to
 *	    allow what) or BAD_CREDENTIALS (what to look at besides the
 *	    section); leaves @text "" where there is nothing to say. May be NULL
 * @is_id: tells an id from an alias; NULL where the two are one, and then
 *	   every reference is given to the calls as the user wrote it
 *
 * @create_key: as evs_kms_create_key(), but only finds out the id
 * @create_external_key: the same, but its material is to be imported
 * @list_keys: as evs_kms_list_keys()
 * @examine: as evs_kms_examine()
 * @describe_key: @ref is an id, or, with @is_id, `alias/` and an alias
 * @set_enabled: enable or disable the CMK of this id
 * @schedule_deletion: have the CMK deleted in so many days; sets the date in
 *		       seconds since 1970, 0 when not told
 * @cancel_deletion: leaves the CMK disabled
 * @rename: give the CMK another alias, without `alias/`
 * @set_description: give the CMK another description
 * @rotate: make a new version of the CMK's material now
 * @set_rotation: let the KMS do so regularly, or no longer
 * @set_rotation_interval: so many days between two versions
 * @get_rotation: as evs_kms_get_rotation()
 * @create_grant: as evs_kms_create_grant()
 * @list_grants: as evs_kms_list_grants()
 * @revoke_grant: as evs_kms_revoke_grant()
 * @list_retirable_grants: as evs_kms_list_retirable_grants()
 * @get_quotas: as evs_kms_get_quotas()
 * @import_material: as evs_kms_import_material()
 * @delete_material: forget the material that was imported
 * @create_agency: as evs_kms_create_agency()
 * @find_agency: as evs_kms_find_agency()
 * @delete_agency: delete the agency that @find_agency found
 *
 * @create_datakey: as evs_kms_create_datakey()
 * @decrypt_datakey: as evs_kms_decrypt_datakey()
 * @encrypt_datakey: as evs_kms_encrypt_datakey()
 * @rewrap: as evs_kms_rewrap_datakey(), inside of the KMS; where it is NULL,
 *	    or says -ENOSYS, the DK is unwrapped and wrapped again in locked
 *	    memory here
 *
 * Every operation but @describe_key, @decrypt_datakey and @encrypt_datakey may
 * be NULL: the KMS cannot do it, and kms.c says so. Without @create_datakey the
 * DK is made here and wrapped.
 *
 * A refusal is reported with its class, code and request id and the KMS's own
 * words as text; kms.c makes the sentence of it. Everything else is reported
 * as a whole sentence. err->transient says that the same call may succeed a
 * moment later; kms.c then repeats it, after kms->retry_after seconds where
 * the KMS asked for that, so no operation repeats anything itself. No request
 * may outlast evs_kms_time_left(). Time comes from evs_clock alone.
 */
struct evs_kms_ops {
	const char *name;
	const struct evs_config_key *keys;
	int (*check)(const struct evs_config_kms *cfg, struct evs_error *err);
	int (*open)(struct evs_kms *kms, struct evs_error *err);
	void (*close)(struct evs_kms *kms);
	void (*advise)(const struct evs_kms *kms, const struct evs_refusal *refusal,
		       char text[EVS_ADVICE_MAX]);
	bool (*is_id)(const char *ref);

	int (*create_key)(struct evs_kms *kms, const char *alias, const char *description,
			  char id[EVS_CMK_REF_SIZE], struct evs_error *err);
	int (*create_external_key)(struct evs_kms *kms, const char *alias,
				   const char *description, char id[EVS_CMK_REF_SIZE],
				   struct evs_error *err);
	int (*list_keys)(struct evs_kms *kms, struct evs_cmk **cmks, size_t *count,
			 struct evs_error *err);
	int (*examine)(struct evs_kms *kms, struct evs_error *err);
	int (*describe_key)(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			    struct evs_error *err);
	int (*set_enabled)(struct evs_kms *kms, const char *id, bool enabled,
			   struct evs_error *err);
	int (*schedule_deletion)(struct evs_kms *kms, const char *id, unsigned int days,
				 int64_t *when, struct evs_error *err);
	int (*cancel_deletion)(struct evs_kms *kms, const char *id, struct evs_error *err);
	int (*rename)(struct evs_kms *kms, const char *id, const char *alias,
		      struct evs_error *err);
	int (*set_description)(struct evs_kms *kms, const char *id, const char *description,
			       struct evs_error *err);
	int (*rotate)(struct evs_kms *kms, const char *id, struct evs_error *err);
	int (*set_rotation)(struct evs_kms *kms, const char *id, bool on, struct evs_error *err);
	int (*set_rotation_interval)(struct evs_kms *kms, const char *id, unsigned int days,
				     struct evs_error *err);
	int (*get_rotation)(struct evs_kms *kms, const char *id, struct evs_rotation *rotation,
			    struct evs_error *err);
	int (*create_grant)(struct evs_kms *kms, const char *id, struct evs_grant *grant,
			    struct evs_error *err);
	int (*list_grants)(struct evs_kms *kms, const char *id, struct evs_grant **grants,
			   size_t *count, struct evs_error *err);
	int (*revoke_grant)(struct evs_kms *kms, const char *id, const char *grant, bool retire,
			    struct evs_error *err);
	int (*list_retirable_grants)(struct evs_kms *kms, struct evs_grant **grants,
				     size_t *count, struct evs_error *err);
	int (*get_quotas)(struct evs_kms *kms, struct evs_quota quotas[EVS_QUOTAS_MAX],
			  size_t *count, struct evs_error *err);
	int (*import_material)(struct evs_kms *kms, const char *id,
			       const struct evs_secret *material, int64_t expires,
			       struct evs_error *err);
	int (*delete_material)(struct evs_kms *kms, const char *id, struct evs_error *err);
	int (*create_agency)(struct evs_kms *kms, struct evs_agency *agency,
			     struct evs_error *err);
	int (*find_agency)(struct evs_kms *kms, struct evs_agency *agency,
			   struct evs_error *err);
	int (*delete_agency)(struct evs_kms *kms, const struct evs_agency *agency,
			     struct evs_error *err);

	int (*create_datakey)(struct evs_kms *kms, struct evs_token *token,
			      struct evs_secret *dk, struct evs_error *err);
	int (*decrypt_datakey)(struct evs_kms *kms, const struct evs_token *token,
			       struct evs_secret *dk, struct evs_error *err);
	int (*encrypt_datakey)(struct evs_kms *kms, struct evs_token *token,
			       const struct evs_secret *dk, struct evs_error *err);
	int (*rewrap)(struct evs_kms *kms, const struct evs_token *old, struct evs_token *token,
		      struct evs_error *err);
};

/**
 * struct evs_kms - A client of a KMS.
 * @ops: its kind
 * @cfg: its configuration
 * @priv: what the kind keeps
 * @deadline: evs_clock.now_ms() when the running call must be over
 * @pause: milliseconds to wait after the next failure
 * @retry_after: seconds that the KMS asked to wait, -1 when it did not
 */
struct evs_kms {
	const struct evs_kms_ops *ops;
	struct evs_config_kms cfg;
	void *priv;
	int64_t deadline;
	long pause;
	long retry_after;
};

/* evs.c: evs-kmsd. */
extern const struct evs_kms_ops evs_evs_ops;

/* otc.c: the REST API of Open Telekom Cloud and Huawei Cloud. */
extern const struct evs_kms_ops evs_otc_ops;

/* barbican.c: OpenStack Barbican. */
extern const struct evs_kms_ops evs_barbican_ops;

/* aws.c: AWS KMS. */
extern const struct evs_kms_ops evs_aws_ops;

/* kmip.c: a KMIP server. */
extern const struct evs_kms_ops evs_kmip_ops;

/* transit.c: the transit engine of Vault and OpenBao. */
extern const struct evs_kms_ops evs_transit_ops;

/* pkcs11.c: an HSM of this host. */
extern const struct evs_kms_ops evs_pkcs11_ops;

/**
 * evs_kms_backend() - Find a kind of KMS; the table is in kms/backends.c.
 * @name: its name
 *
 * Return: its operations, or NULL.
 */
const struct evs_kms_ops *evs_kms_backend(const char *name);

/**
 * evs_kms_time_left() - Milliseconds left for the running call.
 * @kms: the client
 *
 * Return: 0 when the time is over.
 */
long evs_kms_time_left(const struct evs_kms *kms);

/* Keys of struct evs_kms_ops that evs_kms_http_open() reads. */
#define EVS_KMS_HTTP_KEYS								\
	{ "url", evs_config_is_url, EVS_CONFIG_URL_MUST, true },			\
	{ "ca-file", evs_config_is_path, "be an absolute path", false },		\
	{ "client-cert-file", evs_config_is_path, "be an absolute path", false },	\
	{ "client-key-file", evs_config_is_path, "be an absolute path", false }

/**
 * evs_kms_http_open() - Prepare a connection to the KMS that a section describes.
 * @http: set to it
 * @cfg: the section, with EVS_KMS_HTTP_KEYS among its keys
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_kms_http_open(struct evs_http **http, const struct evs_config_kms *cfg,
		      struct evs_error *err);

/**
 * evs_kms_http_open_priv() - The open of a back end that keeps nothing but this.
 * @kms: the client; its priv is set to the connection
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_kms_http_open_priv(struct evs_kms *kms, struct evs_error *err);

/**
 * evs_kms_http_close_priv() - The close that goes with it.
 * @kms: the client
 */
void evs_kms_http_close_priv(struct evs_kms *kms);

/**
 * evs_kms_http_call() - evs_http_call() within the time of the running call.
 * @kms: the client; its retry_after is set
 * @http: the connection
 * @request: what is asked; its timeout_ms is set
 * @answer: filled; valid until the next call
 * @err: filled on failure; the request id also on success
 *
 * Return: 0 when there is an answer of the KMS, whatever its status, or a negative
 *	   errno.
 */
int evs_kms_http_call(struct evs_kms *kms, struct evs_http *http,
		      struct evs_http_request *request, struct evs_http_answer *answer,
		      struct evs_error *err);

#define EVS_GCM_WRAPPED_SIZE (EVS_GCM_IV_SIZE + EVS_DK_SIZE + EVS_GCM_TAG_SIZE)

/**
 * struct evs_gcm_wrapped - How back ends keep a DK that is wrapped by AES-256-GCM.
 * @bytes: IV, ciphertext and tag
 * @digest: evs_context_digest() of the encryption context, authenticated with it
 */
struct evs_gcm_wrapped {
	unsigned char bytes[EVS_GCM_WRAPPED_SIZE];
	unsigned char digest[EVS_CONTEXT_DIGEST_SIZE];
};

/**
 * evs_kms_gcm_new() - Begin to wrap a DK: the IV and what is authenticated.
 * @token: its context is read
 * @wrapped: all is filled but ciphertext and tag
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_kms_gcm_new(const struct evs_token *token, struct evs_gcm_wrapped *wrapped,
		    struct evs_error *err);

/**
 * evs_kms_gcm_get() - Get a DK as AES-256-GCM has wrapped it.
 * @token: context and wrapped_dk are read
 * @wrapped: filled
 * @err: filled on failure: EVS_CLASS_TAMPERED
 *
 * Return: 0 or a negative errno.
 */
int evs_kms_gcm_get(const struct evs_token *token, struct evs_gcm_wrapped *wrapped,
		    struct evs_error *err);

/* otc/advice.c: @advise of struct evs_kms_ops. */
void evs_otc_advise(const struct evs_kms *kms, const struct evs_refusal *refusal,
		    char text[EVS_ADVICE_MAX]);

/**
 * evs_otc_error() - Read an error body, of whatever form.
 * @status: HTTP status
 * @body: the body and a NUL
 * @len: its length without the NUL
 * @err: class, code and the KMS's words are filled; the request id where the
 *       body has one
 *
 * Return: the negative errno of the class.
 */
int evs_otc_error(long status, const char *body, size_t len, struct evs_error *err);

#endif /* EVS_KMS_BACKEND_H */
