// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "kms/call.h"
#include "rewraps.h"

int evs_rewraps_kms(struct evs_rewraps *rewraps, const char *name, struct evs_kms **kms,
		    struct evs_error *err)
{
	const struct evs_config_kms *endpoint;
	struct evs_kms **list;
	size_t i;
	int ret;

	for (i = 0; i < rewraps->count; i++) {
		*kms = rewraps->list[i];
		if (!strcmp((*kms)->cfg.name, name))
			return 0;
	}
	*kms = NULL;
	endpoint = evs_config_kms(rewraps->config, name, err);
	if (!endpoint)
		return -err->errnum;
	list = reallocarray(rewraps->list, rewraps->count + 1, sizeof(*list));
	if (!list)
		return evs_error_set(err, ENOMEM, "out of memory");
	rewraps->list = list;
	ret = evs_kms_open(kms, endpoint, err);
	if (!ret)
		list[rewraps->count++] = *kms;
	return ret;
}

int evs_rewraps_check(struct evs_rewraps *rewraps, struct evs_volume *vol,
		      const struct evs_secret *dk, struct evs_error *err)
{
	char hash[EVS_KEY_HASH_SIZE];
	int ret;

	evs_volume_key_hash(vol, hash);
	if (*hash && !strcmp(hash, rewraps->hash) &&
	    !CRYPTO_memcmp(dk->data, rewraps->dk->data, EVS_DK_SIZE))
		return 0;
	rewraps->hash[0] = '\0';
	ret = evs_volume_verify_dk(vol, dk, err);
	if (!ret && !rewraps->dk)
		rewraps->dk = evs_secret_alloc(EVS_DK_SIZE);
	if (ret || !rewraps->dk)
		return ret;
	memcpy(rewraps->dk->data, dk->data, EVS_DK_SIZE);
	strcpy(rewraps->hash, hash);
	return 0;
}

void evs_rewraps_close(struct evs_rewraps *rewraps)
{
	while (rewraps->count)
		evs_kms_close(rewraps->list[--rewraps->count]);
	free(rewraps->list);
	evs_secret_free(rewraps->dk);
	*rewraps = (struct evs_rewraps){ .config = rewraps->config };
}
