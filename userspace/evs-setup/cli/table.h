/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_TABLE_H
#define EVS_SETUP_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/* What a column holds, for JSON and for how it is printed. */
enum table_type {
	TABLE_TEXT,
	TABLE_NUMBER,
	TABLE_SIZE, /* bytes, printed as table_size() writes them unless --bytes is given */
	TABLE_BOOL, /* "1" or "0", printed as yes or no */
};

/* With --json, a table is an array of the object that is printed, see out.h. */
enum table_form {
	TABLE_COLUMNS,	  /* a line for each row, of the brief columns */
	TABLE_PROPERTIES, /* a line for each column, a paragraph for each row */
};

struct table_column {
	const char *name;
	const char *json_name; /* NULL: the name in lower case */
	enum table_type type;
	bool brief;
};

/**
 * struct table - Rows of text, printed in one of the forms.
 * @name: what JSON calls the array
 * @columns: its columns
 * @column_count: how many
 * @cells: the rows one after the other; NULL where there is nothing to say
 * @row_count: how many rows
 */
struct table {
	const char *name;
	const struct table_column *columns;
	size_t column_count;
	char **cells;
	size_t row_count;
};

/* An empty one. */
#define TABLE(what, list) \
	{ .name = (what), .columns = (list), .column_count = sizeof(list) / sizeof((list)[0]) }

/**
 * table_add() - Add an empty row.
 * @table: the table
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int table_add(struct table *table, struct evs_error *err);

/**
 * table_set() - Fill a cell of the last row.
 * @table: the table
 * @column: index of the column
 * @err: filled on failure
 * @fmt: printf format of the text
 *
 * Return: 0 or a negative errno.
 */
int table_set(struct table *table, size_t column, struct evs_error *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/**
 * table_print() - Print it to standard output, as cli_settings() say.
 * @table: the table
 * @form: how
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int table_print(const struct table *table, enum table_form form, struct evs_error *err);

/**
 * table_free() - Free the cells.
 * @table: the table
 */
void table_free(struct table *table);

/**
 * table_size() - Write a number of bytes for people, as lsblk does.
 * @text: filled, such as "1.5G"
 * @size: room there
 * @bytes: the number
 */
void table_size(char *text, size_t size, unsigned long long bytes);

#endif /* EVS_SETUP_TABLE_H */
