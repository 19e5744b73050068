// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The daemon is killed, again and again, at moments nobody chooses, while a
 * client makes, disables and enables CMKs and has data keys wrapped. Whatever
 * was acknowledged is there afterwards; whatever was not is there or not, but
 * never half.
 */
#include "kmsd_fixture.h"

#include <pthread.h>
#include <stdbool.h>

#define ROUNDS 40	/* more of them if the machine is slow */
#define KEYS_MAX 4096
#define LIFE_MS 60	/* the longest that a daemon lives */

/**
 * struct key - A CMK as the client knows it.
 * @id: "" while its creation is not acknowledged
 * @alias: its alias
 * @disabled: acknowledged state
 * @unsure: a change of the state was not acknowledged
 * @plain: an acknowledged data key, "" when there is none
 * @cipher: the same, wrapped
 */
struct key {
	char id[37];
	char alias[32];
	bool disabled;
	bool unsure;
	char plain[129];
	char cipher[377];
};

static struct fixture f;
static struct key keys[KEYS_MAX];
static int count;
static unsigned int seed;
static bool refused;
static unsigned int acknowledged, cut_off, found_unacknowledged;

static int setup(void **state)
{
	const char *given = getenv("KMSD_CRASH_SEED");

	if (root_only(state))
		return -1;
	seed = given ? (unsigned int)atoi(given) : (unsigned int)time(NULL);
	print_message("KMSD_CRASH_SEED=%u\n", seed);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	fixture_init(&f);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	remove_tree(f.dir);
	return 0;
}

/* True when the answer came and was good; one that refuses is never right here. */
static bool acked(const struct answer *a)
{
	if (!a->status)
		return false;
	if (a->status != 200) {
		print_error("%ld %s\n", a->status, a->text);
		refused = true;
		return false;
	}
	acknowledged++;
	return true;
}

static bool create(void)
{
	struct key *key = &keys[count];
	struct answer a;
	bool ok;

	snprintf(key->alias, sizeof(key->alias), "key-%d", count++);
	a = call(&f, "create-key", "{\"key_alias\":\"%s\"}", key->alias);
	ok = acked(&a);
	if (ok)
		snprintf(key->id, sizeof(key->id), "%s", member(&a, "key_id"));
	answer_free(&a);
	return ok;
}

static bool toggle(struct key *key)
{
	struct answer a = call(&f, key->disabled ? "enable-key" : "disable-key",
			       "{\"key_id\":\"%s\"}", key->id);

	key->unsure = !acked(&a);
	if (!key->unsure)
		key->disabled = !key->disabled;
	answer_free(&a);
	return !key->unsure;
}

static bool wrap(struct key *key)
{
	struct answer a = call(&f, "create-datakey",
			       "{\"key_id\":\"%s\",\"datakey_length\":\"512\","
			       "\"encryption_context\":{\"k\":\"%s\"}}", key->id, key->alias);
	bool ok = acked(&a);

	if (ok) {
		snprintf(key->plain, sizeof(key->plain), "%s", member(&a, "plain_text"));
		snprintf(key->cipher, sizeof(key->cipher), "%s", member(&a, "cipher_text"));
	}
	answer_free(&a);
	return ok;
}

/* Works until the daemon dies under it. */
static void *client(void *arg)
{
	bool alive = true;

	(void)arg;
	while (alive && count < KEYS_MAX) {
		alive = create();
		if (alive)
			alive = wrap(&keys[count - 1]);
		if (alive && rand_r(&seed) % 2)
			alive = toggle(&keys[count - 1]);
		if (alive && !keys[count - 1].unsure && rand_r(&seed) % 2)
			alive = toggle(&keys[count - 1]);
	}
	return NULL;
}

static void settle_state(struct key *key)
{
	char *state = call_ok(&f, "key_state", "describe-key", "{\"key_id\":\"%s\"}", key->id);

	if (key->unsure)
		key->disabled = !strcmp(state, "3");
	key->unsure = false;
	assert_string_equal(state, key->disabled ? "3" : "2");
	free(state);
}

/* A CMK that was not acknowledged: not there, or whole. */
static void settle_creation(struct key *key)
{
	struct answer a = call(&f, "describe-key", "{\"key_id\":\"alias/%s\"}", key->alias);

	if (a.status == 200) {
		snprintf(key->id, sizeof(key->id), "%s", member(&a, "key_id"));
		found_unacknowledged++;
		assert_true(wrap(key));
	} else {
		assert_int_equal(a.status, 404);
		call_done(&f, "create-key", "{\"key_alias\":\"%s\"}", key->alias);
		key->alias[0] = '\0';	/* no longer of interest */
	}
	answer_free(&a);
}

static void check(struct key *key)
{
	char *plain;

	if (!key->alias[0])
		return;
	if (!key->id[0]) {
		settle_creation(key);
		return;
	}
	settle_state(key);
	if (!key->plain[0])
		return;
	if (key->disabled) {
		call_refused(&f, 400, "KMS.0209", "decrypt-datakey",
			     "{\"key_id\":\"%s\",\"datakey_cipher_length\":\"64\",\"cipher_text\":"
			     "\"%s\",\"encryption_context\":{\"k\":\"%s\"}}", key->id, key->cipher,
			     key->alias);
		return;
	}
	plain = call_ok(&f, "data_key", "decrypt-datakey",
			"{\"key_id\":\"%s\",\"datakey_cipher_length\":\"64\",\"cipher_text\":"
			"\"%s\",\"encryption_context\":{\"k\":\"%s\"}}", key->id, key->cipher,
			key->alias);
	assert_string_equal(plain, key->plain);
	free(plain);
}

static void test_killed(void **state)
{
	int round, i, checked = 0;
	pthread_t thread;

	(void)state;
	for (round = 0; round < ROUNDS || (acknowledged <= ROUNDS && round < 20 * ROUNDS);
	     round++) {
		daemon_start(&f);
		assert_int_equal(pthread_create(&thread, NULL, client, NULL), 0);
		sleep_ms(1 + (long)(rand_r(&seed) % (LIFE_MS * (1 + round / ROUNDS))));
		kill(f.pid, SIGKILL);
		pthread_join(thread, NULL);
		assert_int_equal(waitpid(f.pid, NULL, 0), f.pid);
		assert_false(refused);
		cut_off++;

		daemon_start(&f);
		for (i = checked; i < count; i++)
			check(&keys[i]);
		checked = count;
		daemon_stop(&f, round % 2 ? SIGKILL : SIGTERM);
	}
	/* The early ones have outlived all the kills */
	daemon_start(&f);
	for (i = 0; i < count; i++)
		check(&keys[i]);
	assert_int_equal(daemon_stop(&f, SIGTERM), 0);
	print_message("%u kills, %d CMKs, %u acknowledgements, %u CMKs there though not acknowledged\n",
		      cut_off, count, acknowledged, found_unacknowledged);
	assert_true(acknowledged > ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_killed) };

	return cmocka_run_group_tests_name("kmsd_crash", tests, setup, teardown);
}
