// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf-edit.h"
#include "newfile.h"

#define SUFFIX ".new"

static int new_path(char path[PATH_MAX], const char *config, struct evs_error *err)
{
	if (snprintf(path, PATH_MAX, "%s" SUFFIX, config) >= PATH_MAX)
		return evs_error_set(err, ENAMETOOLONG, "%s: name too long", config);
	return 0;
}

static bool is_setting(const char *line, const char *name)
{
	line += strspn(line, " \t");
	if (strncmp(line, name, strlen(name)))
		return false;
	line += strlen(name);
	return line[strspn(line, " \t")] == '=';
}

static void put_settings(FILE *out, const struct kmsd_conf *conf)
{
	fprintf(out, "module = %s\n", conf->module);
	if (conf->softhsm2_conf[0])
		fprintf(out, "softhsm2-conf = %s\n", conf->softhsm2_conf);
	if (conf->module_args[0])
		fprintf(out, "module-args = %s\n", conf->module_args);
	fprintf(out, "token = %s\npin-file = %s\nroot-key = %s\n", conf->token, conf->pin_file,
		conf->root_key);
}

/*
 * Copies the lines; but those that name the token where there is a @conf, whose own
 * follow the section's name.
 */
static void copy_lines(FILE *in, FILE *out, const struct kmsd_conf *conf)
{
	static const char *const names[] = {
		"module", "softhsm2-conf", "module-args", "token", "pin-file", "root-key",
	};
	bool within = false, skip;
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, in) > 0) {
		skip = false;
		if (line[0] == '[')
			within = !strncmp(line, "[hsm]", 5);
		for (size_t i = 0; conf && within && i < sizeof(names) / sizeof(names[0]); i++)
			skip = skip || is_setting(line, names[i]);
		if (!skip)
			fputs(line, out);
		if (conf && within && line[0] == '[')
			put_settings(out, conf);
	}
	free(line);
}

/* Is it the same configuration but for the token? */
static bool is_edited(const struct kmsd_conf *read, const struct kmsd_conf *want)
{
	return !strcmp(read->module, want->module) && !strcmp(read->token, want->token) &&
	       !strcmp(read->softhsm2_conf, want->softhsm2_conf) &&
	       !strcmp(read->pin_file, want->pin_file) &&
	       !strcmp(read->root_key, want->root_key) && !strcmp(read->database, want->database);
}

/* May the text take the configuration's place? */
static int check(const char *path, const char *text, const struct kmsd_conf *want,
		 struct evs_error *err)
{
	struct kmsd_conf *read = malloc(sizeof(*read));
	int ret;

	if (!read)
		return evs_error_set(err, ENOMEM, "out of memory");
	ret = kmsd_conf_parse(read, path, text, err);
	if (!ret) {
		if (want && !is_edited(read, want))
			ret = evs_error_set(err, EINVAL, "%s: cannot be changed: do it by hand",
					    path);
		kmsd_conf_free(read);
	}
	free(read);
	return ret;
}

/* The new text: by the settings of [hsm] in @conf, or with @more behind it. */
static int edit(const char *path, const struct kmsd_conf *conf, const char *more,
		struct evs_error *err)
{
	char new[PATH_MAX], *text = NULL;
	FILE *in, *out;
	struct stat st;
	size_t size = 0;
	int ret;

	ret = new_path(new, path, err);
	if (ret)
		return ret;
	in = fopen(path, "re");
	if (!in || fstat(fileno(in), &st)) {
		ret = evs_error_set(err, errno, "%s: %m", path);
		goto out;
	}
	out = open_memstream(&text, &size);
	if (out) {
		copy_lines(in, out, conf);
		fputs(more, out);
	}
	if (!out || fclose(out)) {
		ret = evs_error_set(err, ENOMEM, "out of memory");
		goto out;
	}
	ret = check(path, text, conf, err);
	unlink(new);
	if (!ret)
		ret = kmsd_newfile_write_as(new, &st, text, size, err);
	if (ret)
		unlink(new);
out:
	if (in)
		fclose(in);
	free(text);
	return ret;
}

int kmsd_conf_edit(const char *path, const struct kmsd_conf *conf, struct evs_error *err)
{
	return edit(path, conf, "", err);
}

int kmsd_conf_append(const char *path, const char *text, struct evs_error *err)
{
	return edit(path, NULL, text, err);
}

int kmsd_conf_replace(const char *path, struct evs_error *err)
{
	char new[PATH_MAX];
	int ret = new_path(new, path, err);

	if (ret)
		return ret;
	if (rename(new, path))
		return evs_error_set(err, errno, "%s: %m", path);
	return kmsd_newfile_sync_name(path, err);
}
