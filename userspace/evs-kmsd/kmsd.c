// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "kmsd.h"

int kmsd_root_check(struct kmsd_store *store, struct kmsd_hsm *hsm, const struct kmsd_conf *conf,
		    struct evs_error *err)
{
	unsigned char wrapped[KMSD_WRAPPED_MAX], plain[KMSD_WRAPPED_MAX];
	size_t size;
	int ret;

	ret = kmsd_store_root_check(store, wrapped, &size, err);
	if (ret)
		return ret;
	ret = kmsd_hsm_unwrap(hsm, KMSD_ROOT_CHECK_AAD, wrapped, size, plain, err);
	if (ret == -EBADMSG)
		return evs_error_set(err, EKEYREJECTED,
				     "database %s: made with another root key than \"%s\" of token \"%s\"",
				     conf->database, conf->root_key, conf->token);
	return ret;
}

int kmsd_open(struct kmsd *kmsd, const struct kmsd_conf *conf, struct evs_error *err)
{
	int ret;

	*kmsd = (struct kmsd){ .conf = *conf };
	/* The database first: its lock keeps a second daemon off the token as well */
	ret = kmsd_store_open(&kmsd->store, conf->database, err);
	if (ret)
		return ret;
	ret = kmsd_hsm_open(&kmsd->hsm, conf, err);
	if (ret)
		goto err_store;
	ret = kmsd_root_check(kmsd->store, kmsd->hsm, conf, err);
	if (ret)
		goto err_hsm;
	ret = kmsd_audit_open(&kmsd->audit, conf->audit, kmsd->store, err);
	if (ret)
		goto err_hsm;
	/* What a killed daemon had deleted, it may not have erased */
	ret = kmsd_store_scrub(kmsd->store, err);
	if (ret)
		goto err_audit;
	kmsd_metrics_init(&kmsd->metrics);
	pthread_rwlock_init(&kmsd->clients_lock, NULL);
	return 0;

err_audit:
	kmsd_audit_close(kmsd->audit);
err_hsm:
	kmsd_hsm_close(kmsd->hsm);
err_store:
	kmsd_store_close(kmsd->store);
	return ret;
}

void kmsd_close(struct kmsd *kmsd)
{
	pthread_rwlock_destroy(&kmsd->clients_lock);
	kmsd_conf_free(&kmsd->conf);
	kmsd_metrics_exit(&kmsd->metrics);
	kmsd_audit_close(kmsd->audit);
	kmsd_hsm_close(kmsd->hsm);
	kmsd_store_close(kmsd->store);
}
