// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <linux/evs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "config.h"
#include "kms/backend.h"

#define KMS_SECTION "kms "
#define KMS_MAX 64
#define URL_UNIX "unix:"
#define LOCAL_URL "unix:/run/evs/kmsd.sock"
#define URL_HTTPS "https://"
#define URL_HTTP "http://"
#define DEFAULT_BACKEND "otc"
#define DEFAULT_TIMEOUT 30
#define TIMEOUT_MAX 600

/*
 * inih tells neither line nor empty sections to its handler, so the reader
 * below counts lines and sees section headings itself.
 */
struct parser {
	FILE *file;
	const char *path;
	unsigned int line;
	struct evs_config *cfg;
	bool timeout_seen[KMS_MAX];
	bool grace_seen[KMS_MAX];
	struct evs_error *err;
	bool failed;
};

/* Only the first error counts; inih goes on to the end of the file. */
#define parser_fail(p, fmt, ...) do {							\
	if (!(p)->failed)								\
		evs_error_set((p)->err, EINVAL, "%s:%u: " fmt, (p)->path, (p)->line,	\
			      ##__VA_ARGS__);						\
	(p)->failed = true;								\
} while (0)

bool evs_config_is_word(const char *value)
{
	return evs_word_valid(value, EVS_KMS_PROJECT_MAX);
}

bool evs_config_is_text(const char *value)
{
	size_t i;

	for (i = 0; value[i]; i++)
		if (iscntrl((unsigned char)value[i]))
			return false;
	return i;
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
	const char *path = evs_config_socket(value), *host;

	if (!evs_config_is_text(value) || strpbrk(value, " \t#?@\\"))
		return false;
	if (path)
		return path[0] == '/' && strlen(path) < sizeof(((struct sockaddr_un *)NULL)->sun_path);
	if (!strncmp(value, URL_HTTPS, strlen(URL_HTTPS))) {
		host = value + strlen(URL_HTTPS);
		return *host && !strchr("/:", *host);
	}
	return !strncmp(value, URL_HTTP, strlen(URL_HTTP)) &&
	       is_this_host(value + strlen(URL_HTTP));
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
static void parse_section(struct parser *p, const char *section)
{
	const char *name = section + strlen(KMS_SECTION);
	struct evs_config_kms *kms;

	if (strncmp(section, KMS_SECTION, strlen(KMS_SECTION))) {
		parser_fail(p, "unknown section [%s]", section);
	} else if (!evs_kms_name_valid(name)) {
		parser_fail(p, "bad name of a KMS in [%s]", section);
	} else {
		kms = kms_find(p->cfg, name);
		if (!kms && p->cfg->kms_count == KMS_MAX)
			parser_fail(p, "more than %u KMS sections", KMS_MAX);
		else if (!kms && !(kms = kms_add(p->cfg, name)))
			parser_fail(p, "out of memory");
		else
			kms->configured = true;
	}
}

static void parse_heading(struct parser *p, const char *line)
{
	char section[256];
	const char *end;

	line += strspn(line, " \t");
	if (*line != '[')
		return;
	end = strchr(++line, ']');
	if (!end)
		return;		/* inih reports it */
	snprintf(section, sizeof(section), "%.*s", (int)(end - line), line);
	parse_section(p, section);
}

static char *read_line(char *line, int size, void *stream)
{
	struct parser *p = stream;
	size_t len;
	int c;

	if (p->failed || !fgets(line, size, p->file))
		return NULL;
	p->line++;
	len = strlen(line);
	if (len == (size_t)size - 1 && line[len - 1] != '\n') {
		if (!strchr("#;", line[strspn(line, " \t")]))
			parser_fail(p, "line longer than %d characters", size - 2);
		do
			c = fgetc(p->file);
		while (c != EOF && c != '\n');
	}
	parse_heading(p, line);
	return p->failed ? NULL : line;
}

/* A number of seconds that is given once in a section */
static void take_seconds(struct parser *p, const char *section, const char *name,
			 const char *value, unsigned int max, bool *seen, unsigned int *result)
{
	unsigned long seconds;
	char *end;

	errno = 0;
	seconds = strtoul(value, &end, 10);
	if (*seen)
		parser_fail(p, "\"%s\" given twice in [%s]", name, section);
	else if (errno || !isdigit((unsigned char)*value) || *end || !seconds || seconds > max)
		parser_fail(p, "%s must be 1 to %u seconds, not \"%s\"", name, max, value);
	else
		*result = (unsigned int)seconds;
	*seen = true;
}

const char *evs_config_get(const struct evs_config_kms *kms, const char *name)
{
	size_t i;

	for (i = 0; i < kms->option_count; i++)
		if (!strcmp(kms->options[i].name, name))
			return kms->options[i].value;
	return NULL;
}

int evs_config_set(struct evs_config_kms *kms, const char *name, const char *value)
{
	size_t i;

	for (i = 0; i < kms->option_count; i++)
		if (!strcmp(kms->options[i].name, name))
			break;
	if (i == EVS_CONFIG_OPTIONS_MAX || strlen(name) > EVS_CONFIG_NAME_MAX ||
	    strlen(value) > EVS_CONFIG_VALUE_MAX)
		return -ENOSPC;
	strcpy(kms->options[i].name, name);
	strcpy(kms->options[i].value, value);
	if (i == kms->option_count)
		kms->option_count++;
	return 0;
}

/* Keys are checked when the file is read: `backend` may come after them. */
static void take_option(struct parser *p, struct evs_config_kms *kms, const char *name,
			const char *value)
{
	if (evs_config_get(kms, name))
		parser_fail(p, "\"%s\" given twice in [kms %s]", name, kms->name);
	else if (strlen(name) > EVS_CONFIG_NAME_MAX)
		parser_fail(p, "unknown key \"%s\" in [kms %s]", name, kms->name);
	else if (evs_config_set(kms, name, value))
		parser_fail(p, "\"%s\": too long, or too many keys", name);
	else
		kms->options[kms->option_count - 1].line = p->line;
}

/* Not called again once it or read_line() has failed: then there is no next line. */
static int parse_key(void *user, const char *section, const char *name, const char *value)
{
	struct parser *p = user;
	struct evs_config_kms *kms;
	size_t i;

	kms = strncmp(section, KMS_SECTION, strlen(KMS_SECTION)) ? NULL :
	      kms_find(p->cfg, section + strlen(KMS_SECTION));
	if (!kms) {
		parser_fail(p, "\"%s\" outside of a section", name);
		return 0;
	}
	i = (size_t)(kms - p->cfg->kms);
	if (!strcmp(name, "backend")) {
		if (kms->ops)
			parser_fail(p, "\"%s\" given twice in [%s]", name, section);
		kms->ops = evs_kms_backend(value);
		if (!kms->ops)
			parser_fail(p, "unknown backend \"%s\"", value);
	} else if (!strcmp(name, "timeout")) {
		take_seconds(p, section, name, value, TIMEOUT_MAX, &p->timeout_seen[i],
			     &kms->timeout);
	} else if (!strcmp(name, "grace")) {
		take_seconds(p, section, name, value, EVS_GRACE_MAX, &p->grace_seen[i], &kms->grace);
	} else {
		take_option(p, kms, name, value);
	}
	return !p->failed;
}

static int check_option(const struct evs_config_kms *kms, size_t i, const char *path,
			struct evs_error *err)
{
	const struct evs_config_key *key = kms->ops->keys;

	while (key->name && strcmp(key->name, kms->options[i].name))
		key++;
	if (!key->name)
		return evs_error_set(err, EINVAL,
				     "%s:%u: unknown key \"%s\" in [kms %s], whose backend is %s",
				     path, kms->options[i].line, kms->options[i].name, kms->name,
				     kms->ops->name);
	if (!key->valid(kms->options[i].value))
		return evs_error_set(err, EINVAL, "%s:%u: %s must %s, not \"%s\"", path,
				     kms->options[i].line, key->name, key->must,
				     kms->options[i].value);
	return 0;
}

static int check_section(struct evs_config_kms *kms, const char *path, struct evs_error *err)
{
	const struct evs_config_key *key;
	size_t i;
	int ret;

	if (!kms->ops)
		kms->ops = evs_kms_backend(DEFAULT_BACKEND);
	if (!strcmp(kms->name, EVS_KMS_LOCAL) && !strcmp(kms->ops->name, DEFAULT_BACKEND) &&
	    !evs_config_get(kms, "url") && evs_config_set(kms, "url", LOCAL_URL))
		return evs_error_set(err, EINVAL, "%s: too many keys in [kms %s]", path,
				     kms->name);
	for (i = 0; i < kms->option_count; i++) {
		ret = check_option(kms, i, path, err);
		if (ret)
			return ret;
	}
	for (key = kms->ops->keys; key->name; key++)
		if (key->required && !evs_config_get(kms, key->name))
			return evs_error_set(err, EINVAL, "%s: [kms %s] has no %s", path,
					     kms->name, key->name);
	ret = kms->ops->check ? kms->ops->check(kms, err) : 0;
	return ret ? evs_error_prefix(err, "%s: [kms %s]", path, kms->name) : 0;
}

static int config_check(struct evs_config *cfg, const char *path, struct evs_error *err)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < cfg->kms_count && !ret; i++)
		ret = check_section(&cfg->kms[i], path, err);
	return ret;
}

