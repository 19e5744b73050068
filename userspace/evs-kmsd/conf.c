// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "conf.h"

struct setting {
	const char *section;
	const char *name;
	char *value;
	size_t size;
	bool is_path;
	bool required;
	bool seen;
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

static int on_setting(void *arg, const char *section, const char *name, const char *value)
{
	struct parse *parse = arg;
	struct setting *s = NULL;
	size_t i;

	for (i = 0; i < parse->count && !s; i++)
		if (!strcmp(parse->settings[i].section, section) &&
		    !strcmp(parse->settings[i].name, name))
			s = &parse->settings[i];
	if (!s)
		return complain(parse, "unknown setting", section, name);
	if (s->seen)
		return complain(parse, "given twice", section, name);
	if (!value[0])
		return complain(parse, "empty value", section, name);
	if (strlen(value) >= s->size)
		return complain(parse, "value too long", section, name);
	if (s->is_path && value[0] != '/')
		return complain(parse, "not an absolute path", section, name);
	strcpy(s->value, value);
	s->seen = true;
	return 1;
}

int kmsd_conf_load(struct kmsd_conf *conf, const char *path, struct evs_error *err)
{
	struct setting settings[] = {
		{ "listen", "socket", conf->socket, sizeof(conf->socket), .is_path = true },
		{ "store", "database", conf->database, sizeof(conf->database),
		  .is_path = true, .required = true },
		{ "hsm", "module", conf->module, sizeof(conf->module),
		  .is_path = true, .required = true },
		{ "hsm", "softhsm2-conf", conf->softhsm2_conf, sizeof(conf->softhsm2_conf),
		  .is_path = true },
		{ "hsm", "token", conf->token, sizeof(conf->token), .is_path = false },
		{ "hsm", "pin-file", conf->pin_file, sizeof(conf->pin_file),
		  .is_path = true, .required = true },
		{ "hsm", "root-key", conf->root_key, sizeof(conf->root_key), .is_path = false },
	};
	struct parse parse = { settings, sizeof(settings) / sizeof(settings[0]), "" };
	size_t i;
	int line;

	*conf = (struct kmsd_conf){
		.socket = KMSD_SOCKET, .token = KMSD_TOKEN, .root_key = KMSD_ROOT_KEY,
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
	return 0;
}
