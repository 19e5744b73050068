// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "fail.h"
#include "key/material.h"
#include "pool.h"

#define DIGEST_SIZE 32
#define WRAPPED_SIZE (KMSD_CMK_SIZE + KMSD_HSM_OVERHEAD)

/* What the root key binds a version of a CMK's material to. */
#define AAD_SIZE (EVS_CMK_ID_SIZE + 16)

static void material_aad(char aad[AAD_SIZE], const char *id, uint32_t version)
{
	snprintf(aad, AAD_SIZE, "%s/%u", id, version);
}

static int put(struct kmsd *kmsd, struct kmsd_cmk *cmk, uint32_t version,
	       const struct evs_secret *key, struct evs_error *err)
{
	unsigned char wrapped[WRAPPED_SIZE];
	char aad[AAD_SIZE];
	int ret;

	material_aad(aad, cmk->id, version);
	ret = kmsd_hsm_wrap(kmsd->hsm, aad, key->data, KMSD_CMK_SIZE, wrapped, err);
	if (!ret)
		ret = kmsd_store_add_material(kmsd->store, cmk->id, version, wrapped,
					      sizeof(wrapped), err);
	if (!ret) {
		cmk->version = version;
		cmk->wrapped_size = 0;
	}
	return ret;
}

int kmsd_material_generate(struct kmsd *kmsd, struct kmsd_cmk *cmk, uint32_t version,
			   struct evs_error *err)
{
	struct evs_secret *key = kmsd_secret_get(KMSD_CMK_SIZE);
	int ret;

	if (!key)
		return evs_error_set(err, errno, "locked memory: %m");
	ret = kmsd_hsm_random(kmsd->hsm, key->data, KMSD_CMK_SIZE, err);
	if (!ret)
		ret = put(kmsd, cmk, version, key, err);
	kmsd_secret_put(key);
	return ret;
}

int kmsd_material_get(struct kmsd *kmsd, const struct kmsd_cmk *cmk, uint32_t version,
		      struct evs_secret **key, struct evs_error *err)
{
	unsigned char other[KMSD_WRAPPED_MAX];
	const unsigned char *wrapped = cmk->wrapped;
	size_t size = cmk->wrapped_size;
	char aad[AAD_SIZE];
	int ret;

	if (version != cmk->version || !size) {
		wrapped = other;
		ret = kmsd_store_material(kmsd->store, cmk->id, version, other, &size, err);
		if (ret)
			return ret;
	}
	if (size != WRAPPED_SIZE)
		return evs_error_set(err, EBADMSG, "database: key %s has material of %zu bytes",
				     cmk->id, size);
	*key = kmsd_secret_get(KMSD_CMK_SIZE);
	if (!*key)
		return evs_error_set(err, errno, "locked memory: %m");
	material_aad(aad, cmk->id, version);
	ret = kmsd_hsm_unwrap(kmsd->hsm, aad, wrapped, size, (*key)->data, err);
	if (ret) {
		kmsd_secret_put(*key);
		evs_error_prefix(err, "key %s", cmk->id);
	}
	return ret;
}

struct fingerprint {
	unsigned char wrapped[DIGEST_SIZE + KMSD_HSM_OVERHEAD];
	size_t size;
};

static int take_fingerprint(void *arg, sqlite3_stmt *row)
{
	struct fingerprint *f = arg;

	if (sqlite3_column_type(row, 0) == SQLITE_NULL)
		return 0;
	return kmsd_db_blob(row, 0, f->wrapped, sizeof(f->wrapped), &f->size);
}

/*
 * What a CMK's material was stays known by its digest, which the root key
 * wraps: bytes from outside may be poor enough to be found from a digest.
 */
static int check_fingerprint(struct kmsd *kmsd, const struct kmsd_cmk *cmk,
			     const unsigned char *digest, struct evs_error *err)
{
	struct kmsd_db *db = kmsd_store_writing(kmsd->store);
	unsigned char before[DIGEST_SIZE];
	char aad[EVS_CMK_ID_SIZE + 16];
	struct fingerprint f = {};
	int ret;

	snprintf(aad, sizeof(aad), "%s/fingerprint", cmk->id);
	ret = kmsd_db_each(db, err, take_fingerprint, &f,
			   "SELECT fingerprint FROM cmk WHERE id = ?", "s", cmk->id);
	if (ret < 0)
		return ret;
	if (f.size) {
		ret = kmsd_hsm_unwrap(kmsd->hsm, aad, f.wrapped, f.size, before, err);
		if (!ret && CRYPTO_memcmp(before, digest, DIGEST_SIZE))
			ret = kmsd_fail(err, KMSD_E_REIMPORT,
					"encrypted_key_material: not the material that key %s had",
					cmk->id);
		return ret;
	}
	ret = kmsd_hsm_wrap(kmsd->hsm, aad, digest, DIGEST_SIZE, f.wrapped, err);
	if (!ret)
		ret = kmsd_db_run(db, err, "UPDATE cmk SET fingerprint = ? WHERE id = ?", "bs",
				  f.wrapped, sizeof(f.wrapped), cmk->id);
	return ret < 0 ? ret : 0;
}

int kmsd_material_put(struct kmsd *kmsd, struct kmsd_cmk *cmk, const struct evs_secret *key,
		      struct evs_error *err)
{
	unsigned char digest[DIGEST_SIZE];
	int ret;

	if (!EVP_Digest(key->data, KMSD_CMK_SIZE, digest, NULL, EVP_sha256(), NULL))
		return evs_error_set(err, ENOMEM, "SHA-256 failed");
	ret = check_fingerprint(kmsd, cmk, digest, err);
	explicit_bzero(digest, sizeof(digest));
	return ret ? ret : put(kmsd, cmk, 1, key, err);
}

int kmsd_material_destroy(struct kmsd *kmsd, const char *id, struct evs_error *err)
{
	struct kmsd_db *db = kmsd_store_writing(kmsd->store);
	int ret;

	ret = kmsd_db_run(db, err,
			  "UPDATE cmk_version SET wrapped = zeroblob(length(wrapped))"
			  " WHERE cmk = ?", "s", id);
	if (ret >= 0)
		ret = kmsd_db_run(db, err, "DELETE FROM cmk_version WHERE cmk = ?", "s", id);
	if (ret >= 0)
		ret = kmsd_store_mark_scrub(kmsd->store, err);
	return ret < 0 ? ret : 0;
}
