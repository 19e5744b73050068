// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config-options.h"
#include "config-repos.h"
#include "pool/object.h"
#include "repo/repo.h"

#define SECTION "repo "
#define REPOS_MAX 64

bool evs_repos_section(const char *section)
{
	return !strncmp(section, SECTION, strlen(SECTION));
}

static struct evs_config_repo *find(const struct evs_config *cfg, const char *name)
{
	size_t i;

	for (i = 0; i < cfg->repo_count; i++)
		if (!strcmp(cfg->repos[i].name, name))
			return &cfg->repos[i];
	return NULL;
}

const struct evs_config_repo *evs_config_repo(const struct evs_config *cfg, const char *name)
{
	return find(cfg, name);
}

const char *evs_config_repo_get(const struct evs_config_repo *repo, const char *name)
{
	return evs_options_get(&repo->options, name);
}

int evs_repos_begin(struct evs_config *cfg, const char *section, struct evs_error *err)
{
	const char *name = section + strlen(SECTION);
	struct evs_config_repo *repos;

	if (!evs_pool_name_valid(name))
		return evs_error_set(err, EINVAL,
				     "bad name of a repository in [%s]: it has 1 to %d characters of a-z, 0-9, _ and -, the first a letter or digit, and is not reserved",
				     section, EVS_POOL_NAME_MAX);
	if (find(cfg, name))
		return 0;
	if (cfg->repo_count == REPOS_MAX)
		return evs_error_set(err, EINVAL, "more than %d repositories", REPOS_MAX);
	repos = reallocarray(cfg->repos, cfg->repo_count + 1, sizeof(*repos));
	if (!repos)
		return evs_error_set(err, ENOMEM, "out of memory");
	cfg->repos = repos;
	memset(&repos[cfg->repo_count], 0, sizeof(*repos));
	strcpy(repos[cfg->repo_count++].name, name);
	return 0;
}

int evs_repos_take(struct evs_config *cfg, unsigned int line, const char *section,
		   const char *name, const char *value, struct evs_error *err)
{
	struct evs_config_repo *repo = find(cfg, section + strlen(SECTION));
	bool engine = !strcmp(name, "engine");

	if (!engine && strcmp(name, "plain"))
		return evs_options_take(&repo->options, line, section, name, value, err);
	if (engine ? !!repo->ops : repo->plain)
		return evs_error_set(err, EINVAL, "\"%s\" given twice in [%s]", name, section);
	if (engine) {
		repo->ops = evs_repo_engine(value);
		return repo->ops ? 0 : evs_error_set(err, EINVAL, "unknown engine \"%s\"", value);
	}
	if (strcmp(value, "yes"))
		return evs_error_set(err, EINVAL, "plain must be yes, not \"%s\"", value);
	repo->plain = true;
	return 0;
}

int evs_repos_check(struct evs_config_repo *repo, const char *path, struct evs_error *err)
{
	char section[sizeof(SECTION) + EVS_POOL_NAME_MAX];

	if (!repo->ops)
		return evs_error_set(err, EINVAL, "%s: [" SECTION "%s] has no engine", path,
				     repo->name);
	snprintf(section, sizeof(section), SECTION "%s", repo->name);
	return evs_options_check(&repo->options, repo->ops->keys, section, "engine",
				 repo->ops->name, path, err);
}
