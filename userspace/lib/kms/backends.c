// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <openssl/rand.h>
#include <string.h>

#include "hex.h"
#include "kms/backend.h"

static const struct evs_kms_ops *const backends[] = {
	&evs_aws_ops,
	&evs_barbican_ops,
	&evs_evs_ops,
	&evs_otc_ops,
	&evs_kmip_ops,
	&evs_pkcs11_ops,
	&evs_transit_ops,
};

const struct evs_kms_ops *evs_kms_backend(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
		if (!strcmp(backends[i]->name, name))
			return backends[i];
	return NULL;
}

int evs_kms_http_open(struct evs_http **http, const struct evs_config_kms *cfg,
		      struct evs_error *err)
{
	const struct evs_http_peer peer = {
		.url = evs_config_get(cfg, "url"),
		.ca_file = evs_config_get(cfg, "ca-file"),
		.cert_file = evs_config_get(cfg, "client-cert-file"),
		.key_file = evs_config_get(cfg, "client-key-file"),
	};

	return evs_http_open(http, &peer, err);
}

int evs_kms_http_open_priv(struct evs_kms *kms, struct evs_error *err)
{
	struct evs_http *http;
	int ret = evs_kms_http_open(&http, &kms->cfg, err);

	if (!ret)
		kms->priv = http;
	return ret;
}

void evs_kms_http_close_priv(struct evs_kms *kms)
{
	evs_http_close(kms->priv);
}

int evs_kms_http_call(struct evs_kms *kms, struct evs_http *http,
		      struct evs_http_request *request, struct evs_http_answer *answer,
		      struct evs_error *err)
{
	int ret;

	request->timeout_ms = evs_kms_time_left(kms);
	if (!request->timeout_ms)
		return evs_error_set_class(err, EVS_CLASS_KMS_UNREACHABLE,
					   "no answer within %u s", kms->cfg.timeout);
	ret = evs_http_call(http, request, answer, err);
	if (ret)
		return ret;
	kms->retry_after = answer->retry_after;
	strcpy(err->request_id, answer->request_id);
	if (answer->status != 502 && answer->status != 504)
		return 0;
	/* A gateway that gave up: nobody knows what the KMS has done */
	evs_error_set_class(err, EVS_CLASS_KMS_UNREACHABLE,
			    "HTTP status %ld: the gateway to the KMS had no answer from it",
			    answer->status);
	err->transient = true;
	return -err->errnum;
}

int evs_kms_gcm_new(const struct evs_token *token, struct evs_gcm_wrapped *wrapped,
		    struct evs_error *err)
{
	int ret = evs_context_digest(&token->context, wrapped->digest, err);

	if (!ret && RAND_bytes(wrapped->bytes, EVS_GCM_IV_SIZE) != 1)
		ret = evs_error_set(err, EIO, "libcrypto has no random numbers");
	return ret;
}

int evs_kms_gcm_get(const struct evs_token *token, struct evs_gcm_wrapped *wrapped,
		    struct evs_error *err)
{
	int ret = evs_context_digest(&token->context, wrapped->digest, err);

	if (ret || evs_hex_decode(wrapped->bytes, EVS_GCM_WRAPPED_SIZE, token->wrapped_dk,
				  strlen(token->wrapped_dk)) == EVS_GCM_WRAPPED_SIZE)
		return ret;
	return evs_error_set_class(err, EVS_CLASS_TAMPERED,
				   "the wrapped key is none of this kind of KMS");
}
