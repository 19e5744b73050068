// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The operations on data keys. A data key is only ever in an evs_secret, its
 * hex form in the answer included: that is why those answers are put together
 * here and not by the JSON library.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "key/blob.h"
#include "key/cmk.h"
#include "fail.h"
#include "key/grant.h"
#include "gcm.h"
#include "hex.h"
#include "http/op/ops.h"
#include "pool.h"
#include "seal.h"

#define DK_BITS (8 * EVS_DK_SIZE)
#define DK_HEX (2 * EVS_DK_SIZE)
#define DIGEST_HEX (2 * KMSD_DIGEST_SIZE)
#define BLOB_HEX (2 * KMSD_BLOB_SIZE)
#define PLAIN_SIZE (EVS_DK_SIZE + KMSD_DIGEST_SIZE)

/* Names, quotes and braces around the values of an answer with a data key. */
#define REPLY_FRAME 128

/**
 * struct dk_call - What the three operations have in common.
 * @cmk: the CMK that the request names
 * @context: encryption context
 * @dk: the data key
 */
struct dk_call {
	struct kmsd_cmk cmk;
	struct kmsd_context context;
	struct evs_secret *dk;
};

/* A mandatory length that knows one value only. */
static int check_length(struct kmsd_call *call, const char *name, int64_t want, const char *code,
			struct evs_error *err)
{
	int64_t length = 0;
	int ret = kmsd_call_number(call, name, code, &length, err);

	if (ret)
		return ret;
	return length == want ? 0 : kmsd_fail(err, code, "%s: not %lld", name, (long long)want);
}

static int begin(struct kmsd_call *call, struct dk_call *dk, struct evs_error *err)
{
	struct json_object *context = NULL;
	int ret;

	json_object_object_get_ex(call->req.json, "encryption_context", &context);
	ret = kmsd_context_init(&dk->context, context, err);
	if (!ret)
		ret = kmsd_call_key_id(call, KMSD_BY_NAME, &dk->cmk, err);
	if (ret)
		return ret;
	dk->dk = kmsd_secret_get(EVS_DK_SIZE);
	return dk->dk ? 0 : evs_error_set(err, errno, "locked memory: %m");
}

static void end(struct dk_call *dk)
{
	kmsd_secret_put(dk->dk);
	kmsd_context_free(&dk->context);
}

/* Wraps by the newest version of the CMK's material. */
static int wrap(struct kmsd_call *call, struct dk_call *dk, char cipher_text[BLOB_HEX + 1],
		struct evs_error *err)
{
	unsigned char blob[KMSD_BLOB_SIZE];
	struct evs_secret *key;
	int ret;

	ret = kmsd_cmk_unwrap(call->kmsd, &dk->cmk, dk->cmk.version, &key, err);
	if (ret)
		return ret;
	ret = kmsd_blob_wrap(key, &dk->cmk, &dk->context, dk->dk->data, blob, err);
	kmsd_secret_put(key);
	if (!ret)
		evs_hex_encode(cipher_text, blob, sizeof(blob));
	return ret;
}

/*
 * Answers a client that wants the data key sealed, so that it does not stay behind
 * in what was a buffer of the socket.
 */
static int reply_sealed(struct kmsd_call *call, const char *recipient, const struct dk_call *dk,
			const char *tail, struct evs_error *err)
{
	unsigned char public[EVS_SEAL_PUBLIC_SIZE], sealed[EVS_DK_SIZE + EVS_SEAL_OVERHEAD];
	char hex[2 * sizeof(sealed) + 1], *text;
	int ret = -EINVAL;

	if (evs_hex_decode(public, sizeof(public), recipient, strlen(recipient)) == sizeof(public))
		ret = evs_seal_close(public, dk->dk->data, EVS_DK_SIZE, sealed, err);
	if (ret == -EINVAL)
		return kmsd_fail(err, KMSD_E_JSON, "recipient: not a public key of X25519");
	if (ret)
		return ret;
	evs_hex_encode(hex, sealed, sizeof(sealed));
	if (asprintf(&text, "{\"sealed_key\":\"%s\"%s}", hex, tail) < 0)
		text = NULL;
	return kmsd_reply_text(call->reply, text, err);
}

/*
 * Answers with the data key in hex as the member @name and what @tail has besides.
 * Where it is in plain, all that is in locked memory.
 */
static int reply_dk(struct kmsd_call *call, const char *name, const struct dk_call *dk,
		    const char *tail, struct evs_error *err)
{
	size_t head_len, tail_len = strlen(tail);
	struct evs_secret *secret;
	char head[REPLY_FRAME], *body;
	const char *recipient;
	int ret;

	ret = kmsd_request_string(&call->req, "recipient", "", &recipient, err);
	if (ret)
		return ret;
	if (*recipient)
		return reply_sealed(call, recipient, dk, tail, err);
	head_len = (size_t)snprintf(head, sizeof(head), "{\"%s\":\"", name);
	secret = kmsd_secret_get(head_len + DK_HEX + tail_len + sizeof("\"}"));

	if (!secret)
		return evs_error_set(err, errno, "locked memory: %m");
	body = (char *)secret->data;
	memcpy(body, head, head_len);
	evs_hex_encode(body + head_len, dk->dk->data, EVS_DK_SIZE);
	strcpy(mempcpy(stpcpy(body + head_len + DK_HEX, "\""), tail, tail_len), "}");
	call->reply->secret = secret;
	call->reply->body = body;
	call->reply->size = strlen(body);
	return 0;
}

