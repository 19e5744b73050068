// SPDX-License-Identifier: GPL-2.0-or-later
/* Who makes a request, and whether that still holds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cloud.h"
#include "fail.h"
#include "sign.h"

const struct otc_user *otc_user(const struct otc_cloud *cloud, const char *name)
{
	const struct otc_conf *conf = &cloud->conf;

	for (size_t i = 0; i < conf->user_count; i++)
		if (!strcmp(conf->users[i].name, name))
			return &conf->users[i];
	return NULL;
}

const struct otc_project *otc_project(const struct otc_cloud *cloud, const char *id)
{
	const struct otc_conf *conf = &cloud->conf;

	for (size_t i = 0; i < conf->project_count; i++)
		if (!strcmp(conf->projects[i].id, id))
			return &conf->projects[i];
	return NULL;
}

struct otc_agency *otc_agency(struct otc_cloud *cloud, const char *id)
{
	for (size_t i = 0; i < cloud->agency_count; i++)
		if (!strcmp(cloud->agencies[i].id, id))
			return &cloud->agencies[i];
	return NULL;
}

struct otc_agency *otc_agency_named(struct otc_cloud *cloud, const char *account, const char *name)
{
	for (size_t i = 0; i < cloud->agency_count; i++)
		if (!strcmp(cloud->agencies[i].account, account) &&
		    !strcmp(cloud->agencies[i].name, name))
			return &cloud->agencies[i];
	return NULL;
}

static bool has(const struct otc_grant *grants, size_t count, const char *project,
		enum otc_role_id role)
{
	for (size_t i = 0; i < count; i++)
		if (grants[i].role == role && !strcmp(grants[i].project, project))
			return true;
	return false;
}

bool otc_user_has(const struct otc_user *user, const char *project, enum otc_role_id role)
{
	return has(user->grants, user->count, project, role);
}

bool otc_agency_has(const struct otc_agency *agency, const char *project, enum otc_role_id role)
{
	return has(agency->grants, agency->count, project, role);
}

int otc_issue(struct otc_cloud *cloud, struct otc_token *token, struct evs_error *err)
{
	int64_t now = kmsd_clock_now(&cloud->kmsd->clock);
	struct otc_token *grown;
	size_t i, kept = 0;

	for (i = 0; i < cloud->token_count; i++)
		if (cloud->tokens[i].expires > now)
			cloud->tokens[kept++] = cloud->tokens[i];
	cloud->token_count = kept;
	grown = reallocarray(cloud->tokens, kept + 1, sizeof(*grown));
	if (!grown)
		return evs_error_set(err, ENOMEM, "out of memory");
	cloud->tokens = grown;
	grown[cloud->token_count++] = *token;
	return 0;
}

static const struct otc_token *find_token(const struct otc_cloud *cloud, const char *text,
					  const char *access)
{
	for (size_t i = 0; i < cloud->token_count; i++)
		if (!strcmp(cloud->tokens[i].text, text) &&
		    !strcmp(cloud->tokens[i].access, access))
			return &cloud->tokens[i];
	return NULL;
}

/* All of those by whom a token was given have to be there yet. */
static bool holds(struct otc_cloud *cloud, const struct otc_token *token, struct otc_who *who)
{
	*who = (struct otc_who){ .token = token };
	if (token->user[0]) {
		who->user = otc_user(cloud, token->user);
		if (!who->user)
			return false;
	}
	if (!token->agency[0])
		return true;
	who->agency = otc_agency(cloud, token->agency);
	if (!who->agency)
		return false;
	return who->user ? !strcmp(who->agency->trusted, who->user->account) &&
				   otc_user_has(who->user, "", OTC_AGENT_OPERATOR)
			 : !strcmp(who->agency->trusted, OTC_INSTANCES);
}

static int by_token(struct otc_cloud *cloud, const char *text, const char *access,
		    struct otc_who *who, struct evs_error *err)
{
	const struct otc_token *token = find_token(cloud, text, access);
	const char *what = access[0] ? "X-Security-Token" : "X-Auth-Token";

	if (!token || !holds(cloud, token, who))
		return kmsd_fail(err, "KMS.0302", "%s: no such token", what);
	if (token->expires <= kmsd_clock_now(&cloud->kmsd->clock))
		return kmsd_fail(err, "KMS.0303", "%s: the token has expired", what);
	return 0;
}

static int by_signature(struct otc_cloud *cloud, const struct otc_request *req,
			struct otc_who *who, struct evs_error *err)
{
	const char *token = req->header(req->arg, "X-Security-Token"), *secret = NULL;
	int64_t now = kmsd_clock_now(&cloud->kmsd->clock);
	struct otc_signature sig;
	int ret;

	ret = otc_sign_parse(req->header(req->arg, "Authorization"), &sig, err);
	if (ret)
		return ret;
	if (token) {
		ret = by_token(cloud, token, sig.access, who, err);
		if (ret)
			return ret;
		secret = who->token->secret;
	}
	for (size_t i = 0; !secret && i < cloud->conf.user_count; i++) {
		const struct otc_user *user = &cloud->conf.users[i];

		if (!user->access[0] || strcmp(user->access, sig.access))
			continue;
		*who = (struct otc_who){ .user = user };
		secret = user->secret;
	}
	if (!secret)
		return kmsd_fail(err, OTC_E_SIGNATURE, "Authorization: no such access key");
	return otc_sign_check(req, &sig, secret, now, err);
}

int otc_identify(struct otc_cloud *cloud, const struct otc_request *req, struct otc_who *who,
		 struct evs_error *err)
{
	const char *token = req->header(req->arg, "X-Auth-Token");
	const char *authorization = req->header(req->arg, "Authorization");

	if (token)
		return by_token(cloud, token, "", who, err);
	if (authorization && !strncmp(authorization, OTC_SIGN_SCHEME, strlen(OTC_SIGN_SCHEME)))
		return by_signature(cloud, req, who, err);
	return kmsd_fail(err, "KMS.0301", "neither X-Auth-Token nor a signature");
}
