// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What evs-kmsd does with requests, from the URL to the answer: routes, tokens,
 * signatures, bodies and each operation, against a real token (SoftHSM2) and a
 * real database, both in a directory that goes away.
 *
 * An input is a text of requests, with a line of "---" between them:
 *
 *	POST /v1.0/p/kms/describe-key
 *	X-Auth-Token: $T
 *
 *	{"key_id":"$K"}
 *
 * Without headers, a request comes from root on the Unix socket. "SLEEP 8" is a
 * request that lets 8 days pass. What only the KMS can know stands there as a
 * dollar sign and a letter, see below. Each input finds the KMS as the first
 * one did.
 */
#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rsa.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/api.h"
#include "init.h"
#include "sweep.h"

#define HEADERS_MAX 16
#define REQUESTS_MAX 8
#define AUDIT_MAX (64 << 20)
#define PROJECT "p"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
int __wrap_EVP_KDF_derive(EVP_KDF_CTX *ctx, unsigned char *key, size_t len,
			  const OSSL_PARAM params[]);
EVP_PKEY *__real_EVP_PKEY_Q_keygen(OSSL_LIB_CTX *lib, const char *query, const char *type,
				   size_t bits);
EVP_PKEY *__wrap_EVP_PKEY_Q_keygen(OSSL_LIB_CTX *lib, const char *query, const char *type,
				   size_t bits);

static char audit_path[PATH_MAX];
static struct kmsd kmsd;
static sqlite3 *fresh, *store;	/* the database as it was at first, and as it is */
static int64_t now;

/* What stands for a dollar sign and a letter. */
static struct {
	char letter;
	const char *member;	/* of the answer that gave it; "" for its token */
	char value[4096];
} names[] = {
	{ 'K', "\"key_id\"", "" },		/* a CMK */
	{ 'E', "\"key_id\"", "" },		/* one that waits for its material */
	{ 'D', "\"key_id\"", "" },		/* one that is disabled */
	{ 'L', "\"key_id\"", "" },		/* one to be deleted */
	{ 'B', "\"cipher_text\"", "" },		/* a wrapped data key */
	{ 'C', "\"cipher_text\"", "" },		/* wrapped data */
	{ 'M', "\"import_token\"", "" },
	{ 'G', "\"grant_id\"", "" },
	{ 'U', "\"id\"", "" },			/* a user, KMS Administrator of the project */
	{ 'A', "\"access\"", "" },		/* the user's access key */
	{ 'Y', "\"id\"", "" },			/* an agency */
	{ 'T', "", "" },			/* the user's token for the project */
};

/* scrypt takes its time on purpose; here, there is none. */
int __wrap_EVP_KDF_derive(EVP_KDF_CTX *ctx, unsigned char *key, size_t len,
			  const OSSL_PARAM params[])
{
	(void)ctx;
	return EVP_Digest(params[0].data, params[0].data_size, key, NULL, EVP_sha256(), NULL) &&
	       len == 32;
}

/* So do RSA keys: one does for all. Those that data keys are sealed by do not. */
EVP_PKEY *__wrap_EVP_PKEY_Q_keygen(OSSL_LIB_CTX *lib, const char *query, const char *type,
				   size_t bits)
{
	static EVP_PKEY *pair;

	if (strcmp(type, "RSA"))
		return __real_EVP_PKEY_Q_keygen(lib, query, type, 0);
	if (!pair)
		pair = __real_EVP_PKEY_Q_keygen(lib, query, type, bits);
	EVP_PKEY_up_ref(pair);
	return pair;
}

static int64_t clock_now(void *arg)
{
	(void)arg;
	return now;
}

/* ---- one request ---- */

/* NULL-terminated pairs of name and value */
static const char *header_of(void *arg, const char *name)
{
	char **pairs = arg;

	for (; *pairs; pairs += 2)
		if (!strcasecmp(pairs[0], name))
			return pairs[1];
	return NULL;
}

/* Cuts the text at the next line's end; NULL when there is no text left. */
static char *next_line(char **text)
{
	char *line = *text, *end = line + strcspn(line, "\n");

	if (!*line)
		return NULL;
	*text = end + (*end == '\n');
	*end = '\0';
	return line;
}

