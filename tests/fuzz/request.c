// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What evs-kmsd does with requests, from the URL to the answer: routes, roles,
 * bodies and each operation, against a real token (SoftHSM2) and a real database,
 * both in a directory that goes away.
 *
 * An input is a text of requests, with a line of "---" between them:
 *
 *	POST /v1.0/p/kms/describe-key
 *	user
 *
 *	{"key_id":"$K"}
 *
 * The second line is the role of the client whose request it is; without, it comes
 * from root on the Unix socket. "SLEEP 8" is a request that lets 8 days pass. What only the KMS can know stands there as a
 * dollar sign and a letter, see below. Each input finds the KMS as the first
 * one did.
 */
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
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

#define REQUESTS_MAX 8
#define AUDIT_MAX (64 << 20)
#define PROJECT "p"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
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
	const char *member;	/* of the answer that gave it */
	char value[4096];
} names[] = {
	{ 'K', "\"key_id\"", "" },		/* a CMK */
	{ 'E', "\"key_id\"", "" },		/* one that waits for its material */
	{ 'D', "\"key_id\"", "" },		/* one that is disabled */
	{ 'L', "\"key_id\"", "" },		/* one to be deleted */
	{ 'B', "\"cipher_text\"", "" },		/* a wrapped data key */
	{ 'M', "\"import_token\"", "" },
	{ 'G', "\"grant_id\"", "" },
};

/* RSA keys take their time: one does for all. Those that data keys are sealed by do not. */
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

static struct kmsd_client clients[] = {
	{ .name = "admin", .uid = 1, .project = PROJECT, .role = KMSD_ROLE_ADMINISTRATOR },
	{ .name = "user", .uid = 2, .project = PROJECT, .role = KMSD_ROLE_USER },
	{ .name = "auditor", .uid = 3, .project = PROJECT, .role = KMSD_ROLE_AUDITOR },
	{ .name = "other", .uid = 4, .project = "other", .role = KMSD_ROLE_ADMINISTRATOR },
};

/* Who makes it: the roles that there are; NULL for nobody whom the KMS knows. */
static const struct kmsd_client *take_client(char **text)
{
	const struct kmsd_client *client = &kmsd_client_root;
	char *line;
	size_t i;

	while ((line = next_line(text)) && *line) {
		client = NULL;
		for (i = 0; i < sizeof(clients) / sizeof(clients[0]); i++)
			if (!strcmp(clients[i].name, line))
				client = &clients[i];
	}
	return client;
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
	if (strcmp(reply->type, "application/json"))
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
	const struct kmsd_client *client;
	char *body, *at;
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
	client = take_client(&text);
	/* A body of its own, so that to read beyond its end is found out */
	body = strdup(text);
	http = (struct kmsd_http){
		.method = line, .path = uri, .source = "fuzz", .request_id = "0123456789ABCDEF",
		.local = client == &kmsd_client_root, .client = client, .unknown = &unknown,
		.body = body, .size = strlen(body),
	};
	ret = kmsd_api_handle(&kmsd, &http, &reply, &err);
	check_reply(&reply, ret);
	if (value) {
		at = memmem(reply.body, reply.size, member, strlen(member));

		if (ret || !at)
			abort();
		at += strlen(member) + strspn(at + strlen(member), "\": ");
		snprintf(value, size, "%.*s", (int)strcspn(at, "\""), at);
	}
	kmsd_reply_free(&reply);
	free(body);
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
	prepare_with('G', KMS "create-grant\n\n{\"key_id\":\"%s\",\"grantee_principal\":"
		     "\"other\",\"operations\":[\"describe-key\",\"create-grant\"]}", name('K'));
	snprintf(text, sizeof(text), KMS "disable-key\n\n{\"key_id\":\"%s\"}", name('D'));
	handle(text, NULL, NULL, 0);
	snprintf(text, sizeof(text),
		 KMS "schedule-key-deletion\n\n{\"key_id\":\"%s\",\"pending_days\":\"7\"}",
		 name('L'));
	handle(text, NULL, NULL, 0);
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
	kmsd.conf.clients = (struct kmsd_clients){ clients, sizeof(clients) / sizeof(clients[0]) };
	kmsd.clock = (struct kmsd_clock){ .now = clock_now };
	now = INT64_C(1800000000000);
	make_keys();
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
