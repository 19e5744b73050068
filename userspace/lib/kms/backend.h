/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_BACKEND_H
#define EVS_KMS_BACKEND_H

#include "kms/http.h"
#include "kms/kms.h"

/**
 * struct evs_kms_ops - What a kind of KMS has to provide.
 * @create_key: as evs_kms_create_key(), but only finds out the id
 * @list_keys: as evs_kms_list_keys()
 * @describe_key: @ref is an id or `alias/` and an alias
 * @set_enabled: enable or disable the CMK of this id
 * @create_datakey: as evs_kms_create_datakey()
 * @decrypt_datakey: as evs_kms_decrypt_datakey()
 * @encrypt_datakey: as evs_kms_encrypt_datakey()
 *
 * A refusal is reported with its class, code and request id and the KMS's own
 * words as text; kms.c makes the sentence of it. Everything else is reported
 * as a whole sentence. No request may outlast evs_kms_time_left().
 */
struct evs_kms_ops {
	int (*create_key)(struct evs_kms *kms, const char *alias, const char *description,
			  char id[EVS_CMK_ID_SIZE], struct evs_error *err);
	int (*list_keys)(struct evs_kms *kms, struct evs_cmk **cmks, size_t *count,
			 struct evs_error *err);
	int (*describe_key)(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			    struct evs_error *err);
	int (*set_enabled)(struct evs_kms *kms, const char *id, bool enabled,
			   struct evs_error *err);
	int (*create_datakey)(struct evs_kms *kms, struct evs_token *token,
			      struct evs_secret *dk, struct evs_error *err);
	int (*decrypt_datakey)(struct evs_kms *kms, const struct evs_token *token,
			       struct evs_secret *dk, struct evs_error *err);
	int (*encrypt_datakey)(struct evs_kms *kms, struct evs_token *token,
			       const struct evs_secret *dk, struct evs_error *err);
};

/**
 * struct evs_kms - A client of a KMS.
 * @ops: its kind
 * @cfg: its configuration
 * @http: its connection
 * @deadline: CLOCK_MONOTONIC milliseconds when the running call must be over
 */
struct evs_kms {
	const struct evs_kms_ops *ops;
	struct evs_config_kms cfg;
	struct evs_http *http;
	int64_t deadline;
};

/* otc.c: the REST API of Open Telekom Cloud and Huawei Cloud, which evs-kmsd speaks. */
extern const struct evs_kms_ops evs_otc_ops;

/**
 * evs_kms_time_left() - Milliseconds left for the running call.
 * @kms: the client
 *
 * Return: 0 when the time is over.
 */
long evs_kms_time_left(const struct evs_kms *kms);

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
