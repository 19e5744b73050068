// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config-options.h"
#include "config-pools.h"
#include "pool/pool.h"

#define SECTION "pool "
#define POOLS_MAX 64
#define DEFAULT_LIMIT 90

bool evs_pools_section(const char *section)
{
	return !strncmp(section, SECTION, strlen(SECTION));
}

static struct evs_config_pool *find(const struct evs_config *cfg, const char *name)
{
	size_t i;

	for (i = 0; i < cfg->pool_count; i++)
		if (!strcmp(cfg->pools[i].name, name))
			return &cfg->pools[i];
	return NULL;
}

const struct evs_config_pool *evs_config_pool(const struct evs_config *cfg, const char *name)
{
	return find(cfg, name);
}

const char *evs_config_pool_get(const struct evs_config_pool *pool, const char *name)
{
	return evs_options_get(&pool->options, name);
}

int evs_pools_begin(struct evs_config *cfg, const char *section, struct evs_error *err)
{
	const char *name = section + strlen(SECTION);
	struct evs_config_pool *pools;

	if (!evs_pool_name_valid(name))
		return evs_error_set(err, EINVAL,
				     "bad name of a pool in [%s]: it has 1 to %d characters of a-z, 0-9, _ and -, the first a letter or digit, and is not reserved",
				     section, EVS_POOL_NAME_MAX);
	if (find(cfg, name))
		return 0;
	if (cfg->pool_count == POOLS_MAX)
		return evs_error_set(err, EINVAL, "more than %d pools", POOLS_MAX);
	pools = reallocarray(cfg->pools, cfg->pool_count + 1, sizeof(*pools));
	if (!pools)
		return evs_error_set(err, ENOMEM, "out of memory");
	cfg->pools = pools;
	memset(&pools[cfg->pool_count], 0, sizeof(*pools));
	strcpy(pools[cfg->pool_count++].name, name);
	return 0;
}

static int take_engine(struct evs_config_pool *pool, const char *value, struct evs_error *err)
{
	pool->ops = evs_pool_engine(value);
	return pool->ops ? 0 : evs_error_set(err, EINVAL, "unknown engine \"%s\"", value);
}

static int take_limit(struct evs_config_pool *pool, const char *value, struct evs_error *err)
{
	unsigned long limit;
	char *end;

	errno = 0;
	limit = strtoul(value, &end, 10);
	if (errno || *value < '0' || *value > '9' || *end || !limit || limit > 100)
		return evs_error_set(err, EINVAL, "limit must be 1 to 100 per cent, not \"%s\"",
				     value);
	pool->limit = (unsigned int)limit;
	return 0;
}

int evs_pools_take(struct evs_config *cfg, unsigned int line, const char *section,
		   const char *name, const char *value, struct evs_error *err)
{
	struct evs_config_pool *pool = find(cfg, section + strlen(SECTION));
	bool engine = !strcmp(name, "engine"), limit = !strcmp(name, "limit");

	if (!engine && !limit && strcmp(name, "encrypt"))
		return evs_options_take(&pool->options, line, section, name, value, err);
	if (engine ? !!pool->ops : limit ? pool->limit : pool->encrypt_always)
		return evs_error_set(err, EINVAL, "\"%s\" given twice in [%s]", name, section);
	if (engine)
		return take_engine(pool, value, err);
	if (limit)
		return take_limit(pool, value, err);
	if (strcmp(value, "always"))
		return evs_error_set(err, EINVAL, "encrypt must be always, not \"%s\"", value);
	pool->encrypt_always = true;
	return 0;
}

int evs_pools_check(struct evs_config_pool *pool, const char *path, struct evs_error *err)
{
	char section[sizeof(SECTION) + EVS_POOL_NAME_MAX];

	if (!pool->ops)
		return evs_error_set(err, EINVAL, "%s: [" SECTION "%s] has no engine", path,
				     pool->name);
	if (!pool->limit)
		pool->limit = DEFAULT_LIMIT;
	snprintf(section, sizeof(section), SECTION "%s", pool->name);
	return evs_options_check(&pool->options, pool->ops->keys, section, "engine",
				 pool->ops->name, path, err);
}
