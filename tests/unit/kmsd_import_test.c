// SPDX-License-Identifier: GPL-2.0-or-later
/* CMKs whose material is imported, by a clock that the test moves. */
#include "kmsd_life.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base64.h"

/* What a client does with the parameters for an import; Base64. */
static char *seal(const char *public_key, const char *digest, const void *bytes, size_t size)
{
	unsigned char der[600], out[256];
	const unsigned char *at = der;
	char *text = malloc(EVS_BASE64_LEN(sizeof(out)) + 1);
	size_t len = sizeof(out);
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *key;

	key = d2i_PUBKEY(NULL, &at, evs_base64_decode(der, sizeof(der), public_key, strlen(public_key)));
	assert_non_null(key);
	ctx = EVP_PKEY_CTX_new(key, NULL);
	assert_true(EVP_PKEY_encrypt_init(ctx) > 0);
	assert_true(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0);
	assert_true(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, digest, NULL) > 0);
	assert_true(EVP_PKEY_encrypt(ctx, out, &len, bytes, size) > 0);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	evs_base64_encode(text, out, len);
	return text;
}

/* Gets parameters and imports; with an expected refusal, or "". */
static void import(const char *key, const char *digest, const void *bytes, size_t size,
		   const char *extra, const char *code)
{
	struct answer a = call(&f, "get-parameters-for-import",
			       "{\"key_id\":\"%s\",\"wrapping_algorithm\":\"RSAES_OAEP_SHA_256\"}", key);
	char *sealed;

	assert_int_equal(a.status, 200);
	assert_int_equal(strlen(member(&a, "expiration_time")), 10);
	sealed = seal(member(&a, "public_key"), digest, bytes, size);
	if (code[0])
		call_refused(&f, 400, code, "import-key-material",
			     "{\"key_id\":\"%s\",\"import_token\":\"%s\","
			     "\"encrypted_key_material\":\"%s\"%s}", key,
			     member(&a, "import_token"), sealed, extra);
	else
		call_done(&f, "import-key-material",
			  "{\"key_id\":\"%s\",\"import_token\":\"%s\","
			  "\"encrypted_key_material\":\"%s\"%s}", key, member(&a, "import_token"),
			  sealed, extra);
	free(sealed);
	answer_free(&a);
}

static void test_import(void **state)
{
	static const char one[33] = "0123456789abcdef0123456789abcdef";
	static const char two[33] = "fedcba9876543210fedcba9876543210";
	char *key, *cipher, *plain, *again, extra[64];

	(void)state;
	key = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"ext\",\"origin\":\"external\"}");
	expect_state(key, "5");
	call_refused(&f, 400, "KMS.1301", "create-datakey",
		     "{\"key_id\":\"%s\",\"datakey_length\":\"512\"}", key);
	call_refused(&f, 400, "KMS.0308", "get-parameters-for-import",
		     "{\"key_id\":\"%s\",\"wrapping_algorithm\":\"RSAES_PKCS1_V1_5\"}", key);
	call_refused(&f, 400, "KMS.2603", "import-key-material",
		     "{\"key_id\":\"%s\",\"import_token\":\"QUJD\",\"encrypted_key_material\":\"QUJD\"}",
		     key);
	import(key, "SHA256", one, 31, "", "KMS.2604");
	import(key, "SHA1", one, 32, "", "KMS.2605");
	import(key, "SHA256", one, 32, ",\"expiration_time\":\"1600000000\"", "KMS.2602");
	import(key, "SHA256", one, 32, ",\"expiration_time\":-9223372036854775807", "KMS.0214");
	import(key, "SHA256", one, 32, ",\"expiration_time\":9223372036854775807", "KMS.0214");
	import(key, "SHA256", one, 32, "", "");
	expect_state(key, "2");
	cipher = wrap(key, &plain);
	call_refused(&f, 400, "KMS.0312", "enable-key-rotation", "{\"key_id\":\"%s\"}", key);

	/* Taken away, and only the same may come back */
	call_done(&f, "delete-imported-key-material", "{\"key_id\":\"%s\"}", key);
	expect_state(key, "5");
	call_refused(&f, 400, "KMS.2701", "delete-imported-key-material", "{\"key_id\":\"%s\"}", key);
	import(key, "SHA256", two, 32, "", "KMS.2606");
	snprintf(extra, sizeof(extra), ",\"expiration_time\":%lld",
		 (long long)(now_ms / 1000 + 86400));
	import(key, "SHA256", one, 32, extra, "");
	again = call_ok(&f, "data_key", "decrypt-datakey",
			"{\"key_id\":\"%s\",\"cipher_text\":\"%s\",\"datakey_cipher_length\":64}", key,
			cipher);
	assert_string_equal(again, plain);
	/* Its time is over, before the sweep and after it */
	now_ms += DAY;
	expect_state(key, "5");
	sweep();
	expect_state(key, "5");
	import(key, "SHA256", one, 32, "", "");
	expect_state(key, "2");
	free(key);
	free(again);
	free(cipher);
	free(plain);

	key = new_key("own");
	call_refused(&f, 400, "KMS.0309", "get-parameters-for-import",
		     "{\"key_id\":\"%s\",\"wrapping_algorithm\":\"RSAES_OAEP_SHA_256\"}", key);
	free(key);
}

static void test_import_token(void **state)
{
	static const char one[33] = "0123456789abcdef0123456789abcdef";
	char *key, *other, *sealed;
	struct answer a;

	(void)state;
	key = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"a\",\"origin\":\"external\"}");
	other = call_ok(&f, "key_id", "create-key", "{\"key_alias\":\"b\",\"origin\":\"external\"}");
	a = call(&f, "get-parameters-for-import",
		 "{\"key_id\":\"%s\",\"wrapping_algorithm\":\"RSAES_OAEP_SHA_256\"}", key);
	sealed = seal(member(&a, "public_key"), "SHA256", one, 32);
	call_refused(&f, 400, "KMS.2603", "import-key-material",
		     "{\"key_id\":\"%s\",\"import_token\":\"%s\",\"encrypted_key_material\":\"%s\"}",
		     other, member(&a, "import_token"), sealed);
	now_ms += DAY;
	call_refused(&f, 400, "KMS.2601", "import-key-material",
		     "{\"key_id\":\"%s\",\"import_token\":\"%s\",\"encrypted_key_material\":\"%s\"}",
		     key, member(&a, "import_token"), sealed);
	answer_free(&a);
	free(sealed);
	free(key);
	free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_import, setup, teardown),
		cmocka_unit_test_setup_teardown(test_import_token, setup, teardown),
	};

	return cmocka_run_group_tests_name("kmsd_import", tests, NULL, NULL);
}
