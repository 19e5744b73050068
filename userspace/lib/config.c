// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/evs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "config.h"
#include "config-options.h"
#include "config-pools.h"
#include "config-repos.h"
#include "host.h"
#include "ini.h"
#include "kms/backend.h"
#include "text.h"

#define KMS_SECTION "kms "
#define KMS_MAX 64
#define URL_UNIX "unix:"
#define LOCAL_URL URL_UNIX EVS_KMSD_SOCKET
#define URL_HTTPS "https://"
#define URL_HTTP "http://"
#define LOCAL_BACKEND "evs"
#define DEFAULT_BACKEND "otc"
#define DEFAULT_TIMEOUT 30
#define TIMEOUT_MAX 600

struct parser {
	struct evs_config *cfg;
	bool timeout_seen[KMS_MAX];
	bool grace_seen[KMS_MAX];
};

bool evs_config_is_word(const char *value)
{
	return evs_word_valid(value, EVS_KMS_PROJECT_MAX);
}

bool evs_config_is_text(const char *value)
{
	return *value && evs_text_valid(value);
}

bool evs_config_is_path(const char *value)
{
	return value[0] == '/' && value[1] && evs_config_is_text(value) && !strpbrk(value, " \t");
}

/* The host of a URL is this one; what follows it begins with a port or a path. */
static bool is_this_host(const char *host)
{
	static const char *const names[] = { "127.0.0.1", "[::1]", "localhost" };
	size_t i, len;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		len = strlen(names[i]);
		if (!strncmp(host, names[i], len) && (!host[len] || strchr(":/", host[len])))
			return true;
	}
	return false;
}

const char *evs_config_socket(const char *url)
{
	return strncmp(url, URL_UNIX, strlen(URL_UNIX)) ? NULL : url + strlen(URL_UNIX);
}

bool evs_config_is_url(const char *value)
{
	const char *path = evs_config_socket(value), *host = NULL, *end;
	const char *c;

	if (path)
		return path[0] == '/' && !strpbrk(path, " #?@\\") && evs_text_valid(path) &&
		       strlen(path) < sizeof(((struct sockaddr_un *)NULL)->sun_path);
	for (c = value; *c; c++)
		if (*c <= ' ' || *c > '~' || strchr("#?@\\", *c))
			return false;
	if (!strncmp(value, URL_HTTPS, strlen(URL_HTTPS)))
		host = value + strlen(URL_HTTPS);
	else if (!strncmp(value, URL_HTTP, strlen(URL_HTTP)) &&
		 is_this_host(value + strlen(URL_HTTP)))
		host = value + strlen(URL_HTTP);
	end = host ? evs_host_end(host) : NULL;
	return end && (!*end || *end == '/');
}

static struct evs_config_kms *kms_find(const struct evs_config *cfg, const char *name)
{
	size_t i;

	for (i = 0; i < cfg->kms_count; i++)
		if (!strcmp(cfg->kms[i].name, name))
			return &cfg->kms[i];
	return NULL;
}

static struct evs_config_kms *kms_add(struct evs_config *cfg, const char *name)
{
	struct evs_config_kms *kms;

	kms = reallocarray(cfg->kms, cfg->kms_count + 1, sizeof(*kms));
	if (!kms)
		return NULL;
	cfg->kms = kms;
	kms += cfg->kms_count++;
	memset(kms, 0, sizeof(*kms));
	strncpy(kms->name, name, EVS_KMS_NAME_MAX);
	kms->timeout = DEFAULT_TIMEOUT;
	return kms;
}

/* Called at each heading, so a section without keys exists as well. */
static int take_section(void *arg, const char *section, struct evs_error *err)
{
	const char *name = section + strlen(KMS_SECTION);
	struct parser *p = arg;
	struct evs_config_kms *kms;

	if (evs_pools_section(section))
		return evs_pools_begin(p->cfg, section, err);
	if (evs_repos_section(section))
		return evs_repos_begin(p->cfg, section, err);
	if (strncmp(section, KMS_SECTION, strlen(KMS_SECTION)))
		return evs_error_set(err, EINVAL, "unknown section [%s]", section);
	if (!evs_kms_name_valid(name))
		return evs_error_set(err, EINVAL, "bad name of a KMS in [%s]", section);
	kms = kms_find(p->cfg, name);
	if (!kms && p->cfg->kms_count == KMS_MAX)
		return evs_error_set(err, EINVAL, "more than %u KMS sections", KMS_MAX);
	if (!kms)
		kms = kms_add(p->cfg, name);
	if (!kms)
		return evs_error_set(err, ENOMEM, "out of memory");
	kms->configured = true;
	return 0;
}

/* A number of seconds that is given once in a section */
static int take_seconds(const char *section, const char *name, const char *value,
			unsigned int max, bool *seen, unsigned int *result,
			struct evs_error *err)
{
	unsigned long seconds;
	char *end;

	if (*seen)
		return evs_error_set(err, EINVAL, "\"%s\" given twice in [%s]", name, section);
	*seen = true;
	errno = 0;
	seconds = strtoul(value, &end, 10);
	if (errno || *value < '0' || *value > '9' || *end || !seconds || seconds > max)
		return evs_error_set(err, EINVAL, "%s must be 1 to %u seconds, not \"%s\"", name,
				     max, value);
	*result = (unsigned int)seconds;
	return 0;
}

