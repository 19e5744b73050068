// SPDX-License-Identifier: GPL-2.0-or-later
#include <json-c/json.h>
#include <string.h>

#include "audit/event.h"
#include "text.h"

/* What they are called in a record. */
static const char *const names[KMSD_EVENT_TEXTS] = {
	[KMSD_EV_NAME] = "event",
	[KMSD_EV_PROJECT] = "project",
	[KMSD_EV_CLIENT] = "client",
	[KMSD_EV_CLAIMED] = "claimed",
	[KMSD_EV_FINGERPRINT] = "fingerprint",
	[KMSD_EV_SOURCE] = "source",
	[KMSD_EV_CMK] = "key_id",
	[KMSD_EV_ASKED] = "asked",
	[KMSD_EV_VOLUME] = "volume",
	[KMSD_EV_GRANT] = "grant_id",
	[KMSD_EV_CODE] = "code",
	[KMSD_EV_REQUEST] = "request_id",
};

static bool add(struct json_object *json, const char *name, struct json_object *value)
{
	if (value && !json_object_object_add(json, name, value))
		return true;
	json_object_put(value);
	return false;
}

static bool add_text(struct json_object *json, const char *name, const char *value)
{
	char text[KMSD_EVENT_TEXT];

	if (!value || !value[0])
		return true;
	evs_text_copy(text, sizeof(text), value, strlen(value));
	return add(json, name, json_object_new_string(text));
}

static bool fill(struct json_object *json, const struct kmsd_event *e, int64_t seq)
{
	if (!add(json, "seq", json_object_new_int64(seq)) ||
	    !add(json, "time", json_object_new_int64(e->time)))
		return false;
	for (int i = 0; i < KMSD_EVENT_TEXTS; i++) {
		/* Who it was, all in one place */
		if (i == KMSD_EV_FINGERPRINT && e->local &&
		    !add(json, "uid", json_object_new_int64(e->uid)))
			return false;
		if (!add_text(json, names[i], e->text[i]))
			return false;
	}
	if (e->count && (!add(json, "count", json_object_new_int64(e->count)) ||
			 !add(json, "since", json_object_new_int64(e->since))))
		return false;
	return add(json, "status", json_object_new_int64(e->status));
}

char *kmsd_event_json(const struct kmsd_event *event, int64_t seq)
{
	struct json_object *json = json_object_new_object();
	char *text = NULL;

	if (json && fill(json, event, seq))
		text = strdup(json_object_to_json_string_ext(
			json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE) ?: "");
	json_object_put(json);
	if (text && !text[0]) {
		free(text);
		text = NULL;
	}
	return text;
}
