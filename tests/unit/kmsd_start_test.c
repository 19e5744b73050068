// SPDX-License-Identifier: GPL-2.0-or-later
/* The root key's attributes, and what the daemon refuses to start with. */
#include "kmsd_fixture.h"
#include "p11.h"

static CK_SESSION_HANDLE open_token(const struct kmsd_conf *conf, CK_FUNCTION_LIST **p11)
{
	struct evs_error err = {};
	CK_SESSION_HANDLE session;
	char pin[64] = "";
	CK_SLOT_ID slot;
	int fd;

	assert_int_equal(evs_p11_load(p11, conf->module, conf->softhsm2_conf, "", &err), 0);
	assert_int_equal(evs_p11_find_token(*p11, conf->token, &slot, &err), 0);
	assert_int_equal((*p11)->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
					       NULL, &session), CKR_OK);
	fd = open(conf->pin_file, O_RDONLY);
	assert_int_equal(read(fd, pin, sizeof(pin)), 32);
	close(fd);
	assert_int_equal((*p11)->C_Login(session, CKU_USER, (CK_BYTE *)pin, 32), CKR_OK);
	return session;
}

static CK_BBOOL flag(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
		     CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = 2;
	CK_ATTRIBUTE attribute = { type, &value, sizeof(value) };

	assert_int_equal(p11->C_GetAttributeValue(session, key, &attribute, 1), CKR_OK);
	return value;
}

static void test_root_key(void **state)
{
	CK_BYTE value[64] = { 0 };
	CK_ATTRIBUTE secret = { CKA_VALUE, value, sizeof(value) };
	CK_ATTRIBUTE label = { CKA_LABEL, "evs-root", 8 };
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key, wrapping;
	CK_FUNCTION_LIST *p11;
	struct evs_error err = {};
	struct kmsd_conf conf;
	struct fixture f;
	CK_ULONG count, size = 32, len = sizeof(value);
	CK_BBOOL yes = CK_TRUE;
	CK_MECHANISM gen = { CKM_AES_KEY_GEN, NULL, 0 }, wrap = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_ATTRIBUTE wrapper[] = {
		{ CKA_VALUE_LEN, &size, sizeof(size) }, { CKA_WRAP, &yes, sizeof(yes) },
	};

	(void)state;
	fixture_init(&f);
	assert_int_equal(kmsd_conf_load(&conf, f.config, &err), 0);
	session = open_token(&conf, &p11);
	assert_int_equal(p11->C_FindObjectsInit(session, &label, 1), CKR_OK);
	assert_int_equal(p11->C_FindObjects(session, &key, 1, &count), CKR_OK);
	assert_int_equal(p11->C_FindObjectsFinal(session), CKR_OK);
	assert_int_equal(count, 1);

	assert_int_equal(flag(p11, session, key, CKA_SENSITIVE), CK_TRUE);
	assert_int_equal(flag(p11, session, key, CKA_ALWAYS_SENSITIVE), CK_TRUE);
	assert_int_equal(flag(p11, session, key, CKA_EXTRACTABLE), CK_FALSE);
	assert_int_equal(flag(p11, session, key, CKA_NEVER_EXTRACTABLE), CK_TRUE);
	assert_int_equal(flag(p11, session, key, CKA_LOCAL), CK_TRUE);
	assert_int_equal(flag(p11, session, key, CKA_PRIVATE), CK_TRUE);
	assert_int_equal(flag(p11, session, key, CKA_WRAP), CK_FALSE);
	assert_int_equal(flag(p11, session, key, CKA_UNWRAP), CK_FALSE);

	/* And it behaves so: neither read, nor wrapped out by another key */
	assert_int_equal(p11->C_GetAttributeValue(session, key, &secret, 1),
			 CKR_ATTRIBUTE_SENSITIVE);
	assert_int_equal(p11->C_GenerateKey(session, &gen, wrapper, 2, &wrapping), CKR_OK);
	assert_int_equal(p11->C_WrapKey(session, &wrap, wrapping, key, value, &len),
			 CKR_KEY_UNEXTRACTABLE);
	evs_p11_unload(p11);
	remove_tree(f.dir);
}

struct bad_key {
	const char *label;
	CK_BBOOL sensitive;
	CK_BBOOL extractable;
	CK_ULONG size;
	const char *complaint;
};

