// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "kms/clock.h"
#include "kms/trace.h"

#define URL_MAX 1024

static const struct evs_trace_ops *observer;
static struct evs_trace current;
static char url[URL_MAX];
static int64_t began;

void evs_trace_set(const struct evs_trace_ops *ops)
{
	observer = ops;
}

/* Who a URL logs in as is between "//" and "@". */
static void hide_login(char *text)
{
	char *host = strstr(text, "//"), *end;

	if (!host)
		return;
	host += 2;
	end = host + strcspn(host, "/?#");
	for (char *at = end; at > host; at--) {
		if (at[-1] != '@')
			continue;
		memmove(host, at, strlen(at) + 1);
		return;
	}
}

void evs_trace_begin(const char *method, const char *format, ...)
{
	va_list args;

	if (!observer)
		return;
	va_start(args, format);
	vsnprintf(url, sizeof(url), format, args);
	va_end(args);
	hide_login(url);
	current = (struct evs_trace){ .method = method, .url = url };
	began = evs_clock.now_ms();
	observer->begin(&current);
}

void evs_trace_end(long status, const char *failure)
{
	if (!observer || !current.method)
		return;
	current.status = status;
	current.failure = failure;
	current.ms = (long)(evs_clock.now_ms() - began);
	observer->end(&current);
	current.method = NULL;
}
