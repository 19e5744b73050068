// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "config-options.h"

const char *evs_options_get(const struct evs_config_options *options, const char *name)
{
	size_t i;

	for (i = 0; i < options->count; i++)
		if (!strcmp(options->list[i].name, name))
			return options->list[i].value;
	return NULL;
}

int evs_options_set(struct evs_config_options *options, const char *name, const char *value)
{
	size_t i;

	for (i = 0; i < options->count; i++)
		if (!strcmp(options->list[i].name, name))
			break;
	if (i == EVS_CONFIG_OPTIONS_MAX || strlen(name) > EVS_CONFIG_NAME_MAX ||
	    strlen(value) > EVS_CONFIG_VALUE_MAX)
		return -ENOSPC;
	strcpy(options->list[i].name, name);
	strcpy(options->list[i].value, value);
	if (i == options->count)
		options->count++;
	return 0;
}

int evs_options_take(struct evs_config_options *options, unsigned int line, const char *section,
		     const char *name, const char *value, struct evs_error *err)
{
	if (evs_options_get(options, name))
		return evs_error_set(err, EINVAL, "\"%s\" given twice in [%s]", name, section);
	if (strlen(name) > EVS_CONFIG_NAME_MAX)
		return evs_error_set(err, EINVAL, "unknown key \"%s\" in [%s]", name, section);
	if (strlen(value) > EVS_CONFIG_VALUE_MAX)
		return evs_error_set(err, EINVAL, "\"%s\": longer than %d bytes", name,
				     EVS_CONFIG_VALUE_MAX);
	if (evs_options_set(options, name, value))
		return evs_error_set(err, EINVAL, "\"%s\": too many keys", name);
	options->list[options->count - 1].line = line;
	return 0;
}

int evs_options_check(const struct evs_config_options *options, const struct evs_config_key *keys,
		      const char *section, const char *what, const char *kind, const char *path,
		      struct evs_error *err)
{
	const struct evs_config_key *key;
	size_t i;

	for (i = 0; i < options->count; i++) {
		for (key = keys; key->name && strcmp(key->name, options->list[i].name);)
			key++;
		if (!key->name)
			return evs_error_set(err, EINVAL,
					     "%s:%u: unknown key \"%s\" in [%s], whose %s is %s",
					     path, options->list[i].line, options->list[i].name,
					     section, what, kind);
		if (!key->valid(options->list[i].value))
			return evs_error_set(err, EINVAL, "%s:%u: %s must %s, not \"%s\"", path,
					     options->list[i].line, key->name, key->must,
					     options->list[i].value);
	}
	for (key = keys; key->name; key++)
		if (key->required && !evs_options_get(options, key->name))
			return evs_error_set(err, EINVAL, "%s: [%s] has no %s", path, section,
					     key->name);
	return 0;
}