static void add_key(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, const struct bad_key *bad)
{
	CK_BYTE value[32] = { 1 };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_BBOOL yes = CK_TRUE;
	CK_ULONG size = bad->size;
	CK_ATTRIBUTE template[] = {
		{ CKA_LABEL, (void *)bad->label, strlen(bad->label) },
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &yes, sizeof(yes) },
		{ CKA_SENSITIVE, (void *)&bad->sensitive, sizeof(CK_BBOOL) },
		{ CKA_EXTRACTABLE, (void *)&bad->extractable, sizeof(CK_BBOOL) },
		{ CKA_VALUE_LEN, &size, sizeof(size) },
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
	};
	CK_MECHANISM gen = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_OBJECT_HANDLE key;

	if (size) {
		assert_int_equal(p11->C_GenerateKey(session, &gen, template, 6, &key), CKR_OK);
		return;
	}
	template[5] = (CK_ATTRIBUTE){ CKA_VALUE, value, sizeof(value) };
	assert_int_equal(p11->C_CreateObject(session, template, 8, &key), CKR_OK);
}

/* The daemon starts with no root key that could get out, or came from outside. */
static void test_bad_root_key(void **state)
{
	static const struct bad_key bad[] = {
		{ "bad-extractable", CK_TRUE, CK_TRUE, 32, "is extractable" },
		{ "bad-readable", CK_FALSE, CK_FALSE, 32, "is not sensitive" },
		{ "bad-short", CK_TRUE, CK_FALSE, 16, "is not AES-256" },
		{ "bad-imported", CK_TRUE, CK_FALSE, 0, "has not always been sensitive" },
	};
	CK_SESSION_HANDLE session;
	CK_FUNCTION_LIST *p11;
	struct evs_error err = {};
	struct kmsd_hsm *hsm;
	struct kmsd_conf conf;
	struct fixture f;
	size_t i;

	(void)state;
	fixture_init(&f);
	assert_int_equal(kmsd_conf_load(&conf, f.config, &err), 0);
	session = open_token(&conf, &p11);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		add_key(p11, session, &bad[i]);
	add_key(p11, session, &(struct bad_key){ "twice", CK_TRUE, CK_FALSE, 32, "" });
	add_key(p11, session, &(struct bad_key){ "twice", CK_TRUE, CK_FALSE, 32, "" });
	evs_p11_unload(p11);

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		strcpy(conf.root_key, bad[i].label);
		assert_int_equal(kmsd_hsm_open(&hsm, &conf, &err), -EKEYREJECTED);
		if (!strstr(err.text, bad[i].complaint))
			fail_msg("%s: %s", bad[i].label, err.text);
	}
	strcpy(conf.root_key, "twice");
	assert_int_equal(kmsd_hsm_open(&hsm, &conf, &err), -EEXIST);
	strcpy(conf.root_key, "none");
	assert_int_equal(kmsd_hsm_open(&hsm, &conf, &err), -ENOKEY);
	strcpy(conf.root_key, "evs-root");
	assert_int_equal(kmsd_hsm_open(&hsm, &conf, &err), 0);
	kmsd_hsm_close(hsm);
	strcpy(conf.token, "other");
	assert_int_equal(kmsd_hsm_open(&hsm, &conf, &err), -ENODEV);
	remove_tree(f.dir);
}

static void test_pin(void **state)
{
	struct evs_error err = {};
	struct kmsd_hsm *hsm;
	struct kmsd_conf conf;
	struct fixture f;
	int fd;

	(void)state;
	fixture_init(&f);
	assert_int_equal(kmsd_conf_load(&conf, f.config, &err), 0);
	assert_int_equal(chmod(conf.pin_file, 0640), 0);
	assert_int_equal(kmsd_hsm_open(&hsm, &conf, &err), -EPERM);
	assert_non_null(strstr(err.text, "open to others"));
	assert_int_equal(chmod(conf.pin_file, 0600), 0);

	fd = open(conf.pin_file, O_WRONLY);
	assert_int_equal(pwrite(fd, "x", 1, 0), 1);
	assert_int_equal(kmsd_hsm_open(&hsm, &conf, &err), -EACCES);
	assert_non_null(strstr(err.text, "logging in"));
	assert_int_equal(pwrite(fd, "\n", 1, 0), 1);
	assert_int_equal(kmsd_hsm_open(&hsm, &conf, &err), -EINVAL);
	close(fd);
	assert_int_equal(unlink(conf.pin_file), 0);
	assert_int_equal(kmsd_hsm_open(&hsm, &conf, &err), -ENOENT);
	remove_tree(f.dir);
}

