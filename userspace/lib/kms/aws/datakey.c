// SPDX-License-Identifier: GPL-2.0-or-later
/* Data keys: a wrapped DK is AWS KMS's blob */
#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <string.h>

#include "base64.h"
#include "hex.h"
#include "kms/aws/private.h"
#include "kms/json.h"
#include "token-json.h"

#define BLOB_MAX (EVS_WRAPPED_HEX_MAX / 2)
#define BLOB_TEXT_MAX (EVS_BASE64_LEN(BLOB_MAX) + 1)
#define BODY_MAX 16384

/* Members KeyId and EncryptionContext, with something before their names. */
static int add_key(json_object *request, const char *before, const char *key_name,
		   const struct evs_token *token)
{
	char name[48];

	snprintf(name, sizeof(name), "%sEncryptionContext", before);
	if (evs_aws_add(request, key_name, json_object_new_string(token->cmk)))
		return -ENOMEM;
	return token->context.count ? evs_aws_add(request, name,
						  evs_context_to_json(&token->context)) : 0;
}

static int add_blob(json_object *request, const struct evs_token *token, struct evs_error *err)
{
	unsigned char blob[BLOB_MAX];
	char text[BLOB_TEXT_MAX];
	ssize_t len;

	len = evs_hex_decode(blob, sizeof(blob), token->wrapped_dk, strlen(token->wrapped_dk));
	if (len <= 0)
		return evs_error_set_class(err, EVS_CLASS_TAMPERED, "the wrapped key is no hex");
	evs_base64_encode(text, blob, (size_t)len);
	if (evs_aws_add(request, "CiphertextBlob", json_object_new_string(text)))
		return evs_error_set(err, ENOMEM, "out of memory");
	return 0;
}

static int get_wrapped(const struct evs_http_answer *answer, struct evs_token *token,
		       struct evs_error *err)
{
	json_object *root = evs_json_parse((const char *)answer->body->data, answer->len);
	unsigned char blob[BLOB_MAX];
	char text[BLOB_TEXT_MAX];
	ssize_t len = -EINVAL;

	if (!evs_json_text(root, "CiphertextBlob", text, sizeof(text)))
		len = evs_base64_decode(blob, sizeof(blob), text, strlen(text));
	json_object_put(root);
	if (len <= 0)
		return evs_aws_bad_answer(err, "no CiphertextBlob, or too long a one");
	evs_hex_encode(token->wrapped_dk, blob, (size_t)len);
	return 0;
}

static int take_dk(struct evs_http_answer *answer, struct evs_secret *dk, struct evs_error *err)
{
	int ret = evs_http_take_dk(answer, 1, "Plaintext", dk, err);

	return ret == -ENOENT ? evs_aws_bad_answer(err, "no data key") : ret;
}

/* A request with the CMK and the context; NULL when out of memory */
static json_object *new_request(const struct evs_token *token)
{
	json_object *request = json_object_new_object();

	if (request && !add_key(request, "", "KeyId", token))
		return request;
	json_object_put(request);
	return NULL;
}

int evs_aws_create_datakey(struct evs_kms *kms, struct evs_token *token,
			   struct evs_secret *dk, struct evs_error *err)
{
	json_object *request = new_request(token);
	struct evs_http_answer answer;
	int ret = 0;

	if (request)
		ret = evs_aws_add(request, "NumberOfBytes", json_object_new_int(EVS_DK_SIZE));
	ret = evs_aws_send(kms, "GenerateDataKey", request, ret, &answer, err);
	if (!ret)
		ret = take_dk(&answer, dk, err);
	return ret ? ret : get_wrapped(&answer, token, err);
}

int evs_aws_decrypt_datakey(struct evs_kms *kms, const struct evs_token *token,
			    struct evs_secret *dk, struct evs_error *err)
{
	json_object *request = new_request(token);
	struct evs_http_answer answer;
	int ret;

	ret = request ? add_blob(request, token, err) : 0;
	ret = evs_aws_send(kms, "Decrypt", request, ret, &answer, err);
	return ret ? ret : take_dk(&answer, dk, err);
}

/* The DK is written behind what json-c wrote, in locked memory. */
int evs_aws_encrypt_datakey(struct evs_kms *kms, struct evs_token *token,
			    const struct evs_secret *dk, struct evs_error *err)
{
	static const char member[] = ",\"Plaintext\":\"", end[] = "\"}";
	json_object *request = new_request(token);
	struct evs_secret *body = evs_secret_alloc(BODY_MAX);
	struct evs_http_answer answer;
	const char *text = NULL;
	char *at;
	int ret;

	if (request)
		text = json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);
	if (!body || !text || strlen(text) > BODY_MAX - 256) {
		ret = evs_error_set(err, ENOMEM, "out of memory that can be locked (ulimit -l)");
	} else {
		at = mempcpy(body->data, text, strlen(text) - 1);
		at = stpcpy(at, member);
		evs_base64_encode(at, dk->data, EVS_DK_SIZE);
		strcpy(at + EVS_BASE64_LEN(EVS_DK_SIZE), end);
		ret = evs_aws_call(kms, "Encrypt", (const char *)body->data, &answer, err);
	}
	json_object_put(request);
	evs_secret_free(body);
	return ret ? ret : get_wrapped(&answer, token, err);
}

int evs_aws_rewrap(struct evs_kms *kms, const struct evs_token *old, struct evs_token *token,
		   struct evs_error *err)
{
	json_object *request = json_object_new_object();
	struct evs_http_answer answer;
	int ret;

	ret = request ? add_key(request, "Source", "SourceKeyId", old) : -ENOMEM;
	if (!ret)
		ret = add_key(request, "Destination", "DestinationKeyId", token);
	if (!ret)
		ret = add_blob(request, old, err);
	ret = evs_aws_send(kms, "ReEncrypt", request, ret, &answer, err);
	return ret ? ret : get_wrapped(&answer, token, err);
}
