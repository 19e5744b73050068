// SPDX-License-Identifier: GPL-2.0-or-later
/* Random numbers, and the encryption of small data by a CMK itself. */
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "key/blob.h"
#include "key/cmk.h"
#include "fail.h"
#include "hex.h"
#include "http/op/ops.h"
#include "pool.h"

#define RANDOM_BITS 512
#define RANDOM_SIZE (RANDOM_BITS / 8)

/* The longest that one byte becomes in JSON: \u00XX. */
#define ESCAPE_MAX 6

/* Names, quotes and braces around the values of an answer. */
#define REPLY_FRAME 128

int kmsd_op_gen_random(struct kmsd_call *call, struct evs_error *err)
{
	static const char head[] = "{\"random_data\":\"", tail[] = "\"}";
	struct evs_secret *random, *secret;
	int64_t bits = 0;
	char *body;
	int ret;

	ret = kmsd_call_number(call, "random_data_length", KMSD_E_RANDOM_LENGTH, &bits, err);
	if (!ret && bits != RANDOM_BITS)
		ret = kmsd_fail(err, KMSD_E_RANDOM_LENGTH, "random_data_length: not %d",
				RANDOM_BITS);
	if (ret)
		return ret;
	random = kmsd_secret_get(RANDOM_SIZE);
	secret = kmsd_secret_get(sizeof(head) + 2 * RANDOM_SIZE + sizeof(tail));
	if (!random || !secret)
		ret = evs_error_set(err, errno, "locked memory: %m");
	if (!ret)
		ret = kmsd_hsm_random(call->kmsd->hsm, random->data, RANDOM_SIZE, err);
	if (ret) {
		kmsd_secret_put(secret);
	} else {
		body = (char *)secret->data;
		strcpy(body, head);
		evs_hex_encode(body + strlen(head), random->data, RANDOM_SIZE);
		strcat(body, tail);
		call->reply->secret = secret;
		call->reply->body = body;
		call->reply->size = strlen(body);
	}
	kmsd_secret_put(random);
	return ret;
}

static int read_context(struct kmsd_call *call, struct kmsd_context *context,
			struct evs_error *err)
{
	struct json_object *json = NULL;

	json_object_object_get_ex(call->req.json, "encryption_context", &json);
	return kmsd_context_init(context, json, err);
}

/* plain_text, 1 to 4096 bytes, its escapes undone. */
static int read_plain(struct kmsd_request *req, struct evs_error *err)
{
	ssize_t size;

	if (!json_object_object_get_ex(req->json, "plain_text", NULL))
		return kmsd_fail(err, KMSD_E_MISSING, "plain_text is missing");
	size = req->secret ? kmsd_request_unescape(req) : -EINVAL;
	if (size < 1 || size > KMSD_DATA_MAX)
		return kmsd_fail(err, KMSD_E_PLAIN, "plain_text: not a text of 1 to %d bytes",
				 KMSD_DATA_MAX);
	return 0;
}

static int encrypt(struct kmsd_call *call, const struct kmsd_cmk *cmk,
		   const struct kmsd_context *context, struct evs_error *err)
{
	char text[(EVS_BASE64_LEN(KMSD_BLOB_MAX) + 1)];
	unsigned char blob[KMSD_BLOB_MAX];
	struct evs_secret *key;
	int ret;

	ret = kmsd_cmk_unwrap(call->kmsd, cmk, cmk->version, &key, err);
	if (ret)
		return ret;
	ret = kmsd_blob_wrap(&kmsd_blob_data, key, cmk, context, call->req.secret->data,
			     call->req.secret_len, blob, err);
	kmsd_secret_put(key);
	if (ret)
		return ret;
	evs_base64_encode(text, blob, kmsd_blob_size(&kmsd_blob_data, call->req.secret_len));
	return kmsd_reply_pairs(call->reply, NULL, (const char *const[]){
		"key_id", cmk->id, "cipher_text", text, NULL }, err);
}

