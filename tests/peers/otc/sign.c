// SPDX-License-Identifier: GPL-2.0-or-later
/* Request signatures, SDK-HMAC-SHA256, in the simple and in the scoped form. */
#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fail.h"
#include "hex.h"
#include "sign.h"

#define HEX_SIZE (2 * OTC_HASH_SIZE)
#define PARAMETERS_MAX 64

static int refuse(struct evs_error *err, const char *why)
{
	return kmsd_fail(err, OTC_E_SIGNATURE, "Authorization: %s", why);
}

static void lower_hex(const unsigned char *hash, char hex[HEX_SIZE + 1])
{
	evs_hex_encode(hex, hash, OTC_HASH_SIZE);
	for (char *c = hex; *c; c++)
		*c = (char)tolower((unsigned char)*c);
}

/* The value of NAME=VALUE in a list separated by commas; false when it does not fit. */
static bool field(const char *list, const char *name, char *out, size_t size)
{
	const char *at = strstr(list, name);
	size_t len;

	if (!at)
		return false;
	at += strlen(name);
	len = strcspn(at, ", ");
	if (len >= size)
		return false;
	memcpy(out, at, len);
	out[len] = '\0';
	return true;
}

int otc_sign_parse(const char *header, struct otc_signature *sig, struct evs_error *err)
{
	char credential[OTC_NAME_MAX + OTC_SCOPE_MAX + 2], hex[HEX_SIZE + 1], *slash;

	*sig = (struct otc_signature){};
	header += strlen(OTC_SIGN_SCHEME);
	if (!field(header, "SignedHeaders=", sig->headers, sizeof(sig->headers)) ||
	    !field(header, "Signature=", hex, sizeof(hex)) ||
	    evs_hex_decode(sig->signature, sizeof(sig->signature), hex, strlen(hex)) !=
		    OTC_HASH_SIZE)
		return refuse(err, "no signature in it");
	if (field(header, "Access=", sig->access, sizeof(sig->access)))
		return 0;
	if (!field(header, "Credential=", credential, sizeof(credential)))
		return refuse(err, "no access key in it");
	slash = strchr(credential, '/');
	if (!slash || slash - credential > OTC_NAME_MAX || strlen(slash + 1) > OTC_SCOPE_MAX)
		return refuse(err, "no access key in it");
	*slash = '\0';
	strcpy(sig->access, credential);
	strcpy(sig->scope, slash + 1);
	return 0;
}

static bool is_plain(unsigned char c)
{
	return isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~';
}

static int nibble(unsigned char c)
{
	return isdigit(c) ? c - '0' : (c | 32) - 'a' + 10;
}

/* Writes text that is percent-encoded somehow in the one canonical way. */
static void encode(FILE *out, const char *text, size_t len, bool plus_is_blank)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '%' && i + 2 < len && isxdigit((unsigned char)text[i + 1]) &&
		    isxdigit((unsigned char)text[i + 2])) {
			c = (unsigned char)(nibble((unsigned char)text[i + 1]) << 4 |
					    nibble((unsigned char)text[i + 2]));
			i += 2;
		} else if (c == '+' && plus_is_blank) {
			c = ' ';
		}
		if (is_plain(c))
			fputc(c, out);
		else
			fprintf(out, "%%%02X", c);
	}
}

/* The path ends where the text does, or at a question mark. */
static void put_path(FILE *out, const char *path, size_t len)
{
	const char *end = path + len;
	size_t segment;

	for (;;) {
		segment = strcspn(path, "/?");
		encode(out, path, segment, false);
		path += segment;
		if (path >= end)
			break;
		fputc('/', out);
		path++;
	}
	if (!len || end[-1] != '/')
		fputc('/', out);
}

struct parameter {
	char *name;
	char *value;
};

static int compare(const void *a, const void *b)
{
	const struct parameter *x = a, *y = b;
	int diff = strcmp(x->name, y->name);

	return diff ? diff : strcmp(x->value, y->value);
}

static char *encoded(const char *text, size_t len)
{
	char *result = NULL;
	size_t size;
	FILE *out = open_memstream(&result, &size);

	if (!out)
		return NULL;
	encode(out, text, len, true);
	fclose(out);
	return result;
}

static bool put_query(FILE *out, const char *query)
{
	struct parameter p[PARAMETERS_MAX];
	size_t count = 0, i, len, name;
	bool good = true;

	while (*query && good) {
		len = strcspn(query, "&");
		if (len && count == PARAMETERS_MAX)
			good = false;
		if (len && good) {
			name = strcspn(query, "=&");
			p[count].name = encoded(query, name);
			p[count].value = name < len ? encoded(query + name + 1, len - name - 1)
						    : encoded("", 0);
			good = p[count].name && p[count].value;
			count++;
		}
		query += len + (query[len] == '&');
	}
	if (good)
		qsort(p, count, sizeof(p[0]), compare);
	for (i = 0; i < count; i++) {
		if (good)
			fprintf(out, "%s%s=%s", i ? "&" : "", p[i].name, p[i].value);
		free(p[i].name);
		free(p[i].value);
	}
	return good;
}

