// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evs-kmsd: the calls of the cloud's API without tokens. Who asks is known by the
 * connection: a user on the Unix socket, or a client certificate by TLS.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kms/json.h"
#include "kms/otc/private.h"

static int evs_open(struct evs_kms *kms, struct evs_error *err)
{
	struct evs_otc *otc = calloc(1, sizeof(*otc));

	if (!otc)
		return evs_otc_no_memory(err);
	kms->priv = otc;
	return evs_kms_http_open(&otc->http, &kms->cfg, err);
}

/* The daemon says itself what is missing, and who has to do what. */
static void advise(const struct evs_kms *kms, const struct evs_refusal *refusal,
		   char text[EVS_ADVICE_MAX])
{
	if (refusal->class == EVS_CLASS_BAD_CREDENTIALS)
		snprintf(text, EVS_ADVICE_MAX, "and the [client NAME] sections of evs-kmsd.conf there");
	else if (refusal->class != EVS_CLASS_NO_PERMISSION)
		evs_otc_advise(kms, refusal, text);
}

/* ---- the agency: one for a project, and always by the same name ---- */

static int call_agency(struct evs_kms *kms, const char *op, struct evs_agency *agency,
		       struct evs_error *err)
{
	json_object *reply, *inner;
	char granted[8];
	int ret;

	ret = evs_otc_call(kms, op, json_object_new_object(), &reply, err);
	if (ret)
		return ret;
	inner = json_object_object_get(reply, "agency");
	if (evs_json_text(inner, "name", agency->name, sizeof(agency->name)) ||
	    evs_json_text(inner, "project", agency->id, sizeof(agency->id)) ||
	    evs_json_text(inner, "granted", granted, sizeof(granted)))
		ret = evs_otc_bad_answer(err, op, "no agency with name, project and granted");
	else
		agency->granted = !strcmp(granted, "true");
	json_object_put(reply);
	return ret;
}

static int create_agency(struct evs_kms *kms, struct evs_agency *agency, struct evs_error *err)
{
	if (strcmp(agency->account, EVS_AGENCY_ACCOUNT) ||
	    strcmp(agency->trusted, EVS_AGENCY_SERVICE) || strcmp(agency->role, EVS_AGENCY_ROLE))
		return evs_error_set(err, EINVAL,
				     "KMS %s has no accounts and roles: leave out --account, --service and --role",
				     kms->cfg.name);
	return call_agency(kms, "create-agency", agency, err);
}

static int find_agency(struct evs_kms *kms, struct evs_agency *agency, struct evs_error *err)
{
	int ret = call_agency(kms, "describe-agency", agency, err);

	if (ret || agency->granted)
		return ret;
	return evs_error_set(err, ENOENT,
			     "project %s has no agency %s; its administrator makes it with: evs-setup agency create",
			     agency->id, agency->name);
}

static int delete_agency(struct evs_kms *kms, const struct evs_agency *agency,
			 struct evs_error *err)
{
	(void)agency;
	return evs_otc_done(kms, "delete-agency", json_object_new_object(), err);
}

static const struct evs_config_key keys[] = {
	EVS_KMS_HTTP_KEYS,
	{ "project", evs_config_is_word, "be the id of a project", false },
	{},
};

const struct evs_kms_ops evs_evs_ops = {
	.name = "evs",
	.keys = keys,
	.open = evs_open,
	.advise = advise,
	EVS_OTC_CALLS,
	.create_agency = create_agency,
	.find_agency = find_agency,
	.delete_agency = delete_agency,
};
