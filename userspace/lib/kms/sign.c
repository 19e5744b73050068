// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SDK-HMAC-SHA256, the way that Huawei's services have requests signed with an
 * access key. What is signed may hold a token, so it is hashed piece by piece
 * and never put together in memory.
 */
#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "kms/sign.h"

#define ALGORITHM "SDK-HMAC-SHA256"
#define DATE_HEADER "x-sdk-date"
#define DIGEST_SIZE 32
#define QUERY_MAX 1024
#define NAMES_MAX 256

void evs_sign_date(int64_t seconds, char date[EVS_SIGN_DATE_SIZE])
{
	time_t when = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&when, &tm) || !strftime(date, EVS_SIGN_DATE_SIZE, "%Y%m%dT%H%M%SZ", &tm))
		*date = '\0';
}

static void lower_hex(char *hex, const unsigned char *data, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		sprintf(hex + 2 * i, "%02x", data[i]);
}

/* ---- query ---- */

/*
 * Percent-encodes into @size bytes, at least one; @keep are further characters that
 * stay. Returns the length or -EMSGSIZE.
 */
static int encode(const char *text, const char *keep, char *out, size_t size)
{
	size_t used = 0;

	for (; *text; text++) {
		if (used + 4 > size)
			return -EMSGSIZE;
		if ((isascii(*text) && isalnum((unsigned char)*text)) || strchr("-_.~", *text) ||
		    strchr(keep, *text))
			out[used++] = *text;
		else
			used += (size_t)sprintf(out + used, "%%%02X", (unsigned char)*text);
	}
	out[used] = '\0';
	return (int)used;
}

static int compare_pairs(const void *a, const void *b)
{
	const struct evs_sign_pair *first = a, *second = b;
	int order = strcmp(first->name, second->name);

	return order ? order : strcmp(first->value, second->value);
}

int evs_sign_query(const struct evs_sign_pair *query, size_t pairs, char *text, size_t size)
{
	struct evs_sign_pair sorted[EVS_SIGN_PAIRS_MAX];
	size_t used = 0, i, part;
	const char *piece;
	int len;

	if (pairs > EVS_SIGN_PAIRS_MAX || !size)
		return -EMSGSIZE;
	if (pairs) {
		memcpy(sorted, query, pairs * sizeof(*query));
		qsort(sorted, pairs, sizeof(*sorted), compare_pairs);
	}
	*text = '\0';
	for (i = 0; i < pairs; i++) {
		for (part = 0; part < 2; part++) {
			if (used + 2 > size)
				return -EMSGSIZE;
			if (i || part)
				text[used++] = part ? '=' : '&';
			piece = part ? sorted[i].value : sorted[i].name;
			len = encode(piece, "", text + used, size - used);
			if (len < 0)
				return len;
			used += (size_t)len;
		}
	}
	return (int)used;
}

/* ---- headers ---- */

/**
 * struct header - One header line, taken apart.
 * @name: its name, in lower case
 * @value: its value without blanks around it
 * @len: length of the value
 */
struct header {
	char name[64];
	const char *value;
	size_t len;
};

static int compare_headers(const void *a, const void *b)
{
	return strcmp(((const struct header *)a)->name, ((const struct header *)b)->name);
}

/* Returns how many, sorted, or -EINVAL for a line that is none. */
static int parse_headers(const char *const *lines, struct header headers[EVS_SIGN_HEADERS_MAX])
{
	const char *colon;
	size_t i, c;

	for (i = 0; lines[i]; i++) {
		colon = strchr(lines[i], ':');
		if (i == EVS_SIGN_HEADERS_MAX || !colon ||
		    (size_t)(colon - lines[i]) >= sizeof(headers[i].name))
			return -EINVAL;
		for (c = 0; lines[i] + c < colon; c++)
			headers[i].name[c] = (char)tolower((unsigned char)lines[i][c]);
		headers[i].name[c] = '\0';
		headers[i].value = colon + 1 + strspn(colon + 1, " \t");
		headers[i].len = strlen(headers[i].value);
		while (headers[i].len && strchr(" \t", headers[i].value[headers[i].len - 1]))
			headers[i].len--;
	}
	qsort(headers, i, sizeof(*headers), compare_headers);
	return (int)i;
}

static void join_names(const struct header *headers, int count, char names[NAMES_MAX])
{
	size_t used = 0;
	int i;

	names[0] = '\0';
	for (i = 0; i < count && used < NAMES_MAX; i++)
		used += (size_t)snprintf(names + used, NAMES_MAX - used, "%s%s", i ? ";" : "",
					 headers[i].name);
}

