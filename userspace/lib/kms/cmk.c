// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kms/call.h"
#include "text.h"

#define ALIAS_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/_-"

int evs_kms_expand(const struct evs_kms *kms, const char *ref, char full[EVS_CMK_FULL_MAX],
		   struct evs_error *err)
{
	const char *alias = ref;
	size_t len;

	if (!kms->ops->is_id || kms->ops->is_id(ref)) {
		if (!evs_cmk_ref_valid(ref))
			return evs_error_set_class(err, EVS_CLASS_BAD_REQUEST,
				"CMK %.64s: no id of a CMK", ref);
		strcpy(full, ref);
		return 0;
	}
	if (!strncmp(ref, EVS_CMK_ALIAS_PREFIX, strlen(EVS_CMK_ALIAS_PREFIX)))
		alias += strlen(EVS_CMK_ALIAS_PREFIX);
	len = strlen(alias);
	if (!len || len > EVS_CMK_ALIAS_MAX || strspn(alias, ALIAS_CHARS) != len)
		return evs_error_set_class(err, EVS_CLASS_BAD_REQUEST,
			"CMK %.64s: neither an id nor an alias (letters, digits and : / _ - only)",
			ref);
	strcpy(stpcpy(full, EVS_CMK_ALIAS_PREFIX), alias);
	return 0;
}

int evs_kms_find(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
		 struct evs_error *err)
{
	char full[EVS_CMK_FULL_MAX];
	int ret;

	ret = evs_kms_expand(kms, ref, full, err);
	if (ret)
		return ret;
	do
		ret = kms->ops->describe_key(kms, full, cmk, err);
	while (ret && evs_kms_again(kms, true, err));
	return ret ? evs_kms_explain(kms, EVS_CALL_DESCRIBE, full, err) : 0;
}

int evs_kms_begin_on(struct evs_kms *kms, bool can, const char *what, const char *ref,
		     struct evs_cmk *cmk, struct evs_error *err)
{
	evs_kms_begin(kms, err);
	return can ? evs_kms_find(kms, ref, cmk, err) : evs_kms_cannot(kms, what, err);
}

int evs_kms_describe_key(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			 struct evs_error *err)
{
	evs_kms_begin(kms, err);
	return evs_kms_find(kms, ref, cmk, err);
}

/* An alias for a CMK, as the KMS wants it: without the prefix */
static int plain_alias(const struct evs_kms *kms, const char *alias,
		       char full[EVS_CMK_FULL_MAX], const char **plain, struct evs_error *err)
{
	int ret;

	if (kms->ops->is_id && kms->ops->is_id(alias))
		return evs_error_set_class(err, EVS_CLASS_BAD_REQUEST,
			"CMK %s: an alias must not look like an id", alias);
	ret = evs_kms_expand(kms, alias, full, err);
	*plain = kms->ops->is_id ? full + strlen(EVS_CMK_ALIAS_PREFIX) : full;
	return ret;
}

/* It goes into JSON and comes back into tables. */
static int check_description(const char *description, struct evs_error *err)
{
	if (strlen(description) > EVS_CMK_DESCRIPTION_MAX)
		return evs_error_set_class(err, EVS_CLASS_BAD_REQUEST,
					   "the description is longer than 255 characters");
	if (!evs_text_valid(description))
		return evs_error_set_class(err, EVS_CLASS_BAD_REQUEST,
			"description %s: must be UTF-8 without control characters", description);
	return 0;
}

static int create_key(struct evs_kms *kms,
		      int (*create)(struct evs_kms *kms, const char *alias,
				    const char *description, char id[EVS_CMK_REF_SIZE],
				    struct evs_error *err),
		      const char *alias, const char *description, struct evs_cmk *cmk,
		      struct evs_error *err)
{
	char full[EVS_CMK_FULL_MAX], id[EVS_CMK_REF_SIZE];
	const char *plain;
	int ret;

	ret = description ? check_description(description, err) : 0;
	if (!ret)
		ret = plain_alias(kms, alias, full, &plain, err);
	if (ret)
		return ret;
	do
		ret = create(kms, plain, description, id, err);
	while (ret && evs_kms_again(kms, false, err));
	if (ret)
		return evs_kms_explain(kms, EVS_CALL_CREATE, full, err);
	ret = evs_kms_find(kms, id, cmk, err);
	if (ret)
		return evs_error_prefix(err, "CMK %s (%s) was created, but", alias, id);
	/* Some services hand out the CMK that had this alias and awaits deletion. */
	if (cmk->state == EVS_CMK_STATE_PENDING_DELETION) {
		err->class = EVS_CLASS_CMK_PENDING_DELETION;
		return evs_kms_explain(kms, EVS_CALL_WRAP, id, err);
	}
	return 0;
}

int evs_kms_create_key(struct evs_kms *kms, const char *alias, const char *description,
		       struct evs_cmk *cmk, struct evs_error *err)
{
	evs_kms_begin(kms, err);
	if (!kms->ops->create_key)
		return evs_kms_cannot(kms, "make CMKs", err);
	return create_key(kms, kms->ops->create_key, alias, description, cmk, err);
}

