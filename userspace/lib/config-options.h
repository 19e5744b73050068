/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_CONFIG_OPTIONS_H
#define EVS_CONFIG_OPTIONS_H

#include "config.h"

/*
 * The keys of a section that belong to its kind. They are kept as they are read, and
 * checked at the end: the key that says which kind it is may come after them.
 */

/** evs_options_get() - The value of a key, or NULL. @options: the keys @name: its name */
const char *evs_options_get(const struct evs_config_options *options, const char *name);

/**
 * evs_options_set() - Set a key, replacing a value there was.
 * @options: the keys
 * @name: name of the key
 * @value: its value, not checked
 *
 * Return: 0 or -ENOSPC when name, value or their number is too large.
 */
int evs_options_set(struct evs_config_options *options, const char *name, const char *value);

/**
 * evs_options_take() - Keep a key that is read.
 * @options: the keys
 * @line: its line
 * @section: its section, for messages
 * @name: name of the key
 * @value: its value
 * @err: filled on failure
 *
 * Return: 0 or -EINVAL.
 */
int evs_options_take(struct evs_config_options *options, unsigned int line, const char *section,
		     const char *name, const char *value, struct evs_error *err);

/**
 * evs_options_check() - Are these keys and values of the kind, and all that it needs?
 * @options: the keys
 * @keys: what the kind knows
 * @section: the section, for messages
 * @what: the key that says which kind it is
 * @kind: the kind
 * @path: the file, for messages
 * @err: filled on failure
 *
 * Return: 0 or -EINVAL.
 */
int evs_options_check(const struct evs_config_options *options, const struct evs_config_key *keys,
		      const char *section, const char *what, const char *kind, const char *path,
		      struct evs_error *err);

#endif /* EVS_CONFIG_OPTIONS_H */
