// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/chain.h"
#include "audit/event.h"
#include "date.h"
#include "text.h"

static const char *text_of(struct json_object *json, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(json, name, &value) ? json_object_get_string(value) : NULL;
}

static int64_t time_of(struct json_object *json, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(json, name, &value) ? json_object_get_int64(value) : 0;
}

/* Appends " LABEL=VALUE" for a member that is there, or is always shown. */
static void add(char **line, struct json_object *json, const char *label, const char *name,
		bool always)
{
	const char *value = text_of(json, name);
	char *longer;

	if (!*line || (!value && !always))
		return;
	if (asprintf(&longer, "%s %s=%s", *line, label, value ? value : "-") < 0)
		longer = NULL;
	free(*line);
	*line = longer;
}

static int print_record(struct json_object *json)
{
	static const struct {
		const char *label;
		const char *name;
		bool always;
	} members[] = {
		{ "cmk", "key_id", true }, { "asked", "asked", false },
		{ "volume", "volume", false }, { "grant", "grant_id", false },
		{ "project", "project", true }, { "client", "client", true },
		{ "claimed", "claimed", false }, { "fingerprint", "fingerprint", false },
		{ "from", "source", true }, { "code", "code", true },
		{ "request", "request_id", true }, { "count", "count", false },
	};
	const char *seq = text_of(json, "seq"), *event = text_of(json, "event");
	char date[EVS_DATE_SIZE], *line;

	if (asprintf(&line, "%s %s %s", seq ? seq : "-",
		     evs_date_time(date, time_of(json, "time") / 1000), event ? event : "-") < 0)
		return -1;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		add(&line, json, members[i].label, members[i].name, members[i].always);
	if (!line)
		return -1;
	if (text_of(json, "since"))
		evs_text_line(stdout, "%s since=%s", line,
			      evs_date_time(date, time_of(json, "since") / 1000));
	else
		evs_text_line(stdout, "%s", line);
	free(line);
	return 0;
}

static bool has(struct json_object *json, const char *name, const char *value)
{
	const char *found = text_of(json, name);

	return !value || (found && !strcasecmp(found, value));
}

static bool is_wanted(struct json_object *json, const struct kmsd_filter *filter)
{
	return (!filter->since || time_of(json, "time") >= filter->since) &&
	       has(json, "key_id", filter->cmk) && has(json, "volume", filter->volume);
}

/* Prints one line of the file. */
static int show_line(const char *line, const struct kmsd_filter *filter)
{
	struct kmsd_link link;
	const char *text = kmsd_audit_parse(line, &link);
	struct json_object *json = text ? json_tokener_parse(text) : NULL;
	int ret = 0;

	if (!json)
		/* Whatever is looked for, it may have been this */
		fputs(filter->json ? "" : "- not a record: evs-kmsd audit verify tells more\n",
		      stdout);
	else if (is_wanted(json, filter) && filter->json)
		puts(json_object_to_json_string_ext(
			json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	else if (is_wanted(json, filter))
		ret = print_record(json);
	json_object_put(json);
	return ret;
}

int kmsd_audit_show(const char *path, const struct kmsd_filter *filter, struct evs_error *err)
{
	struct kmsd_reader r;
	int ret, failed = 0;

	ret = kmsd_reader_open(&r, path, err);
	if (ret)
		return ret;
	while (!failed && kmsd_reader_next(&r) > 0)
		failed = show_line(r.line, filter);
	kmsd_reader_close(&r);
	return failed ? evs_error_set(err, ENOMEM, "out of memory") : 0;
}
