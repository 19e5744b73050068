// SPDX-License-Identifier: GPL-2.0-or-later
/* evs-setup rewrap, with the programs as they are installed. */
#include "rewrap_fixture.h"

static void test_rewrap(void **state)
{
	struct evs_token before, after;

	(void)state;
	if (geteuid())
		skip();
	copy_disk(original, disk);
	assert_int_equal(tokens(&before), 1);
	must_rewrap("");
	assert_int_equal(tokens(&after), 1);
	assert_string_equal(after.cmk, first.id);
	assert_string_not_equal(after.wrapped_dk, before.wrapped_dk);
	assert_memory_equal(&after.context, &before.context, sizeof(after.context));
	must_open();
	must_rewrap("--cmk second");
	assert_int_equal(tokens(&after), 1);
	assert_string_equal(after.cmk, second.id);
	must_open();
}

/* A refusal of the KMS leaves the header as it was, to the byte. */
static void test_refused(void **state)
{
	struct evs_token token;
	char out[2048];

	(void)state;
	if (geteuid())
		skip();
	copy_disk(original, disk);
	call_done(&kmsd, "disable-key", "{\"key_id\":\"%s\"}", second.id);
	assert_int_equal(run(out, sizeof(out), "%s rewrap --cmk second %s 2>&1",
			     built("evs-setup/evs-setup"), disk), 2);
	call_done(&kmsd, "enable-key", "{\"key_id\":\"%s\"}", second.id);
	assert_non_null(strstr(out, "CMK second ("));
	assert_non_null(strstr(out, "disabled"));
	assert_int_equal(tokens(&token), 1);
	assert_int_equal(run(out, sizeof(out), "cmp %s %s", disk, original), 0);
	must_open();
}

/* Fails, with these words, and leaves the header as it was, to the byte. */
static void must_refuse(const char *options, int status, const char *words)
{
	char out[2048];

	assert_int_equal(run(out, sizeof(out), "%s rewrap %s %s 2>&1", built("evs-setup/evs-setup"),
			     options, disk), status);
	if (!strstr(out, words))
		fail_msg("no \"%s\" in: %s", words, out);
	assert_int_equal(run(out, sizeof(out), "cmp %s %s", disk, original), 0);
}

/* To another KMS, which alone gives the key from then on */
static void test_other_kms(void **state)
{
	struct evs_token before, after;

	(void)state;
	if (geteuid())
		skip();
	copy_disk(original, disk);
	tokens(&before);
	must_refuse("--kms nowhere", 4, "KMS \"nowhere\" is not configured");
	must_refuse("--kms gone", 6, "KMS gone");
	must_refuse("--kms other --cmk nothing", 2, "nothing");
	must_rewrap("--kms other --cmk second");
	assert_int_equal(tokens(&after), 1);
	assert_string_equal(after.kms, "other");
	assert_string_equal(after.cmk, second.id);
	assert_memory_equal(&after.context, &before.context, sizeof(after.context));
	call_done(&kmsd, "disable-key", "{\"key_id\":\"%s\"}", first.id);
	must_open();
	call_done(&kmsd, "enable-key", "{\"key_id\":\"%s\"}", first.id);
	must_rewrap("");
	tokens(&after);
	assert_string_equal(after.kms, "other");
	assert_string_equal(after.cmk, second.id);
	/* Without a CMK, the default one */
	must_rewrap("--kms " EVS_KMS_LOCAL);
	assert_int_equal(tokens(&after), 1);
	assert_string_equal(after.kms, EVS_KMS_LOCAL);
	assert_string_not_equal(after.cmk, second.id);
	must_open();
}

static void test_all(void **state)
{
	char path[160], out[4096];
	struct evs_token token;
	FILE *tab;

	(void)state;
	if (geteuid())
		skip();
	copy_disk(original, disk);
	snprintf(path, sizeof(path), "%s/evstab", kmsd.dir);
	assert_int_equal(setenv("EVSTAB", path, 1), 0);
	tab = fopen(path, "we");
	assert_non_null(tab);
	fprintf(tab, "absent %s/absent noauto\ndata %s noauto\n", kmsd.dir, disk);
	assert_int_equal(fclose(tab), 0);
	assert_int_equal(run(out, sizeof(out), "%s rewrap --all --cmk second 2>&1",
			     built("evs-setup/evs-setup")), 0);
	assert_non_null(strstr(out, "absent is not there: left out"));
	assert_int_equal(tokens(&token), 1);
	assert_string_equal(token.cmk, second.id);

	/* One that fails stops no other. */
	tab = fopen(path, "we");
	assert_non_null(tab);
	fprintf(tab, "absent %s/absent\nbad\ndata %s\n", kmsd.dir, disk);
	assert_int_equal(fclose(tab), 0);
	assert_int_equal(run(out, sizeof(out), "%s rewrap --all --cmk first 2>&1",
			     built("evs-setup/evs-setup")), 4);
	assert_non_null(strstr(out, "2 of 3 lines of"));
	tokens(&token);
	assert_string_equal(token.cmk, first.id);
	assert_int_equal(run(out, sizeof(out), "%s rewrap --all %s 2>&1",
			     built("evs-setup/evs-setup"), disk), 1);
	assert_int_equal(unsetenv("EVSTAB"), 0);
}

/* The disk as a rewrap that was cut short leaves it: with the token of @disk as well */
static void restore_with_token(void)
{
	struct evs_error err = {};
	struct evs_token token;
	struct evs_device dev;
	struct evs_volume *vol;

	tokens(&token);
	copy_disk(original, disk);
	assert_int_equal(evs_device_open(&dev, disk, O_RDWR, &err), 0);
	assert_int_equal(evs_volume_open(&vol, &dev, 0, &err), 0);
	assert_int_equal(evs_volume_add_token(vol, &token, &err), 0);
	evs_volume_close(vol);
	evs_device_close(&dev);
}

/* Cut short with both tokens, the old CMK then disabled: the new token has to do. */
static void test_second_token(void **state)
{
	struct evs_token token;

	(void)state;
	if (geteuid())
		skip();
	copy_disk(original, disk);
	must_rewrap("--cmk second");
	restore_with_token();
	call_done(&kmsd, "disable-key", "{\"key_id\":\"%s\"}", first.id);
	must_open();
	must_rewrap("");
	assert_int_equal(tokens(&token), 1);
	assert_string_equal(token.kms, EVS_KMS_LOCAL);
	assert_string_equal(token.cmk, second.id);

	/* The same between two KMSs */
	must_rewrap("--kms other");
	restore_with_token();
	must_open();
	must_rewrap("--cmk second");
	call_done(&kmsd, "enable-key", "{\"key_id\":\"%s\"}", first.id);
	assert_int_equal(tokens(&token), 1);
	assert_string_equal(token.kms, "other");
	assert_string_equal(token.cmk, second.id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rewrap),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_second_token),
		cmocka_unit_test(test_other_kms),
		cmocka_unit_test(test_all),
	};

	return cmocka_run_group_tests_name("rewrap", tests, set_up, tear_down);
}
