// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stdio.h>

#include "log.h"

#define LINE_MAX_SIZE 1024

void kmsd_log_clean(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		/* U+0080 to U+009F, of two bytes: terminals know these as well */
		if (*c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
			*c++ = '?';
		else if (*c >= ' ' && *c != 0x7f)
			continue;
		*c = '?';
	}
}

void kmsd_log(const char *fmt, ...)
{
	char line[LINE_MAX_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	/* Requests bring names with them: no second line, no escape sequence */
	kmsd_log_clean(line);
	fprintf(stderr, "evs-kmsd: %s\n", line);
}