/* A new data key, wrapped. */
static int generate(struct kmsd_call *call, struct dk_call *dk, char cipher_text[BLOB_HEX + 1],
		    struct evs_error *err)
{
	int ret = check_length(call, "datakey_length", DK_BITS, KMSD_E_DK_LENGTH, err);

	if (!ret)
		ret = begin(call, dk, err);
	if (ret)
		return ret;
	if (RAND_priv_bytes(dk->dk->data, EVS_DK_SIZE) != 1)
		return evs_error_set(err, EIO, "no random bytes");
	return wrap(call, dk, cipher_text, err);
}

int kmsd_op_create_datakey(struct kmsd_call *call, struct evs_error *err)
{
	char tail[BLOB_HEX + REPLY_FRAME], cipher_text[BLOB_HEX + 1];
	struct dk_call dk = {};
	int ret;

	ret = generate(call, &dk, cipher_text, err);
	if (!ret) {
		snprintf(tail, sizeof(tail), ",\"key_id\":\"%s\",\"cipher_text\":\"%s\"", dk.cmk.id,
			 cipher_text);
		ret = reply_dk(call, "plain_text", &dk, tail, err);
	}
	end(&dk);
	return ret;
}

/* Checks plain_text, a data key and its SHA-256, and takes the key out of it. */
static int read_plain(const struct kmsd_request *req, struct evs_secret *dk,
		      struct evs_error *err)
{
	unsigned char digest[KMSD_DIGEST_SIZE];
	struct json_object *member;
	ssize_t size = -EINVAL;
	int ret;

	if (!json_object_object_get_ex(req->json, "plain_text", &member) || !member)
		return kmsd_fail(err, KMSD_E_MISSING, "plain_text is missing");
	/* A name spelled with escapes goes past the scan for the secret, too */
	if (req->secret)
		size = evs_hex_decode(req->secret->data, req->secret->size,
				      (const char *)req->secret->data, req->secret_len);
	if (size < 0)
		return kmsd_fail(err, KMSD_E_PLAIN, "plain_text: not hex");
	if (size != PLAIN_SIZE)
		return kmsd_fail(err, KMSD_E_PLAIN_MISMATCH,
				 "plain_text: not a data key of %d bytes and its SHA-256",
				 EVS_DK_SIZE);
	ret = kmsd_blob_digest(req->secret->data, EVS_DK_SIZE, digest, err);
	if (ret)
		return ret;
	if (CRYPTO_memcmp(digest, req->secret->data + EVS_DK_SIZE, sizeof(digest)))
		return kmsd_fail(err, KMSD_E_PLAIN_HASH, "plain_text: the SHA-256 does not fit");
	memcpy(dk->data, req->secret->data, EVS_DK_SIZE);
	return 0;
}

/* Takes the data key out of what the member @name has of it. */
static int unwrap(struct kmsd_call *call, const char *name, struct dk_call *dk,
		  unsigned char *digest, struct evs_error *err)
{
	unsigned char blob[KMSD_BLOB_SIZE];
	char wrapped_by[EVS_CMK_ID_SIZE];
	struct evs_secret *key;
	const char *cipher_text;
	uint32_t version;
	ssize_t size;
	int ret;

	ret = kmsd_request_string(&call->req, name, NULL, &cipher_text, err);
	if (ret)
		return ret;
	size = evs_hex_decode(blob, sizeof(blob), cipher_text, strlen(cipher_text));
	if (size == -EINVAL)
		return kmsd_fail(err, KMSD_E_CIPHER, "%s: not hex", name);
	ret = kmsd_blob_inspect(blob, size < 0 ? strlen(cipher_text) / 2 : (size_t)size,
				wrapped_by, &version, err);
	if (ret)
		return ret;
	if (strcmp(wrapped_by, dk->cmk.id))
		return kmsd_fail(err, KMSD_E_CIPHER, "%s: not wrapped by key %s", name,
				 dk->cmk.id);
	ret = kmsd_cmk_unwrap(call->kmsd, &dk->cmk, version, &key, err);
	if (ret == -ENOENT)
		return kmsd_fail(err, KMSD_E_CIPHER, "%s: key %s has no version %u", name,
				 dk->cmk.id, version);
	if (ret)
		return ret;
	ret = kmsd_blob_unwrap(key, &dk->context, blob, dk->dk->data, digest, err);
	kmsd_secret_put(key);
	return ret;
}

/*
 * A rewrap, without the data key leaving this process: it is unwrapped as
 * decrypt-datakey does it, by whoever may do that, and leaves the same record.
 */
