// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The database: CMKs by project, and each version of their material as the
 * root key wraps it. Opened by one process, used by one thread at a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "store.h"

#define SCHEMA_VERSION 1
#define STRING(x) #x
#define NUMBER(x) STRING(x)

static const char schema[] =
	"BEGIN IMMEDIATE;"
	"CREATE TABLE root_check (wrapped BLOB NOT NULL);"
	"CREATE TABLE cmk ("
	"  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  id TEXT NOT NULL UNIQUE,"
	"  project TEXT NOT NULL,"
	"  alias TEXT NOT NULL,"
	"  description TEXT NOT NULL,"
	"  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 5),"
	"  is_default INTEGER NOT NULL CHECK (is_default IN (0, 1)),"
	"  created INTEGER NOT NULL,"
	"  UNIQUE (project, alias));"
	"CREATE TABLE cmk_version ("
	"  cmk TEXT NOT NULL REFERENCES cmk (id) ON DELETE CASCADE,"
	"  version INTEGER NOT NULL CHECK (version > 0),"
	"  wrapped BLOB NOT NULL,"
	"  PRIMARY KEY (cmk, version)) WITHOUT ROWID;"
	"PRAGMA user_version = " NUMBER(SCHEMA_VERSION) ";";

/* A change is acknowledged only once it is on disk: FULL syncs at each commit. */
static const char pragmas[] =
	"PRAGMA journal_mode = WAL;"
	"PRAGMA synchronous = FULL;"
	"PRAGMA foreign_keys = ON;"
	"PRAGMA secure_delete = ON;"
	"PRAGMA trusted_schema = OFF;";

struct kmsd_store {
	sqlite3 *db;
	int lock_fd;		/* the directory, held by flock() */
	pthread_mutex_t lock;	/* transactions span calls of SQLite */
};

static int db_fail(sqlite3 *db, struct evs_error *err, const char *what)
{
	return evs_error_set(err, sqlite3_errcode(db) == SQLITE_NOMEM ? ENOMEM : EIO,
			     "database: %s: %s", what, sqlite3_errmsg(db));
}

static int exec(sqlite3 *db, const char *sql, const char *what, struct evs_error *err)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_fail(db, err, what);
}

static int open_db(sqlite3 **db, const char *path, int flags, struct evs_error *err)
{
	int ret;

	if (sqlite3_open_v2(path, db, flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK) {
		ret = evs_error_set(err, EIO, "database %s: %s", path,
				    *db ? sqlite3_errmsg(*db) : "out of memory");
		sqlite3_close(*db);
		return ret;
	}
	ret = exec(*db, pragmas, path, err);
	if (ret)
		sqlite3_close(*db);
	return ret;
}

int kmsd_store_create(const char *path, const void *root_check, size_t size, struct evs_error *err)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db;
	int ret, fd;

	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return evs_error_set(err, errno, "database %s: %m", path);
	close(fd);
	ret = open_db(&db, path, 0, err);
	if (ret)
		goto err_unlink;
	ret = exec(db, schema, "schema", err);
	if (ret)
		goto err_close;
	if (sqlite3_prepare_v2(db, "INSERT INTO root_check VALUES (?)", -1, &stmt, NULL) ||
	    sqlite3_bind_blob(stmt, 1, root_check, (int)size, SQLITE_STATIC) ||
	    sqlite3_step(stmt) != SQLITE_DONE)
		ret = db_fail(db, err, "first entry");
	sqlite3_finalize(stmt);
	if (!ret)
		ret = exec(db, "COMMIT", "schema", err);
	if (ret)
		goto err_close;
	sqlite3_close(db);
	return 0;

err_close:
	sqlite3_close(db);
err_unlink:
	unlink(path);
	return ret;
}

/* The directory that holds @path, locked for as long as the descriptor is open. */
static int lock_directory(const char *path, struct evs_error *err)
{
	char *dir = strdup(path);
	int fd, ret;

	if (!dir)
		return evs_error_set(err, ENOMEM, "out of memory");
	dirname(dir);	/* an absolute path, by kmsd_conf_load(): shortened in place */
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		ret = evs_error_set(err, errno, "%s: %m", dir);
	} else if (flock(fd, LOCK_EX | LOCK_NB)) {
		ret = errno == EWOULDBLOCK
			      ? evs_error_set(err, EBUSY, "%s: another evs-kmsd uses it", dir)
			      : evs_error_set(err, errno, "locking %s: %m", dir);
		close(fd);
	} else {
		ret = fd;
	}
	free(dir);
	return ret;
}