static void take_headers(char **text, char **headers)
{
	char *line, *value;
	size_t n = 0;

	while ((line = next_line(text)) && *line) {
		value = strstr(line, ": ");
		if (!value || n == 2 * HEADERS_MAX)
			continue;
		*value = '\0';
		headers[n++] = line;
		headers[n++] = value + 2;
	}
	headers[n] = NULL;
}

/* The path as the HTTP library gives it: without the query, decoded. */
static char *path_of(const char *uri)
{
	char *raw = strndup(uri, strcspn(uri, "?"));
	char *decoded = curl_easy_unescape(NULL, raw, 0, NULL), *path = strdup(decoded);

	curl_free(decoded);
	free(raw);
	return path;
}

static void pass_days(const char *days)
{
	struct evs_error err = {};

	now += strtol(days, NULL, 10) % 4096 * 24 * 60 * 60 * KMSD_SECOND_MS;
	kmsd_sweep(&kmsd, &err);
}

/* An answer holds together, and no input makes the KMS itself fail. */
static void check_reply(const struct kmsd_reply *reply, int ret)
{
	struct json_object *json;
	char *text;

	if (!reply->body || reply->status < 200 || reply->status >= 500 ||
	    !ret != (reply->status < 300))
		abort();
	if (reply->status == 204 || strcmp(reply->type, "application/json"))
		return;
	text = strndup(reply->body, reply->size);
	json = json_tokener_parse(text);
	if (!json) {
		fprintf(stderr, "not JSON: %s\n", text);
		abort();
	}
	json_object_put(json);
	free(text);
}

/* Carries out one request; returns what @member of the answer is, "" for nothing. */
static void handle(char *text, const char *member, char *value, size_t size)
{
	char *line = next_line(&text), *uri = line ? strchr(line, ' ') : NULL;
	char *headers[2 * HEADERS_MAX + 1], *path, *body, *at;
	struct kmsd_reply reply;
	struct evs_error err = {};
	static const struct evs_error unknown = {
		.errnum = EINVAL, .code = "KMS.0301", .text = "no client",
	};
	struct kmsd_http http;
	int ret;

	if (!uri)
		return;
	*uri++ = '\0';
	if (!strcmp(line, "SLEEP")) {
		pass_days(uri);
		return;
	}
	take_headers(&text, headers);
	path = path_of(uri);
	/* A body of its own, so that to read beyond its end is found out */
	body = strdup(text);
	http = (struct kmsd_http){
		.method = line, .path = path, .uri = uri, .header = header_of, .arg = headers,
		.source = "fuzz", .request_id = "0123456789ABCDEF", .local = !*headers,
		.client = *headers ? NULL : &kmsd_client_root, .unknown = &unknown,
		.body = body, .size = strlen(body),
	};
	ret = kmsd_api_handle(&kmsd, &http, &reply, &err);
	check_reply(&reply, ret);
	if (value && !*member) {
		snprintf(value, size, "%s", reply.token);
	} else if (value) {
		at = memmem(reply.body, reply.size, member, strlen(member));

		if (ret || !at)
			abort();
		at += strlen(member) + strspn(at + strlen(member), "\": ");
		snprintf(value, size, "%.*s", (int)strcspn(at, "\""), at);
	}
	kmsd_reply_free(&reply);
	free(body);
	free(path);
}

/* ---- the KMS ---- */

static void die(const char *what)
{
	fprintf(stderr, "%s\n", what);
	exit(1);
}

static void copy_database(sqlite3 *to, sqlite3 *from)
{
	sqlite3_backup *copy = sqlite3_backup_init(to, "main", from, "main");

	if (!copy || sqlite3_backup_step(copy, -1) != SQLITE_DONE)
		die(sqlite3_errmsg(to));
	sqlite3_backup_finish(copy);
}

static void prepare(char letter, const char *text)
{
	char *copy = strdup(text);
	size_t i = 0;

	while (names[i].letter != letter)
		i++;
	handle(copy, names[i].member, names[i].value, sizeof(names[i].value));
	free(copy);
}

