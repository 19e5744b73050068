// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <json.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "gcm.h"
#include "hex.h"
#include "kms/json.h"
#include "kms/otc/private.h"
#include "seal.h"
#include "token-json.h"

#define DIGEST_SIZE 32
#define DK_BYTES "64"
#define DK_BITS "512"

static json_object *datakey_request(const struct evs_token *token, const char *length_name,
				    const char *length)
{
	json_object *request = evs_otc_request("key_id", token->cmk);

	evs_otc_add_text(&request, length_name, length);
	if (token->context.count)
		evs_otc_add(&request, "encryption_context", evs_context_to_json(&token->context));
	return request;
}

/* The wrapped DK of an answer, which must be of the CMK that was asked for. */
static int get_wrapped(json_object *reply, const char *op, struct evs_token *token,
		       struct evs_error *err)
{
	char id[EVS_CMK_REF_SIZE];

	if (evs_json_text(reply, "cipher_text", token->wrapped_dk, sizeof(token->wrapped_dk)))
		return evs_otc_bad_answer(err, op, "no cipher_text, or too long a one");
	if (!evs_hex_valid(token->wrapped_dk))
		return evs_otc_bad_answer(err, op, "cipher_text is no hex");
	if (!evs_json_text(reply, "key_id", id, sizeof(id)) && strcmp(id, token->cmk))
		return evs_otc_bad_answer(err, op, "wrapped by another CMK than asked for");
	return 0;
}

/*
 * On the socket of this host the way to the KMS is not encrypted, and what is there
 * is evs-kmsd or something that puts up with its extensions.
 */
static bool is_local(const struct evs_kms *kms)
{
	return evs_config_socket(evs_config_get(&kms->cfg, "url"));
}

/* Asks for the DK to be sealed. To another KMS it would be one member too many. */
static int ask_seal(const struct evs_kms *kms, json_object **request, struct evs_seal *seal,
		    struct evs_error *err)
{
	char hex[2 * EVS_SEAL_PUBLIC_SIZE + 1];
	int ret;

	if (!is_local(kms))
		return 0;
	ret = evs_seal_init(seal, err);
	if (ret)
		return ret;
	evs_hex_encode(hex, seal->public, sizeof(seal->public));
	evs_otc_add_text(request, "recipient", hex);
	return 0;
}

/* The DK as it was asked for, or as a KMS gives it that does not know sealing. */
static ssize_t take_key(struct evs_http_answer *answer, const char *name,
			const struct evs_seal *seal, struct evs_secret *dk, struct evs_error *err)
{
	unsigned char sealed[EVS_DK_SIZE + EVS_SEAL_OVERHEAD];
	char *json = (char *)answer->body->data;
	ssize_t len = -ENOENT;

	if (seal->key)
		len = evs_json_take_hex(json, answer->len, "sealed_key", sealed, sizeof(sealed));
	if (len == -ENOENT)
		return evs_json_take_hex(json, answer->len, name, dk->data, EVS_DK_SIZE);
	if (len != sizeof(sealed) || evs_seal_open(seal, sealed, dk->data, EVS_DK_SIZE, err))
		return -EINVAL;
	return EVS_DK_SIZE;
}

/* Takes the DK out of an answer before the rest is parsed. */
static int take_dk(struct evs_http_answer *answer, const char *op, const char *name,
		   const struct evs_seal *seal, struct evs_secret *dk, json_object **reply,
		   struct evs_error *err)
{
	ssize_t len = take_key(answer, name, seal, dk, err);

	if (len == -ENOENT || len == -EINVAL)
		return evs_otc_bad_answer(err, op, "no data key");
	if (len != EVS_DK_SIZE)
		return evs_error_set_class(err, EVS_CLASS_TAMPERED,
					   "the data key is not of %d bytes", EVS_DK_SIZE);
	*reply = evs_json_parse((const char *)answer->body->data, answer->len);
	return *reply ? 0 : evs_otc_bad_answer(err, op, "no JSON object");
}

/* Makes a call that gives a DK; the request is released, NULL stands for no memory. */
static int ask_dk(struct evs_kms *kms, const char *op, json_object *request, const char *name,
		  struct evs_secret *dk, json_object **reply, struct evs_error *err)
{
	struct evs_http_answer answer;
	struct evs_seal seal = {};
	const char *body = NULL;
	int ret;

