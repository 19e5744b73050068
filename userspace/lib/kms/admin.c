// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kms/call.h"

/* ---- rotation ---- */

int evs_kms_rotate(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
		   struct evs_error *err)
{
	int ret = evs_kms_begin_on(kms, kms->ops->rotate, "rotate CMKs on demand", ref, cmk, err);

	if (ret)
		return ret;
	do
		ret = kms->ops->rotate(kms, cmk->id, err);
	while (ret && evs_kms_again(kms, false, err));
	return ret ? evs_kms_explain(kms, EVS_CALL_ROTATION, cmk->id, err) : 0;
}

int evs_kms_set_rotation(struct evs_kms *kms, const char *ref, bool on, struct evs_cmk *cmk,
			 struct evs_error *err)
{
	int ret = evs_kms_begin_on(kms, kms->ops->set_rotation,
				   "rotate CMKs regularly", ref, cmk, err);

	if (ret)
		return ret;
	do
		ret = kms->ops->set_rotation(kms, cmk->id, on, err);
	while (ret && evs_kms_again(kms, true, err));
	return ret ? evs_kms_explain(kms, EVS_CALL_ROTATION, cmk->id, err) : 0;
}

int evs_kms_set_rotation_interval(struct evs_kms *kms, const char *ref, unsigned int days,
				  struct evs_cmk *cmk, struct evs_error *err)
{
	int ret = evs_kms_begin_on(kms, kms->ops->set_rotation_interval,
				   "rotate CMKs regularly", ref, cmk, err);

	if (ret)
		return ret;
	do
		ret = kms->ops->set_rotation_interval(kms, cmk->id, days, err);
	while (ret && evs_kms_again(kms, true, err));
	return ret ? evs_kms_explain(kms, EVS_CALL_ROTATION, cmk->id, err) : 0;
}

int evs_kms_get_rotation(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			 struct evs_rotation *rotation, struct evs_error *err)
{
	int ret = evs_kms_begin_on(kms, kms->ops->get_rotation,
				   "rotate CMKs regularly", ref, cmk, err);

	if (ret)
		return ret;
	do
		ret = kms->ops->get_rotation(kms, cmk->id, rotation, err);
	while (ret && evs_kms_again(kms, true, err));
	return ret ? evs_kms_explain(kms, EVS_CALL_ROTATION, cmk->id, err) : 0;
}

/* ---- grants ---- */

int evs_kms_create_grant(struct evs_kms *kms, const char *ref, struct evs_grant *grant,
			 struct evs_error *err)
{
	struct evs_cmk cmk;
	int ret = evs_kms_begin_on(kms, kms->ops->create_grant,
				   "grant the use of CMKs", ref, &cmk, err);

	if (ret)
		return ret;
	do
		ret = kms->ops->create_grant(kms, cmk.id, grant, err);
	while (ret && evs_kms_again(kms, false, err));
	return ret ? evs_kms_explain(kms, EVS_CALL_GRANT_CREATE, cmk.id, err) : 0;
}

int evs_kms_list_grants(struct evs_kms *kms, const char *ref, struct evs_grant **grants,
			size_t *count, struct evs_error *err)
{
	struct evs_cmk cmk;
	int ret = evs_kms_begin_on(kms, kms->ops->list_grants,
				   "grant the use of CMKs", ref, &cmk, err);

	if (ret)
		return ret;
	do
		ret = kms->ops->list_grants(kms, cmk.id, grants, count, err);
	while (ret && evs_kms_again(kms, true, err));
	return ret ? evs_kms_explain(kms, EVS_CALL_GRANT_LIST, cmk.id, err) : 0;
}

int evs_kms_list_retirable_grants(struct evs_kms *kms, struct evs_grant **grants, size_t *count,
				  struct evs_error *err)
{
	int ret;

	evs_kms_begin(kms, err);
	if (!kms->ops->list_retirable_grants)
		return evs_kms_cannot(kms, "list the grants of all CMKs", err);
	do
		ret = kms->ops->list_retirable_grants(kms, grants, count, err);
	while (ret && evs_kms_again(kms, true, err));
	return ret ? evs_kms_explain(kms, EVS_CALL_GRANT_LIST, NULL, err) : 0;
}

int evs_kms_revoke_grant(struct evs_kms *kms, const char *ref, const char *grant, bool retire,
			 struct evs_error *err)
{
	struct evs_cmk cmk;
	int ret = evs_kms_begin_on(kms, kms->ops->revoke_grant,
				   "grant the use of CMKs", ref, &cmk, err);

	if (ret)
		return ret;
	do
		ret = kms->ops->revoke_grant(kms, cmk.id, grant, retire, err);
	while (ret && evs_kms_again(kms, true, err));
	return ret ? evs_kms_explain(kms, retire ? EVS_CALL_GRANT_RETIRE : EVS_CALL_GRANT_REVOKE,
				     cmk.id, err) : 0;
}

/* ---- quotas ---- */

int evs_kms_get_quotas(struct evs_kms *kms, struct evs_quota quotas[EVS_QUOTAS_MAX],
		       size_t *count, struct evs_error *err)
{
	int ret;

	evs_kms_begin(kms, err);
	if (!kms->ops->get_quotas)
		return evs_kms_cannot(kms, "tell quotas", err);
	do
		ret = kms->ops->get_quotas(kms, quotas, count, err);
	while (ret && evs_kms_again(kms, true, err));
	return ret ? evs_kms_explain(kms, EVS_CALL_QUOTA, NULL, err) : 0;
}

/* ---- agencies ---- */

int evs_kms_create_agency(struct evs_kms *kms, struct evs_agency *agency,
			  struct evs_error *err)
{
	int ret;

	evs_kms_begin(kms, err);
	if (!kms->ops->create_agency)
		return evs_kms_cannot(kms, "make agencies", err);
	do
		ret = kms->ops->create_agency(kms, agency, err);
	while (ret && evs_kms_again(kms, true, err));
	return ret ? evs_kms_explain(kms, EVS_CALL_AGENCY, NULL, err) : 0;
}

int evs_kms_find_agency(struct evs_kms *kms, struct evs_agency *agency, struct evs_error *err)
{
	int ret;

	evs_kms_begin(kms, err);
	if (!kms->ops->find_agency)
		return evs_kms_cannot(kms, "make agencies", err);
	do
		ret = kms->ops->find_agency(kms, agency, err);
	while (ret && evs_kms_again(kms, true, err));
	return ret ? evs_kms_explain(kms, EVS_CALL_AGENCY, NULL, err) : 0;
}

int evs_kms_delete_agency(struct evs_kms *kms, struct evs_agency *agency,
			  struct evs_error *err)
{
	int ret = evs_kms_find_agency(kms, agency, err);

	if (ret)
		return ret;
	do
		ret = kms->ops->delete_agency(kms, agency, err);
	while (ret && evs_kms_again(kms, true, err));
	return ret ? evs_kms_explain(kms, EVS_CALL_AGENCY, NULL, err) : 0;
}
