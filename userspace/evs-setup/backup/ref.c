// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ref.h"

#define SEPARATOR "::"

static int split(struct ref *ref, const char *text, enum ref_form form,
		 char repo[EVS_POOL_NAME_MAX + 1], struct evs_error *err)
{
	static const char *const forms[] = { "REPO", "REPO::BACKUP", "REPO or REPO::BACKUP" };
	const char *end = strstr(text, SEPARATOR);
	size_t len = end ? (size_t)(end - text) : strlen(text);

	if (len > EVS_POOL_NAME_MAX || (form == REF_BACKUP && !end) || (form == REF_REPO && end))
		return evs_error_set(err, EINVAL, "%s: give %s", text, forms[form]);
	memcpy(repo, text, len);
	repo[len] = '\0';
	if (!end)
		return 0;
	end += strlen(SEPARATOR);
	if (!evs_backup_name_valid(end))
		return evs_error_set(err, EINVAL, "%s: %s is no name of a backup", text, end);
	strcpy(ref->name, end);
	return 0;
}

int ref_open(struct ref *ref, const char *text, enum ref_form form, struct evs_error *err)
{
	const struct evs_config_repo *config;
	char repo[EVS_POOL_NAME_MAX + 1];
	int ret;

	memset(ref, 0, sizeof(*ref));
	if (split(ref, text, form, repo, err) || evs_config_load(&ref->config, err))
		return -err->errnum;
	snprintf(ref->text, sizeof(ref->text), "%s%s%s", repo, *ref->name ? SEPARATOR : "",
		 ref->name);
	config = evs_config_repo(&ref->config, repo);
	ret = config ? evs_repo_open(&ref->repo, config, err) :
	      evs_error_set(err, ENOENT, "%s: there is no repository %s: add [repo %s] to %s",
			    text, repo, repo, evs_config_path());
	if (ret)
		evs_config_free(&ref->config);
	return ret;
}

void ref_close(struct ref *ref)
{
	evs_repo_close(&ref->repo);
	evs_config_free(&ref->config);
}
