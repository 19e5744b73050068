// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/db.h"
#include "fault.h"

#define STATEMENTS_MAX 128
#define BUSY_MS 10000

/*
 * A change is acknowledged only once it is on disk: FULL syncs at each commit.
 * What is deleted is overwritten, and no temporary file holds a copy of it.
 */
static const char writer_pragmas[] =
	"PRAGMA journal_mode = WAL;"
	"PRAGMA synchronous = FULL;"
	"PRAGMA foreign_keys = ON;"
	"PRAGMA secure_delete = ON;"
	"PRAGMA temp_store = MEMORY;"
	"PRAGMA trusted_schema = OFF;";

static const char reader_pragmas[] =
	"PRAGMA query_only = ON;"
	"PRAGMA cache_size = -16384;"
	"PRAGMA temp_store = MEMORY;"
	"PRAGMA trusted_schema = OFF;";

static const char memory_pragmas[] =
	"PRAGMA foreign_keys = ON;"
	"PRAGMA temp_store = MEMORY;"
	"PRAGMA trusted_schema = OFF;";

struct statement {
	const char *sql;
	sqlite3_stmt *stmt;
};

struct kmsd_db {
	sqlite3 *db;
	pthread_mutex_t lock;	/* recursive: held through a transaction */
	struct statement statements[STATEMENTS_MAX];
	size_t count;
};

static int db_fail(struct kmsd_db *db, struct evs_error *err)
{
	int errnum = EIO;

	switch (sqlite3_errcode(db->db)) {
	case SQLITE_NOMEM:
		errnum = ENOMEM;
		break;
	case SQLITE_FULL:
		errnum = ENOSPC;
		break;
	case SQLITE_READONLY:
		errnum = EROFS;
		break;
	case SQLITE_CONSTRAINT:
		if (sqlite3_extended_errcode(db->db) == SQLITE_CONSTRAINT_UNIQUE ||
		    sqlite3_extended_errcode(db->db) == SQLITE_CONSTRAINT_PRIMARYKEY)
			errnum = EEXIST;
		break;
	}
	return evs_error_set(err, errnum, "database: %s", sqlite3_errmsg(db->db));
}

