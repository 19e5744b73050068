// SPDX-License-Identifier: GPL-2.0-or-later
/* libsystemd has no function for it; the rules are in systemd.unit(5). */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "unit-name.h"

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_."

int unit_escape(const char *text, char *escaped, size_t size)
{
	const char *c;
	size_t len = 0;
	int more;

	for (c = text; *c; c++) {
		if (*c == '/')
			more = snprintf(escaped + len, size - len, "-");
		else if (!strchr(PLAIN, *c) || (c == text && *c == '.'))
			more = snprintf(escaped + len, size - len, "\\x%02x", (unsigned char)*c);
		else
			more = snprintf(escaped + len, size - len, "%c", *c);
		len += (size_t)more;
		if (len >= size)
			return -ENAMETOOLONG;
	}
	escaped[len] = '\0';
	return 0;
}

int unit_escape_path(const char *path, char *escaped, size_t size)
{
	char plain[PATH_MAX] = "", *end = plain;
	size_t len;

	if (*path != '/')
		return -EINVAL;
	for (; *path; path += len) {
		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (!len || (len == 1 && *path == '.'))
			continue;
		if (len == 2 && !strncmp(path, "..", 2))
			return -EINVAL;
		if (len + 2 > (size_t)(plain + sizeof(plain) - end))
			return -ENAMETOOLONG;
		if (end != plain)
			*end++ = '/';
		end = mempcpy(end, path, len);
		*end = '\0';
	}
	return unit_escape(end == plain ? "/" : plain, escaped, size);
}