static int check_schema(sqlite3 *db, const char *path, struct evs_error *err)
{
	sqlite3_stmt *stmt = NULL;
	int version, ret = 0;

	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL) ||
	    sqlite3_step(stmt) != SQLITE_ROW)
		ret = db_fail(db, err, path);
	version = ret ? 0 : sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	if (!ret && version != SCHEMA_VERSION)
		ret = evs_error_set(err, EPROTO,
				    "database %s: schema version %d, this evs-kmsd knows %d", path,
				    version, SCHEMA_VERSION);
	return ret;
}

int kmsd_store_open(struct kmsd_store **out, const char *path, struct evs_error *err)
{
	struct kmsd_store *store = calloc(1, sizeof(*store));
	int ret;

	if (!store)
		return evs_error_set(err, ENOMEM, "out of memory");
	pthread_mutex_init(&store->lock, NULL);
	ret = store->lock_fd = lock_directory(path, err);
	if (ret < 0)
		goto err_free;
	ret = open_db(&store->db, path, 0, err);
	if (ret)
		goto err_unlock;
	ret = check_schema(store->db, path, err);
	if (ret)
		goto err_close;
	*out = store;
	return 0;

err_close:
	sqlite3_close(store->db);
err_unlock:
	close(store->lock_fd);
err_free:
	pthread_mutex_destroy(&store->lock);
	free(store);
	return ret;
}

void kmsd_store_close(struct kmsd_store *store)
{
	if (!store)
		return;
	sqlite3_close(store->db);
	close(store->lock_fd);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

/* Copies a blob out of the first column of the only row. */
static int take_blob(struct kmsd_store *store, sqlite3_stmt *stmt, void *data, size_t *size,
		     struct evs_error *err)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_DONE)
		return evs_error_set(err, ENOENT, "database: no such entry");
	if (rc != SQLITE_ROW)
		return db_fail(store->db, err, "reading");
	*size = (size_t)sqlite3_column_bytes(stmt, 0);
	if (!*size || *size > KMSD_WRAPPED_MAX)
		return evs_error_set(err, EBADMSG, "database: wrapped key of %zu bytes", *size);
	memcpy(data, sqlite3_column_blob(stmt, 0), *size);
	return 0;
}

int kmsd_store_root_check(struct kmsd_store *store, void *data, size_t *size,
			  struct evs_error *err)
{
	sqlite3_stmt *stmt = NULL;
	int ret;

	pthread_mutex_lock(&store->lock);
	if (sqlite3_prepare_v2(store->db, "SELECT wrapped FROM root_check", -1, &stmt, NULL))
		ret = db_fail(store->db, err, "reading");
	else
		ret = take_blob(store, stmt, data, size, err);
	sqlite3_finalize(stmt);
	pthread_mutex_unlock(&store->lock);
	return ret;
}

int kmsd_store_material(struct kmsd_store *store, const char *id, uint32_t version, void *data,
			size_t *size, struct evs_error *err)
{
	static const char sql[] = "SELECT wrapped FROM cmk_version WHERE cmk = ? AND version = ?";
	sqlite3_stmt *stmt = NULL;
	int ret;

	pthread_mutex_lock(&store->lock);
	if (sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL) ||
	    sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC) ||
	    sqlite3_bind_int64(stmt, 2, version))
		ret = db_fail(store->db, err, "reading");
	else
		ret = take_blob(store, stmt, data, size, err);
	sqlite3_finalize(stmt);
	pthread_mutex_unlock(&store->lock);
	return ret;
}

