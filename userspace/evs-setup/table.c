// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <libsmartcols.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "table.h"
#include "text.h"

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

static int add_column(struct libscols_table *out, const struct table_column *column, bool json)
{
	static const int json_type[] = {
		[TABLE_TEXT] = SCOLS_JSON_STRING,
		[TABLE_NUMBER] = SCOLS_JSON_NUMBER,
		[TABLE_BOOL] = SCOLS_JSON_BOOLEAN,
	};
	const char *name = json && column->json_name ? column->json_name : column->name;
	struct libscols_column *new;

	new = scols_table_new_column(out, name, 0,
				     column->type == TABLE_NUMBER ? SCOLS_FL_RIGHT : 0);
	return new ? scols_column_set_json_type(new, json_type[column->type]) : -ENOMEM;
}

static int add_row(struct libscols_table *out, const struct table *table, size_t row, bool brief)
{
	char *const *cells = &table->cells[row * table->column_count];
	struct libscols_line *line = scols_table_new_line(out, NULL);
	size_t i, column = 0;

	if (!line)
		return -ENOMEM;
	for (i = 0; i < table->column_count; i++)
		if ((!brief || table->columns[i].brief) &&
		    scols_line_set_data(line, column++, cells[i]))
			return -ENOMEM;
	return 0;
}

static int fill_rows(struct libscols_table *out, const struct table *table, bool json)
{
	size_t i;

	if (scols_table_enable_json(out, json) || scols_table_set_name(out, table->name))
		return -ENOMEM;
	for (i = 0; i < table->column_count; i++)
		if ((json || table->columns[i].brief) && add_column(out, &table->columns[i], json))
			return -ENOMEM;
	for (i = 0; i < table->row_count; i++)
		if (add_row(out, table, i, !json))
			return -ENOMEM;
	return 0;
}

/* One row upright: the names of the columns to the left of its cells */
static int fill_properties(struct libscols_table *out, const struct table *table, size_t row)
{
	char *const *cells = &table->cells[row * table->column_count];
	struct libscols_line *line;
	size_t i;

	if (scols_table_enable_noheadings(out, 1) ||
	    !scols_table_new_column(out, "PROPERTY", 0, 0) ||
	    !scols_table_new_column(out, "VALUE", 0, 0))
		return -ENOMEM;
	for (i = 0; i < table->column_count; i++) {
		if (!cells[i])
			continue;
		line = scols_table_new_line(out, NULL);
		if (!line || scols_line_set_data(line, 0, table->columns[i].name) ||
		    scols_line_set_data(line, 1, cells[i]))
			return -ENOMEM;
	}
	return 0;
}

int table_print(const struct table *table, enum table_form form, struct evs_error *err)
{
	size_t row = 0, parts = form == TABLE_PROPERTIES ? table->row_count : 1;
	struct libscols_table *out;
	int ret = 0;

	for (row = 0; row < parts && !ret; row++) {
		out = scols_new_table();
		if (!out)
			return no_memory(err);
		if (row)
			putchar('\n');
		if (form == TABLE_PROPERTIES)
			ret = fill_properties(out, table, row);
		else
			ret = fill_rows(out, table, form == TABLE_JSON);
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
