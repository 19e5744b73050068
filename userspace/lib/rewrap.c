// SPDX-License-Identifier: GPL-2.0-or-later
/* What the KMS made is unwrapped and checked before anybody relies on it. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <string.h>

#include "rewrap.h"

static int unwrap_checked(struct evs_rewrap *rewrap, struct evs_error *err)
{
	const char *cmk = rewrap->rewraps->cmk;
	struct evs_token token = rewrap->old;
	int ret;

	if (cmk && strlen(cmk) >= sizeof(token.cmk))
		return evs_error_set(err, EINVAL, "CMK %.40s...: is too long", cmk);
	if (cmk)
		strcpy(token.cmk, cmk);
	ret = evs_kms_decrypt_datakey(rewrap->kms, &token, rewrap->dk, err);
	return ret ? ret : evs_rewraps_check(rewrap->rewraps, rewrap->vol, rewrap->dk, err);
}

/*
 * The digest in the header takes a tenth of a second by intention. That was spent on the
 * key which the new token was made of: this one has to be the same.
 */
static int check_new(struct evs_rewrap *rewrap, struct evs_kms *kms, struct evs_error *err)
{
	struct evs_secret *dk = evs_secret_alloc(EVS_DK_SIZE);
	int ret;

	if (!dk)
		return evs_error_set(err, errno, "cannot lock memory for the data key: %m");
	ret = evs_kms_decrypt_datakey(kms, &rewrap->new, dk, err);
	if (!ret && CRYPTO_memcmp(dk->data, rewrap->dk->data, EVS_DK_SIZE))
		ret = evs_volume_verify_dk(rewrap->vol, dk, err);
	evs_secret_free(dk);
	return ret;
}

/* The error is that of the first token. */
static int find_token(struct evs_rewrap *rewrap, struct evs_error *err)
{
	struct evs_error later = {}, *why = err;
	size_t i;
	int ret;

	for (i = 0; i < evs_volume_token_count(rewrap->vol); i++) {
		rewrap->old = *evs_volume_token_at(rewrap->vol, i);
		ret = evs_rewraps_kms(rewrap->rewraps, rewrap->old.kms, &rewrap->kms, why);
		if (!ret)
			ret = unwrap_checked(rewrap, why);
		if (!ret) {
			*err = (struct evs_error){};
			return 0;
		}
		why = &later;
	}
	return -err->errnum;
}

int evs_rewrap_begin(struct evs_rewrap *rewrap, struct evs_rewraps *rewraps,
		     struct evs_volume *vol, struct evs_error *err)
{
	int ret;

	memset(rewrap, 0, sizeof(*rewrap));
	rewrap->rewraps = rewraps;
	rewrap->vol = vol;
	rewrap->dk = evs_secret_alloc(EVS_DK_SIZE);
	if (!rewrap->dk)
		return evs_error_set(err, errno, "cannot lock memory for the data key: %m");
	ret = find_token(rewrap, err);
	if (ret)
		evs_rewrap_end(rewrap);
	return ret;
}

/* The DK is in locked memory here, between the two KMSs. */
static int move(struct evs_rewrap *rewrap, const char *kms, const char *cmk,
		struct evs_error *err)
{
	const char *ref = cmk ? cmk : EVS_CMK_DEFAULT;
	struct evs_cmk found;
	int ret;

	ret = evs_rewraps_kms(rewrap->rewraps, kms, &rewrap->other, err);
	if (!ret)
		ret = evs_kms_describe_key(rewrap->other, ref, &found, err);
	if (ret)
		return ret;
	strcpy(rewrap->new.kms, kms);
	strcpy(rewrap->new.cmk, found.id);
	return evs_kms_encrypt_datakey(rewrap->other, &rewrap->new, rewrap->dk, err);
}

static int stay(struct evs_rewrap *rewrap, const char *cmk, struct evs_error *err)
{
	struct evs_cmk found;
	int ret;

	if (cmk) {
		ret = evs_kms_describe_key(rewrap->kms, cmk, &found, err);
		if (ret)
			return ret;
		strcpy(rewrap->new.cmk, found.id);
	}
	return evs_kms_rewrap_datakey(rewrap->kms, &rewrap->old, &rewrap->new, err);
}

int evs_rewrap_under(struct evs_rewrap *rewrap, const char *kms, const char *cmk,
		     struct evs_error *err)
{
	bool moves = kms && strcmp(kms, rewrap->old.kms);
	int ret;

	rewrap->new = rewrap->old;
	rewrap->new.wrapped_dk[0] = '\0';
	ret = moves ? move(rewrap, kms, cmk, err) : stay(rewrap, cmk, err);
	return ret ? ret : check_new(rewrap, moves ? rewrap->other : rewrap->kms, err);
}

int evs_rewrap_for(struct evs_rewrap *rewrap, const char *uuid, struct evs_error *err)
{
	const char *cmk = rewrap->rewraps->cmk ? rewrap->rewraps->cmk : rewrap->old.cmk;
	const struct evs_token *old = &rewrap->old;
	int ret;

	ret = evs_token_init(&rewrap->new, old->kms, cmk, uuid, err);
	if (ret)
		return ret;
	rewrap->new.keyslots = old->keyslots;
	rewrap->new.adopted = old->adopted;
	ret = evs_kms_encrypt_datakey(rewrap->kms, &rewrap->new, rewrap->dk, err);
	return ret ? ret : check_new(rewrap, rewrap->kms, err);
}

void evs_rewrap_end(struct evs_rewrap *rewrap)
{
	evs_secret_free(rewrap->dk);
	memset(rewrap, 0, sizeof(*rewrap));
}
