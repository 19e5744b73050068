// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "host.h"
#include "ini.h"

/**
 * struct setting - One that the file may have.
 * @section: section
 * @name: name in it
 * @text: where a text goes, @size bytes
 * @bad: says what is wrong with a text, or returns NULL
 * @number: where a number from @min to @max goes
 */
struct setting {
	const char *section;
	const char *name;
	char *text;
	size_t size;
	const char *(*bad)(const char *value);
	bool required;
	bool seen;
	int64_t *number;
	int64_t min;
	int64_t max;
};

#define CLIENT "client "

struct parse {
	struct kmsd_clients *clients;
	struct setting *settings;
	size_t count;
};

static const char *bad_path(const char *value)
{
	if (value[0] != '/')
		return "not an absolute path";
	/* Nobody calls a file so. It may be meant as a comment, which was one once. */
	return strstr(value, " ;") || strstr(value, " #") ? "a comment needs a line of its own" :
							    NULL;
}

static const char *bad_address(const char *value)
{
	const char *end = evs_host_end(value), *host = *value == '[' ? strchr(value, ']') : value;

	return end && !*end && host && strchr(host, ':') ? NULL :
	       "not an address and port, as 192.0.2.1:9443";
}

/* Returns NULL, or what is wrong with the value. */
static const char *take(struct setting *s, const char *value)
{
	const char *wrong;
	char *end;

	if (!value[0])
		return "empty value";
	if (s->number) {
		*s->number = strtoll(value, &end, 10);
		return *end || value[0] < '0' || value[0] > '9' || *s->number < s->min ||
				       *s->number > s->max ? "number out of range" : NULL;
	}
	if (strlen(value) >= s->size)
		return "value too long";
	wrong = s->bad ? s->bad(value) : NULL;
	if (!wrong)
		strcpy(s->text, value);
	return wrong;
}

static int on_section(void *arg, const char *section, struct evs_error *err)
{
	struct parse *parse = arg;
	size_t i;

	if (!strncmp(section, CLIENT, strlen(CLIENT)))
		return kmsd_clients_section(parse->clients, section + strlen(CLIENT), err);
	for (i = 0; i < parse->count; i++)
		if (!strcmp(parse->settings[i].section, section))
			return 0;
	return evs_error_set(err, EINVAL, "unknown section: [%s]", section);
}

static int on_setting(void *arg, unsigned int line, const char *section, const char *name,
		      const char *value, struct evs_error *err)
{
	struct parse *parse = arg;
	struct setting *s = NULL;
	const char *wrong;
	size_t i;

	(void)line;
	if (!strncmp(section, CLIENT, strlen(CLIENT))) {
		wrong = kmsd_clients_set(parse->clients, section + strlen(CLIENT), name, value);
		return wrong ? evs_error_set(err, EINVAL, "%s: [%s] %s", wrong, section, name) : 0;
	}
	for (i = 0; i < parse->count && !s; i++)
		if (!strcmp(parse->settings[i].section, section) &&
		    !strcmp(parse->settings[i].name, name))
			s = &parse->settings[i];
	wrong = !s ? "unknown setting" : s->seen ? "given twice" : take(s, value);
	if (wrong)
		return evs_error_set(err, EINVAL, "%s: [%s] %s", wrong, section, name);
	s->seen = true;
	return 0;
}

/* What one setting has to do with another. */
static int complete(struct kmsd_conf *conf, const char *path, struct evs_error *err)
{
	char dir[PATH_MAX];

	if (conf->address[0] && (!conf->certificate[0] || !conf->private_key[0]))
		return evs_error_set(err, EINVAL,
				     "%s: [listen] address needs [listen] certificate and private-key",
				     path);
	if (conf->client_crl[0] && !conf->client_ca[0])
		return evs_error_set(err, EINVAL, "%s: [listen] client-crl needs [listen] client-ca",
				     path);
	if (kmsd_clients_check(&conf->clients, conf->client_ca[0], err))
		return evs_error_prefix(err, "%s", path);
	if (conf->audit[0])
		return 0;
	strcpy(dir, conf->database);
	if (snprintf(conf->audit, sizeof(conf->audit), "%s/audit.log", dirname(dir)) >=
	    (int)sizeof(conf->audit))
		return evs_error_set(err, ENAMETOOLONG, "%s: [store] database: name too long", path);
	return 0;
}

