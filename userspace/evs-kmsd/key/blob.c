// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <string.h>

#include "key/blob.h"
#include "fail.h"

#define OFF_END 2
#define OFF_IV 4
#define OFF_VERSION 16
#define OFF_CIPHER 20
#define IV_SIZE (OFF_VERSION - OFF_IV)
#define CMK_SIZE (EVS_CMK_ID_SIZE - 1)
#define ZERO_SIZE 4
#define TAG_SIZE 16
#define PADDING_MAX 32

/* All but content and padding. */
#define FRAME (OFF_CIPHER + KMSD_DIGEST_SIZE + CMK_SIZE + ZERO_SIZE + TAG_SIZE)

const struct kmsd_blob_kind kmsd_blob_datakey = {
	"cipher_text: a wrapped data key", EVS_DK_SIZE, EVS_DK_SIZE, 16,
};
const struct kmsd_blob_kind kmsd_blob_data = {
	"cipher_text: encrypted data", 1, KMSD_DATA_MAX, 32,
};

_Static_assert(FRAME + EVS_DK_SIZE + 16 == 188, "blob layout");
_Static_assert(FRAME + KMSD_DATA_MAX + 32 == KMSD_BLOB_MAX, "blob layout");

/* Where the parts behind the content are. */
struct layout {
	size_t cipher_size;
	size_t cmk;
	size_t zero;
	size_t tag;
	size_t padding;
	size_t size;
};

static struct layout lay_out(const struct kmsd_blob_kind *kind, size_t size)
{
	struct layout l = { .cipher_size = size + KMSD_DIGEST_SIZE };

	l.cmk = OFF_CIPHER + l.cipher_size;
	l.zero = l.cmk + CMK_SIZE;
	l.tag = l.zero + ZERO_SIZE;
	l.padding = l.tag + TAG_SIZE;
	l.size = l.padding + kind->padding;
	return l;
}

size_t kmsd_blob_size(const struct kmsd_blob_kind *kind, size_t size)
{
	return FRAME + size + kind->padding;
}

static void put_header(unsigned char header[OFF_IV], const struct layout *l)
{
	header[0] = 0x02;
	header[1] = 0x00;
	header[OFF_END] = l->zero & 0xff;
	header[OFF_END + 1] = l->zero >> 8 & 0xff;
}

int kmsd_blob_digest(const void *data, size_t size, unsigned char *digest, struct evs_error *err)
{
	if (!EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL))
		return evs_error_set(err, ENOMEM, "SHA-256 failed");
	return 0;
}

static bool add_aad(EVP_CIPHER_CTX *ctx, const void *data, size_t size)
{
	int len;

	return !size || EVP_CipherUpdate(ctx, NULL, &len, data, (int)size);
}

/*
 * Starts AES-256-GCM and feeds it the additional data. The parts of the blob
 * have sizes that its header gives and stand before the context, so the whole
 * is unambiguous.
 */
static EVP_CIPHER_CTX *begin(const struct layout *l, const struct evs_secret *key,
			     const struct kmsd_context *context, const unsigned char *blob,
			     bool encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->data, blob + OFF_IV,
				     encrypt) &&
	    add_aad(ctx, blob, OFF_IV) &&
	    add_aad(ctx, blob + OFF_VERSION, OFF_CIPHER - OFF_VERSION) &&
	    add_aad(ctx, blob + l->cmk, l->tag - l->cmk) &&
	    add_aad(ctx, blob + l->padding, l->size - l->padding) &&
	    add_aad(ctx, context->data, context->size))
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

int kmsd_blob_wrap(const struct kmsd_blob_kind *kind, const struct evs_secret *key,
		   const struct kmsd_cmk *cmk, const struct kmsd_context *context,
		   const unsigned char *data, size_t size, unsigned char *blob,
		   struct evs_error *err)
{
	const struct layout l = lay_out(kind, size);
	uint32_t version = htobe32(cmk->version);
	unsigned char digest[KMSD_DIGEST_SIZE];
	unsigned char *out = blob + OFF_CIPHER;
	EVP_CIPHER_CTX *ctx;
	int ret, len;
	bool done;

