// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The parser of evs.conf(5) and evs-kmsd.conf(5). No value changes its meaning without
 * a word: it is taken as it stands, or the line is refused.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ini.h"
#include "text.h"

#define BLANKS " \t"
#define MARK "\xef\xbb\xbf"
#define FILE_MAX (1 << 20)

struct parser {
	const char *path;
	const struct evs_ini_reader *reader;
	void *arg;
	unsigned int line;
	char *section;
	struct evs_error *err;
};

/* The text without the blanks around it */
static char *trim(char *text)
{
	char *end;

	text += strspn(text, BLANKS);
	for (end = strchr(text, '\0'); end > text && strchr(BLANKS, end[-1]); end--)
		;
	*end = '\0';
	return text;
}

static int parse_section(struct parser *p, char *text)
{
	char *end = strchr(text, ']');

	if (!end || end[1])
		return evs_error_set(p->err, EINVAL, end ? "text behind the ] of a section" :
				     "neither [section] nor key = value");
	*end = '\0';
	free(p->section);
	p->section = strdup(trim(text));
	if (!p->section)
		return evs_error_set(p->err, ENOMEM, "out of memory");
	return p->reader->section(p->arg, p->section, p->err);
}

static int parse_key(struct parser *p, char *line)
{
	char *value = strchr(line, '='), *key;

	if (!value || value == line)
		return evs_error_set(p->err, EINVAL, "neither [section] nor key = value");
	*value++ = '\0';
	key = trim(line);
	value = trim(value);
	if (!evs_text_valid(key) || !evs_text_valid(value))
		return evs_error_set(p->err, EINVAL,
				     "control characters, or bytes that are no UTF-8");
	return p->reader->key(p->arg, p->line, p->section ? p->section : "", key, value, p->err);
}

static int parse_line(struct parser *p, const char *text, size_t len)
{
	char *copy, *line;
	int ret = 0;

	if (len && text[len - 1] == '\r')
		len--;
	copy = strndup(text, len);
	if (!copy)
		return evs_error_set(p->err, ENOMEM, "out of memory");
	line = trim(copy);
	if (*line == '#' || *line == ';')
		;
	else if (memchr(text, '\0', len))
		ret = evs_error_set(p->err, EINVAL, "a NUL byte");
	else if (*line == '[')
		ret = parse_section(p, line + 1);
	else if (*line)
		ret = parse_key(p, line);
	free(copy);
	return ret ? evs_error_prefix(p->err, "%s:%u", p->path, p->line) : 0;
}

int evs_ini_parse(const char *path, const char *text, size_t len,
		  const struct evs_ini_reader *reader, void *arg, struct evs_error *err)
{
	struct parser p = { .path = path, .reader = reader, .arg = arg, .err = err };
	const char *end;
	size_t part;
	int ret = 0;

	if (len >= strlen(MARK) && !memcmp(text, MARK, strlen(MARK))) {
		text += strlen(MARK);
		len -= strlen(MARK);
	}
	while (len && !ret) {
		p.line++;
		end = memchr(text, '\n', len);
		part = end ? (size_t)(end - text) : len;
		ret = parse_line(&p, text, part);
		part += end ? 1 : 0;
		text += part;
		len -= part;
	}
	free(p.section);
	return ret;
}

int evs_ini_read(const char *path, const struct evs_ini_reader *reader, void *arg,
		 struct evs_error *err)
{
	FILE *file = fopen(path, "re");
	char *text;
	size_t len;
	int ret;

	if (!file)
		return evs_error_set(err, errno, "%s: %m", path);
	text = malloc(FILE_MAX + 1);
	if (!text) {
		fclose(file);
		return evs_error_set(err, ENOMEM, "out of memory");
	}
	errno = 0;
	len = fread(text, 1, FILE_MAX + 1, file);
	if (ferror(file))
		ret = evs_error_set(err, errno ? errno : EIO, "%s: cannot be read: %m", path);
	else if (len > FILE_MAX)
		ret = evs_error_set(err, EFBIG, "%s: is longer than 1 MiB", path);
	else
		ret = evs_ini_parse(path, text, len, reader, arg, err);
	free(text);
	fclose(file);
	return ret;
}
