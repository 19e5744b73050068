// SPDX-License-Identifier: GPL-2.0-or-later
/* CMKs whose material comes from outside. */
#include "kms/call.h"

#define CANNOT "import the material of CMKs"

int evs_kms_import_material(struct evs_kms *kms, const char *ref,
			    const struct evs_secret *material, int64_t expires,
			    struct evs_cmk *cmk, struct evs_error *err)
{
	int ret = evs_kms_begin_on(kms, kms->ops->import_material, CANNOT, ref, cmk, err);

	if (ret)
		return ret;
	do
		ret = kms->ops->import_material(kms, cmk->id, material, expires, err);
	while (ret && evs_kms_again(kms, false, err));
	return ret ? evs_kms_explain(kms, EVS_CALL_IMPORT, cmk->id, err) :
	       evs_kms_find(kms, cmk->id, cmk, err);
}

int evs_kms_delete_material(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			    struct evs_error *err)
{
	int ret = evs_kms_begin_on(kms, kms->ops->delete_material, CANNOT, ref, cmk, err);

	if (ret)
		return ret;
	do
		ret = kms->ops->delete_material(kms, cmk->id, err);
	while (ret && evs_kms_again(kms, false, err));
	return ret ? evs_kms_explain(kms, EVS_CALL_IMPORT, cmk->id, err) :
	       evs_kms_find(kms, cmk->id, cmk, err);
}
