/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_DB_H
#define KMSD_DB_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/**
 * struct kmsd_db - One connection to the database.
 *
 * Statements are prepared once and kept. Calls may come from any thread; the
 * connection does one at a time.
 */
struct kmsd_db;

/* How a connection is used. */
enum kmsd_db_mode {
	KMSD_DB_WRITER,		/* changes the database, each commit is on disk */
	KMSD_DB_READER,		/* sees what has been committed */
	KMSD_DB_OFFLINE,	/* reads beside a daemon that may run or not */
};

/* Unless said otherwise, these return 0, or a negative errno with @err filled. */

/* Open a connection to a database that exists. @db: release with kmsd_db_close(). */
int kmsd_db_open(struct kmsd_db **db, const char *path, enum kmsd_db_mode mode,
		 struct evs_error *err);

/*
 * Copy a database into memory, as of one moment. @db: a connection, others may go on. @image:
 * set to what a file of it would hold, for free().
 */
int kmsd_db_image(struct kmsd_db *db, unsigned char **image, size_t *size,
		  struct evs_error *err);

/*
 * Open a database in memory. @db: release with kmsd_db_close(). @data: from kmsd_db_image();
 * copied.
 */
int kmsd_db_open_image(struct kmsd_db **db, const void *data, size_t size,
		       struct evs_error *err);

/* Add a database in memory to a connection, as `backup`. @data: from kmsd_db_image(); copied. */
int kmsd_db_attach_image(struct kmsd_db *db, const void *data, size_t size,
			 struct evs_error *err);

/* Close a connection. @db: the connection, or NULL. */
void kmsd_db_close(struct kmsd_db *db);

/* Run SQL text that takes and returns nothing. */
int kmsd_db_exec(struct kmsd_db *db, const char *sql, struct evs_error *err);

/*
 * Values are bound by a format, one character each: `s` a string, `S` a string
 * where "" means NULL, `i` an int64_t, `b` a pointer and a size_t. @sql must be a
 * constant: its address is what prepared statements are found by.
 */

/*
 * Run a statement that changes something. Returns number of rows changed, or a negative errno:
 * -EEXIST when the row would break a UNIQUE constraint.
 */
int kmsd_db_run(struct kmsd_db *db, struct evs_error *err, const char *sql, const char *fmt, ...);

/**
 * typedef kmsd_db_row - Takes one row of a result.
 * @arg: given to kmsd_db_each()
 * @row: the statement, for sqlite3_column_*()
 *
 * Return: 0 to go on, or a negative errno to end with.
 */
typedef int (*kmsd_db_row)(void *arg, sqlite3_stmt *row);

/*
 * Read rows. @db: the connection; it is locked while @each runs. @each: called for each row.
 * Returns number of rows, or a negative errno.
 */
int kmsd_db_each(struct kmsd_db *db, struct evs_error *err, kmsd_db_row each, void *arg,
		 const char *sql, const char *fmt, ...);

/*
 * Read one number. @value: left alone when there is no row. Returns 1 when there was a row, 0
 * when not, or a negative errno.
 */
int kmsd_db_number(struct kmsd_db *db, struct evs_error *err, int64_t *value, const char *sql,
		   const char *fmt, ...);

/*
 * Copy a text out of a row. @row: the row. @column: which column. @text: NUL-terminated, cut
 * to fit.
 */
void kmsd_db_text(sqlite3_stmt *row, int column, char *text, size_t size);

/*
 * Copy bytes out of a row. @row: the row. @column: which column. Returns 0, or -EBADMSG when
 * there is nothing or it does not fit.
 */
int kmsd_db_blob(sqlite3_stmt *row, int column, void *data, size_t room, size_t *size);

/*
 * Begin a transaction and keep other threads out. Returns 0 or a negative errno; the
 * connection is not locked then.
 */
int kmsd_db_begin(struct kmsd_db *db, struct evs_error *err);

/*
 * End a transaction; what it changed is on disk. @err: nothing of the transaction is left
 * then.
 */
int kmsd_db_commit(struct kmsd_db *db, struct evs_error *err);

/* End a transaction and forget what it changed. */
void kmsd_db_rollback(struct kmsd_db *db);

#endif /* KMSD_DB_H */
