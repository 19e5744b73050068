// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <libsmartcols.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli.h"
#include "out.h"
#include "table.h"
#include "text.h"

#define TABLE_COLUMNS_MAX 32

static int no_memory(struct evs_error *err)
{
	return evs_error_set(err, ENOMEM, "out of memory");
}

int table_add(struct table *table, struct evs_error *err)
{
	size_t i, used = table->row_count * table->column_count;
	char **cells;

	cells = reallocarray(table->cells, used + table->column_count, sizeof(*cells));
	if (!cells)
		return no_memory(err);
	for (i = 0; i < table->column_count; i++)
		cells[used + i] = NULL;
	table->cells = cells;
	table->row_count++;
	return 0;
}

/* libsmartcols escapes what a terminal cannot show, but writes JSON as it is given. */
int table_set(struct table *table, size_t column, struct evs_error *err, const char *fmt, ...)
{
	char **cell = &table->cells[(table->row_count - 1) * table->column_count + column];
	size_t size;
	va_list ap;
	char *text;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0)
		return no_memory(err);
	size = EVS_TEXT_COPY_MAX((size_t)len);
	free(*cell);
	*cell = malloc(size);
	if (*cell)
		evs_text_copy(*cell, size, text, (size_t)len);
	free(text);
	return *cell ? 0 : no_memory(err);
}

void table_free(struct table *table)
{
	size_t i;

	for (i = 0; i < table->row_count * table->column_count; i++)
		free(table->cells[i]);
	free(table->cells);
}

/* ---- JSON ---- */

static const char *json_name(const struct table_column *column, char *text, size_t size)
{
	size_t i;

	if (column->json_name)
		return column->json_name;
	for (i = 0; column->name[i] && i < size - 1; i++)
		text[i] = (char)tolower((unsigned char)column->name[i]);
	text[i] = '\0';
	return text;
}

static int add_member(struct json_object *row, const struct table_column *column, const char *cell)
{
	char text[32];
	const char *name = json_name(column, text, sizeof(text));
	struct json_object *value;

	if (!cell || column->type == TABLE_TEXT)
		return out_text(row, name, cell);
	if (column->type == TABLE_BOOL)
		value = json_object_new_boolean(*cell != '0');
	else if (*cell == '-')
		value = json_object_new_int64(strtoll(cell, NULL, 10));
	else
		value = json_object_new_uint64(strtoull(cell, NULL, 10));
	if (value && !json_object_object_add(row, name, value))
		return 0;
	json_object_put(value);
	return -1;
}

/**
 * struct choice - The columns that are printed.
 * @columns: their indexes
 * @count: how many
 */
struct choice {
	size_t columns[TABLE_COLUMNS_MAX];
	size_t count;
};

static int print_json(const struct table *table, const struct choice *choice,
		      struct evs_error *err)
{
	struct json_object *row;
	size_t i, k;

	if (out_array(table->name, err))
		return -err->errnum;
	for (i = 0; i < table->row_count; i++) {
		row = json_object_new_object();
		for (k = 0; row && k < choice->count; k++) {
			size_t column = choice->columns[k];

			if (add_member(row, &table->columns[column],
				       table->cells[i * table->column_count + column])) {
				json_object_put(row);
				row = NULL;
			}
		}
		if (out_add(table->name, row, err))
			return -err->errnum;
	}
	return 0;
}

/* ---- which columns ---- */

static int unknown_column(const struct table *table, const char *name, size_t len,
			  struct evs_error *err)
{
	char names[512] = "";
	size_t i, used = 0;

	for (i = 0; i < table->column_count && used < sizeof(names); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
					 table->columns[i].name);
	return evs_error_set(err, EINVAL, "--output: unknown column %.*s; the columns are %s",
			     (int)len, name, names);
}

static int choose_named(struct choice *choice, const struct table *table, const char *names,
			struct evs_error *err)
{
	size_t i, len;

	for (;; names += len + 1) {
		len = strcspn(names, ",");
		for (i = 0; i < table->column_count; i++)
			if (strlen(table->columns[i].name) == len &&
			    !strncasecmp(table->columns[i].name, names, len))
				break;
		if (i == table->column_count)
			return unknown_column(table, names, len, err);
		if (choice->count == TABLE_COLUMNS_MAX)
			return evs_error_set(err, EINVAL, "--output: more than %d columns",
					     TABLE_COLUMNS_MAX);
		choice->columns[choice->count++] = i;
		if (!names[len])
			return 0;
	}
}

static int choose(struct choice *choice, const struct table *table, enum table_form form,
		  struct evs_error *err)
{
	const char *names = cli_settings()->columns;
	bool all = form == TABLE_PROPERTIES || cli_settings()->json;
	size_t i;