/* A database is tied to the root key it was made with. */
static void test_other_database(void **state)
{
	struct evs_error err = {};
	struct kmsd_conf a, b;
	struct fixture f, g;
	struct kmsd kmsd;

	(void)state;
	fixture_init(&f);
	fixture_init(&g);
	assert_int_equal(kmsd_conf_load(&a, f.config, &err), 0);
	assert_int_equal(kmsd_conf_load(&b, g.config, &err), 0);
	assert_int_equal(rename(b.database, a.database), 0);
	assert_int_equal(kmsd_open(&kmsd, &a, &err), -EKEYREJECTED);
	assert_non_null(strstr(err.text, "another root key"));
	assert_int_equal(rename(a.database, b.database), 0);
	strcpy(b.module, "/nonexistent.so");
	assert_int_equal(kmsd_open(&kmsd, &b, &err), -ENOENT);
	assert_contains(err.text, "/nonexistent.so");
	assert_int_equal(unlink(b.database), 0);
	/* And it is opened, never made, by the daemon */
	assert_int_equal(kmsd_open(&kmsd, &b, &err), -EIO);
	assert_int_equal(access(b.database, F_OK), -1);
	remove_tree(f.dir);
	remove_tree(g.dir);
}

static void check_conf(const struct fixture *f, const char *text, int ret, const char *why)
{
	struct evs_error err = {};
	struct kmsd_conf conf;
	char expected[256];
	FILE *file = fopen(f->config, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	snprintf(expected, sizeof(expected), "%s%s", f->config, why);
	assert_int_equal(kmsd_conf_load(&conf, f->config, &err), ret);
	if (ret)
		assert_string_equal(err.text, expected);
}

static void test_conf(void **state)
{
	struct evs_error err = {};
	struct kmsd_conf conf;
	struct fixture f;

	(void)state;
	fixture_dir(&f);
	assert_int_equal(kmsd_conf_load(&conf, f.config, &err), -ENOENT);
	check_conf(&f, "[store]\ndatabase=/d\n[hsm]\nmodule=/m\npin-file=/p\n", 0, "");
	check_conf(&f, "[hsm]\npin-file=/p ; note\n", -EINVAL,
		   ":2: a comment needs a line of its own: [hsm] pin-file");
	check_conf(&f, "[listn]\n", -EINVAL, ":1: unknown section: [listn]");
	check_conf(&f, "[listen]\naddress = 192.0.2.1:99999\n", -EINVAL,
		   ":2: not an address and port, as 192.0.2.1:9443: [listen] address");
	check_conf(&f, "[listen]\naddress = [2001:db8::1]\n", -EINVAL,
		   ":2: not an address and port, as 192.0.2.1:9443: [listen] address");
	check_conf(&f, "[quota]\ncmks = 18446744073709551617\n", -EINVAL,
		   ":2: number out of range: [quota] cmks");
	check_conf(&f, "[quota]\ncmks = 1 ; one\n", -EINVAL,
		   ":2: number out of range: [quota] cmks");
	check_conf(&f, "[store]\ndatabase=/d\n[hsm]\nmodule=/m\n", -EINVAL,
		   ": missing setting: [hsm] pin-file");
	check_conf(&f, "[listen]\nport=1\n", -EINVAL, ":2: unknown setting: [listen] port");
	check_conf(&f, "\n[hsm]\nmodule = m.so\n", -EINVAL,
		   ":3: not an absolute path: [hsm] module");
	check_conf(&f, "[hsm]\ntoken = a\ntoken = b\n", -EINVAL, ":3: given twice: [hsm] token");
	check_conf(&f, "[hsm]\ntoken =\n", -EINVAL, ":2: empty value: [hsm] token");
	check_conf(&f, "[hsm]\ntoken = 012345678901234567890123456789012\n", -EINVAL,
		   ":2: value too long: [hsm] token");
	check_conf(&f, "[quota]\ncmks = 0\n", -EINVAL, ":2: number out of range: [quota] cmks");
	check_conf(&f, "[auth]\ntoken-hours = 24\n", -EINVAL, ":1: unknown section: [auth]");
#define REST "[store]\ndatabase=/d\n[hsm]\nmodule=/m\npin-file=/p\n"
	check_conf(&f, "[listen]\naddress=127.0.0.1:1\n" REST, -EINVAL,
		   ": [listen] address needs [listen] certificate and private-key");
	check_conf(&f, "[audit]\nfile = /a\n" REST, 0, "");
	assert_int_equal(kmsd_conf_load(&conf, f.config, &err), 0);
	assert_string_equal(conf.audit, "/a");
	check_conf(&f, "[hsm\n", -EINVAL, ":1: neither [section] nor key = value");
	check_conf(&f, REST "token = evs ; prod\nroot-key = \"k\"\n", 0, "");
	assert_int_equal(kmsd_conf_load(&conf, f.config, &err), 0);
	assert_string_equal(conf.token, "evs ; prod");
	assert_string_equal(conf.root_key, "\"k\"");
	remove_tree(f.dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_root_key),
		cmocka_unit_test(test_bad_root_key),
		cmocka_unit_test(test_pin),
		cmocka_unit_test(test_other_database),
		cmocka_unit_test(test_conf),
	};

	return cmocka_run_group_tests_name("kmsd_start", tests, NULL, NULL);
}