int kmsd_op_encrypt_data(struct kmsd_call *call, struct evs_error *err)
{
	struct kmsd_context context = {};
	struct kmsd_cmk cmk;
	int ret;

	ret = read_context(call, &context, err);
	if (!ret)
		ret = read_plain(&call->req, err);
	if (!ret)
		ret = kmsd_call_key_id(call, KMSD_BY_NAME, &cmk, err);
	if (!ret)
		ret = encrypt(call, &cmk, &context, err);
	kmsd_context_free(&context);
	return ret;
}

/* Writes bytes as the inside of a JSON string; returns how many characters. */
static size_t escape(char *out, const unsigned char *data, size_t size)
{
	char *start = out;
	size_t i;

	for (i = 0; i < size; i++) {
		if (data[i] == '"' || data[i] == '\\') {
			*out++ = '\\';
			*out++ = (char)data[i];
		} else if (data[i] < ' ') {
			out += sprintf(out, "\\u%04x", data[i]);
		} else {
			*out++ = (char)data[i];
		}
	}
	return (size_t)(out - start);
}

static int reply_plain(struct kmsd_call *call, const struct kmsd_cmk *cmk,
		       const struct evs_secret *plain, size_t size, struct evs_error *err)
{
	size_t room = REPLY_FRAME + ESCAPE_MAX * size + (EVS_BASE64_LEN(size) + 1);
	struct evs_secret *secret = kmsd_secret_get(room);
	char *at;

	if (!secret)
		return evs_error_set(err, errno, "locked memory: %m");
	at = (char *)secret->data;
	at += sprintf(at, "{\"key_id\":\"%s\",\"plain_text\":\"", cmk->id);
	at += escape(at, plain->data, size);
	at += sprintf(at, "\",\"plain_text_base64\":\"");
	evs_base64_encode(at, plain->data, size);
	strcat(at, "\"}");
	call->reply->secret = secret;
	call->reply->body = (char *)secret->data;
	call->reply->size = strlen(call->reply->body);
	return 0;
}

static int decrypt(struct kmsd_call *call, const struct kmsd_cmk *cmk, uint32_t version,
		   const struct kmsd_context *context, const unsigned char *blob, size_t size,
		   struct evs_error *err)
{
	size_t content = size - kmsd_blob_size(&kmsd_blob_data, 0);
	unsigned char digest[KMSD_DIGEST_SIZE];
	struct evs_secret *key, *plain;
	int ret;

	ret = kmsd_cmk_unwrap(call->kmsd, cmk, version, &key, err);
	if (ret == -ENOENT)
		return kmsd_fail(err, KMSD_E_CIPHER, "cipher_text: key %s has no version %u",
				 cmk->id, version);
	if (ret)
		return ret;
	plain = kmsd_secret_get(content);
	if (!plain)
		ret = evs_error_set(err, errno, "locked memory: %m");
	if (!ret)
		ret = kmsd_blob_unwrap(&kmsd_blob_data, key, context, blob, size, plain->data,
				       digest, err);
	if (!ret)
		ret = reply_plain(call, cmk, plain, content, err);
	kmsd_secret_put(plain);
	kmsd_secret_put(key);
	return ret;
}

int kmsd_op_decrypt_data(struct kmsd_call *call, struct evs_error *err)
{
	unsigned char blob[KMSD_BLOB_MAX];
	struct kmsd_context context = {};
	char wrapped_by[EVS_CMK_ID_SIZE];
	const char *cipher_text;
	struct kmsd_cmk cmk;
	uint32_t version;
	ssize_t size;
	int ret;

	ret = read_context(call, &context, err);
	if (!ret)
		ret = kmsd_request_string(&call->req, "cipher_text", NULL, &cipher_text, err);
	if (ret)
		goto out;
	size = evs_base64_decode(blob, sizeof(blob), cipher_text, strlen(cipher_text));
	ret = size < 0 ? kmsd_fail(err, KMSD_E_CIPHER, "cipher_text: not Base64 of encrypted data")
		       : kmsd_blob_inspect(&kmsd_blob_data, blob, (size_t)size, wrapped_by,
					   &version, err);
	/* The caller names no key: the blob does */
	if (!ret)
		ret = kmsd_call_cmk(call, KMSD_BY_ID, wrapped_by, &cmk, err);
	if (!ret)
		ret = decrypt(call, &cmk, version, &context, blob, (size_t)size, err);
out:
	kmsd_context_free(&context);
	return ret;
}