	ret = kmsd_blob_digest(data, size, digest, err);
	if (ret)
		return ret;
	memset(blob, 0, l.size);
	put_header(blob, &l);
	memcpy(blob + OFF_VERSION, &version, sizeof(version));
	memcpy(blob + l.cmk, cmk->id, CMK_SIZE);
	if (RAND_bytes(blob + OFF_IV, IV_SIZE) != 1)
		return evs_error_set(err, EIO, "no random bytes");

	ctx = begin(&l, key, context, blob, true);
	done = ctx && EVP_EncryptUpdate(ctx, out, &len, data, (int)size) &&
	       EVP_EncryptUpdate(ctx, out + size, &len, digest, sizeof(digest)) &&
	       EVP_EncryptFinal_ex(ctx, out + l.cipher_size, &len) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, blob + l.tag);
	EVP_CIPHER_CTX_free(ctx);
	return done ? 0 : evs_error_set(err, ENOMEM, "AES-256-GCM failed");
}

int kmsd_blob_inspect(const struct kmsd_blob_kind *kind, const unsigned char *blob, size_t size,
		      char cmk[EVS_CMK_ID_SIZE], uint32_t *version, struct evs_error *err)
{
	static const unsigned char zeros[PADDING_MAX];
	unsigned char header[OFF_IV];
	struct layout l;

	if (size < kmsd_blob_size(kind, kind->min) || size > kmsd_blob_size(kind, kind->max))
		return kmsd_fail(err, KMSD_E_CIPHER_MISMATCH, "%s has %zu to %zu bytes, this has %zu",
				 kind->name, kmsd_blob_size(kind, kind->min),
				 kmsd_blob_size(kind, kind->max), size);
	l = lay_out(kind, size - FRAME - kind->padding);
	put_header(header, &l);
	if (memcmp(blob, header, sizeof(header)) || memcmp(blob + l.zero, zeros, ZERO_SIZE) ||
	    memcmp(blob + l.padding, zeros, kind->padding))
		return kmsd_fail(err, KMSD_E_CIPHER, "%s does not look like this", kind->name);
	memcpy(cmk, blob + l.cmk, CMK_SIZE);
	cmk[CMK_SIZE] = '\0';
	memcpy(version, blob + OFF_VERSION, sizeof(*version));
	*version = be32toh(*version);
	return 0;
}

int kmsd_blob_unwrap(const struct kmsd_blob_kind *kind, const struct evs_secret *key,
		     const struct kmsd_context *context, const unsigned char *blob, size_t size,
		     unsigned char *data, unsigned char *digest, struct evs_error *err)
{
	const size_t content = size - FRAME - kind->padding;
	const struct layout l = lay_out(kind, content);
	const unsigned char *in = blob + OFF_CIPHER;
	unsigned char wrapped_digest[KMSD_DIGEST_SIZE], none;
	EVP_CIPHER_CTX *ctx;
	int ret = 0, len;

	ctx = begin(&l, key, context, blob, false);
	if (!ctx || !EVP_DecryptUpdate(ctx, data, &len, in, (int)content) ||
	    !EVP_DecryptUpdate(ctx, wrapped_digest, &len, in + content, KMSD_DIGEST_SIZE) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE,
				 (unsigned char *)blob + l.tag))
		ret = evs_error_set(err, ENOMEM, "AES-256-GCM failed");
	else if (!EVP_DecryptFinal_ex(ctx, &none, &len))
		ret = kmsd_fail(err, KMSD_E_CIPHER,
				"cipher_text: altered, or encryption_context is not the one it was wrapped with");
	EVP_CIPHER_CTX_free(ctx);
	if (!ret)
		ret = kmsd_blob_digest(data, content, digest, err);
	if (!ret && CRYPTO_memcmp(digest, wrapped_digest, KMSD_DIGEST_SIZE))
		ret = kmsd_fail(err, KMSD_E_CIPHER_HASH,
				"cipher_text: the hash of its content does not fit");
	if (ret)
		explicit_bzero(data, content);
	return ret;
}
