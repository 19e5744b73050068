// SPDX-License-Identifier: GPL-2.0-or-later
/* evs-setup: sizes, tables and JSON. */
#include "evs_setup.h"

static void test_size(void **state)
{
	static const struct {
		unsigned long long bytes;
		const char *text;
	} wanted[] = {
		{ 0, "0B" },
		{ 1023, "1023B" },
		{ 1024, "1K" },
		{ 1536, "1.5K" },
		{ 48ULL << 20, "48M" },
		{ (256ULL << 20) - 4096, "256M" },
		{ 3ULL << 40, "3T" },
		{ 1ULL << 63, "8E" },
		{ UINT64_MAX, "16E" },
	};
	char text[16];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		table_size(text, sizeof(text), wanted[i].bytes);
		assert_string_equal(text, wanted[i].text);
	}
}

static void fill(struct table *table)
{
	struct evs_error err = {};

	assert_int_equal(table_add(table, &err), 0);
	assert_int_equal(table_set(table, 0, &err, "%s", "a \"b\""), 0);
	assert_int_equal(table_set(table, 1, &err, "%d", 1), 0);
	assert_int_equal(table_set(table, 2, &err, "%d", -5), 0);
	assert_int_equal(table_set(table, 3, &err, "%d", 2048), 0);
	assert_int_equal(table_add(table, &err), 0);
	assert_int_equal(table_set(table, 1, &err, "%d", 0), 0);
}

