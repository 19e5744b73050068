// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
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

/*
 * Walks to the next member called @name, at one level (1 is the outermost)
 * or, with 0, at any. Returns whether there is one, with @i at its value.
 */
static bool next_member(const char *json, size_t len, const char *name, int level, size_t *i,
			int *depth)
{
	size_t from, end, name_len = strlen(name);

	while (*i < len) {
		switch (json[(*i)++]) {
		case '{':
		case '[':
			++*depth;
			break;
		case '}':
		case ']':
			--*depth;
			break;
		case '"':
			from = *i;
			end = string_end(json, len, from);
			*i = skip_space(json, len, end + 1);
			if (*i >= len || json[*i] != ':')
				break;		/* a value */
			*i = skip_space(json, len, *i + 1);
			if ((!level || *depth == level) && end - from == name_len &&
			    !memcmp(json + from, name, name_len))
				return true;
			break;
		}
	}
	return false;
}

typedef ssize_t decoder(void *data, size_t size, const char *text, size_t len);

/* Takes the value that starts at @i; sets @i behind it. */
static ssize_t take_value(char *json, size_t len, size_t *i, void *data, size_t size,
			  decoder *decode)
{
	size_t from, end;
	ssize_t ret;

	if (*i >= len || json[*i] != '"')
		return -EINVAL;
	from = *i + 1;
	end = string_end(json, len, from);
	*i = end + 1;
	ret = decode(data, size, json + from, end - from);
	memset(json + from, '0', end - from);
	return end < len ? ret : -EINVAL;
}

static ssize_t take(char *json, size_t len, int level, const char *name, void *data, size_t size,
		    decoder *decode)
{
	ssize_t ret = -ENOENT;
	bool again = false;
	int depth = 0;
	size_t i = 0;

	while (next_member(json, len, name, level, &i, &depth)) {
		ret = take_value(json, len, &i, data, size, decode);
		if (again)
			ret = -EINVAL;
		again = true;
	}
	return ret;
}

/* The only escape that an encoder needs for such texts is the one of the slash. */
static ssize_t copy_plain(char *dst, size_t size, const char *src, size_t len)
{
	size_t i, used = 0;

	for (i = 0; i < len; i++) {
		if (src[i] == '\\' && (++i == len || src[i] != '/'))
			return -EINVAL;
		if (used + 1 >= size)
			return -EMSGSIZE;
		dst[used++] = src[i];
	}
	dst[used] = '\0';
	return (ssize_t)used;
}

ssize_t evs_json_take_text(char *json, size_t len, const char *name, char *text, size_t size)
{
	size_t i = 0, end;
	int depth = 0;
	ssize_t ret;

	if (!next_member(json, len, name, 0, &i, &depth))
		return -ENOENT;
	if (i >= len || json[i++] != '"')
		return -EINVAL;
	end = string_end(json, len, i);
	ret = end < len ? copy_plain(text, size, json + i, end - i) : -EINVAL;
	memset(json + i, '0', end - i);
	return ret;
}

size_t evs_json_escape(char *dst, const char *src, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	char *at = dst;
	size_t i;

	for (i = 0; i < len; i++) {
		if ((unsigned char)src[i] < ' ') {
			at = stpcpy(at, "\\u00");
			*at++ = hex[src[i] >> 4];
			*at++ = hex[src[i] & 15];
			continue;
		}
		if (src[i] == '"' || src[i] == '\\')
			*at++ = '\\';
		*at++ = src[i];
	}
	*at = '\0';
	return (size_t)(at - dst);
}

ssize_t evs_json_take_hex(char *json, size_t len, const char *name, void *data, size_t size)
{
	return take(json, len, 1, name, data, size, evs_hex_decode);
}

ssize_t evs_json_take_base64(char *json, size_t len, int level, const char *name, void *data,
			     size_t size)
{
	return take(json, len, level, name, data, size, evs_base64_decode);
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
