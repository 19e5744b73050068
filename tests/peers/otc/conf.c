// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The file:
 *
 *	[project ID]
 *	account = ACCOUNT
 *
 *	[user NAME]
 *	account = ACCOUNT
 *	password = TEXT
 *	access-key = ID
 *	secret-key = TEXT
 *	role = ROLE			in the account as a whole
 *	role PROJECT = ROLE
 *
 *	[instance]
 *	account = ACCOUNT
 *	agency = NAME
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cloud.h"
#include "ini.h"

#define PROJECT "project "
#define USER "user "
#define ROLE "role"

const struct otc_role otc_roles[OTC_ROLES] = {
	[OTC_KMS_ADMINISTRATOR] = { "kms_adm", "KMS Administrator" },
	[OTC_SECURITY_ADMINISTRATOR] = { "secu_admin", "Security Administrator" },
	[OTC_AGENT_OPERATOR] = { "te_agency", "Agent Operator" },
};

static bool starts(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

static int on_section(void *arg, const char *section, struct evs_error *err)
{
	struct otc_conf *conf = arg;

	if (starts(section, PROJECT) && conf->project_count < OTC_ITEMS_MAX) {
		snprintf(conf->projects[conf->project_count++].id, EVS_KMS_PROJECT_MAX + 1, "%s",
			 section + strlen(PROJECT));
		return 0;
	}
	if (starts(section, USER) && conf->user_count < OTC_ITEMS_MAX) {
		snprintf(conf->users[conf->user_count++].name, OTC_NAME_MAX + 1, "%s",
			 section + strlen(USER));
		return 0;
	}
	return strcmp(section, "instance") ? evs_error_set(err, EINVAL, "[%s]", section) : 0;
}

static int add_role(struct otc_user *user, const char *project, const char *name)
{
	struct otc_grant *grant = &user->grants[user->count];
	int role;

	for (role = 0; role < OTC_ROLES; role++)
		if (!strcmp(otc_roles[role].name, name))
			break;
	if (role == OTC_ROLES || user->count == OTC_ITEMS_MAX)
		return -EINVAL;
	grant->role = (enum otc_role_id)role;
	snprintf(grant->project, sizeof(grant->project), "%s", project);
	user->count++;
	return 0;
}

static int set(char *to, size_t size, const char *value)
{
	return snprintf(to, size, "%s", value) < (int)size ? 0 : -EINVAL;
}

static int set_user(struct otc_user *user, const char *key, const char *value)
{
	if (!strcmp(key, "account"))
		return set(user->account, sizeof(user->account), value);
	if (!strcmp(key, "password"))
		return set(user->password, sizeof(user->password), value);
	if (!strcmp(key, "access-key"))
		return set(user->access, sizeof(user->access), value);
	if (!strcmp(key, "secret-key"))
		return set(user->secret, sizeof(user->secret), value);
	if (!strcmp(key, ROLE))
		return add_role(user, "", value);
	if (starts(key, ROLE " "))
		return add_role(user, key + strlen(ROLE " "), value);
	return -EINVAL;
}

static int on_key(void *arg, unsigned int line, const char *section, const char *key,
		  const char *value, struct evs_error *err)
{
	struct otc_conf *conf = arg;
	int ret = -EINVAL;

	(void)line;
	if (starts(section, USER))
		ret = set_user(&conf->users[conf->user_count - 1], key, value);
	else if (!strcmp(key, "account"))
		ret = starts(section, PROJECT) ?
			set(conf->projects[conf->project_count - 1].account,
			    sizeof(conf->projects[0].account), value) :
			set(conf->account, sizeof(conf->account), value);
	else if (!strcmp(key, "agency"))
		ret = set(conf->instance, sizeof(conf->instance), value);
	return ret ? evs_error_set(err, EINVAL, "[%s] %s", section, key) : 0;
}

int otc_conf_load(struct otc_conf *conf, const char *path, struct evs_error *err)
{
	static const struct evs_ini_reader reader = { on_section, on_key };

	*conf = (struct otc_conf){};
	return evs_ini_read(path, &reader, conf, err);
}
