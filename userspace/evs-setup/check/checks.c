// SPDX-License-Identifier: GPL-2.0-or-later
/* What doctor and config check have in common */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "checks.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "date.h"
#include "kms/certificate.h"
#include "text.h"

static void say(const char *verdict, const char *what, const char *fmt, va_list args)
	__attribute__((format(printf, 3, 0)));
static void say(const char *verdict, const char *what, const char *fmt, va_list args)
{
	struct evs_error ignored = {};
	char *text;

	if (vasprintf(&text, fmt, args) < 0) {
		evs_text_line(stdout, "%-4s  %s: out of memory", verdict, what);
		return;
	}
	if (cli_settings()->json)
		out_texts("checks", &ignored, "result", verdict, "what", what, "text", text, NULL);
	else
		evs_text_line(stdout, "%-4s  %s: %s", verdict, what, text);
	free(text);
}

void check_good(struct findings *f, const char *what, const char *fmt, ...)
{
	va_list args;

	f->checks++;
	va_start(args, fmt);
	say("ok", what, fmt, args);
	va_end(args);
}

void check_bad(struct findings *f, const char *what, const char *fmt, ...)
{
	va_list args;

	f->checks++;
	f->bad++;
	va_start(args, fmt);
	say("BAD", what, fmt, args);
	va_end(args);
}

void check_note(struct findings *f, const char *what, const char *fmt, ...)
{
	va_list args;

	f->checks++;
	va_start(args, fmt);
	say("note", what, fmt, args);
	va_end(args);
}

int check_result(const struct findings *f, struct evs_error *err)
{
	if (!f->bad)
		return 0;
	return evs_error_set(err, EPERM, "%u of %u checks found something to mend", f->bad,
			     f->checks);
}

const char *check_sentence(const struct evs_error *err, const char *what)
{
	size_t len = strlen(what);

	return strncmp(err->text, what, len) || strncmp(err->text + len, ": ", 2) ? err->text :
	       err->text + len + 2;
}

int check_config(struct findings *f, struct evs_config *cfg)
{
	struct evs_error err = {};

	if (evs_config_load(cfg, &err))
		check_bad(f, "configuration", "%s", err.text);
	else
		check_good(f, "configuration", "%zu KMS%s", cfg->kms_count,
			   cfg->kms_count == 1 ? "" : "s");
	return -err.errnum;
}

static void check_certificate(struct findings *f, const struct evs_config_kms *kms,
			      const char *key)
{
	const char *path = evs_config_get(kms, key);
	char what[EVS_KMS_NAME_MAX + EVS_CONFIG_NAME_MAX + 16];
	struct evs_error err = {};
	char date[EVS_DATE_SIZE];
	int64_t from, until;
	time_t now = time(NULL);

	if (!path)
		return;
	snprintf(what, sizeof(what), "KMS %s: %s", kms->name, key);
	if (evs_certificate_dates(path, &from, &until, &err)) {
		check_bad(f, what, "%s", err.text);
		return;
	}
	evs_date_day(date, until);
	if (from > now)
		check_bad(f, what, "%s: is not valid yet; is the clock right?", path);
	else if (until < now)
		check_bad(f, what, "%s: expired on %s; get a new one", path, date);
	else if (until < now + EVS_CERTIFICATE_SOON)
		check_note(f, what, "%s: expires on %s, within 30 days; get a new one", path, date);
	else
		check_good(f, what, "%s: is valid until %s", path, date);
}

void check_certificates(struct findings *f, const struct evs_config_kms *cfg)
{
	const char *const *key;

	for (key = evs_certificate_keys; *key; key++)
		check_certificate(f, cfg, *key);
}
