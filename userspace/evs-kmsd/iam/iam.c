// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "fail.h"
#include "hex.h"
#include "iam/iam.h"

int kmsd_iam_new_id(char id[KMSD_IAM_ID_SIZE], struct evs_error *err)
{
	unsigned char random[KMSD_IAM_ID_SIZE / 2];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return evs_error_set(err, EIO, "getrandom: %m");
	evs_hex_encode(id, random, sizeof(random));
	for (char *c = id; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return 0;
}

struct json_object *kmsd_iam_object(struct json_object *json, const char *name)
{
	struct json_object *value;

	return json_object_is_type(json, json_type_object) &&
	       json_object_object_get_ex(json, name, &value) &&
	       json_object_is_type(value, json_type_object) ? value : NULL;
}

const char *kmsd_iam_text(struct json_object *json, const char *name)
{
	struct json_object *value;

	return json_object_is_type(json, json_type_object) &&
	       json_object_object_get_ex(json, name, &value) &&
	       json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

int kmsd_iam_check_name(const char *what, const char *name, struct evs_error *err)
{
	size_t len = name ? strlen(name) : 0;

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == '/')
			len = 0;
	return len && len <= KMSD_IAM_NAME_MAX
		       ? 0 : kmsd_fail(err, KMSD_IAM_BAD, "%s: not a name of 1 to %d bytes", what,
				       KMSD_IAM_NAME_MAX);
}

static int digit(unsigned char c)
{
	return isdigit(c) ? c - '0' : (c | 32) - 'a' + 10;
}

void kmsd_iam_query(const struct kmsd_call *call, const char *name, char *value, size_t size)
{
	const char *at = strchr(call->http->uri, '?');
	size_t n = 0;

	value[0] = '\0';
	while (at) {
		at++;
		if (!strncmp(at, name, strlen(name)) && at[strlen(name)] == '=')
			break;
		at = strchr(at, '&');
	}
	if (!at)
		return;
	for (at += strlen(name) + 1; *at && *at != '&' && n + 1 < size; at++) {
		if (*at == '%' && isxdigit((unsigned char)at[1]) && isxdigit((unsigned char)at[2])) {
			value[n++] = (char)(digit((unsigned char)at[1]) << 4 |
					    digit((unsigned char)at[2]));
			at += 2;
		} else {
			value[n++] = *at == '+' ? ' ' : *at;
		}
	}
	value[n] = '\0';
}

int kmsd_iam_removed(struct kmsd_call *call, int rows, const char *what, struct evs_error *err)
{
	if (!rows)
		return kmsd_fail(err, KMSD_IAM_NOT_FOUND, "there is no such %s", what);
	return rows < 0 ? rows : kmsd_reply_empty(call->reply, err);
}

void kmsd_iam_time(int64_t ms, char text[KMSD_IAM_TIME_SIZE])
{
	time_t t = ms / KMSD_SECOND_MS;
	struct tm tm;

	text[0] = '\0';
	if (gmtime_r(&t, &tm))
		strftime(text, KMSD_IAM_TIME_SIZE, "%Y-%m-%dT%H:%M:%S.000000Z", &tm);
}
