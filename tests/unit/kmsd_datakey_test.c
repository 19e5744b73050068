// SPDX-License-Identifier: GPL-2.0-or-later
/* Wrapped data keys: layout, made, given, sealed for the way, wrapped anew. */
#include "kmsd_datakey.h"

#include "gcm.h"
#include "seal.h"

/* SHA-256 of 64 zero bytes, from the documented decrypt-datakey example. */
#define ZERO_DIGEST "F5A5FD42D16A20302798EF6ED309979B43003D2320D9F0E8EA9831A92759FB4B"

#define ZEROS_16 "00000000000000000000000000000000"
#define ZERO_DK ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16

static void test_layout(void **state)
{
	char *one = wrapped(cmk, "{}", NULL), *two = wrapped(cmk, "{}", NULL);
	char id[37] = "";
	size_t i;

	(void)state;
	assert_int_equal(strlen(one), BLOB_HEX);
	assert_int_equal(strspn(one, "0123456789ABCDEF"), BLOB_HEX);
	assert_memory_equal(one, "02009800", 8);
	for (i = 0; i < 36; i++)
		id[i] = (char)strtol((char[]){ one[232 + 2 * i], one[233 + 2 * i], 0 }, NULL, 16);
	assert_string_equal(id, cmk);
	assert_memory_equal(one + 32, "00000001", 8);		/* version */
	assert_memory_not_equal(one + 8, two + 8, 24);		/* IV */
	assert_memory_not_equal(one + 40, two + 40, 192);	/* ciphertext */
	free(one);
	free(two);
}

static void test_round_trip(void **state)
{
	char *plain, *blob = wrapped(cmk, "{\"volume\":\"v\"}", &plain);

	(void)state;
	unwrap_gives(cmk, blob, "{\"volume\":\"v\"}", plain);
	unwrap_gives("alias/one", blob, "{\"volume\":\"v\"}", plain);
	free(plain);
	free(blob);
}

static struct answer unwrap_for(const char *recipient, const char *blob)
{
	return call(&f, "decrypt-datakey",
		    "{\"key_id\":\"%s\",\"cipher_text\":\"%s\",\"datakey_cipher_length\":\"64\","
		    "\"recipient\":\"%s\"}", cmk, blob, recipient);
}

/* The key in "sealed_key" of an answer is the one in hex. */
static void seal_holds(const struct evs_seal *seal, struct answer *a, const char *plain)
{
	unsigned char sealed[EVS_DK_SIZE + EVS_SEAL_OVERHEAD], dk[EVS_DK_SIZE];
	const char *hex = member(a, "sealed_key");
	struct evs_error err = {};
	char back[DK_HEX + 1];

	assert_int_equal(a->status, 200);
	assert_int_equal(evs_hex_decode(sealed, sizeof(sealed), hex, strlen(hex)), sizeof(sealed));
	assert_int_equal(evs_seal_open(seal, sealed, dk, sizeof(dk), &err), 0);
	evs_hex_encode(back, dk, sizeof(dk));
	assert_string_equal(back, plain);
}

static void test_sealed(void **state)
{
	char recipient[2 * EVS_SEAL_PUBLIC_SIZE + 1], *plain;
	char *blob = wrapped(cmk, "{}", &plain);
	struct evs_error err = {};
	struct evs_seal seal;
	struct answer a, again;

	(void)state;
	assert_int_equal(evs_seal_init(&seal, &err), 0);
	evs_hex_encode(recipient, seal.public, sizeof(seal.public));
	a = unwrap_for(recipient, blob);
	seal_holds(&seal, &a, plain);
	assert_string_equal(member(&a, "datakey_length"), "64");
	assert_false(json_object_object_get_ex(a.json, "data_key", NULL));
	answer_free(&a);
	free(plain);
	free(blob);

	a = call(&f, "create-datakey", "{\"key_id\":\"%s\",\"datakey_length\":\"512\","
		 "\"recipient\":\"%s\"}", cmk, recipient);
	assert_false(json_object_object_get_ex(a.json, "plain_text", NULL));
	blob = strdup(member(&a, "cipher_text"));
	again = unwrap(cmk, blob, "{}");
	seal_holds(&seal, &a, member(&again, "data_key"));
	answer_free(&again);
	answer_free(&a);

	check_refused(unwrap_for("00", blob), 400, "KMS.0202", __FILE__, __LINE__);
	memset(recipient, '0', sizeof(recipient) - 1);
	check_refused(unwrap_for(recipient, blob), 400, "KMS.0202", __FILE__, __LINE__);
	free(blob);
	evs_seal_exit(&seal);
}

static void test_given_key(void **state)
{
	struct answer a;
	char *blob;

	(void)state;
	blob = call_ok(&f, "cipher_text", "encrypt-datakey",
		       "{\"key_id\":\"%s\",\"datakey_plain_length\":64,\"plain_text\":\"%s%s\"}",
		       cmk, ZERO_DK, ZERO_DIGEST);
	a = unwrap(cmk, blob, "{}");
	assert_string_equal(member(&a, "data_key"), ZERO_DK);
	assert_string_equal(member(&a, "datakey_dgst"), ZERO_DIGEST);
	answer_free(&a);
	free(blob);
}