	for (i = 0; (!names || *names == '+') && i < table->column_count; i++)
		if (all || table->columns[i].brief)
			choice->columns[choice->count++] = i;
	if (!names)
		return 0;
	return choose_named(choice, table, names + (*names == '+'), err);
}

/* ---- for people ---- */

static const char *shown(const struct table_column *column, const char *cell, char *text,
			 size_t size)
{
	if (!cell)
		return NULL;
	if (column->type == TABLE_BOOL)
		return *cell == '0' ? "no" : "yes";
	if (column->type != TABLE_SIZE || cli_settings()->bytes)
		return cell;
	table_size(text, size, strtoull(cell, NULL, 10));
	return text;
}

static int add_column(struct libscols_table *out, const struct table_column *column)
{
	bool right = column->type == TABLE_NUMBER || column->type == TABLE_SIZE;

	return scols_table_new_column(out, column->name, 0, right ? SCOLS_FL_RIGHT : 0) ? 0 :
	       -ENOMEM;
}

static int fill_rows(struct libscols_table *out, const struct table *table,
		     const struct choice *choice)
{
	struct libscols_line *line;
	char text[32];
	size_t i, k;

	if (scols_table_enable_noheadings(out, cli_settings()->no_headings))
		return -ENOMEM;
	for (k = 0; k < choice->count; k++)
		if (add_column(out, &table->columns[choice->columns[k]]))
			return -ENOMEM;
	for (i = 0; i < table->row_count; i++) {
		line = scols_table_new_line(out, NULL);
		for (k = 0; line && k < choice->count; k++) {
			size_t column = choice->columns[k];
			const char *cell = table->cells[i * table->column_count + column];

			if (scols_line_set_data(line, k, shown(&table->columns[column], cell, text,
							       sizeof(text))))
				line = NULL;
		}
		if (!line)
			return -ENOMEM;
	}
	return 0;
}

/* One row upright: the names of the columns to the left of its cells */
static int fill_properties(struct libscols_table *out, const struct table *table,
			   const struct choice *choice, size_t row)
{
	char *const *cells = &table->cells[row * table->column_count];
	bool names = !cli_settings()->no_headings;
	struct libscols_line *line;
	char text[32];
	size_t k;

	if (scols_table_enable_noheadings(out, 1) ||
	    (names && !scols_table_new_column(out, "PROPERTY", 0, 0)) ||
	    !scols_table_new_column(out, "VALUE", 0, 0))
		return -ENOMEM;
	for (k = 0; k < choice->count; k++) {
		const struct table_column *column = &table->columns[choice->columns[k]];
		const char *cell = cells[choice->columns[k]];

		if (!cell)
			continue;
		line = scols_table_new_line(out, NULL);
		if (!line || (names && scols_line_set_data(line, 0, column->name)) ||
		    scols_line_set_data(line, names, shown(column, cell, text, sizeof(text))))
			return -ENOMEM;
	}
	return 0;
}

int table_print(const struct table *table, enum table_form form, struct evs_error *err)
{
	size_t row, parts = form == TABLE_PROPERTIES ? table->row_count : 1;
	struct choice choice = {};
	struct libscols_table *out;
	int ret;

	ret = choose(&choice, table, form, err);
	if (ret || cli_settings()->json)
		return ret ? ret : print_json(table, &choice, err);
	for (row = 0; row < parts && !ret; row++) {
		out = scols_new_table();
		if (!out)
			return no_memory(err);
		if (row)
			putchar('\n');
		ret = scols_table_enable_raw(out, cli_settings()->raw);
		if (!ret && form == TABLE_PROPERTIES)
			ret = fill_properties(out, table, &choice, row);
		else if (!ret)
			ret = fill_rows(out, table, &choice);
		if (!ret)
			ret = scols_print_table(out);
		scols_unref_table(out);
	}
	return ret ? evs_error_set(err, -ret, "cannot print the table") : 0;
}

void table_size(char *text, size_t size, unsigned long long bytes)
{
	static const char suffixes[] = "BKMGTPE";
	unsigned int exponent = 0, tenths;

	while (exponent < sizeof(suffixes) - 2 && bytes >> (10 * (exponent + 1)))
		exponent++;
	if (!exponent) {
		snprintf(text, size, "%lluB", bytes);
		return;
	}
	/* Rounded to tenths without leaving 64 bits */
	tenths = (unsigned int)(((bytes >> (10 * (exponent - 1))) * 10 + 512) >> 10);
	if (tenths % 10)
		snprintf(text, size, "%u.%u%c", tenths / 10, tenths % 10, suffixes[exponent]);
	else
		snprintf(text, size, "%u%c", tenths / 10, suffixes[exponent]);
}