#define TEXT(section, name, member, ...) \
	{ section, name, .text = conf->member, .size = sizeof(conf->member), __VA_ARGS__ }
#define NUMBER(section, name, member, least, most) \
	{ section, name, .number = &conf->member, .min = least, .max = most }

/* Reads the @text of @len bytes, or the file where there is none. */
static int conf_read(struct kmsd_conf *conf, const char *path, const char *text, size_t len,
		     struct evs_error *err)
{
	static const struct evs_ini_reader reader = { on_section, on_setting };
	struct setting settings[] = {
		TEXT("listen", "socket", socket, .bad = bad_path),
		TEXT("listen", "address", address, .bad = bad_address),
		TEXT("listen", "certificate", certificate, .bad = bad_path),
		TEXT("listen", "private-key", private_key, .bad = bad_path),
		TEXT("listen", "client-ca", client_ca, .bad = bad_path),
		TEXT("listen", "client-crl", client_crl, .bad = bad_path),
		NUMBER("limits", "connections", connections, 1, 10000),
		NUMBER("limits", "connections-per-peer", peer_connections, 1, 10000),
		NUMBER("limits", "request-seconds", request_seconds, 1, 3600),
		NUMBER("limits", "idle-seconds", idle_seconds, 1, 3600),
		TEXT("store", "database", database, .bad = bad_path, .required = true),
		TEXT("audit", "file", audit, .bad = bad_path),
		NUMBER("quota", "cmks", cmks, 1, 10000000),
		NUMBER("quota", "grants", grants, 1, 10000),
		TEXT("hsm", "module", module, .bad = bad_path, .required = true),
		TEXT("hsm", "softhsm2-conf", softhsm2_conf, .bad = bad_path),
		TEXT("hsm", "module-args", module_args, .bad = NULL),
		TEXT("hsm", "token", token, .bad = NULL),
		TEXT("hsm", "pin-file", pin_file, .bad = bad_path, .required = true),
		TEXT("hsm", "root-key", root_key, .bad = NULL),
	};
	struct parse parse = { &conf->clients, settings, sizeof(settings) / sizeof(settings[0]) };
	size_t i;
	int ret;

	*conf = (struct kmsd_conf){
		.socket = KMSD_SOCKET, .token = KMSD_TOKEN, .root_key = KMSD_ROOT_KEY,
		.connections = 256, .peer_connections = 32, .request_seconds = 30,
		.idle_seconds = 15, .cmks = 100, .grants = 100,
	};
	ret = text ? evs_ini_parse(path, text, len, &reader, &parse, err) :
		     evs_ini_read(path, &reader, &parse, err);
	if (ret == -ENOENT)
		ret = evs_error_set(err, ENOENT,
				    "%s: no such file: to set up the KMS, run evs-kmsd init",
				    path);
	for (i = 0; i < parse.count && !ret; i++)
		if (settings[i].required && !settings[i].seen)
			ret = evs_error_set(err, EINVAL, "%s: missing setting: [%s] %s", path,
					    settings[i].section, settings[i].name);
	if (!ret)
		ret = complete(conf, path, err);
	if (ret)
		kmsd_conf_free(conf);
	return ret;
}

void kmsd_conf_free(struct kmsd_conf *conf)
{
	kmsd_clients_free(&conf->clients);
}

int kmsd_conf_load(struct kmsd_conf *conf, const char *path, struct evs_error *err)
{
	return conf_read(conf, path, NULL, 0, err);
}

int kmsd_conf_parse(struct kmsd_conf *conf, const char *path, const char *text,
		    struct evs_error *err)
{
	return conf_read(conf, path, text, strlen(text), err);
}
