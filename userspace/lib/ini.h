/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_INI_H
#define EVS_INI_H

#include <stddef.h>

#include "error.h"

/**
 * struct evs_ini_reader - Who takes what is in a configuration file.
 * @section: called at each [SECTION], which may come more than once
 * @key: called at each KEY = VALUE; the section is the last one, "" before the first
 *
 * Both return 0, or fill the error and return a negative errno, which ends the
 * reading; the place in the file is put before the error's text.
 */
struct evs_ini_reader {
	int (*section)(void *arg, const char *section, struct evs_error *err);
	int (*key)(void *arg, unsigned int line, const char *section, const char *key,
		   const char *value, struct evs_error *err);
};

/**
 * evs_ini_parse() - Read the text of a configuration file.
 * @path: how messages call it
 * @text: the text; need not end in NUL
 * @len: its length
 * @reader: what to call
 * @arg: its argument
 * @err: filled on failure
 *
 * A line is empty, a comment that begins with # or ;, a [SECTION] or KEY = VALUE.
 * Blanks around key, value and section are dropped; all else of a value belongs to it:
 * quotes, backslashes, # and ;. A line whose value is no text is an error. Lines may end
 * in CR LF, and a byte order mark may come first.
 *
 * Return: 0 or a negative errno.
 */
int evs_ini_parse(const char *path, const char *text, size_t len,
		  const struct evs_ini_reader *reader, void *arg, struct evs_error *err);

/**
 * evs_ini_read() - Read a configuration file.
 * @path: the file, up to 1 MiB
 * @reader: what to call
 * @arg: its argument
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_ini_read(const char *path, const struct evs_ini_reader *reader, void *arg,
		 struct evs_error *err);

#endif /* EVS_INI_H */