	ret = ask_seal(kms, &request, &seal, err);
	if (ret)
		goto out;
	if (request)
		body = json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);
	ret = body ? evs_otc_post(kms, op, body, &answer, err) : evs_otc_no_memory(err);
	if (!ret)
		ret = take_dk(&answer, op, name, &seal, dk, reply, err);
out:
	json_object_put(request);
	evs_seal_exit(&seal);
	return ret;
}

int evs_otc_create_datakey(struct evs_kms *kms, struct evs_token *token,
			   struct evs_secret *dk, struct evs_error *err)
{
	json_object *request = datakey_request(token, "datakey_length", DK_BITS), *reply;
	int ret;

	ret = ask_dk(kms, "create-datakey", request, "plain_text", dk, &reply, err);
	if (ret)
		return ret;
	ret = get_wrapped(reply, "create-datakey", token, err);
	json_object_put(reply);
	return ret;
}

static int digest_dk(const struct evs_secret *dk, unsigned char digest[DIGEST_SIZE],
		     struct evs_error *err)
{
	if (!EVP_Digest(dk->data, EVS_DK_SIZE, digest, NULL, EVP_sha256(), NULL))
		return evs_error_set(err, EIO, "libcrypto cannot compute SHA-256");
	return 0;
}

static int check_dk(json_object *reply, const struct evs_secret *dk, struct evs_error *err)
{
	unsigned char digest[DIGEST_SIZE], told[DIGEST_SIZE];
	char hex[2 * DIGEST_SIZE + 1];
	int64_t length;
	int ret;

	if (evs_json_number(reply, "datakey_length", &length))
		return evs_otc_bad_answer(err, "decrypt-datakey", "no datakey_length");
	if (length != EVS_DK_SIZE)
		return evs_error_set_class(err, EVS_CLASS_TAMPERED,
					   "the data key is not of %d bytes", EVS_DK_SIZE);
	if (evs_json_text(reply, "datakey_dgst", hex, sizeof(hex)) ||
	    evs_hex_decode(told, sizeof(told), hex, strlen(hex)) != DIGEST_SIZE)
		return evs_otc_bad_answer(err, "decrypt-datakey", "no SHA-256 in datakey_dgst");
	ret = digest_dk(dk, digest, err);
	if (!ret && memcmp(digest, told, DIGEST_SIZE))
		ret = evs_error_set_class(err, EVS_CLASS_TAMPERED,
					  "the data key does not have the SHA-256 that came with it");
	return ret;
}

int evs_otc_decrypt_datakey(struct evs_kms *kms, const struct evs_token *token,
			    struct evs_secret *dk, struct evs_error *err)
{
	json_object *request = datakey_request(token, "datakey_cipher_length", DK_BYTES), *reply;
	int ret;

	evs_otc_add_text(&request, "cipher_text", token->wrapped_dk);
	ret = ask_dk(kms, "decrypt-datakey", request, "data_key", dk, &reply, err);
	if (ret)
		return ret;
	ret = check_dk(reply, dk, err);
	json_object_put(reply);
	return ret;
}

/*
 * The request with the DK in it: its other members come from json-c, the DK is
 * written behind them in locked memory.
 */
static struct evs_secret *plain_request(const struct evs_token *token,
					const struct evs_secret *dk, struct evs_error *err)
{
	static const char member[] = ",\"plain_text\":\"", end[] = "\"}";
	json_object *request = datakey_request(token, "datakey_plain_length", DK_BYTES);
	unsigned char digest[DIGEST_SIZE];
	struct evs_secret *secret = NULL;
	const char *body;
	size_t len;
	char *at;

	body = request ? json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN) : NULL;
	if (!body) {
		evs_otc_no_memory(err);
		goto out;
	}
	if (digest_dk(dk, digest, err))
		goto out;
	len = strlen(body) - 1;		/* without the closing brace */
	secret = evs_secret_alloc(len + sizeof(member) + 2 * (EVS_DK_SIZE + DIGEST_SIZE) +
				  sizeof(end));
	if (!secret) {
		evs_error_set(err, errno, "cannot lock memory (ulimit -l): %m");
		goto out;
	}
	at = mempcpy(secret->data, body, len);
	at = stpcpy(at, member);
	evs_hex_encode(at, dk->data, EVS_DK_SIZE);
	evs_hex_encode(at + 2 * EVS_DK_SIZE, digest, DIGEST_SIZE);
	strcpy(at + 2 * (EVS_DK_SIZE + DIGEST_SIZE), end);