static int insert_cmk(sqlite3 *db, const char *project, const struct kmsd_cmk *cmk,
		      struct evs_error *err)
{
	static const char sql[] =
		"INSERT INTO cmk (id, project, alias, description, state, is_default, created)"
		" VALUES (?, ?, ?, ?, ?, ?, ?)";
	sqlite3_stmt *stmt = NULL;
	int ret = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) ||
	    sqlite3_bind_text(stmt, 1, cmk->id, -1, SQLITE_STATIC) ||
	    sqlite3_bind_text(stmt, 2, project, -1, SQLITE_STATIC) ||
	    sqlite3_bind_text(stmt, 3, cmk->alias, -1, SQLITE_STATIC) ||
	    sqlite3_bind_text(stmt, 4, cmk->description, -1, SQLITE_STATIC) ||
	    sqlite3_bind_int(stmt, 5, cmk->state) || sqlite3_bind_int(stmt, 6, cmk->is_default) ||
	    sqlite3_bind_int64(stmt, 7, cmk->created) || sqlite3_step(stmt) != SQLITE_DONE) {
		ret = sqlite3_extended_errcode(db) == SQLITE_CONSTRAINT_UNIQUE
			      ? evs_error_set(err, EEXIST, "a CMK \"%s\" exists already",
					      cmk->alias)
			      : db_fail(db, err, "adding a CMK");
	}
	sqlite3_finalize(stmt);
	return ret;
}

static int insert_version(sqlite3 *db, const struct kmsd_cmk *cmk, const void *wrapped,
			  size_t size, struct evs_error *err)
{
	static const char sql[] = "INSERT INTO cmk_version VALUES (?, ?, ?)";
	sqlite3_stmt *stmt = NULL;
	int ret = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) ||
	    sqlite3_bind_text(stmt, 1, cmk->id, -1, SQLITE_STATIC) ||
	    sqlite3_bind_int64(stmt, 2, cmk->version) ||
	    sqlite3_bind_blob(stmt, 3, wrapped, (int)size, SQLITE_STATIC) ||
	    sqlite3_step(stmt) != SQLITE_DONE)
		ret = db_fail(db, err, "adding a CMK's material");
	sqlite3_finalize(stmt);
	return ret;
}

int kmsd_store_add(struct kmsd_store *store, const char *project, const struct kmsd_cmk *cmk,
		   const void *wrapped, size_t size, struct evs_error *err)
{
	int ret;

	pthread_mutex_lock(&store->lock);
	ret = exec(store->db, "BEGIN IMMEDIATE", "adding a CMK", err);
	if (ret)
		goto out_unlock;
	ret = insert_cmk(store->db, project, cmk, err);
	if (!ret)
		ret = insert_version(store->db, cmk, wrapped, size, err);
	if (!ret)
		ret = exec(store->db, "COMMIT", "adding a CMK", err);
	/* A failed COMMIT may leave the transaction open, or have ended it */
	if (ret && !sqlite3_get_autocommit(store->db))
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
out_unlock:
	pthread_mutex_unlock(&store->lock);
	return ret;
}

int kmsd_store_set_state(struct kmsd_store *store, const char *id, enum evs_cmk_state from,
			 enum evs_cmk_state to, struct evs_error *err)
{
	static const char sql[] = "UPDATE cmk SET state = ? WHERE id = ? AND state = ?";
	sqlite3_stmt *stmt = NULL;
	int ret = 0;

	pthread_mutex_lock(&store->lock);
	if (sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL) ||
	    sqlite3_bind_int(stmt, 1, to) ||
	    sqlite3_bind_text(stmt, 2, id, -1, SQLITE_STATIC) ||
	    sqlite3_bind_int(stmt, 3, from) || sqlite3_step(stmt) != SQLITE_DONE)
		ret = db_fail(store->db, err, "changing a state");
	else if (!sqlite3_changes(store->db))
		ret = evs_error_set(err, ESTALE, "CMK %s has changed its state meanwhile", id);
	sqlite3_finalize(stmt);
	pthread_mutex_unlock(&store->lock);
	return ret;
}

#define CMK_COLUMNS \
	"SELECT id, alias, description, state, is_default, created," \
	" (SELECT max(version) FROM cmk_version WHERE cmk = cmk.id) FROM cmk "

static void copy_text(sqlite3_stmt *stmt, int column, char *text, size_t size)
{
	const char *value = (const char *)sqlite3_column_text(stmt, column);

	snprintf(text, size, "%s", value ? value : "");
}