/* What a table prints with some options, without blanks and line ends; returns the error. */
static int printed(const struct table *table, enum table_form form, const char *options_given,
		   char *text, size_t size)
{
	char given[64], *argv[8] = { "verb" };
	int out = dup(STDOUT_FILENO), argc = 1, c, ret;
	struct evs_error err = {};
	FILE *file = tmpfile();
	size_t len = 0;
	char *word;

	assert_non_null(file);
	strcpy(given, options_given);
	for (word = strtok(given, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	assert_int_equal(cli_begin(&table_verb, argc, argv, &err), 0);
	fflush(stdout);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	ret = table_print(table, form, &err);
	if (cli_settings()->json)
		assert_int_equal(out_flush(&err), 0);
	fflush(stdout);
	assert_true(dup2(out, STDOUT_FILENO) >= 0);
	close(out);
	rewind(file);
	while ((c = fgetc(file)) != EOF && len < size - 1)
		if (c != ' ' && c != '\n')
			text[len++] = (char)c;
	text[len] = '\0';
	fclose(file);
	if (ret)
		snprintf(text, size, "%.200s", err.text);
	return ret;
}

static void test_table(void **state)
{
	static const struct {
		enum table_form form;
		const char *options;
		const char *text;
	} wanted[] = {
		{ TABLE_COLUMNS, "-J",
		  "{\"things\":[{\"name\":\"a\\\"b\\\"\",\"read-only\":true,\"n\":-5,\"size\":2048},"
		  "{\"name\":null,\"read-only\":false,\"n\":null,\"size\":null}]}" },
		{ TABLE_COLUMNS, "", "NAMENSIZEa\"b\"-52K" },
		{ TABLE_COLUMNS, "-n -b", "a\"b\"-52048" },
		{ TABLE_COLUMNS, "-o n,ro", "NRO-5yesno" },
		{ TABLE_COLUMNS, "-o +RO -r", "NAMENSIZEROa\\x20\"b\"-52Kyesno" },
		{ TABLE_COLUMNS, "-J -o RO", "{\"things\":[{\"read-only\":true},{\"read-only\":false}]}" },
		{ TABLE_PROPERTIES, "", "NAMEa\"b\"ROyesN-5SIZE2KROno" },
		{ TABLE_PROPERTIES, "-n -o RO", "yesno" },
	};
	struct table table = { .name = "things", .columns = columns, .column_count = 4 };
	char text[512];
	size_t i;

	(void)state;
	assert_int_equal(printed(&table, TABLE_COLUMNS, "-J", text, sizeof(text)), 0);
	assert_string_equal(text, "{\"things\":[]}");
	fill(&table);
	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		assert_int_equal(printed(&table, wanted[i].form, wanted[i].options, text,
					 sizeof(text)), 0);
		assert_string_equal(text, wanted[i].text);
	}
	assert_int_equal(printed(&table, TABLE_COLUMNS, "-o NAME,X", text, sizeof(text)), -EINVAL);
	assert_string_equal(text, "--output: unknown column X; the columns are NAME, RO, N, SIZE");
	table_free(&table);
}

/* Bytes that are no text: JSON stays JSON, and no terminal gets an escape sequence. */
static void test_table_text(void **state)
{
	struct table table = { .name = "things", .columns = columns, .column_count = 1 };
	struct evs_error err = {};
	char text[256];

	(void)state;
	assert_int_equal(table_add(&table, &err), 0);
	assert_int_equal(table_set(&table, 0, &err, "%s", "caf\xe9\xc2\x9b\xff\x1b\xc3\xa9"), 0);
	printed(&table, TABLE_COLUMNS, "-J", text, sizeof(text));
	assert_string_equal(text, "{\"things\":[{\"name\":\"caf\xef\xbf\xbd\xef\xbf\xbd"
			    "\xef\xbf\xbd\xc3\xa9\"}]}");
	setenv("LC_ALL", "C.UTF-8", 1);
	evs_text_locale();
	printed(&table, TABLE_COLUMNS, "", text, sizeof(text));
	assert_string_equal(text, "NAMEcaf\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9");
	setenv("LC_ALL", "C", 1);
	evs_text_locale();
	printed(&table, TABLE_COLUMNS, "", text, sizeof(text));
	assert_string_equal(text, "NAMEcaf\\xef\\xbf\\xbd\\xef\\xbf\\xbd\\xef\\xbf\\xbd\\xc3\\xa9");
	table_free(&table);
}

/* An error is one object, whatever it is about, and stands beside what was printed before. */
static void test_json_error(void **state)
{
	struct evs_error err = {};
	char text[512];
	FILE *file = tmpfile();
	int out = dup(STDOUT_FILENO);

	(void)state;
	assert_non_null(file);
	evs_error_set_class(&err, EVS_CLASS_CMK_DISABLED, "text \"x\"\xff");
	strcpy(err.code, "KMS.0209");
	strcpy(err.cmk, "id");
	strcpy(err.state, "disabled");
	strcpy(err.advice, "enable it");
	strcpy(err.request_id, "r");
	assert_int_equal(out_texts("things", &err, "a", "b", "c", NULL, NULL), 0);
	out_error(&err, 2);
	fflush(stdout);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	assert_int_equal(out_flush(&err), 0);
	evs_error_set(&err, ENODEV, "none");
	out_error(&err, 4);
	assert_int_equal(out_flush(&err), 0);
	assert_true(dup2(out, STDOUT_FILENO) >= 0);
	close(out);
	rewind(file);
	assert_non_null(fgets(text, sizeof(text), file));
	assert_string_equal(text, "{\"things\":[{\"a\":\"b\",\"c\":null}],\"error\":{\"class\":"
			    "\"cmk-disabled\",\"code\":\"KMS.0209\",\"key\":\"id\",\"state\":\"disabled\","
			    "\"advice\":\"enable it\",\"request-id\":\"r\",\"text\":\"text \\\"x\\\"\xef\xbf\xbd\","
			    "\"exit-status\":2}}\n");
	assert_non_null(fgets(text, sizeof(text), file));
	assert_string_equal(text, "{\"error\":{\"class\":\"not-found\",\"code\":null,\"key\":null,"
			    "\"state\":null,\"advice\":null,\"request-id\":null,\"text\":\"none\","
			    "\"exit-status\":4}}\n");
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_table_text),
		cmocka_unit_test(test_json_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
