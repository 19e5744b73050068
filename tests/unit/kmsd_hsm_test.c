// SPDX-License-Identifier: GPL-2.0-or-later
/* A token that goes away while the KMS runs, and what comes back. */
#include "kmsd_fixture.h"

#include <dlfcn.h>

#include "p11.h"

static struct fixture f;
static struct kmsd_conf conf;
static CK_FUNCTION_LIST *module;	/* without p11-kit, which keeps sessions apart */
static CK_SLOT_ID slot;
static char *key;

static int setup(void **state)
{
	struct evs_error err = {};
	CK_C_GetFunctionList get;
	void *library;

	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	assert_int_equal(kmsd_conf_load(&conf, f.config, &err), 0);
	library = dlopen(conf.module, RTLD_NOW | RTLD_NOLOAD);
	assert_non_null(library);
	*(void **)&get = dlsym(library, "C_GetFunctionList");
	assert_non_null(get);
	assert_int_equal(get(&module), CKR_OK);
	assert_int_equal(evs_p11_find_token(module, conf.token, &slot, &err), 0);
	dlclose(library);
	key = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"a\"}");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(key);
	fixture_close(&f);
	return 0;
}

static void lose_session(void)
{
	assert_int_equal(module->C_CloseAllSessions(slot), CKR_OK);
}

static void use_key(void)
{
	call_done(&f, "create-datakey", "{\"key_id\":\"%s\",\"datakey_length\":512}", key);
}

static void refuse_key(void)
{
	call_refused(&f, 503, "KMS.0104", "create-datakey",
		     "{\"key_id\":\"%s\",\"datakey_length\":512}", key);
}

static void test_back(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		lose_session();
		use_key();
	}
	lose_session();
	call_done(&f, "create-key", "{\"key_alias\":\"b\"}");
	assert_int_equal(kmsd_hsm_errors(f.kmsd.hsm), 0);
}

static void write_pin(const char *pin)
{
	FILE *file = fopen(conf.pin_file, "we");

	assert_non_null(file);
	fputs(pin, file);
	assert_int_equal(fclose(file), 0);
}

/* A wrong PIN is tried once: the next ones might lock the token. */
static void test_wrong_pin(void **state)
{
	char pin[128] = "";
	FILE *file = fopen(conf.pin_file, "re");

	(void)state;
	assert_non_null(file);
	assert_non_null(fgets(pin, sizeof(pin), file));
	fclose(file);
	write_pin("wrong\n");
	lose_session();
	refuse_key();
	write_pin(pin);
	refuse_key();
	kmsd_close(&f.kmsd);
	fixture_open(&f);
	use_key();
}

/* Another token by the same names, or another root key, is none to wrap new keys by. */
static void test_another_root(void **state)
{
	CK_SESSION_HANDLE session;
	struct evs_error err = {};
	struct evs_secret *pin;
	CK_OBJECT_HANDLE root;
	CK_ULONG count;

	(void)state;
	lose_session();
	assert_int_equal(evs_secret_read(&pin, conf.pin_file, &err), 0);
	assert_int_equal(evs_p11_login(module, slot, CKF_RW_SESSION, pin, &session), CKR_OK);
	evs_secret_free(pin);
	assert_int_equal(evs_p11_find_keys(module, session, conf.root_key, &root, 1, &count),
			 CKR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(module->C_DestroyObject(session, root), CKR_OK);
	assert_int_equal(evs_p11_generate_aes(module, session, conf.root_key, CK_FALSE), CKR_OK);
	lose_session();
	refuse_key();
	call_refused(&f, 503, "KMS.0104", "create-key", "{\"key_alias\":\"b\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_pin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_root, setup, teardown),
	};

	return cmocka_run_group_tests_name("kmsd_hsm", tests, NULL, NULL);
}
