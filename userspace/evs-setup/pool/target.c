// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "proof.h"
#include "target.h"

int target_is_pool(const char *text, struct evs_error *err)
{
	char name[EVS_POOL_NAME_MAX + 1];
	struct evs_config config;
	int found;

	if (!evs_object_split(text, name))
		return 0;
	if (evs_config_load(&config, err))
		return -err->errnum;
	found = !!evs_config_pool(&config, name);
	evs_config_free(&config);
	return found;
}

static int open_pool(struct target *target, const char *text, enum evs_kind kind,
		     struct evs_error *err)
{
	static const char *const forms[] = { "POOL/DISK", "POOL/DISK@SNAPSHOT", "POOL/image:NAME" };
	const struct evs_config_pool *pool = NULL;
	char name[EVS_POOL_NAME_MAX + 1] = "";
	const char *rest;

	rest = evs_object_split(text, name);
	if (rest)
		pool = evs_config_pool(&target->config, name);
	if (!pool)
		return evs_error_set(err, ENOENT, "%s: is of no pool of %s: give %s", text,
				     evs_config_path(), forms[kind]);
	if (evs_object_parse(&target->object, rest, err))
		return evs_error_prefix(err, "%s", text);
	if (target->object.kind != kind)
		return evs_error_set(err, EINVAL, "%s: is the name of a %s: give %s", text,
				     evs_kind_name(target->object.kind), forms[kind]);
	evs_object_text(target->text, name, &target->object);
	return evs_pool_open(&target->pool, pool, err);
}

int target_open(struct target *target, const char *text, enum evs_kind kind,
		struct evs_error *err)
{
	int ret;

	memset(target, 0, sizeof(*target));
	ret = evs_config_load(&target->config, err);
	if (ret)
		return ret;
	ret = open_pool(target, text, kind, err);
	if (ret)
		evs_config_free(&target->config);
	return ret;
}

void target_close(struct target *target)
{
	evs_pool_close(&target->pool);
	evs_config_free(&target->config);
}

int target_find(struct target *target, struct evs_pool_entry *entry, struct evs_error *err)
{
	int ret = evs_pool_find(&target->pool, &target->object, entry, err);

	return ret ? ret : proof_check(&target->pool, entry, err);
}

int target_free_name(struct target *target, struct evs_error *err)
{
	struct evs_pool_entry entry;
	struct evs_error why = {};
	int ret = evs_pool_find(&target->pool, &target->object, &entry, &why);

	if (!ret)
		return evs_error_set(err, EEXIST, "%s: exists already; delete it first, or choose another name",
				     target->text);
	if (ret == -ENOENT)
		return 0;
	*err = why;
	return ret;
}
