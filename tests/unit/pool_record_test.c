// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "pool/object.h"
#include "pool/record.h"

#define UUID "6a0496ef-62a6-4963-960c-9a9d20739a38"
#define UUID_2 "11111111-2222-3333-4444-555555555555"

/* ---- records ---- */

static const struct evs_record whole = {
	.id = UUID,
	.kind = EVS_KIND_SNAPSHOT,
	.encrypted = true,
	.cmk = "uri:a b#\"c\",;%\\~x",
	.kms = "local",
	.size = UINT64_MAX,
	.from = UUID_2,
	.made = 1796000000,
	.consistent = EVS_CONSISTENT_FS,
	.maker = UUID_2 ":host, with blank",
	.rollback = "before-update",
};

static void test_all_tags(void **state)
{
	struct evs_record_tag tags[EVS_RECORD_TAGS_MAX];
	size_t i, count = evs_record_tags(&whole, tags);
	struct evs_record read;

	(void)state;
	assert_int_equal(count, EVS_RECORD_TAGS_MAX);
	assert_string_equal(tags[0].name, "evs.v");
	assert_string_equal(tags[0].value, "1");
	for (i = 0; i < count; i++) {
		assert_true(tags[i].value[strspn(tags[i].value,
						 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
						 "0123456789_+.-/=!:&#")] == '\0');
		assert_true(strlen(tags[i].value));
	}
	assert_int_equal(evs_record_parse(&read, tags, count), -EBADMSG);	/* a blank in a CMK */
	strcpy(tags[4].value, "uri:a#23#22c#22#2C#3B#25#5C#7Ex");
	assert_int_equal(evs_record_parse(&read, tags, count), 0);
	assert_string_equal(read.cmk, "uri:a#\"c\",;%\\~x");
	assert_string_equal(read.id, whole.id);
	assert_int_equal(read.kind, whole.kind);
	assert_true(read.encrypted);
	assert_string_equal(read.kms, whole.kms);
	assert_true(read.size == whole.size);
	assert_string_equal(read.from, whole.from);
	assert_int_equal(read.made, whole.made);
	assert_int_equal(read.consistent, whole.consistent);
	assert_string_equal(read.maker, whole.maker);
	assert_string_equal(read.rollback, whole.rollback);
}

static void test_longest_cmk(void **state)
{
	struct evs_record_tag tags[EVS_RECORD_TAGS_MAX];
	struct evs_record record = whole, read;

	(void)state;
	memset(record.cmk, '~', EVS_CMK_REF_SIZE - 1);
	assert_int_equal(evs_record_parse(&read, tags, evs_record_tags(&record, tags)), 0);
	assert_string_equal(read.cmk, record.cmk);
}

static int parse(size_t count, const char *const (*pairs)[2])
{
	struct evs_record_tag tags[EVS_RECORD_TAGS_MAX + 2];
	struct evs_record record;
	size_t i;

	for (i = 0; i < count; i++) {
		strcpy(tags[i].name, pairs[i][0]);
		strcpy(tags[i].value, pairs[i][1]);
	}
	return evs_record_parse(&record, tags, count);
}

static void test_what_is_no_record(void **state)
{
	static const char *const plain[][2] = {
		{ "evs.v", "1" }, { "evs.id", UUID }, { "evs.kind", "disk" },
		{ "evs.attr", "plain" }, { "evs.size", "4096" }, { "evs.made", "1" },
		{ "", "" },
	};
	static const struct {
		const char *name, *value;
	} bad[] = {
		{ "evs.id", UUID }, { "evs.other", "1" }, { "evs.from", "x" }, { "evs.cmk", "k" },
		{ "evs.kms", "local" }, { "evs.consistent", "" }, { "evs.consistent", "no" },
		{ "evs.rollback", "a#4" }, { "evs.rollback", "a#zz" }, { "evs.rollback", "a#00" },
	};
	const char *pairs[7][2];
	size_t i;

	(void)state;
	memcpy(pairs, plain, sizeof(pairs));
	assert_int_equal(parse(6, plain), 0);
	assert_int_equal(parse(5, plain + 1), -ENOENT);
	assert_int_equal(parse(0, plain), -ENOENT);
	for (i = 1; i < 6; i++) {
		memcpy(pairs, plain, sizeof(pairs));
		pairs[i][0] = "other";
		assert_int_equal(parse(6, (const char *const (*)[2])pairs), -EBADMSG);
		pairs[i][0] = plain[i][0];
		pairs[i][1] = "-1";
		assert_int_equal(parse(6, (const char *const (*)[2])pairs), -EBADMSG);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(pairs, plain, sizeof(pairs));
		pairs[6][0] = bad[i].name;
		pairs[6][1] = bad[i].value;
		assert_int_equal(parse(7, (const char *const (*)[2])pairs), -EBADMSG);
	}
	memcpy(pairs, plain, sizeof(pairs));
	pairs[0][1] = "2";
	assert_int_equal(parse(6, (const char *const (*)[2])pairs), -EBADMSG);
	pairs[0][1] = "1";
	pairs[3][1] = "encrypted";	/* under which CMK? */
	assert_int_equal(parse(6, (const char *const (*)[2])pairs), -EBADMSG);
}

