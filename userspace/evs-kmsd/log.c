// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stdio.h>

#include "log.h"
#include "text.h"

#define LINE_MAX_SIZE 1024

void kmsd_log(const char *fmt, ...)
{
	char line[LINE_MAX_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	evs_text_line(stderr, "evs-kmsd: %s", line);
}