static int take_source(struct kmsd_call *call, const char *key_id, struct dk_call *dk,
		       struct evs_error *err)
{
	static const struct kmsd_route as_decrypt = {
		.event = "decryptDatakey", .permission = KMSD_P_DEK_CRYPTO,
		.grant = KMSD_G_DECRYPT_DATAKEY,
	};
	struct dk_call from = { .context = dk->context, .dk = dk->dk };
	unsigned char digest[KMSD_DIGEST_SIZE];
	struct kmsd_call source = *call;
	int ret;

	kmsd_call_as(&source, &as_decrypt);
	ret = kmsd_call_cmk(&source, KMSD_BY_NAME, key_id, &from.cmk, err);
	if (!ret)
		ret = unwrap(&source, "source_cipher_text", &from, digest, err);
	if (!ret)
		ret = kmsd_call_note(&source, err);
	if (!ret)
		memcpy(call->reply->key_id, dk->cmk.id, sizeof(dk->cmk.id));
	return ret;
}

/*
 * A data key that was sealed for its way here: encrypted with another one, which was made
 * for this one request, and comes along wrapped.
 */
static int open_sealed(struct kmsd_call *call, const char *hex, struct dk_call *dk,
		       struct evs_error *err)
{
	static const unsigned char iv[EVS_GCM_IV_SIZE];	/* the key is used once */
	unsigned char sealed[EVS_DK_SIZE + EVS_GCM_TAG_SIZE], digest[KMSD_DIGEST_SIZE];
	struct dk_call transport = *dk;
	int ret;

	if (evs_hex_decode(sealed, sizeof(sealed), hex, strlen(hex)) != sizeof(sealed))
		return kmsd_fail(err, KMSD_E_PLAIN, "sealed_text: not %zu bytes in hex",
				 sizeof(sealed));
	transport.dk = kmsd_secret_get(EVS_DK_SIZE);
	if (!transport.dk)
		return evs_error_set(err, errno, "locked memory: %m");
	ret = unwrap(call, "transport_cipher_text", &transport, digest, err);
	if (!ret)
		ret = evs_gcm_decrypt(&(struct evs_gcm){ .key = transport.dk->data, .iv = iv },
				      sealed, dk->dk->data, EVS_DK_SIZE, err);
	kmsd_secret_put(transport.dk);
	if (ret == -EBADMSG)
		return kmsd_fail(err, KMSD_E_PLAIN_HASH, "sealed_text: it was altered");
	return ret;
}

/* The data key to wrap: given, sealed, or wrapped by a key that is given. */
static int read_datakey(struct kmsd_call *call, struct dk_call *dk, struct evs_error *err)
{
	const char *source, *sealed;
	int ret;

	ret = kmsd_request_string(&call->req, "source_key_id", "", &source, err);
	if (!ret)
		ret = kmsd_request_string(&call->req, "sealed_text", "", &sealed, err);
	if (ret)
		return ret;
	if (!!*source + !!*sealed + !!call->req.secret > 1)
		return kmsd_fail(err, KMSD_E_PLAIN,
				 "one of plain_text, sealed_text and source_key_id");
	if (*source)
		return take_source(call, source, dk, err);
	return *sealed ? open_sealed(call, sealed, dk, err) : read_plain(&call->req, dk->dk, err);
}

int kmsd_op_encrypt_datakey(struct kmsd_call *call, struct evs_error *err)
{
	char cipher_text[BLOB_HEX + 1];
	struct dk_call dk = {};
	int ret;

	ret = check_length(call, "datakey_plain_length", EVS_DK_SIZE, KMSD_E_PLAIN_LENGTH,
			   err);
	if (!ret)
		ret = begin(call, &dk, err);
	if (!ret)
		ret = read_datakey(call, &dk, err);
	if (!ret)
		ret = wrap(call, &dk, cipher_text, err);
	if (ret)
		goto out;
	ret = kmsd_reply_pairs(call->reply, NULL, (const char *const[]){
		"key_id", dk.cmk.id, "cipher_text", cipher_text, "datakey_length", "64", NULL },
		err);
out:
	end(&dk);
	return ret;
}

int kmsd_op_decrypt_datakey(struct kmsd_call *call, struct evs_error *err)
{
	char tail[DIGEST_HEX + REPLY_FRAME], digest_hex[DIGEST_HEX + 1];
	unsigned char digest[KMSD_DIGEST_SIZE];
	struct dk_call dk = {};
	int ret;

	ret = check_length(call, "datakey_cipher_length", EVS_DK_SIZE, KMSD_E_CIPHER_LENGTH,
			   err);
	if (!ret)
		ret = begin(call, &dk, err);
	if (!ret)
		ret = unwrap(call, "cipher_text", &dk, digest, err);
	if (ret)
		goto out;
	evs_hex_encode(digest_hex, digest, sizeof(digest));
	snprintf(tail, sizeof(tail), ",\"datakey_length\":\"64\",\"datakey_dgst\":\"%s\"",
		 digest_hex);
	ret = reply_dk(call, "data_key", &dk, tail, err);
out:
	end(&dk);
	return ret;
}