int evs_kms_create_external_key(struct evs_kms *kms, const char *alias, const char *description,
				struct evs_cmk *cmk, struct evs_error *err)
{
	evs_kms_begin(kms, err);
	if (!kms->ops->create_external_key)
		return evs_kms_cannot(kms, "make CMKs whose material is imported", err);
	return create_key(kms, kms->ops->create_external_key, alias, description, cmk, err);
}

int evs_kms_list_keys(struct evs_kms *kms, struct evs_cmk **cmks, size_t *count,
		      struct evs_error *err)
{
	int ret;

	evs_kms_begin(kms, err);
	if (!kms->ops->list_keys)
		return evs_kms_cannot(kms, "list CMKs", err);
	do
		ret = kms->ops->list_keys(kms, cmks, count, err);
	while (ret && evs_kms_again(kms, true, err));
	return ret ? evs_kms_explain(kms, EVS_CALL_LIST, NULL, err) : 0;
}

int evs_kms_examine(struct evs_kms *kms, struct evs_error *err)
{
	int ret;

	evs_kms_begin(kms, err);
	if (!kms->ops->examine)
		return 0;
	do
		ret = kms->ops->examine(kms, err);
	while (ret && evs_kms_again(kms, true, err));
	return ret ? evs_kms_explain(kms, EVS_CALL_LIST, NULL, err) : 0;
}

static int set_enabled(struct evs_kms *kms, const char *ref, bool enabled, struct evs_cmk *cmk,
		       struct evs_error *err)
{
	int ret = evs_kms_begin_on(kms, kms->ops->set_enabled,
				   enabled ? "enable CMKs" : "disable CMKs", ref, cmk, err);

	if (ret)
		return ret;
	do
		ret = kms->ops->set_enabled(kms, cmk->id, enabled, err);
	while (ret && evs_kms_again(kms, true, err));
	if (ret)
		return evs_kms_explain(kms, enabled ? EVS_CALL_ENABLE : EVS_CALL_DISABLE, cmk->id,
				       err);
	cmk->state = enabled ? EVS_CMK_STATE_ENABLED : EVS_CMK_STATE_DISABLED;
	return 0;
}

int evs_kms_enable_key(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
		       struct evs_error *err)
{
	return set_enabled(kms, ref, true, cmk, err);
}

int evs_kms_disable_key(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			struct evs_error *err)
{
	return set_enabled(kms, ref, false, cmk, err);
}

int evs_kms_schedule_deletion(struct evs_kms *kms, const char *ref, unsigned int days,
			      struct evs_cmk *cmk, struct evs_error *err)
{
	int ret = evs_kms_begin_on(kms, kms->ops->schedule_deletion,
				   "schedule the deletion of CMKs", ref, cmk, err);

	if (ret)
		return ret;
	do
		ret = kms->ops->schedule_deletion(kms, cmk->id, days, &cmk->deletion, err);
	while (ret && evs_kms_again(kms, true, err));
	if (ret)
		return evs_kms_explain(kms, EVS_CALL_SCHEDULE_DELETION, cmk->id, err);
	cmk->state = EVS_CMK_STATE_PENDING_DELETION;
	return 0;
}

int evs_kms_cancel_deletion(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			    struct evs_error *err)
{
	int ret = evs_kms_begin_on(kms, kms->ops->cancel_deletion,
				   "cancel the deletion of CMKs", ref, cmk, err);

	if (ret)
		return ret;
	do
		ret = kms->ops->cancel_deletion(kms, cmk->id, err);
	while (ret && evs_kms_again(kms, true, err));
	if (ret)
		return evs_kms_explain(kms, EVS_CALL_CANCEL_DELETION, cmk->id, err);
	/* Disabled, or without material if that was so before. */
	return evs_kms_find(kms, cmk->id, cmk, err);
}

int evs_kms_rename(struct evs_kms *kms, const char *ref, const char *alias, struct evs_cmk *cmk,
		   struct evs_error *err)
{
	char full[EVS_CMK_FULL_MAX];
	const char *plain;
	int ret;

	evs_kms_begin(kms, err);
	if (!kms->ops->rename)
		return evs_kms_cannot(kms, "rename CMKs", err);
	ret = plain_alias(kms, alias, full, &plain, err);
	if (!ret)
		ret = evs_kms_find(kms, ref, cmk, err);
	if (ret)
		return ret;
	do
		ret = kms->ops->rename(kms, cmk->id, plain, err);
	while (ret && evs_kms_again(kms, true, err));
	if (ret)
		return evs_kms_explain(kms, EVS_CALL_UPDATE,
				       err->class == EVS_CLASS_ALIAS_EXISTS ? full : cmk->id, err);
	strcpy(cmk->alias, plain);
	return 0;
}

int evs_kms_set_description(struct evs_kms *kms, const char *ref, const char *description,
			    struct evs_cmk *cmk, struct evs_error *err)
{
	int ret;

	evs_kms_begin(kms, err);
	if (!kms->ops->set_description)
		return evs_kms_cannot(kms, "describe CMKs", err);
	ret = check_description(description, err);
	if (!ret)
		ret = evs_kms_find(kms, ref, cmk, err);
	if (ret)
		return ret;
	do
		ret = kms->ops->set_description(kms, cmk->id, description, err);
	while (ret && evs_kms_again(kms, true, err));
	if (ret)
		return evs_kms_explain(kms, EVS_CALL_UPDATE, cmk->id, err);
	strcpy(cmk->description, description);
	return 0;
}
