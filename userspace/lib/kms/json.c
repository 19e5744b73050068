// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hex.h"
#include "kms/json.h"
#include "text.h"

#define DEPTH_MAX 16

/* Index of the quote that ends the string whose first character is at @i. */
static size_t string_end(const char *json, size_t len, size_t i)
{
	while (i < len && json[i] != '"')
		i += json[i] == '\\' ? 2 : 1;
	return i < len ? i : len;
}

static size_t skip_space(const char *json, size_t len, size_t i)
{
	while (i < len && strchr(" \t\r\n", json[i]) && json[i])
		i++;
	return i;
}

/* Takes the value that starts at @i; sets @i behind it. */
static ssize_t take_value(char *json, size_t len, size_t *i, void *data, size_t size)
{
	size_t from, end;
	ssize_t ret;

	if (*i >= len || json[*i] != '"')
		return -EINVAL;
	from = *i + 1;
	end = string_end(json, len, from);
	*i = end + 1;
	ret = evs_hex_decode(data, size, json + from, end - from);
	memset(json + from, '0', end - from);
	return end < len ? ret : -EINVAL;
}

ssize_t evs_json_take_hex(char *json, size_t len, const char *name, void *data, size_t size)
{
	size_t i = 0, from, end, name_len = strlen(name);
	ssize_t ret = -ENOENT;
	int depth = 0;

	while (i < len) {
		switch (json[i++]) {
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			depth--;
			break;
		case '"':
			from = i;
			end = string_end(json, len, i);
			i = skip_space(json, len, end + 1);
			if (i >= len || json[i] != ':')
				break;		/* a value */
			i = skip_space(json, len, i + 1);
			if (depth != 1 || end - from != name_len ||
			    memcmp(json + from, name, name_len))
				break;
			if (ret != -ENOENT) {
				take_value(json, len, &i, data, size);
				ret = -EINVAL;
			} else {
				ret = take_value(json, len, &i, data, size);
			}
			break;
		}
	}
	return ret;
}

json_object *evs_json_parse(const char *json, size_t len)
{
	json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
	json_object *object = NULL;

	if (!tokener)
		return NULL;
	/* A NUL, which the buffer has behind the text, tells the end. */
	if (!memchr(json, '\0', len)) {
		json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
		object = json_tokener_parse_ex(tokener, json, (int)len + 1);
	}
	json_tokener_free(tokener);
	if (!json_object_is_type(object, json_type_object)) {
		json_object_put(object);
		return NULL;
	}
	return object;
}

int evs_json_text(json_object *object, const char *name, char *text, size_t size)
{
	json_object *value;
	size_t len;

	text[0] = '\0';
	if (!object || !json_object_object_get_ex(object, name, &value) || !value)
		return -ENOENT;
	if (!json_object_is_type(value, json_type_string) &&
	    !json_object_is_type(value, json_type_int))
		return -EINVAL;
	/* For an integer this is its JSON, which is its digits. */
	len = strlen(json_object_get_string(value));
	if (len >= size)
		return -EINVAL;
	evs_text_copy(text, size, json_object_get_string(value), len);
	return 0;
}

int evs_json_number(json_object *object, const char *name, int64_t *number)
{
	char text[24];
	long long parsed;
	char *end;
	int ret;

	ret = evs_json_text(object, name, text, sizeof(text));
	if (ret)
		return ret;
	if (!*text)
		return -ENOENT;
	errno = 0;
	parsed = strtoll(text, &end, 10);
	if (errno || *end || strchr(" \t+", *text))
		return -EINVAL;
	*number = parsed;
	return 0;
}
