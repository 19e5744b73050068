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

/* Is this the name of the secret? */
static bool is_secret(enum kmsd_secret which, unsigned int depth, const char *name, size_t len)
{
	static const char *const names[] = {
		[KMSD_SECRET_PLAIN] = "plain_text", [KMSD_SECRET_PASSWORD] = "password",
	};

	return (which == KMSD_SECRET_PASSWORD || depth == 1) && len == strlen(names[which]) &&
	       !memcmp(name, names[which], len);
}

/* Moves the secret out of the text. Leaves it to the parser to refuse bad JSON. */
static int take_secret(struct kmsd_request *req, char *body, size_t size, enum kmsd_secret which,
		       struct evs_error *err)
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
		if (is_secret(which, depth, name, name_len)) {
			ret = take(req, value, len, err);
			if (ret)
				return ret;
		}
	}
	return 0;

bad:
	return kmsd_fail(err, KMSD_E_JSON, "body: not well-formed JSON");
}

static int hex4(const unsigned char *s)
{
	int value = 0, i;

	for (i = 0; i < 4; i++) {
		if (!isxdigit(s[i]))
			return -1;
		value = value * 16 + (isdigit(s[i]) ? s[i] - '0' : (s[i] | 32) - 'a' + 10);
	}
	return value;
}

static size_t put_utf8(unsigned char *out, int c)
{
	if (c < 0x80) {
		out[0] = (unsigned char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (unsigned char)(0xc0 | c >> 6);
		out[1] = (unsigned char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (unsigned char)(0xe0 | c >> 12);
		out[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (unsigned char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (unsigned char)(0xf0 | c >> 18);
	out[1] = (unsigned char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (unsigned char)(0x80 | (c & 0x3f));
	return 4;
}

/* A \u escape, or two that make one character; returns how long it is, 0 for a bad one. */
static size_t unescape_unicode(const unsigned char *in, size_t left, int *c)
{
	int low;

	*c = left >= 6 ? hex4(in + 2) : -1;
	if (*c < 0 || (*c >= 0xdc00 && *c < 0xe000))
		return 0;
	if (*c < 0xd800 || *c >= 0xe000)
		return 6;
	low = left >= 12 && in[6] == '\\' && in[7] == 'u' ? hex4(in + 8) : -1;
	if (low < 0xdc00 || low >= 0xe000)
		return 0;
	*c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
	return 12;
}

ssize_t kmsd_request_unescape(struct kmsd_request *req)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	unsigned char *in = req->secret->data, *end = in + req->secret_len, *out = in;
	const char *simple;
	size_t len;
	int c;

	while (in < end) {
		if (*in != '\\') {
			*out++ = *in++;
			continue;
		}
		simple = in + 1 < end && in[1] ? strchr(from, in[1]) : NULL;
		if (simple) {
			*out++ = (unsigned char)to[simple - from];
			in += 2;
			continue;
		}
		len = in + 1 < end && in[1] == 'u' ? unescape_unicode(in, (size_t)(end - in), &c) : 0;
		if (!len)
			return -EINVAL;
		out += put_utf8(out, c);
		in += len;
	}
	req->secret_len = (size_t)(out - req->secret->data);
	return (ssize_t)req->secret_len;
}

int kmsd_request_init(struct kmsd_request *req, char *body, size_t size, enum kmsd_secret which,
		      struct evs_error *err)
{
	struct json_tokener *tok;
	int ret;

	*req = (struct kmsd_request){};
	ret = take_secret(req, body, size, which, err);
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
