// SPDX-License-Identifier: GPL-2.0-or-later
/* Answers: JSON, and refusals. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/api.h"
#include "fail.h"
#include "pool.h"

int kmsd_json_put(struct json_object *json, const char *name, struct json_object *value)
{
	if (value && !(name ? json_object_object_add(json, name, value)
			    : json_object_array_add(json, value)))
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

int kmsd_json_add(struct json_object *json, const char *name, const char *value)
{
	return kmsd_json_put(json, name, json_object_new_string(value));
}

struct json_object *kmsd_json_pairs(const char *const *pairs)
{
	struct json_object *json = json_object_new_object();

	for (; json && *pairs; pairs += 2)
		if (kmsd_json_add(json, pairs[0], pairs[1])) {
			json_object_put(json);
			json = NULL;
		}
	return json;
}

int kmsd_reply_json(struct kmsd_reply *reply, struct json_object *json, struct evs_error *err)
{
	const char *text = NULL;
	size_t size = 0;

	if (json)
		text = json_object_to_json_string_length(
			json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
	if (text)
		reply->body = strdup(text);
	json_object_put(json);
	if (!reply->body)
		return evs_error_set(err, ENOMEM, "out of memory");
	reply->size = size;
	return 0;
}

int kmsd_reply_text(struct kmsd_reply *reply, char *text, struct evs_error *err)
{
	if (!text)
		return evs_error_set(err, ENOMEM, "out of memory");
	reply->body = text;
	reply->size = strlen(text);
	return 0;
}

int kmsd_reply_done(struct kmsd_reply *reply, struct evs_error *err)
{
	return kmsd_reply_text(reply, strdup("{}"), err);
}

int kmsd_reply_pairs(struct kmsd_reply *reply, const char *outer, const char *const *pairs,
		     struct evs_error *err)
{
	struct json_object *json = kmsd_json_pairs(pairs), *around;

	if (!outer)
		return kmsd_reply_json(reply, json, err);
	around = json_object_new_object();
	if (around && kmsd_json_put(around, outer, json)) {
		json_object_put(around);
		around = NULL;
	}
	return kmsd_reply_json(reply, around, err);
}

void kmsd_api_refuse(struct kmsd_reply *reply, const struct evs_error *err)
{
	const char *code = err->code, *text = err->text;
	struct evs_error ignored = {};

	if (!code[0] && err->errnum == ENXIO) {
		code = KMSD_E_UNAVAILABLE;
		text = "the HSM does not answer";
	} else if (!code[0]) {
		code = KMSD_E_INTERNAL;
		text = "internal error; the log of evs-kmsd says more";
	}
	kmsd_reply_free(reply);
	snprintf(reply->code, sizeof(reply->code), "%.15s", code);
	reply->status = kmsd_http_status(code);
	kmsd_reply_pairs(reply, "error", (const char *const[]){
		"error_code", code, "error_msg", text, NULL }, &ignored);
}

void kmsd_reply_free(struct kmsd_reply *reply)
{
	if (reply->secret)
		kmsd_secret_put(reply->secret);
	else
		free(reply->body);
	reply->secret = NULL;
	reply->body = NULL;
	reply->size = 0;
}

int kmsd_json_window(struct json_object *json, const struct kmsd_window *window, int64_t shown,
		     int64_t total)
{
	bool more = shown && window->offset + shown < total;
	char marker[24] = "";

	if (more)
		snprintf(marker, sizeof(marker), "%lld", (long long)(window->offset + shown));
	return kmsd_json_add(json, "next_marker", marker) ||
	       kmsd_json_add(json, "truncated", more ? "true" : "false") ||
	       kmsd_json_put(json, "total", json_object_new_int64(total)) ? -ENOMEM : 0;
}