static int config_read(struct evs_config *cfg, const char *path, bool must_exist,
		       struct evs_error *err)
{
	struct parser p = { .path = path, .cfg = cfg, .err = err };
	int line;

	p.file = fopen(path, "re");
	if (!p.file) {
		if (errno == ENOENT && !must_exist)
			return config_check(cfg, path, err);
		return evs_error_set(err, errno, "%s: %m", path);
	}
	line = ini_parse_stream(read_line, &p, parse_key, &p);
	if (!p.failed && line)
		evs_error_set(err, EINVAL, "%s:%d: neither [section] nor key = value", path, line);
	else if (!p.failed && ferror(p.file))
		line = evs_error_set(err, EIO, "%s: cannot be read", path);
	fclose(p.file);
	return p.failed || line ? -err->errnum : config_check(cfg, path, err);
}

int evs_config_load(struct evs_config *cfg, struct evs_error *err)
{
	const char *path = secure_getenv("EVS_CONF");
	int ret;

	memset(cfg, 0, sizeof(*cfg));
	if (!kms_add(cfg, EVS_KMS_LOCAL))
		return evs_error_set(err, ENOMEM, "out of memory");
	ret = config_read(cfg, path ? path : EVS_CONFIG_PATH, path, err);
	if (ret)
		evs_config_free(cfg);
	return ret;
}

void evs_config_free(struct evs_config *cfg)
{
	free(cfg->kms);
	memset(cfg, 0, sizeof(*cfg));
}

const struct evs_config_kms *evs_config_kms(const struct evs_config *cfg, const char *name,
					    struct evs_error *err)
{
	const struct evs_config_kms *kms = kms_find(cfg, name);

	if (!kms)
		evs_error_set(err, ENOENT, "KMS \"%s\" is not configured: add [kms %s] to %s", name,
			      name, EVS_CONFIG_PATH);
	return kms;
}