static void test_maker(void **state)
{
	char maker[EVS_MAKER_SIZE];

	(void)state;
	assert_int_equal(evs_record_maker(maker), 0);
	assert_true(strlen(maker) > 37 && maker[36] == ':');
	assert_true(evs_record_same_host(maker, maker));
	assert_true(evs_record_same_host("a:h", "b:h"));
	assert_false(evs_record_same_host("a:h", "a:g"));
	assert_false(evs_record_same_host("", ""));
}

/* ---- names ---- */

static void refuse(const char *text, const char *why)
{
	struct evs_error err = {};
	struct evs_object object;

	if (evs_object_parse(&object, text, &err) != -EINVAL)
		fail_msg("\"%s\" is taken", text);
	if (!strstr(err.text, why))
		fail_msg("\"%s\": \"%s\" lacks \"%s\"", text, err.text, why);
}

static void take(const char *text, enum evs_kind kind, const char *name, const char *snapshot)
{
	char written[EVS_OBJECT_TEXT_SIZE], expected[EVS_OBJECT_TEXT_SIZE];
	struct evs_error err = {};
	struct evs_object object;

	if (evs_object_parse(&object, text, &err))
		fail_msg("\"%s\": %s", text, err.text);
	assert_int_equal(object.kind, kind);
	assert_false(object.unfinished);
	assert_string_equal(object.name, name);
	assert_string_equal(object.snapshot, snapshot);
	evs_object_text(written, "p", &object);
	snprintf(expected, sizeof(expected), "p/%s", text);
	assert_string_equal(written, expected);
}

#define CHARS_48 "a23456789012345678901234567890123456789012345678"

static void test_names(void **state)
{
	(void)state;
	take("d1", EVS_KIND_DISK, "d1", "");
	take("0", EVS_KIND_DISK, "0", "");
	take(CHARS_48, EVS_KIND_DISK, CHARS_48, "");
	take(CHARS_48 "@" CHARS_48, EVS_KIND_SNAPSHOT, CHARS_48, CHARS_48);
	take("image:deb_13-a", EVS_KIND_IMAGE, "deb_13-a", "");
	take("images", EVS_KIND_DISK, "images", "");
	take("new1", EVS_KIND_DISK, "new1", "");
}

static void test_bad_names(void **state)
{
	static const char *const bad[] = {
		"", "-a", "_a", "A", "a.b", "a b", "a/b", "a:b", "a@", "@a", "a@b@c", "a@b/c",
		"image:", "image:a@b", "new:a", "\303\244", CHARS_48 "9", CHARS_48 "9@a", ".", "..",
	};
	static const char *const reserved[] = {
		"image", "new", "snapshot", "snapshot1", "pvmove", "pvmove0", "a_cdata", "a_cmeta",
		"a_corig", "a_iorig", "a_mimage_0", "a_mlog", "a_pmspare", "a_rimage", "a_rmeta",
		"a_tdata1", "a_tmeta", "a_vdata", "a_vorigin", "a_wcorig", "a@b_tdata",
		"image:a_tmeta", "image:new",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuse(bad[i], "1 to 48 characters of a-z");
	for (i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		refuse(reserved[i], "is reserved");
}

static void test_split(void **state)
{
	char pool[EVS_POOL_NAME_MAX + 1];

	(void)state;
	assert_string_equal(evs_object_split("p/d", pool), "d");
	assert_string_equal(pool, "p");
	assert_string_equal(evs_object_split("12345678901234/", pool), "");
	assert_string_equal(pool, "12345678901234");
	assert_string_equal(evs_object_split("./p/d", pool), "p/d");
	assert_null(evs_object_split("/dev/vda", pool));
	assert_null(evs_object_split("file", pool));
	assert_null(evs_object_split("123456789012345/d", pool));
	assert_true(evs_pool_name_valid("12345678901234"));
	assert_false(evs_pool_name_valid("123456789012345"));
	assert_false(evs_pool_name_valid("."));
	assert_false(evs_pool_name_valid("by-label"));
	assert_false(evs_pool_name_valid("new"));
}

static void test_same(void **state)
{
	struct evs_object disk = { .name = "d" }, image = { .name = "d", .kind = EVS_KIND_IMAGE };
	struct evs_object snapshot = { .name = "d", .kind = EVS_KIND_SNAPSHOT, .snapshot = "s" };
	struct evs_object new = { .name = UUID, .unfinished = true };
	char text[EVS_OBJECT_TEXT_SIZE];

	(void)state;
	assert_true(evs_object_same(&disk, &disk));
	assert_false(evs_object_same(&disk, &image));
	assert_false(evs_object_same(&disk, &snapshot));
	evs_object_text(text, "p", &new);
	assert_string_equal(text, "p/new." UUID);
	image = new;
	image.kind = EVS_KIND_IMAGE;
	assert_true(evs_object_same(&new, &image));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_tags),
		cmocka_unit_test(test_longest_cmk),
		cmocka_unit_test(test_what_is_no_record),
		cmocka_unit_test(test_maker),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bad_names),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
