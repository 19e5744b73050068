// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"

/**
 * struct setting - One that the file may have.
 * @section: section
 * @name: name in it
 * @text: where a text goes, @size bytes; one that is_path is absolute
 * @number: where a number from @min to @max goes
 * @choice: set when the value is the second of @choices, cleared when the first
 */
struct setting {
	const char *section;
	const char *name;
	char *text;
	size_t size;
	bool is_path;
	bool required;
	bool seen;
	int64_t *number;
	int64_t min;
	int64_t max;
	bool *choice;
	const char *choices[2];
};

struct parse {
	struct setting *settings;
	size_t count;
	char why[256];	/* of the first bad line: inih reads on behind it */
};

static int complain(struct parse *parse, const char *what, const char *section, const char *name)
{
	if (!parse->why[0])
		snprintf(parse->why, sizeof(parse->why), "%s: [%s] %s", what, section, name);
	return 0;
}

/* Returns NULL, or what is wrong with the value. */
static const char *take(struct setting *s, const char *value)
{
	char *end;

	if (!value[0])
		return "empty value";
	if (s->number) {
		*s->number = strtoll(value, &end, 10);
		return *end || !isdigit((unsigned char)value[0]) || *s->number < s->min ||
				       *s->number > s->max ? "number out of range" : NULL;
	}
	if (s->choice) {
		*s->choice = !strcmp(value, s->choices[1]);
		return *s->choice || !strcmp(value, s->choices[0]) ? NULL : "not a choice there is";
	}
	if (strlen(value) >= s->size)
		return "value too long";
	if (s->is_path && value[0] != '/')
		return "not an absolute path";
	strcpy(s->text, value);
	return NULL;
}

static int on_setting(void *arg, const char *section, const char *name, const char *value)
{
	struct parse *parse = arg;
	struct setting *s = NULL;
	const char *wrong;
	size_t i;

	for (i = 0; i < parse->count && !s; i++)
		if (!strcmp(parse->settings[i].section, section) &&
		    !strcmp(parse->settings[i].name, name))
			s = &parse->settings[i];
	if (!s)
		return complain(parse, "unknown setting", section, name);
	if (s->seen)
		return complain(parse, "given twice", section, name);
	wrong = take(s, value);
	if (wrong)
		return complain(parse, wrong, section, name);
	s->seen = true;
	return 1;
}

/* What one setting has to do with another. */
static int complete(struct kmsd_conf *conf, const char *path, struct evs_error *err)
{
	char dir[PATH_MAX];

	if (conf->address[0] && (!conf->certificate[0] || !conf->private_key[0]))
		return evs_error_set(err, EINVAL,
				     "%s: [listen] address needs [listen] certificate and private-key",
				     path);
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
#define CHOICE(section, name, member, first, second) \
	{ section, name, .choice = &conf->member, .choices = { first, second } }

int kmsd_conf_load(struct kmsd_conf *conf, const char *path, struct evs_error *err)
{
	struct setting settings[] = {
		TEXT("listen", "socket", socket, .is_path = true),
		TEXT("listen", "address", address, .is_path = false),
		TEXT("listen", "certificate", certificate, .is_path = true),
		TEXT("listen", "private-key", private_key, .is_path = true),
		TEXT("listen", "client-ca", client_ca, .is_path = true),
		NUMBER("limits", "connections", connections, 1, 10000),
		NUMBER("limits", "connections-per-peer", peer_connections, 1, 10000),
		NUMBER("limits", "request-seconds", request_seconds, 1, 3600),
		NUMBER("limits", "idle-seconds", idle_seconds, 1, 3600),
		TEXT("store", "database", database, .is_path = true, .required = true),
		TEXT("audit", "file", audit, .is_path = true),
		CHOICE("auth", "local-root", service, "administrator", "service"),
		NUMBER("auth", "token-hours", token_hours, 1, 24 * 365),
		NUMBER("quota", "cmks", cmks, 1, 10000000),
		NUMBER("quota", "grants", grants, 1, 10000),
		CHOICE("compat", "recreate-pending", return_pending, "refuse", "return"),
		TEXT("hsm", "module", module, .is_path = true, .required = true),
		TEXT("hsm", "softhsm2-conf", softhsm2_conf, .is_path = true),
		TEXT("hsm", "token", token, .is_path = false),
		TEXT("hsm", "pin-file", pin_file, .is_path = true, .required = true),
		TEXT("hsm", "root-key", root_key, .is_path = false),
	};
	struct parse parse = { settings, sizeof(settings) / sizeof(settings[0]), "" };
	size_t i;
	int line;

	*conf = (struct kmsd_conf){
		.socket = KMSD_SOCKET, .token = KMSD_TOKEN, .root_key = KMSD_ROOT_KEY,
		.connections = 256, .peer_connections = 32, .request_seconds = 30,
		.idle_seconds = 15, .token_hours = 24, .cmks = 100, .grants = 100,
	};
	line = ini_parse(path, on_setting, &parse);
	if (line == -1)
		return evs_error_set(err, errno ? errno : EIO, "%s: %m", path);
	if (line < 0)
		return evs_error_set(err, ENOMEM, "%s: out of memory", path);
	if (line > 0)
		return evs_error_set(err, EINVAL, "%s:%d: %s", path, line,
				     parse.why[0] ? parse.why : "not a setting");
	for (i = 0; i < parse.count; i++)
		if (settings[i].required && !settings[i].seen)
			return evs_error_set(err, EINVAL, "%s: missing setting: [%s] %s", path,
					     settings[i].section, settings[i].name);
	return complete(conf, path, err);
}