out:
	json_object_put(request);
	return secret;
}

static int encrypt_plain(struct evs_kms *kms, struct evs_token *token,
			 const struct evs_secret *dk, struct evs_error *err)
{
	const char *op = "encrypt-datakey";
	struct evs_secret *body = plain_request(token, dk, err);
	struct evs_http_answer answer;
	json_object *reply;
	int ret;

	if (!body)
		return -err->errnum;
	ret = evs_otc_post(kms, op, (const char *)body->data, &answer, err);
	evs_secret_free(body);
	if (ret)
		return ret;
	reply = evs_json_parse((const char *)answer.body->data, answer.len);
	ret = reply ? get_wrapped(reply, op, token, err) : evs_otc_bad_answer(err, op,
									      "no JSON object");
	json_object_put(reply);
	return ret;
}

/*
 * Encrypts the DK with @key, which the KMS has made for this one request, and which
 * @transport has as it gets it back.
 */
static int encrypt_sealed(struct evs_kms *kms, const struct evs_token *transport,
			  const struct evs_secret *key, struct evs_token *token,
			  const struct evs_secret *dk, struct evs_error *err)
{
	static const unsigned char iv[EVS_GCM_IV_SIZE];	/* the key is used once */
	unsigned char sealed[EVS_DK_SIZE + EVS_GCM_TAG_SIZE];
	json_object *request, *reply;
	char hex[2 * sizeof(sealed) + 1];
	int ret;

	ret = evs_gcm_encrypt(&(struct evs_gcm){ .key = key->data, .iv = iv }, dk->data,
			      EVS_DK_SIZE, sealed, err);
	if (ret)
		return ret;
	evs_hex_encode(hex, sealed, sizeof(sealed));
	request = datakey_request(token, "datakey_plain_length", DK_BYTES);
	evs_otc_add_text(&request, "sealed_text", hex);
	evs_otc_add_text(&request, "transport_cipher_text", transport->wrapped_dk);
	ret = evs_otc_call(kms, "encrypt-datakey", request, &reply, err);
	if (ret)
		return ret;
	ret = get_wrapped(reply, "encrypt-datakey", token, err);
	json_object_put(reply);
	return ret;
}

int evs_otc_encrypt_datakey(struct evs_kms *kms, struct evs_token *token,
			    const struct evs_secret *dk, struct evs_error *err)
{
	struct evs_token transport = *token;
	struct evs_secret *key;
	int ret;

	if (!is_local(kms))
		return encrypt_plain(kms, token, dk, err);
	key = evs_secret_alloc(EVS_DK_SIZE);
	if (!key)
		return evs_error_set(err, errno, "cannot lock memory (ulimit -l): %m");
	ret = evs_otc_create_datakey(kms, &transport, key, err);
	if (!ret)
		ret = encrypt_sealed(kms, &transport, key, token, dk, err);
	evs_secret_free(key);
	/* It does not know this, and misses plain_text */
	return ret && !strcmp(err->code, "KMS.0204") ? encrypt_plain(kms, token, dk, err) : ret;
}

int evs_otc_rewrap_datakey(struct evs_kms *kms, const struct evs_token *old,
			   struct evs_token *token, struct evs_error *err)
{
	json_object *request, *reply;
	int ret;

	if (!is_local(kms))
		return evs_error_set(err, ENOSYS, "the KMS cannot rewrap by itself");
	request = datakey_request(token, "datakey_plain_length", DK_BYTES);
	evs_otc_add_text(&request, "source_key_id", old->cmk);
	evs_otc_add_text(&request, "source_cipher_text", old->wrapped_dk);
	ret = evs_otc_call(kms, "encrypt-datakey", request, &reply, err);
	if (!ret) {
		ret = get_wrapped(reply, "encrypt-datakey", token, err);
		json_object_put(reply);
	} else if (!strcmp(err->code, "KMS.0204")) {
		/* It does not know this, and misses plain_text */
		return evs_error_set(err, ENOSYS, "the KMS cannot rewrap by itself");
	}
	return ret;
}
