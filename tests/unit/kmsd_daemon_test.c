// SPDX-License-Identifier: GPL-2.0-or-later
/* The daemon as a process: many clients at a time, who may start it, restart, its log, what it counts. */
#include "kmsd_api.h"

#include <pthread.h>
#include <stdbool.h>

#define CLIENTS 10
#define ROUNDS 8

struct client {
	pthread_t thread;
	int number;
	int good;
};

static void *client_run(void *arg)
{
	struct client *c = arg;
	struct answer made, got;
	char alias[32];
	int i;

	snprintf(alias, sizeof(alias), "client-%d", c->number);
	got = call(&f, "create-key", "{\"key_alias\":\"%s\"}", alias);
	answer_free(&got);
	for (i = 0; i < ROUNDS; i++) {
		made = call(&f, "create-datakey", "{\"key_id\":\"alias/%s\",\"datakey_length\":\"512\","
			    "\"encryption_context\":{\"n\":\"%d\"}}", i % 2 ? alias : "race/x", i);
		if (made.status == 404) {	/* the first one there makes it */
			answer_free(&made);
			made = call(&f, "create-key", "{\"key_alias\":\"race/x\"}");
			c->good += made.status == 200 ||
				   !strcmp(member(&made, "error_code"), "KMS.1104");
			answer_free(&made);
			continue;
		}
		got = call(&f, "decrypt-datakey", "{\"key_id\":\"%s\",\"datakey_cipher_length\":\"64\","
			   "\"cipher_text\":\"%s\",\"encryption_context\":{\"n\":\"%d\"}}",
			   member(&made, "key_id"), member(&made, "cipher_text"), i);
		c->good += made.status == 200 && got.status == 200 &&
			   !strcmp(member(&made, "plain_text"), member(&got, "data_key"));
		answer_free(&made);
		answer_free(&got);
	}
	return NULL;
}

static void test_concurrent(void **state)
{
	struct client clients[CLIENTS];
	int i;

	(void)state;
	for (i = 0; i < CLIENTS; i++) {
		clients[i] = (struct client){ .number = i };
		assert_int_equal(pthread_create(&clients[i].thread, NULL, client_run, &clients[i]), 0);
	}
	for (i = 0; i < CLIENTS; i++) {
		pthread_join(clients[i].thread, NULL);
		assert_int_equal(clients[i].good, ROUNDS);
	}
}

static void *default_run(void *arg)
{
	struct answer a = http(f.socket, "POST", "/v1.0/fresh/kms/describe-key",
			       "{\"key_id\":\"alias/evs/default\"}");

	*(char **)arg = strdup(member(&a, "key_id"));
	answer_free(&a);
	return NULL;
}

/* However many ask first, there is one evs/default. */
static void test_default_race(void **state)
{
	pthread_t threads[CLIENTS];
	char *ids[CLIENTS];
	int i;

	(void)state;
	for (i = 0; i < CLIENTS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, default_run, &ids[i]), 0);
	for (i = 0; i < CLIENTS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < CLIENTS; i++) {
		assert_int_equal(strlen(ids[i]), 36);
		assert_string_equal(ids[i], ids[0]);
	}
	for (i = 0; i < CLIENTS; i++)
		free(ids[i]);
}

/* Does a line of a file have both texts? */
static bool has_line(const char *path, const char *one, const char *other)
{
	FILE *file = fopen(path, "r");
	bool found = false;
	char line[2048];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		found = found || (strstr(line, one) && strstr(line, other));
	fclose(file);
	return found;
}

/*
 * The mode keeps others out; were it opened, the daemon would still refuse them,
 * and tell in log and audit log who it was.
 */
