// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "pool.h"
#include "http/request.h"

#define DEPTH_MAX 8
#define SECRET "plain_text"

struct scan {
	char *pos;
	char *end;
};

static void skip_space(struct scan *scan)
{
	while (scan->pos < scan->end && isspace((unsigned char)*scan->pos))
		scan->pos++;
}

/*
 * Steps over a string whose opening quote is at pos; false when it does not
 * end, or holds a NUL, which would cut names short and make two differ no more.
 */
static bool skip_string(struct scan *scan, char **start, size_t *len)
{
	*start = ++scan->pos;
	while (scan->pos < scan->end && *scan->pos != '"') {
		if (*scan->pos == '\\') {
			if (scan->end - scan->pos >= 6 && !memcmp(scan->pos, "\\u0000", 6))
				return false;
			scan->pos++;
		}
		scan->pos++;
	}
	if (scan->pos >= scan->end)
		return false;
	*len = (size_t)(scan->pos++ - *start);
	return true;
}

static int take(struct kmsd_request *req, char *text, size_t len, struct evs_error *err)
{
	if (req->secret)
		return kmsd_fail(err, KMSD_E_JSON, "body: two secrets in it");
	req->secret = kmsd_secret_get(len + 1);
	if (!req->secret)
		return evs_error_set(err, errno, "locked memory: %m");
	memcpy(req->secret->data, text, len);
	req->secret_len = len;
	memset(text, '0', len);
	return 0;
}

/* Moves the secret out of the text. Leaves it to the parser to refuse bad JSON. */
static int take_secret(struct kmsd_request *req, char *body, size_t size, struct evs_error *err)
{
	struct scan scan = { body, body + size };
	unsigned int depth = 0;
	char *name, *value;
	size_t name_len, len;
	int ret;

	while (scan.pos < scan.end) {
		if (*scan.pos == '{' || *scan.pos == '[')
			depth++;
		else if (*scan.pos == '}' || *scan.pos == ']')
			depth--;
		if (*scan.pos != '"') {
			scan.pos++;
			continue;
		}
		if (!skip_string(&scan, &name, &name_len))
			goto bad;
		skip_space(&scan);
		if (scan.pos >= scan.end || *scan.pos != ':')
			continue;
		scan.pos++;
		skip_space(&scan);
		if (scan.pos >= scan.end || *scan.pos != '"')
			continue;
		if (!skip_string(&scan, &value, &len))
			goto bad;
		if (depth == 1 && name_len == strlen(SECRET) && !memcmp(name, SECRET, name_len)) {
			ret = take(req, value, len, err);
			if (ret)
				return ret;
		}
	}
	return 0;

bad:
	return kmsd_fail(err, KMSD_E_JSON, "body: not well-formed JSON");
}

int kmsd_request_init(struct kmsd_request *req, char *body, size_t size, struct evs_error *err)
{
	struct json_tokener *tok;
	int ret;

	*req = (struct kmsd_request){};
	ret = take_secret(req, body, size, err);
	if (ret)
		return ret;
	tok = json_tokener_new_ex(DEPTH_MAX);
	if (!tok)
		return evs_error_set(err, ENOMEM, "out of memory");
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	req->json = json_tokener_parse_ex(tok, body, (int)size);
	if (!json_object_is_type(req->json, json_type_object))
		ret = kmsd_fail(err, KMSD_E_JSON, "body: not a JSON object");
	json_tokener_free(tok);
	return ret;
}

void kmsd_request_free(struct kmsd_request *req)
{
	json_object_put(req->json);
	kmsd_secret_put(req->secret);
}

int kmsd_request_string(const struct kmsd_request *req, const char *name, const char *otherwise,
			const char **value, struct evs_error *err)
{
	struct json_object *member;

	if (!json_object_object_get_ex(req->json, name, &member) || !member) {
		*value = otherwise;
		return otherwise ? 0 : kmsd_fail(err, KMSD_E_MISSING, "%s is missing", name);
	}
	if (!json_object_is_type(member, json_type_string))
		return kmsd_fail(err, KMSD_E_FORMAT, "%s: not a string", name);
	*value = json_object_get_string(member);
	return 0;
}

int kmsd_request_number(const struct kmsd_request *req, const char *name, const char *code,
			int64_t *value, struct evs_error *err)
{
	struct json_object *member;
	const char *text;
	char *end;

	if (!json_object_object_get_ex(req->json, name, &member) || !member)
		return 0;
	if (json_object_is_type(member, json_type_int)) {
		*value = json_object_get_int64(member);
		return 1;
	}
	text = json_object_is_type(member, json_type_string) ? json_object_get_string(member) : "";
	errno = 0;
	*value = strtoll(text, &end, 10);
	if (end == text || *end || errno || isspace((unsigned char)*text))
		return kmsd_fail(err, code, "%s: not a number", name);
	return 1;
}