int kmsd_db_exec(struct kmsd_db *db, const char *sql, struct evs_error *err)
{
	int ret = 0;

	pthread_mutex_lock(&db->lock);
	if (sqlite3_exec(db->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		ret = db_fail(db, err);
	pthread_mutex_unlock(&db->lock);
	return ret;
}

static int open_db(struct kmsd_db **out, const char *path, int flags, const char *pragmas,
		   struct evs_error *err)
{
	struct kmsd_db *db = calloc(1, sizeof(*db));
	pthread_mutexattr_t attr;
	int ret = 0;

	if (!db)
		return evs_error_set(err, ENOMEM, "out of memory");
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&db->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	if (sqlite3_open_v2(path, &db->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		ret = evs_error_set(err, EIO, "database %s: %s", path,
				    db->db ? sqlite3_errmsg(db->db) : "out of memory");
	if (!ret) {
		sqlite3_busy_timeout(db->db, BUSY_MS);
		ret = kmsd_db_exec(db, pragmas, err);
		if (ret)
			evs_error_prefix(err, "%s", path);
	}
	if (ret) {
		kmsd_db_close(db);
		return ret;
	}
	*out = db;
	return 0;
}

int kmsd_db_open(struct kmsd_db **db, const char *path, enum kmsd_db_mode mode,
		 struct evs_error *err)
{
	int flags = mode == KMSD_DB_OFFLINE ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;

	return open_db(db, path, flags,
		       mode == KMSD_DB_WRITER ? writer_pragmas : reader_pragmas, err);
}

/* A database of SQLite's memory that @db knows as @schema, with the bytes of an image. */
static int load_image(struct kmsd_db *db, const char *schema, const void *data, size_t size,
		      struct evs_error *err)
{
	unsigned char *copy = sqlite3_malloc64(size);

	if (!copy)
		return evs_error_set(err, ENOMEM, "out of memory");
	memcpy(copy, data, size);
	/* It takes the copy over, also when it fails */
	if (sqlite3_deserialize(db->db, schema, copy, (sqlite3_int64)size, (sqlite3_int64)size,
				SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE))
		return db_fail(db, err);
	return 0;
}

int kmsd_db_open_image(struct kmsd_db **out, const void *data, size_t size, struct evs_error *err)
{
	int ret = open_db(out, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY,
			  memory_pragmas, err);

	if (ret)
		return ret;
	ret = load_image(*out, "main", data, size, err);
	if (ret)
		kmsd_db_close(*out);
	return ret;
}

int kmsd_db_attach_image(struct kmsd_db *db, const void *data, size_t size, struct evs_error *err)
{
	int ret = kmsd_db_exec(db, "ATTACH ':memory:' AS backup", err);

	return ret ? ret : load_image(db, "backup", data, size, err);
}

int kmsd_db_image(struct kmsd_db *db, unsigned char **image, size_t *size, struct evs_error *err)
{
	sqlite3_backup *copy;
	sqlite3_int64 len = 0;
	unsigned char *data;
	sqlite3 *memory;
	int ret = 0;

	if (sqlite3_open(":memory:", &memory) != SQLITE_OK)
		return evs_error_set(err, ENOMEM, "out of memory");
	copy = sqlite3_backup_init(memory, "main", db->db, "main");
	/* All at once: one moment of a database that may change meanwhile */
	if (!copy || sqlite3_backup_step(copy, -1) != SQLITE_DONE)
		ret = evs_error_set(err, EIO, "database: %s", sqlite3_errmsg(memory));
	if (copy)
		sqlite3_backup_finish(copy);
	data = ret ? NULL : sqlite3_serialize(memory, "main", &len, 0);
	*image = data ? malloc((size_t)len) : NULL;
	if (*image) {
		memcpy(*image, data, (size_t)len);
		*size = (size_t)len;
		/* Not in WAL mode, which a database in memory cannot have */
		(*image)[18] = 1;
		(*image)[19] = 1;
	} else if (!ret) {
		ret = evs_error_set(err, ENOMEM, "out of memory");
	}
	sqlite3_free(data);
	sqlite3_close(memory);
	return ret;
}

void kmsd_db_close(struct kmsd_db *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < db->count; i++)
		sqlite3_finalize(db->statements[i].stmt);
	sqlite3_close(db->db);
	pthread_mutex_destroy(&db->lock);
	free(db);
}

/* The statement for a text, prepared when it is asked for the first time. */
static sqlite3_stmt *prepare(struct kmsd_db *db, const char *sql)
{
	struct statement *s = db->statements;
	size_t i;

	for (i = 0; i < db->count; i++, s++)
		if (s->sql == sql)
			return s->stmt;
	if (i == STATEMENTS_MAX ||
	    sqlite3_prepare_v3(db->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt, NULL))
		return NULL;
	s->sql = sql;
	db->count++;
	return s->stmt;
}

static int bind(sqlite3_stmt *stmt, const char *fmt, va_list *args)
{
	int rc = SQLITE_OK, n = 0;
	const char *text;
	const void *data;

	for (; *fmt && rc == SQLITE_OK; fmt++) {
		switch (*fmt) {
		case 's':
			text = va_arg(*args, const char *);
			rc = sqlite3_bind_text(stmt, ++n, text, -1, SQLITE_STATIC);
			break;
		case 'S':
			text = va_arg(*args, const char *);
			rc = sqlite3_bind_text(stmt, ++n, text[0] ? text : NULL, -1,
					       SQLITE_STATIC);
			break;
		case 'i':
			rc = sqlite3_bind_int64(stmt, ++n, va_arg(*args, int64_t));
			break;
		case 'b':
			data = va_arg(*args, const void *);
			rc = sqlite3_bind_blob64(stmt, ++n, data, va_arg(*args, size_t),
						 SQLITE_STATIC);
			break;
		}
	}
	return rc;
}

/* Runs a statement; the connection is locked. Returns rows read, or a negative errno. */
static int run(struct kmsd_db *db, struct evs_error *err, kmsd_db_row each, void *arg,
	       const char *sql, const char *fmt, va_list *args)
{
	sqlite3_stmt *stmt = prepare(db, sql);
	int ret = 0, rows = 0, rc;

	if (!stmt || bind(stmt, fmt, args) != SQLITE_OK)
		return db_fail(db, err);
	while (!ret && (rc = sqlite3_step(stmt)) != SQLITE_DONE) {
		if (rc != SQLITE_ROW) {
			ret = db_fail(db, err);
			break;
		}
		rows++;
		ret = each ? each(arg, stmt) : 0;
		if (ret)
			evs_error_set(err, -ret, "database: %s", strerror(-ret));
	}
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return ret ? ret : rows;
}

int kmsd_db_run(struct kmsd_db *db, struct evs_error *err, const char *sql, const char *fmt, ...)
{
	va_list args;
	int ret;

	va_start(args, fmt);
	pthread_mutex_lock(&db->lock);
	ret = run(db, err, NULL, NULL, sql, fmt, &args);
	if (ret >= 0)
		ret = sqlite3_changes(db->db);
	pthread_mutex_unlock(&db->lock);
	va_end(args);
	return ret;
}

int kmsd_db_each(struct kmsd_db *db, struct evs_error *err, kmsd_db_row each, void *arg,
		 const char *sql, const char *fmt, ...)
{
	va_list args;
	int ret;

	va_start(args, fmt);
	pthread_mutex_lock(&db->lock);
	ret = run(db, err, each, arg, sql, fmt, &args);
	pthread_mutex_unlock(&db->lock);
	va_end(args);
	return ret;
}

static int take_number(void *arg, sqlite3_stmt *row)
{
	*(int64_t *)arg = sqlite3_column_int64(row, 0);
	return 0;
}

int kmsd_db_number(struct kmsd_db *db, struct evs_error *err, int64_t *value, const char *sql,
		   const char *fmt, ...)
{
	va_list args;
	int ret;

	va_start(args, fmt);
	pthread_mutex_lock(&db->lock);
	ret = run(db, err, take_number, value, sql, fmt, &args);
	pthread_mutex_unlock(&db->lock);
	va_end(args);
	return ret;
}

void kmsd_db_text(sqlite3_stmt *row, int column, char *text, size_t size)
{
	const char *value = (const char *)sqlite3_column_text(row, column);

	snprintf(text, size, "%s", value ? value : "");
}

int kmsd_db_blob(sqlite3_stmt *row, int column, void *data, size_t room, size_t *size)
{
	*size = (size_t)sqlite3_column_bytes(row, column);
	if (!*size || *size > room)
		return -EBADMSG;
	memcpy(data, sqlite3_column_blob(row, column), *size);
	return 0;
}

int kmsd_db_begin(struct kmsd_db *db, struct evs_error *err)
{
	int ret;

	pthread_mutex_lock(&db->lock);
	ret = kmsd_db_exec(db, "BEGIN IMMEDIATE", err);
	if (ret)
		pthread_mutex_unlock(&db->lock);
	return ret;
}

void kmsd_db_rollback(struct kmsd_db *db)
{
	/* A failed COMMIT may leave the transaction open, or have ended it */
	if (!sqlite3_get_autocommit(db->db))
		sqlite3_exec(db->db, "ROLLBACK", NULL, NULL, NULL);
	pthread_mutex_unlock(&db->lock);
}

int kmsd_db_commit(struct kmsd_db *db, struct evs_error *err)
{
	int ret;

	kmsd_fault("db-before-commit");
	ret = kmsd_db_exec(db, "COMMIT", err);
	kmsd_fault("db-after-commit");
	if (ret) {
		kmsd_db_rollback(db);
		return ret;
	}
	pthread_mutex_unlock(&db->lock);
	return 0;
}
