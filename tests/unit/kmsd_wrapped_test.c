// SPDX-License-Identifier: GPL-2.0-or-later
/* Wrapped data keys: every byte authenticated, context and CMK enforced. */
#include "kmsd_datakey.h"

#include <sqlite3.h>

#define unwrap_refused(code, key, blob, context) \
	check_refused(unwrap(key, blob, context), 400, code, __FILE__, __LINE__)

/* One bit of each byte in turn: nothing of the blob is unprotected. */
static void test_tamper(void **state)
{
	char *plain, *blob = wrapped(cmk, "{\"a\":\"b\"}", &plain);
	unsigned int i, value;
	char byte[3], *end;
	struct answer a;

	(void)state;
	for (i = 0; i < BLOB_HEX; i += 2) {
		memcpy(byte, blob + i, 2);
		byte[2] = '\0';
		value = (unsigned int)strtoul(byte, &end, 16) ^ (1u << (i / 2 % 8));
		snprintf(byte, sizeof(byte), "%02X", value);
		a = unwrap(cmk, (memcpy(blob + i, byte, 2), blob), "{\"a\":\"b\"}");
		if (a.status != 400 || strcmp(member(&a, "error_code"), "KMS.2201"))
			fail_msg("byte %u: %ld %s", i / 2, a.status, a.text);
		answer_free(&a);
		snprintf(byte, sizeof(byte), "%02X", value ^ (1u << (i / 2 % 8)));
		memcpy(blob + i, byte, 2);
	}
	unwrap_gives(cmk, blob, "{\"a\":\"b\"}", plain);	/* all put back */
	free(plain);
	free(blob);
}

static void test_size(void **state)
{
	char *blob = wrapped(cmk, "{}", NULL), longer[BLOB_HEX + 3];

	(void)state;
	snprintf(longer, sizeof(longer), "%s00", blob);
	unwrap_refused("KMS.2204", cmk, longer, "{}");
	blob[BLOB_HEX - 2] = '\0';
	unwrap_refused("KMS.2204", cmk, blob, "{}");
	blob[BLOB_HEX - 3] = '\0';
	unwrap_refused("KMS.2201", cmk, blob, "{}");
	unwrap_refused("KMS.2204", cmk, "", "{}");
	unwrap_refused("KMS.2201", cmk, "zz", "{}");
	free(blob);
}

static void test_context(void **state)
{
	char *plain, *blob = wrapped(cmk, "{\"volume\":\"v\",\"purpose\":\"p\"}", &plain);
	char *bare = wrapped(cmk, "{}", NULL), *odd = wrapped(cmk, "{\"a\":\"bc\"}", NULL);

	(void)state;
	unwrap_gives(cmk, blob, "{\"purpose\":\"p\",\"volume\":\"v\"}", plain);
	unwrap_refused("KMS.2201", cmk, blob, "{}");
	unwrap_refused("KMS.2201", cmk, blob, "{\"volume\":\"v\"}");
	unwrap_refused("KMS.2201", cmk, blob, "{\"volume\":\"w\",\"purpose\":\"p\"}");
	unwrap_refused("KMS.2201", cmk, blob, "{\"volume\":\"p\",\"purpose\":\"v\"}");
	unwrap_refused("KMS.2201", cmk, blob, "{\"volume\":\"v\",\"purpose\":\"p\",\"c\":\"\"}");
	unwrap_refused("KMS.2201", cmk, bare, "{\"a\":\"b\"}");
	unwrap_refused("KMS.2201", cmk, odd, "{\"ab\":\"c\"}");
	unwrap_refused("KMS.2201", cmk, odd, "{\"a\":\"b\",\"c\":\"\"}");

	/* No context and an empty one are the same */
	free(call_ok(&f, "data_key", "decrypt-datakey",
		     "{\"key_id\":\"%s\",\"cipher_text\":\"%s\",\"datakey_cipher_length\":64}",
		     cmk, bare));
	free(plain);
	free(blob);
	free(bare);
	free(odd);
}

