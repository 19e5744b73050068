// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#include "kms/call.h"

/* The token comes from a disk, where anybody may have written it. */
static int check_token(const struct evs_kms *kms, const struct evs_token *token,
		       struct evs_error *err)
{
	if (kms->ops->is_id && !kms->ops->is_id(token->cmk))
		return evs_error_set(err, EBADMSG,
				     "bad evs-kms token: \"%.64s\" is no CMK id of KMS %s",
				     token->cmk, kms->cfg.name);
	return 0;
}

static int datakey_begin(struct evs_kms *kms, const struct evs_token *token,
			 const struct evs_secret *dk, struct evs_error *err)
{
	evs_kms_begin(kms, err);
	if (dk->size != EVS_DK_SIZE)
		return evs_error_set(err, EINVAL, "a data key has %d bytes", EVS_DK_SIZE);
	return check_token(kms, token, err);
}

/* XTS with equal halves is no XTS, and the kernel would refuse the key. */
static bool halves_equal(const struct evs_secret *dk)
{
	return !CRYPTO_memcmp(dk->data, dk->data + EVS_DK_SIZE / 2, EVS_DK_SIZE / 2);
}

/* For a KMS that makes no data keys */
static int make_datakey(struct evs_kms *kms, struct evs_token *token, struct evs_secret *dk,
			struct evs_error *err)
{
	do {
		if (RAND_priv_bytes(dk->data, EVS_DK_SIZE) != 1)
			return evs_error_set(err, EIO, "libcrypto has no random numbers");
	} while (halves_equal(dk));
	return kms->ops->encrypt_datakey(kms, token, dk, err);
}

int evs_kms_create_datakey(struct evs_kms *kms, struct evs_token *token, struct evs_secret *dk,
			   struct evs_error *err)
{
	int ret;

	ret = datakey_begin(kms, token, dk, err);
	if (ret)
		return ret;
	do
		ret = kms->ops->create_datakey ? kms->ops->create_datakey(kms, token, dk, err) :
		      make_datakey(kms, token, dk, err);
	while (ret && evs_kms_again(kms, true, err));
	if (!ret && halves_equal(dk))
		ret = evs_error_set_class(err, EVS_CLASS_PROTOCOL,
					  "made a data key with equal halves");
	if (!ret)
		return 0;
	evs_secret_wipe(dk);
	return evs_kms_explain(kms, EVS_CALL_WRAP, token->cmk, err);
}

int evs_kms_decrypt_datakey(struct evs_kms *kms, const struct evs_token *token,
			    struct evs_secret *dk, struct evs_error *err)
{
	int ret;

	ret = datakey_begin(kms, token, dk, err);
	if (ret)
		return ret;
	do
		ret = kms->ops->decrypt_datakey(kms, token, dk, err);
	while (ret && evs_kms_again(kms, true, err));
	if (!ret)
		return 0;
	evs_secret_wipe(dk);
	return evs_kms_explain(kms, EVS_CALL_UNWRAP, token->cmk, err);
}

int evs_kms_encrypt_datakey(struct evs_kms *kms, struct evs_token *token,
			    const struct evs_secret *dk, struct evs_error *err)
{
	int ret;

	ret = datakey_begin(kms, token, dk, err);
	if (ret)
		return ret;
	do
		ret = kms->ops->encrypt_datakey(kms, token, dk, err);
	while (ret && evs_kms_again(kms, true, err));
	return ret ? evs_kms_explain(kms, EVS_CALL_WRAP, token->cmk, err) : 0;
}

/* For a KMS that cannot do it by itself: the DK passes through locked memory here. */
static int unwrap_and_wrap(struct evs_kms *kms, const struct evs_token *old,
			   struct evs_token *token, struct evs_error *err)
{
	struct evs_secret *dk = evs_secret_alloc(EVS_DK_SIZE);
	int ret;

	if (!dk)
		return evs_error_set(err, errno, "cannot lock memory (ulimit -l): %m");
	ret = evs_kms_decrypt_datakey(kms, old, dk, err);
	if (!ret)
		ret = evs_kms_encrypt_datakey(kms, token, dk, err);
	evs_secret_free(dk);
	return ret;
}

int evs_kms_rewrap_datakey(struct evs_kms *kms, const struct evs_token *old,
			   struct evs_token *token, struct evs_error *err)
{
	int ret;

	if (!kms->ops->rewrap)
		return unwrap_and_wrap(kms, old, token, err);
	evs_kms_begin(kms, err);
	ret = check_token(kms, old, err);
	if (!ret)
		ret = check_token(kms, token, err);
	if (ret)
		return ret;
	do
		ret = kms->ops->rewrap(kms, old, token, err);
	while (ret && evs_kms_again(kms, true, err));
	if (ret == -ENOSYS)
		return unwrap_and_wrap(kms, old, token, err);
	return ret ? evs_kms_explain(kms, EVS_CALL_WRAP, token->cmk, err) : 0;
}
