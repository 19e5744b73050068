// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "config.h"

#define KMS_SECTION "kms "
#define KMS_MAX 64
#define URL_UNIX "unix:"
#define LOCAL_URL "unix:/run/evs/kmsd.sock"
#define DEFAULT_PROJECT "default"
#define DEFAULT_TIMEOUT 30
#define TIMEOUT_MAX 600

#define SEEN_URL 1U
#define SEEN_PROJECT 2U
#define SEEN_TIMEOUT 4U

/*
 * inih tells neither line nor empty sections to its handler, so the reader
 * below counts lines and sees section headings itself.
 */
struct parser {
	FILE *file;
	const char *path;
	unsigned int line;
	struct evs_config *cfg;
	unsigned int seen[KMS_MAX];
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

static bool word_valid(const char *word, size_t max)
{
	size_t len = strlen(word);

	return len && len <= max &&
	       strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

bool evs_kms_name_valid(const char *name)
{
	return word_valid(name, EVS_KMS_NAME_MAX);
}

static bool url_valid(const char *url)
{
	const char *path = url + strlen(URL_UNIX);

	return !strncmp(url, URL_UNIX, strlen(URL_UNIX)) && path[0] == '/' &&
	       strlen(path) < sizeof(((struct sockaddr_un *)NULL)->sun_path) &&
	       !strpbrk(path, " \t");
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
	strcpy(kms->project, DEFAULT_PROJECT);
	kms->timeout = DEFAULT_TIMEOUT;
	return kms;
}

/* Called at each heading, so a section without keys exists as well. */
static void parse_section(struct parser *p, const char *section)
{
	const char *name = section + strlen(KMS_SECTION);

	if (strncmp(section, KMS_SECTION, strlen(KMS_SECTION))) {
		parser_fail(p, "unknown section [%s]", section);
	} else if (!evs_kms_name_valid(name)) {
		parser_fail(p, "bad name of a KMS in [%s]", section);
	} else if (!kms_find(p->cfg, name)) {
		if (p->cfg->kms_count == KMS_MAX)
			parser_fail(p, "more than %u KMS sections", KMS_MAX);
		else if (!kms_add(p->cfg, name))
			parser_fail(p, "out of memory");
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

static int parse_timeout(unsigned int *timeout, const char *value)
{
	unsigned long seconds;
	char *end;

	errno = 0;
	seconds = strtoul(value, &end, 10);
	if (errno || !isdigit((unsigned char)*value) || *end || !seconds || seconds > TIMEOUT_MAX)
		return -EINVAL;
	*timeout = (unsigned int)seconds;
	return 0;
}

static int parse_key(void *user, const char *section, const char *name, const char *value)
{
	struct parser *p = user;
	struct evs_config_kms *kms;
	unsigned int bit, *seen;

	if (p->failed)
		return 0;
	kms = strncmp(section, KMS_SECTION, strlen(KMS_SECTION)) ? NULL :
	      kms_find(p->cfg, section + strlen(KMS_SECTION));
	if (!kms) {
		parser_fail(p, "\"%s\" outside of a section", name);
		return 0;
	}
	bit = !strcmp(name, "url") ? SEEN_URL : !strcmp(name, "project") ? SEEN_PROJECT :
	      !strcmp(name, "timeout") ? SEEN_TIMEOUT : 0;
	seen = &p->seen[kms - p->cfg->kms];
	if (!bit)
		parser_fail(p, "unknown key \"%s\" in [%s]", name, section);
	else if (*seen & bit)
		parser_fail(p, "\"%s\" given twice in [%s]", name, section);
	else if (bit == SEEN_URL && !url_valid(value))
		parser_fail(p, "url must be unix:/path/of/socket, not \"%s\"", value);
	else if (bit == SEEN_PROJECT && !word_valid(value, EVS_KMS_PROJECT_MAX))
		parser_fail(p, "bad project id \"%s\"", value);
	else if (bit == SEEN_TIMEOUT && parse_timeout(&kms->timeout, value))
		parser_fail(p, "timeout must be 1 to %u seconds, not \"%s\"", TIMEOUT_MAX, value);
	else if (bit == SEEN_URL)
		strcpy(kms->url, value);
	else if (bit == SEEN_PROJECT)
		strcpy(kms->project, value);
	*seen |= bit;
	return !p->failed;
}

static int config_check(const struct evs_config *cfg, const char *path, struct evs_error *err)
{
	size_t i;

	for (i = 0; i < cfg->kms_count; i++)
		if (!cfg->kms[i].url[0])
			return evs_error_set(err, EINVAL, "%s: [kms %s] has no url", path,
					     cfg->kms[i].name);
	return 0;
}

static int config_read(struct evs_config *cfg, const char *path, bool must_exist,
		       struct evs_error *err)
{
	struct parser p = { .path = path, .cfg = cfg, .err = err };
	int line;

	p.file = fopen(path, "re");
	if (!p.file) {
		if (errno == ENOENT && !must_exist)
			return 0;
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
	struct evs_config_kms *local;
	int ret;

	memset(cfg, 0, sizeof(*cfg));
	local = kms_add(cfg, EVS_KMS_LOCAL);
	if (!local)
		return evs_error_set(err, ENOMEM, "out of memory");
	strcpy(local->url, LOCAL_URL);
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