static void test_wrong_cmk(void **state)
{
	char *other = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"two\"}");
	char *plain, *blob = wrapped(cmk, "{}", &plain), hex[73];
	size_t i;

	(void)state;
	unwrap_refused("KMS.2201", other, blob, "{}");
	/* Nor when the hint in the blob is made to agree */
	for (i = 0; i < 36; i++)
		snprintf(hex + 2 * i, 3, "%02X", (unsigned char)other[i]);
	memcpy(blob + 232, hex, 72);
	unwrap_refused("KMS.2201", other, blob, "{}");
	free(other);
	free(plain);
	free(blob);
}

static void sql(const char *text)
{
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/kms.db", f.state);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, NULL))
		fail_msg("%s: %s", text, sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* Wrapped CMKs are bound to their id: the database's owner cannot swap them. */
static void test_database_tampered(void **state)
{
	char *a = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"swap-a\"}");
	char *b = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"swap-b\"}");
	char *plain, *blob = wrapped(a, "{}", &plain), text[512];

	(void)state;
	unwrap_gives(a, blob, "{}", plain);
	snprintf(text, sizeof(text),
		 "UPDATE cmk_version SET wrapped ="
		 " (SELECT wrapped FROM cmk_version WHERE cmk = '%s') WHERE cmk = '%s'", b, a);
	sql(text);
	check_refused(unwrap(a, blob, "{}"), 500, "KMS.0100", __FILE__, __LINE__);
	snprintf(text, sizeof(text),
		 "UPDATE cmk_version SET wrapped = zeroblob(60) WHERE cmk = '%s'", b);
	sql(text);
	call_refused(&f, 500, "KMS.0100", "create-datakey",
		     "{\"key_id\":\"%s\",\"datakey_length\":\"512\"}", b);
	snprintf(text, sizeof(text), "UPDATE cmk_version SET wrapped = x'00' WHERE cmk = '%s'", b);
	sql(text);
	call_refused(&f, 500, "KMS.0100", "create-datakey",
		     "{\"key_id\":\"%s\",\"datakey_length\":\"512\"}", b);
	/* The token goes on working for the others */
	free(blob);
	free(plain);
	blob = wrapped(cmk, "{}", &plain);
	unwrap_gives(cmk, blob, "{}", plain);
	free(blob);
	free(plain);
	free(a);
	free(b);
}

/* Neither a CMK nor a data key is in the database as it is. */
static void test_not_stored(void **state)
{
	char *plain, *blob = wrapped(cmk, "{}", &plain), path[128];
	unsigned char dk[64];
	struct stat st;
	char *file;
	FILE *in;
	size_t i;

	(void)state;
	for (i = 0; i < 64; i++)
		dk[i] = (unsigned char)strtol((char[]){ plain[2 * i], plain[2 * i + 1], 0 }, NULL,
					      16);
	sql("PRAGMA wal_checkpoint(FULL)");
	snprintf(path, sizeof(path), "%s/kms.db", f.state);
	in = fopen(path, "r");
	assert_non_null(in);
	assert_int_equal(fstat(fileno(in), &st), 0);
	file = malloc((size_t)st.st_size);
	assert_int_equal(fread(file, 1, (size_t)st.st_size, in), st.st_size);
	fclose(in);
	assert_non_null(memmem(file, (size_t)st.st_size, cmk, 36));
	assert_null(memmem(file, (size_t)st.st_size, dk, 16));
	assert_null(memmem(file, (size_t)st.st_size, plain, 32));
	free(file);
	free(plain);
	free(blob);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tamper),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_context),
		cmocka_unit_test(test_wrong_cmk),
		cmocka_unit_test(test_database_tampered),
		cmocka_unit_test(test_not_stored),
	};

	return cmocka_run_group_tests_name("kmsd_wrapped", tests, setup, teardown);
}