static bool put_headers(FILE *out, const struct otc_request *req, const char *names)
{
	char name[128];
	const char *value;
	size_t len;

	while (*names) {
		len = strcspn(names, ";");
		if (len >= sizeof(name))
			return false;
		memcpy(name, names, len);
		name[len] = '\0';
		value = req->header(req->arg, name);
		if (!value)
			return false;
		while (isspace((unsigned char)*value))
			value++;
		fprintf(out, "%s:", name);
		for (len = strlen(value); len && isspace((unsigned char)value[len - 1]); len--)
			;
		fprintf(out, "%.*s\n", (int)len, value);
		names += strcspn(names, ";");
		names += *names == ';';
	}
	return true;
}

static bool put_body_hash(FILE *out, const struct otc_request *req)
{
	const char *given = req->header(req->arg, "X-Sdk-Content-Sha256");
	unsigned char hash[OTC_HASH_SIZE];
	char hex[HEX_SIZE + 1];

	if (!EVP_Digest(req->body ? req->body : "", req->size, hash, NULL, EVP_sha256(), NULL))
		return false;
	lower_hex(hash, hex);
	/* Another hash than the body's, or none of it, would not protect the body */
	if (given && strcasecmp(given, hex))
		return false;
	fputs(hex, out);
	return true;
}

char *otc_sign_canonical(const struct otc_request *req, const char *headers)
{
	size_t path = strcspn(req->uri, "?"), size;
	const char *query = req->uri[path] ? req->uri + path + 1 : "";
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);
	bool good;

	if (!out)
		return NULL;
	fprintf(out, "%s\n", req->method);
	put_path(out, req->uri, path);
	fputc('\n', out);
	good = put_query(out, query);
	fputc('\n', out);
	good = good && put_headers(out, req, headers);
	fprintf(out, "\n%s\n", headers);
	good = good && put_body_hash(out, req);
	good = !fclose(out) && good;
	if (good)
		return text;
	free(text);
	return NULL;
}

static bool hmac(const void *key, size_t key_size, const char *text, unsigned char *out)
{
	unsigned int len = OTC_HASH_SIZE;

	return HMAC(EVP_sha256(), key, (int)key_size, (const unsigned char *)text, strlen(text),
		    out, &len) && len == OTC_HASH_SIZE;
}

/* The key that signs: the secret itself, or in the scoped form one derived from it. */
static bool signing_key(const struct otc_signature *sig, const void *secret, size_t size,
			unsigned char *key, size_t *key_size)
{
	char first[3 + OTC_NAME_MAX], scope[OTC_SCOPE_MAX + 1], *part, *rest = scope;
	bool good = true;

	if (size > OTC_NAME_MAX)
		return false;
	if (!sig->scope[0]) {
		memcpy(key, secret, size);
		*key_size = size;
		return true;
	}
	memcpy(first, "SDK", 3);
	memcpy(first + 3, secret, size);
	memcpy(key, first, size + 3);
	*key_size = size + 3;
	strcpy(scope, sig->scope);
	while (good && (part = strsep(&rest, "/"))) {
		good = hmac(key, *key_size, part, (unsigned char *)first);
		memcpy(key, first, OTC_HASH_SIZE);
		*key_size = OTC_HASH_SIZE;
	}
	explicit_bzero(first, sizeof(first));
	return good;
}

static bool lists(const char *headers, const char *name)
{
	const char *at = strcasestr(headers, name);

	return at && (at == headers || at[-1] == ';') &&
	       (!at[strlen(name)] || at[strlen(name)] == ';');
}

static int check_date(const char *date, int64_t now, struct evs_error *err)
{
	struct tm tm = {};
	const char *end = date ? strptime(date, "%Y%m%dT%H%M%SZ", &tm) : NULL;
	int64_t then;

	if (!end || *end)
		return refuse(err, "X-Sdk-Date is not a date");
	then = timegm(&tm) * KMSD_SECOND_MS;
	if (then < now - OTC_SIGN_WINDOW_MS || then > now + OTC_SIGN_WINDOW_MS)
		return refuse(err, "X-Sdk-Date is more than 15 minutes off: check the clock");
	return 0;
}

int otc_sign_check(const struct otc_request *req, const struct otc_signature *sig,
		    const char *secret, int64_t now, struct evs_error *err)
{
	unsigned char hash[OTC_HASH_SIZE], want[OTC_HASH_SIZE], key[3 + OTC_NAME_MAX];
	const char *date = req->header(req->arg, "X-Sdk-Date");
	char hex[HEX_SIZE + 1], text[512], *canonical;
	size_t key_size;
	bool good;
	int ret;

	if (!lists(sig->headers, "x-sdk-date"))
		return refuse(err, "X-Sdk-Date is not signed");
	ret = check_date(date, now, err);
	if (ret)
		return ret;
	canonical = otc_sign_canonical(req, sig->headers);
	if (!canonical)
		return refuse(err, "a signed header is missing, or the body's hash is another");
	good = EVP_Digest(canonical, strlen(canonical), hash, NULL, EVP_sha256(), NULL);
	free(canonical);
	lower_hex(hash, hex);
	snprintf(text, sizeof(text), "%s\n%s\n%s%s%s", OTC_SIGN_SCHEME, date, sig->scope,
		 sig->scope[0] ? "\n" : "", hex);
	good = good && signing_key(sig, secret, strlen(secret), key, &key_size) &&
	       hmac(key, key_size, text, want);
	explicit_bzero(key, sizeof(key));
	if (!good)
		return evs_error_set(err, ENOMEM, "HMAC failed");
	if (CRYPTO_memcmp(want, sig->signature, sizeof(want)))
		return refuse(err, "the signature does not fit");
	return 0;
}
