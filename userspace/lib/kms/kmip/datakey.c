// SPDX-License-Identifier: GPL-2.0-or-later
/* Data keys: a wrapped DK is IV, ciphertext and tag of AES-GCM */
#include <errno.h>
#include <string.h>

#include "hex.h"
#include "kms/kmip/kmip.h"

#define MODE_GCM 9

static void begin_datakey(struct evs_kmip *kmip, enum evs_kmip_op op, const char *id)
{
	size_t parameters;

	evs_kmip_begin(kmip, op);
	evs_ttlv_put_text(&kmip->out, KMIP_ID, id);
	parameters = evs_ttlv_begin(&kmip->out, KMIP_PARAMETERS);
	evs_ttlv_put_number(&kmip->out, KMIP_BLOCK_CIPHER_MODE, EVS_TTLV_ENUM, MODE_GCM);
	evs_ttlv_put_number(&kmip->out, KMIP_ALGORITHM, EVS_TTLV_ENUM, KMIP_ALGORITHM_AES);
	evs_ttlv_put_number(&kmip->out, KMIP_TAG_LENGTH, EVS_TTLV_INTEGER, EVS_GCM_TAG_SIZE);
	evs_ttlv_end(&kmip->out, parameters);
}

int evs_kmip_encrypt_datakey(struct evs_kms *kms, struct evs_token *token,
			     const struct evs_secret *dk, struct evs_error *err)
{
	struct evs_kmip *kmip = kms->priv;
	struct evs_ttlv payload, data, tag;
	struct evs_gcm_wrapped wrapped;
	int ret;

	ret = evs_kms_gcm_new(token, &wrapped, err);
	if (ret)
		return ret;
	begin_datakey(kmip, KMIP_OP_ENCRYPT, token->cmk);
	evs_ttlv_put_bytes(&kmip->out, KMIP_DATA, dk->data, EVS_DK_SIZE);
	evs_ttlv_put_bytes(&kmip->out, KMIP_IV, wrapped.bytes, EVS_GCM_IV_SIZE);
	evs_ttlv_put_bytes(&kmip->out, KMIP_AAD, wrapped.digest, sizeof(wrapped.digest));
	ret = evs_kmip_call(kms, KMIP_OP_ENCRYPT, &payload, err);
	if (ret)
		return evs_kmip_refine(kms, KMIP_OP_ENCRYPT, token->cmk, err);
	/* A server that knows less than 1.4 leaves the tag out. */
	if (!evs_ttlv_find(&payload, KMIP_DATA, EVS_TTLV_BYTES, &data) ||
	    data.len != EVS_DK_SIZE ||
	    !evs_ttlv_find(&payload, KMIP_AEAD_TAG, EVS_TTLV_BYTES, &tag) ||
	    tag.len != EVS_GCM_TAG_SIZE)
		return evs_kmip_bad_answer(err, "no ciphertext with a tag of AES-GCM");
	memcpy(wrapped.bytes + EVS_GCM_IV_SIZE, data.value, EVS_DK_SIZE);
	memcpy(wrapped.bytes + EVS_GCM_IV_SIZE + EVS_DK_SIZE, tag.value, EVS_GCM_TAG_SIZE);
	evs_hex_encode(token->wrapped_dk, wrapped.bytes, sizeof(wrapped.bytes));
	return 0;
}

int evs_kmip_decrypt_datakey(struct evs_kms *kms, const struct evs_token *token,
			     struct evs_secret *dk, struct evs_error *err)
{
	struct evs_kmip *kmip = kms->priv;
	struct evs_ttlv payload, data;
	struct evs_gcm_wrapped wrapped;
	int ret;

	ret = evs_kms_gcm_get(token, &wrapped, err);
	if (ret)
		return ret;
	begin_datakey(kmip, KMIP_OP_DECRYPT, token->cmk);
	evs_ttlv_put_bytes(&kmip->out, KMIP_DATA, wrapped.bytes + EVS_GCM_IV_SIZE,
			   EVS_DK_SIZE);
	evs_ttlv_put_bytes(&kmip->out, KMIP_IV, wrapped.bytes, EVS_GCM_IV_SIZE);
	evs_ttlv_put_bytes(&kmip->out, KMIP_AAD, wrapped.digest, sizeof(wrapped.digest));
	evs_ttlv_put_bytes(&kmip->out, KMIP_AEAD_TAG,
			   wrapped.bytes + EVS_GCM_IV_SIZE + EVS_DK_SIZE, EVS_GCM_TAG_SIZE);
	ret = evs_kmip_call(kms, KMIP_OP_DECRYPT, &payload, err);
	if (ret)
		return evs_kmip_refine(kms, KMIP_OP_DECRYPT, token->cmk, err);
	if (evs_ttlv_find(&payload, KMIP_DATA, EVS_TTLV_BYTES, &data) && data.len == EVS_DK_SIZE)
		memcpy(dk->data, data.value, EVS_DK_SIZE);
	else
		ret = evs_kmip_bad_answer(err, "no data key");
	evs_secret_wipe(kmip->message);
	return ret;
}
