// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "date.h"

static bool fields(int64_t seconds, struct tm *tm)
{
	time_t when = (time_t)seconds;

	return gmtime_r(&when, tm);
}

char *evs_date_time(char text[EVS_DATE_SIZE], int64_t seconds)
{
	struct tm tm;

	if (!fields(seconds, &tm) || !strftime(text, EVS_DATE_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm))
		strcpy(text, "-");
	return text;
}

char *evs_date_day(char text[EVS_DATE_SIZE], int64_t seconds)
{
	struct tm tm;

	if (!fields(seconds, &tm) || !strftime(text, EVS_DATE_SIZE, "%Y-%m-%d", &tm))
		strcpy(text, "-");
	return text;
}

int64_t evs_date_read(const char *text)
{
	struct tm tm = {};

	return strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) ? (int64_t)timegm(&tm) : 0;
}

int evs_date_parse(const char *text, int64_t *seconds, struct evs_error *err)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d" };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = {};
		const char *end = strptime(text, forms[i], &tm);

		if (!end || *end)
			continue;
		*seconds = timegm(&tm);
		return 0;
	}
	return evs_error_set(err, EINVAL, "%s: not a time, as 2026-11-30 or 2026-11-30T06:00:00Z",
			     text);
}
