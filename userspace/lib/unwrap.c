// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"
#include "kms/kms.h"
#include "unwrap.h"

int evs_unwrap(const struct evs_token *token, struct evs_secret *dk,
	       void (*begin)(unsigned int seconds), struct evs_error *err)
{
	const struct evs_config_kms *endpoint;
	struct evs_config cfg;
	struct evs_kms *kms;
	int ret;

	ret = evs_config_load(&cfg, err);
	if (ret)
		return ret;
	endpoint = evs_config_kms(&cfg, token->kms, err);
	if (!endpoint) {
		ret = -err->errnum;
		goto out_free;
	}
	if (begin)
		begin(endpoint->timeout);
	ret = evs_kms_open(&kms, endpoint, err);
	if (ret)
		goto out_free;
	ret = evs_kms_decrypt_datakey(kms, token, dk, err);
	evs_kms_close(kms);
out_free:
	evs_config_free(&cfg);
	return ret;
}