static void read_cmk(sqlite3_stmt *stmt, struct kmsd_cmk *cmk)
{
	copy_text(stmt, 0, cmk->id, sizeof(cmk->id));
	copy_text(stmt, 1, cmk->alias, sizeof(cmk->alias));
	copy_text(stmt, 2, cmk->description, sizeof(cmk->description));
	cmk->state = (enum evs_cmk_state)sqlite3_column_int(stmt, 3);
	cmk->is_default = sqlite3_column_int(stmt, 4);
	cmk->created = sqlite3_column_int64(stmt, 5);
	cmk->version = (uint32_t)sqlite3_column_int64(stmt, 6);
}

static int find(struct kmsd_store *store, const char *sql, const char *project, const char *name,
		struct kmsd_cmk *cmk, struct evs_error *err)
{
	sqlite3_stmt *stmt = NULL;
	int ret = 0, rc;

	pthread_mutex_lock(&store->lock);
	if (sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL) ||
	    sqlite3_bind_text(stmt, 1, project, -1, SQLITE_STATIC) ||
	    sqlite3_bind_text(stmt, 2, name, -1, SQLITE_STATIC)) {
		ret = db_fail(store->db, err, "reading");
		goto out;
	}
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		read_cmk(stmt, cmk);
	else if (rc == SQLITE_DONE)
		ret = evs_error_set(err, ENOENT, "no CMK %s", name);
	else
		ret = db_fail(store->db, err, "reading");
out:
	sqlite3_finalize(stmt);
	pthread_mutex_unlock(&store->lock);
	return ret;
}

int kmsd_store_by_id(struct kmsd_store *store, const char *project, const char *id,
		     struct kmsd_cmk *cmk, struct evs_error *err)
{
	return find(store, CMK_COLUMNS "WHERE project = ? AND id = ?", project, id, cmk, err);
}

int kmsd_store_by_alias(struct kmsd_store *store, const char *project, const char *alias,
			struct kmsd_cmk *cmk, struct evs_error *err)
{
	return find(store, CMK_COLUMNS "WHERE project = ? AND alias = ?", project, alias, cmk,
		    err);
}

static int count_cmks(sqlite3 *db, const char *project, struct kmsd_page *page,
		      struct evs_error *err)
{
	static const char sql[] =
		"SELECT count(*) FROM cmk WHERE project = ?1 AND ?2 IN (0, state)";
	sqlite3_stmt *stmt = NULL;
	int ret = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) ||
	    sqlite3_bind_text(stmt, 1, project, -1, SQLITE_STATIC) ||
	    sqlite3_bind_int(stmt, 2, page->state) || sqlite3_step(stmt) != SQLITE_ROW)
		ret = db_fail(db, err, "counting");
	else
		page->total = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return ret;
}

static int walk_cmks(sqlite3 *db, const char *project, struct kmsd_page *page,
		     struct evs_error *err)
{
	static const char sql[] = CMK_COLUMNS
		"WHERE project = ?1 AND ?2 IN (0, state) ORDER BY seq LIMIT ?3 OFFSET ?4";
	sqlite3_stmt *stmt = NULL;
	struct kmsd_cmk cmk;
	int ret = 0, rc;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) ||
	    sqlite3_bind_text(stmt, 1, project, -1, SQLITE_STATIC) ||
	    sqlite3_bind_int(stmt, 2, page->state) ||
	    sqlite3_bind_int64(stmt, 3, page->limit) ||
	    sqlite3_bind_int64(stmt, 4, page->offset)) {
		ret = db_fail(db, err, "listing");
		goto out;
	}
	while (!ret && (rc = sqlite3_step(stmt)) != SQLITE_DONE) {
		if (rc != SQLITE_ROW) {
			ret = db_fail(db, err, "listing");
			break;
		}
		read_cmk(stmt, &cmk);
		ret = page->each(page->arg, &cmk);
		if (ret)
			evs_error_set(err, -ret, "listing: %s", strerror(-ret));
	}
out:
	sqlite3_finalize(stmt);
	return ret;
}

int kmsd_store_list(struct kmsd_store *store, const char *project, struct kmsd_page *page,
		    struct evs_error *err)
{
	int ret;

	pthread_mutex_lock(&store->lock);
	ret = count_cmks(store->db, project, page, err);
	if (!ret)
		ret = walk_cmks(store->db, project, page, err);
	pthread_mutex_unlock(&store->lock);
	return ret;
}