const char *evs_config_get(const struct evs_config_kms *kms, const char *name)
{
	return evs_options_get(&kms->options, name);
}

int evs_config_set(struct evs_config_kms *kms, const char *name, const char *value)
{
	return evs_options_set(&kms->options, name, value);
}

/* What stands before the first section */
static int take_general(struct evs_config *cfg, const char *name, const char *value,
			struct evs_error *err)
{
	if (strcmp(name, "header-copies"))
		return evs_error_set(err, EINVAL, "\"%s\" outside of a section", name);
	if (*cfg->header_copies)
		return evs_error_set(err, EINVAL, "\"%s\" given twice", name);
	if (!evs_config_is_path(value))
		return evs_error_set(err, EINVAL, "%s must be an absolute path, not \"%s\"", name,
				     value);
	strcpy(cfg->header_copies, value);
	return 0;
}

static int take_key(void *arg, unsigned int line, const char *section, const char *name,
		    const char *value, struct evs_error *err)
{
	struct parser *p = arg;
	struct evs_config_kms *kms;
	size_t i;

	if (!*section)
		return take_general(p->cfg, name, value, err);
	if (evs_pools_section(section))
		return evs_pools_take(p->cfg, line, section, name, value, err);
	if (evs_repos_section(section))
		return evs_repos_take(p->cfg, line, section, name, value, err);
	kms = kms_find(p->cfg, section + strlen(KMS_SECTION));
	i = (size_t)(kms - p->cfg->kms);
	if (!strcmp(name, "timeout"))
		return take_seconds(section, name, value, TIMEOUT_MAX, &p->timeout_seen[i],
				    &kms->timeout, err);
	if (!strcmp(name, "grace"))
		return take_seconds(section, name, value, EVS_GRACE_MAX, &p->grace_seen[i],
				    &kms->grace, err);
	if (strcmp(name, "backend"))
		return evs_options_take(&kms->options, line, section, name, value, err);
	if (kms->ops)
		return evs_error_set(err, EINVAL, "\"%s\" given twice in [%s]", name, section);
	kms->ops = evs_kms_backend(value);
	return kms->ops ? 0 : evs_error_set(err, EINVAL, "unknown backend \"%s\"", value);
}

static int check_section(struct evs_config_kms *kms, const char *path, struct evs_error *err)
{
	char section[sizeof(KMS_SECTION) + EVS_KMS_NAME_MAX];
	bool local = !strcmp(kms->name, EVS_KMS_LOCAL);
	int ret;

	if (!kms->ops)
		kms->ops = evs_kms_backend(local ? LOCAL_BACKEND : DEFAULT_BACKEND);
	if (local && !strcmp(kms->ops->name, LOCAL_BACKEND) &&
	    !evs_config_get(kms, "url") && evs_config_set(kms, "url", LOCAL_URL))
		return evs_error_set(err, EINVAL, "%s: too many keys in [kms %s]", path,
				     kms->name);
	snprintf(section, sizeof(section), KMS_SECTION "%s", kms->name);
	if (evs_options_check(&kms->options, kms->ops->keys, section, "backend", kms->ops->name,
			      path, err))
		return -err->errnum;
	ret = kms->ops->check ? kms->ops->check(kms, err) : 0;
	return ret ? evs_error_prefix(err, "%s: [kms %s]", path, kms->name) : 0;
}

static int config_check(struct evs_config *cfg, const char *path, struct evs_error *err)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < cfg->kms_count && !ret; i++)
		ret = check_section(&cfg->kms[i], path, err);
	for (i = 0; i < cfg->pool_count && !ret; i++)
		ret = evs_pools_check(&cfg->pools[i], path, err);
	for (i = 0; i < cfg->repo_count && !ret; i++)
		ret = evs_repos_check(&cfg->repos[i], path, err);
	return ret;
}

const char *evs_config_path(void)
{
	const char *path = secure_getenv("EVS_CONF");

	return path ? path : EVS_CONFIG_PATH;
}

int evs_config_load(struct evs_config *cfg, struct evs_error *err)
{
	static const struct evs_ini_reader reader = { take_section, take_key };
	const char *path = evs_config_path();
	struct parser p = { .cfg = cfg };
	int ret;

	memset(cfg, 0, sizeof(*cfg));
	if (!kms_add(cfg, EVS_KMS_LOCAL))
		return evs_error_set(err, ENOMEM, "out of memory");
	ret = evs_ini_read(path, &reader, &p, err);
	/* Unless it was asked for, the file need not be there. */
	if (ret == -ENOENT && !secure_getenv("EVS_CONF")) {
		*err = (struct evs_error){};
		ret = 0;
	}
	if (!ret)
		ret = config_check(cfg, path, err);
	if (ret)
		evs_config_free(cfg);
	return ret;
}

void evs_config_free(struct evs_config *cfg)
{
	free(cfg->kms);
	free(cfg->pools);
	free(cfg->repos);
	memset(cfg, 0, sizeof(*cfg));
}

const struct evs_config_kms *evs_config_kms(const struct evs_config *cfg, const char *name,
					    struct evs_error *err)
{
	const struct evs_config_kms *kms = kms_find(cfg, name);

	if (!kms)
		evs_error_set(err, ENOENT, "KMS \"%s\" is not configured: add [kms %s] to %s", name,
			      name, evs_config_path());
	return kms;
}