static void prepare_with(char letter, const char *fmt, const char *value)
	__attribute__((format(printf, 2, 0)));
static void prepare_with(char letter, const char *fmt, const char *value)
{
	char text[1024];

	snprintf(text, sizeof(text), fmt, value);
	prepare(letter, text);
}

static const char *name(char letter)
{
	size_t i = 0;

	while (names[i].letter != letter)
		i++;
	return names[i].value;
}

#define KMS "POST /v1.0/" PROJECT "/kms/"

static void make_keys(void)
{
	char text[256];

	prepare('K', KMS "create-key\n\n{\"key_alias\":\"k\"}");
	prepare('E', KMS "create-key\n\n{\"key_alias\":\"e\",\"origin\":\"external\"}");
	prepare('D', KMS "create-key\n\n{\"key_alias\":\"d\"}");
	prepare('L', KMS "create-key\n\n{\"key_alias\":\"l\"}");
	prepare('B', KMS "create-datakey\n\n{\"key_id\":\"alias/k\",\"datakey_length\":\"512\"}");
	prepare_with('M', KMS "get-parameters-for-import\n\n{\"key_id\":\"%s\","
		     "\"wrapping_algorithm\":\"RSAES_OAEP_SHA_256\"}", name('E'));
	prepare('C', KMS "encrypt-data\n\n{\"key_id\":\"alias/k\",\"plain_text\":\"x\"}");
	snprintf(text, sizeof(text), KMS "disable-key\n\n{\"key_id\":\"%s\"}", name('D'));
	handle(text, NULL, NULL, 0);
	snprintf(text, sizeof(text),
		 KMS "schedule-key-deletion\n\n{\"key_id\":\"%s\",\"pending_days\":\"7\"}",
		 name('L'));
	handle(text, NULL, NULL, 0);
}

static void make_users(void)
{
	char text[256];

	prepare('U', "POST /v3/users\n\n"
		"{\"user\":{\"name\":\"u\",\"domain_id\":\"op_svc_evs\",\"password\":\"password\"}}");
	snprintf(text, sizeof(text), "PUT /v3/projects/" PROJECT "/users/%s/roles/kms_adm\n\n",
		 name('U'));
	handle(text, NULL, NULL, 0);
	snprintf(text, sizeof(text), "PUT /v3/domains/local/users/%s/roles/te_agency\n\n",
		 name('U'));
	handle(text, NULL, NULL, 0);
	prepare_with('A', "POST /v3.0/OS-CREDENTIAL/credentials\n\n"
		     "{\"credential\":{\"user_id\":\"%s\"}}", name('U'));
	prepare('Y', "POST /v3.0/OS-AGENCY/agencies\n\n{\"agency\":{\"name\":\"EVSAccessKMS\","
		"\"domain_id\":\"local\",\"trust_domain_name\":\"op_svc_evs\"}}");
	prepare('T', "POST /v3/auth/tokens\n\n{\"auth\":{\"identity\":{\"methods\":[\"password\"],"
		"\"password\":{\"user\":{\"name\":\"u\",\"domain\":{\"name\":\"op_svc_evs\"},"
		"\"password\":\"password\"}}},\"scope\":{\"project\":{\"id\":\"" PROJECT "\"}}}}");
	prepare_with('G', KMS "create-grant\n\n{\"key_id\":\"%s\",\"grantee_principal\":"
		     "\"0123456789abcdef0123456789abcdef\",\"operations\":[\"describe-key\"]}",
		     name('K'));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char dir[64], state[80], config[80];
	struct kmsd_init init = { .state_dir = state, .config = config };
	const char *where = getenv("TMPDIR");
	struct evs_error err = {};
	struct kmsd_conf conf;

	(void)argc;
	(void)argv;
	snprintf(dir, sizeof(dir), "%.40s/evs-fuzz-XXXXXX", where ? where : "/tmp");
	if (!mkdtemp(dir))
		die("mkdtemp");
	snprintf(state, sizeof(state), "%s/state", dir);
	snprintf(config, sizeof(config), "%s/conf", dir);
	init.socket = config;
	if (kmsd_init(&init, &err) || kmsd_conf_load(&conf, config, &err) ||
	    kmsd_open(&kmsd, &conf, &err))
		die(err.text);
	strcpy(audit_path, conf.audit);
	kmsd.clock = (struct kmsd_clock){ .now = clock_now };
	now = INT64_C(1800000000000);
	make_keys();
	make_users();
	if (sqlite3_open(":memory:", &fresh) || sqlite3_open(conf.database, &store))
		die("sqlite3_open");
	copy_database(fresh, store);
	return 0;
}