static void test_not_root(void **state)
{
	char audit[160];
	struct stat st;
	struct answer a;
	pid_t pid;
	int status;

	(void)state;
	assert_int_equal(stat(f.socket, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(chmod(f.dir, 0755), 0);
	for (int open_mode = 0; open_mode < 2; open_mode++) {
		assert_int_equal(chmod(f.socket, open_mode ? 0666 : 0600), 0);
		pid = fork();
		if (!pid) {
			if (setgid(65534) || setuid(65534))
				_exit(99);
			a = http(f.socket, "POST", "/v1.0/default/kms/disable-key", "{}");
			if (!open_mode)
				_exit(a.status ? 1 : 0);
			_exit(a.status == 403 && !strcmp(member(&a, "error_code"), "KMS.0306") ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	assert_int_equal(chmod(f.socket, 0600), 0);
	assert_true(has_line(f.log, "disable-key cmk=- status=403 code=KMS.0306",
			     "from=unix:uid=65534: uid 65534 is no client"));
	snprintf(audit, sizeof(audit), "%s/audit.log", f.state);
	assert_true(has_line(audit, "\"event\":\"disableKey\"", "\"source\":\"unix:uid=65534\""));
}

static void test_second_daemon(void **state)
{
	struct fixture second = f, third;
	char text[512] = "";
	int status, fd;
	FILE *config;

	(void)state;
	/* The same database */
	strcat(second.log, "2");
	assert_int_equal(waitpid(spawn_daemon(&second), &status, 0) > 0, 1);
	assert_int_equal(WEXITSTATUS(status), 5);
	/* The same socket, another database */
	fixture_init(&third);
	config = fopen(third.config, "r");
	assert_non_null(config);
	text[fread(text, 1, sizeof(text) - 1, config)] = '\0';
	fclose(config);
	config = fopen(third.config, "w");
	fprintf(config, "[listen]\nsocket = %s\n%s", f.socket, strstr(text, "[store]"));
	fclose(config);
	assert_int_equal(waitpid(spawn_daemon(&third), &status, 0) > 0, 1);
	assert_int_equal(WEXITSTATUS(status), 5);
	remove_tree(third.dir);
	/* And the first is still there */
	fd = try_connect(&f);
	assert_true(fd >= 0);
	close(fd);
	free(call_ok(&f, "total", "list-keys", "{}"));
}

static void test_restart(void **state)
{
	struct stat st;
	char *before, *after;

	(void)state;
	before = call_ok(&f, "total", "list-keys", "{}");
	assert_int_equal(daemon_stop(&f, SIGTERM), 0);
	assert_int_equal(stat(f.socket, &st), -1);	/* a clean stop leaves none */
	daemon_start(&f);
	assert_true(WIFSIGNALED(daemon_stop(&f, SIGKILL)));
	assert_int_equal(stat(f.socket, &st), 0);	/* a kill does; no obstacle */
	daemon_start(&f);
	after = call_ok(&f, "total", "list-keys", "{}");
	assert_string_equal(before, after);
	assert_int_equal(daemon_stop(&f, SIGINT), 0);
	daemon_start(&f);
	free(before);
	free(after);
}

/* The log tells operation, key and result, in one line, and no key. */
static void test_log(void **state)
{
	char *plain = call_ok(&f, "plain_text", "create-datakey",
			      "{\"key_id\":\"alias/evs/default\",\"datakey_length\":\"512\"}");
	char *key = call_ok(&f, "key_id", "describe-key", "{\"key_id\":\"alias/evs/default\"}");
	char *text = calloc(1, 1 << 20), want[128];
	FILE *log = fopen(f.log, "r");

	(void)state;
	assert_non_null(log);
	call_refused(&f, 404, "KMS.0207", "describe-key", "{\"key_id\":\"alias/x\\nevs-kmsd: forged\"}");
	text[fread(text, 1, (1 << 20) - 1, log)] = '\0';
	fclose(log);
	snprintf(want, sizeof(want), "create-datakey cmk=%s status=200 code=- request=", key);
	assert_non_null(strstr(text, want));
	assert_non_null(strstr(text, "describe-key cmk=- status=404 code=KMS.0207"));
	assert_null(strstr(text, "\nevs-kmsd: forged"));
	assert_null(strcasestr(text, plain));
	free(plain);
	free(key);
	free(text);
}

static void test_metrics(void **state)
{
	struct answer a;

	(void)state;
	call_refused(&f, 404, "KMS.0207", "describe-key", "{\"key_id\":\"alias/x\"}");
	a = http(f.socket, "GET", "/metrics", NULL);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.text, "{op=\"describe-key\",status=\"404\",code=\"KMS.0207\"} 1\n"));
	answer_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_concurrent),
		cmocka_unit_test(test_default_race),
		cmocka_unit_test(test_not_root),
		cmocka_unit_test(test_second_daemon),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_log),
	};

	return cmocka_run_group_tests_name("kmsd_daemon", tests, setup, teardown);
}
