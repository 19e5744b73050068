// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fail.h"

int kmsd_fail(struct evs_error *err, const char *code, const char *fmt, ...)
{
	char text[sizeof(err->text)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	evs_error_set(err, EINVAL, "%s", text);
	snprintf(err->code, sizeof(err->code), "%s", code);
	return -EINVAL;
}

unsigned int kmsd_http_status(const char *code)
{
	static const struct {
		const char *code;
		unsigned int status;
	} other[] = {
		{ KMSD_E_INTERNAL, 500 }, { KMSD_E_UNAVAILABLE, 503 }, { KMSD_E_NO_KEY, 404 },
		{ KMSD_E_METHOD, 405 }, { KMSD_E_PROJECT, 403 }, { KMSD_E_PERMISSION, 403 },
		{ KMSD_E_NO_CERTIFICATE, 403 }, { KMSD_E_CERTIFICATE, 403 },
		{ KMSD_E_OTHER_PROJECT, 403 },
	};
	size_t i;

	for (i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		if (!strcmp(code, other[i].code))
			return other[i].status;
	return 400;
}