/* Puts the names' values in; returns a text of its own. */
static char *fill_in(const uint8_t *data, size_t size)
{
	size_t used, i, n;
	char *text = NULL;
	FILE *out = open_memstream(&text, &used);

	for (i = 0; i < size && data[i]; i++) {
		for (n = 0; n < sizeof(names) / sizeof(names[0]); n++)
			if (data[i] == '$' && i + 1 < size && data[i + 1] == names[n].letter)
				break;
		if (n < sizeof(names) / sizeof(names[0])) {
			fputs(names[n].value, out);
			i++;
		} else {
			fputc(data[i], out);
		}
	}
	fclose(out);
	return text;
}

/* Differs from before when something has been committed since. */
static int64_t data_version(void)
{
	struct evs_error err = {};
	int64_t version = 0;

	if (kmsd_db_number(kmsd_store_reading(kmsd.store), &err, &version, "PRAGMA data_version",
			   "") < 0)
		die(err.text);
	return version;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t before = data_version(), start = now;
	char *text = fill_in(data, size), *at, *end;
	struct stat st;
	int n;

	for (at = text, n = 0; at && n < REQUESTS_MAX; at = end, n++) {
		end = strstr(at, "\n---\n");
		if (end) {
			*end = '\0';
			end += strlen("\n---\n");
		}
		handle(at, NULL, NULL, 0);
	}
	free(text);
	now = start;
	if (data_version() != before)
		copy_database(store, fresh);
	if (!stat(audit_path, &st) && st.st_size > AUDIT_MAX && truncate(audit_path, 0))
		abort();
	return 0;
}

/* Where the JSON value at @at ends, roughly. */
static size_t value_end(const uint8_t *data, size_t at, size_t size)
{
	bool quoted = false;
	size_t depth = 0;

	for (; at < size; at++) {
		if (data[at] == '"')
			quoted = !quoted;
		else if (!quoted && (data[at] == '{' || data[at] == '['))
			depth++;
		else if (!quoted && !depth && strchr(",]}\n", data[at]))
			break;
		else if (!quoted && (data[at] == '}' || data[at] == ']'))
			depth--;
	}
	return at;
}

/* Every other time, puts another value in the place of one in a body. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	static const char *const values[] = {
		"null", "true", "0", "-1", "1e400", "99999999999999999999", "\"\"", "\"x\"", "[]",
		"{}", "[null]", "[[]]", "[{}]", "{\"a\":null}", "\"$K\"", "\"alias/evs/default\"",
		"\"\\u0000\"", "\"\\ud83d\\ude00\"",
	};
	const char *value = values[seed / 2 % (sizeof(values) / sizeof(values[0]))];
	size_t places = 0, i, end, len = strlen(value);

	for (i = 0; i < size; i++)
		places += data[i] == ':' || data[i] == '[' || data[i] == ',';
	if (seed & 1 || !places)
		return LLVMFuzzerMutate(data, size, max);
	places = seed / 64 % places;
	for (i = 0; places || !(data[i] == ':' || data[i] == '[' || data[i] == ','); i++)
		places -= data[i] == ':' || data[i] == '[' || data[i] == ',';
	end = value_end(data, ++i, size);
	if (size - (end - i) + len > max)
		return LLVMFuzzerMutate(data, size, max);
	memmove(data + i + len, data + end, size - end);
	memcpy(data + i, value, len);
	return size - (end - i) + len;
}