/* Wrapped without the way here having seen it. */
static void test_sealed_given_key(void **state)
{
	static const unsigned char iv[EVS_GCM_IV_SIZE], zeros[EVS_DK_SIZE];
	unsigned char key[EVS_DK_SIZE], sealed[EVS_DK_SIZE + EVS_GCM_TAG_SIZE];
	char *plain, *transport = wrapped(cmk, "{}", &plain), hex[2 * sizeof(sealed) + 1];
	struct evs_error err = {};
	char *blob;

	(void)state;
	assert_int_equal(evs_hex_decode(key, sizeof(key), plain, strlen(plain)), sizeof(key));
	assert_int_equal(evs_gcm_encrypt(&(struct evs_gcm){ .key = key, .iv = iv }, zeros,
					 sizeof(zeros), sealed, &err), 0);
	evs_hex_encode(hex, sealed, sizeof(sealed));
#define SEALED "{\"key_id\":\"%s\",\"datakey_plain_length\":64,\"sealed_text\":\"%s\"," \
	       "\"transport_cipher_text\":\"%s\"%s}"
	blob = call_ok(&f, "cipher_text", "encrypt-datakey", SEALED, cmk, hex, transport, "");
	unwrap_gives(cmk, blob, "{}", ZERO_DK);
	assert_string_not_equal(blob, transport);

	call_refused(&f, 400, "KMS.2101", "encrypt-datakey", SEALED, cmk, "00", transport, "");
	call_refused(&f, 400, "KMS.2101", "encrypt-datakey", SEALED, cmk, hex, transport,
		     ",\"source_key_id\":\"x\"");
	call_refused(&f, 400, "KMS.2201", "encrypt-datakey", SEALED, cmk, hex, transport,
		     ",\"encryption_context\":{\"a\":\"b\"}");
	hex[0] = hex[0] == '0' ? '1' : '0';
	call_refused(&f, 400, "KMS.2103", "encrypt-datakey", SEALED, cmk, hex, transport, "");
	call_refused(&f, 400, "KMS.0204", "encrypt-datakey",
		     "{\"key_id\":\"%s\",\"datakey_plain_length\":64,\"sealed_text\":\"%s\"}", cmk,
		     hex);
	free(plain);
	free(blob);
	free(transport);
}

static struct answer rewrap(const char *to, const char *from, const char *blob,
			    const char *context)
{
	return call(&f, "encrypt-datakey",
		    "{\"key_id\":\"%s\",\"datakey_plain_length\":\"64\",\"source_key_id\":\"%s\","
		    "\"source_cipher_text\":\"%s\",\"encryption_context\":%s}", to, from, blob,
		    context);
}

#define rewrap_refused(code, to, from, blob, context) \
	check_refused(rewrap(to, from, blob, context), 400, code, __FILE__, __LINE__)

/* One of the last two records of the audit log is of this */
static void recorded(const char *event, const char *key)
{
	char path[128], lines[2][2048] = {};
	FILE *log;
	int i;

	snprintf(path, sizeof(path), "%s/audit.log", f.state);
	log = fopen(path, "r");
	assert_non_null(log);
	for (i = 0; fgets(lines[i], sizeof(lines[i]), log); i = !i)
		;
	fclose(log);
	for (i = 0; i < 2; i++)
		if (strstr(lines[i], event) && strstr(lines[i], key))
			return;
	fail_msg("no %s of %s:\n%s%s", event, key, lines[0], lines[1]);
}

/* Wrapped anew without coming out: by another key, by newer material */
static void test_rewrap(void **state)
{
	static const char context[] = "{\"volume\":\"v\"}";
	char *other = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"rewrap\"}");
	char *plain, *blob = wrapped(cmk, context, &plain), *new;
	struct answer a;

	(void)state;
	a = rewrap("alias/rewrap", cmk, blob, context);
	assert_int_equal(a.status, 200);
	assert_null(strcasestr(a.text, plain));
	assert_string_equal(member(&a, "key_id"), other);
	assert_string_equal(member(&a, "datakey_length"), "64");
	new = strdup(member(&a, "cipher_text"));
	answer_free(&a);
	recorded("\"decryptDatakey\"", cmk);
	recorded("\"encryptDatakey\"", other);
	unwrap_gives(other, new, context, plain);
	unwrap_gives(cmk, blob, context, plain);

	a = rewrap(other, "alias/rewrap", new, context);
	unwrap_gives(other, member(&a, "cipher_text"), context, plain);
	assert_string_not_equal(member(&a, "cipher_text"), new);
	answer_free(&a);
	free(new);
	free(plain);

	rewrap_refused("KMS.2201", other, cmk, blob, "{}");
	rewrap_refused("KMS.2201", other, other, blob, context);
	call_refused(&f, 400, "KMS.2101", "encrypt-datakey",
		     "{\"key_id\":\"%s\",\"datakey_plain_length\":64,\"plain_text\":\"%s%s\","
		     "\"source_key_id\":\"%s\",\"source_cipher_text\":\"%s\"}",
		     other, ZERO_DK, ZERO_DIGEST, cmk, blob);
	call_refused(&f, 400, "KMS.0204", "encrypt-datakey",
		     "{\"key_id\":\"%s\",\"datakey_plain_length\":64,\"source_key_id\":\"%s\"}",
		     other, cmk);
	call_done(&f, "disable-key", "{\"key_id\":\"%s\"}", other);
	rewrap_refused("KMS.0209", other, cmk, blob, context);
	new = wrapped(cmk, context, NULL);
	call_done(&f, "enable-key", "{\"key_id\":\"%s\"}", other);
	call_done(&f, "disable-key", "{\"key_id\":\"%s\"}", cmk);
	rewrap_refused("KMS.0209", other, cmk, new, context);
	call_done(&f, "enable-key", "{\"key_id\":\"%s\"}", cmk);
	free(new);
	free(blob);
	free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_given_key),
		cmocka_unit_test(test_sealed_given_key),
		cmocka_unit_test(test_rewrap),
	};

	return cmocka_run_group_tests_name("kmsd_datakey", tests, setup, teardown);
}