/* ---- the whole ---- */

static bool add(EVP_MD_CTX *ctx, const char *text, size_t len)
{
	return EVP_DigestUpdate(ctx, text, len) == 1;
}

static bool add_text(EVP_MD_CTX *ctx, const char *text)
{
	return add(ctx, text, strlen(text)) && add(ctx, "\n", 1);
}

static bool add_headers(EVP_MD_CTX *ctx, const struct header *headers, int count)
{
	char names[NAMES_MAX];
	int i;

	for (i = 0; i < count; i++)
		if (!add(ctx, headers[i].name, strlen(headers[i].name)) || !add(ctx, ":", 1) ||
		    !add(ctx, headers[i].value, headers[i].len) || !add(ctx, "\n", 1))
			return false;
	join_names(headers, count, names);
	return add(ctx, "\n", 1) && add_text(ctx, names);
}

static bool add_request(EVP_MD_CTX *ctx, const struct evs_sign *sign, const struct header *headers,
			int count)
{
	unsigned char digest[DIGEST_SIZE];
	char path[QUERY_MAX], query[QUERY_MAX], hex[EVS_SIGN_HEX_SIZE];
	int len;

	len = encode(sign->path, "/", path, sizeof(path) - 1);
	if (len < 0 || evs_sign_query(sign->query, sign->pairs, query, sizeof(query)) < 0)
		return false;
	if (!len || path[len - 1] != '/')
		strcpy(path + len, "/");
	if (EVP_Digest(sign->body, sign->len, digest, NULL, EVP_sha256(), NULL) != 1)
		return false;
	lower_hex(hex, digest, sizeof(digest));
	return add_text(ctx, sign->method) && add_text(ctx, path) && add_text(ctx, query) &&
	       add_headers(ctx, headers, count) && add(ctx, hex, strlen(hex));
}

int evs_sign_hash(const struct evs_sign *sign, char hex[EVS_SIGN_HEX_SIZE], struct evs_error *err)
{
	struct header headers[EVS_SIGN_HEADERS_MAX];
	int count = parse_headers(sign->headers, headers);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char digest[DIGEST_SIZE];
	int ret = 0;

	if (!ctx || count < 0 || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1 ||
	    !add_request(ctx, sign, headers, count) || EVP_DigestFinal_ex(ctx, digest, NULL) != 1)
		ret = evs_error_set(err, EINVAL, "a request cannot be signed: too long, or libcrypto fails");
	else
		lower_hex(hex, digest, sizeof(digest));
	EVP_MD_CTX_free(ctx);
	return ret;
}

int evs_sign(const struct evs_sign *sign, char line[EVS_SIGN_LINE_MAX], struct evs_error *err)
{
	char text[128 + EVS_SIGN_HEX_SIZE], hex[EVS_SIGN_HEX_SIZE], names[NAMES_MAX];
	struct header headers[EVS_SIGN_HEADERS_MAX];
	unsigned char mac[DIGEST_SIZE];
	const char *date = NULL;
	int count, i, ret, len;

	ret = evs_sign_hash(sign, hex, err);
	if (ret)
		return ret;
	count = parse_headers(sign->headers, headers);
	for (i = 0; i < count; i++)
		if (!strcmp(headers[i].name, DATE_HEADER) && headers[i].len == EVS_SIGN_DATE_SIZE - 1)
			date = headers[i].value;
	if (!date)
		return evs_error_set(err, EINVAL, "a request without its date cannot be signed");
	snprintf(text, sizeof(text), ALGORITHM "\n%.*s\n%s", EVS_SIGN_DATE_SIZE - 1, date, hex);
	if (!HMAC(EVP_sha256(), sign->key->data, (int)strlen((const char *)sign->key->data),
		  (const unsigned char *)text, strlen(text), mac, NULL))
		return evs_error_set(err, EIO, "libcrypto cannot compute an HMAC");
	lower_hex(hex, mac, sizeof(mac));
	join_names(headers, count, names);
	len = snprintf(line, EVS_SIGN_LINE_MAX, "Authorization: " ALGORITHM
		       " Access=%s, SignedHeaders=%s, Signature=%s", sign->access, names, hex);
	if (len < 0 || len >= EVS_SIGN_LINE_MAX)
		return evs_error_set(err, ENAMETOOLONG, "the access key is too long");
	return 0;
}
