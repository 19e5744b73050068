// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The database: CMKs by project, and each version of their material as the
 * root key wraps it. Served by one process, through a connection that changes
 * it and one that reads what has been committed.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "fault.h"
#include "store/schema.h"
#include "store/store.h"

struct kmsd_store {
	struct kmsd_db *writer;
	struct kmsd_db *reader;
	int lock_fd;		/* the directory, held by flock() */
};

/* The database in which this thread has a transaction open. */
static _Thread_local const struct kmsd_store *in_transaction;

int kmsd_store_create(const char *path, const void *root_check, size_t size, struct evs_error *err)
{
	struct kmsd_db *db;
	int ret, fd;

	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return evs_error_set(err, errno, "database %s: %m", path);
	close(fd);
	ret = kmsd_db_open(&db, path, KMSD_DB_WRITER, err);
	if (ret)
		goto err_unlink;
	ret = kmsd_schema_create(db, err);
	if (!ret)
		ret = kmsd_db_run(db, err, "INSERT INTO root_check VALUES (?)", "b", root_check,
				  size);
	kmsd_db_close(db);
	if (ret >= 0)
		return 0;

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

int kmsd_store_open(struct kmsd_store **out, const char *path, struct evs_error *err)
{
	struct kmsd_store *store = calloc(1, sizeof(*store));
	int ret;

	if (!store)
		return evs_error_set(err, ENOMEM, "out of memory");
	ret = store->lock_fd = lock_directory(path, err);
	if (ret >= 0)
		ret = kmsd_db_open(&store->writer, path, KMSD_DB_WRITER, err);
	if (!ret) {
		ret = kmsd_schema_check(store->writer, err);
		if (ret)
			evs_error_prefix(err, "database %s", path);
	}
	if (!ret)
		ret = kmsd_db_open(&store->reader, path, KMSD_DB_READER, err);
	if (ret)
		kmsd_store_close(store);
	else
		*out = store;
	return ret;
}

void kmsd_store_close(struct kmsd_store *store)
{
	if (!store)
		return;
	kmsd_db_close(store->reader);
	kmsd_db_close(store->writer);	/* the last one: it checkpoints */
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	free(store);
}

int kmsd_store_begin(struct kmsd_store *store, struct evs_error *err)
{
	int ret = kmsd_db_begin(store->writer, err);

	if (!ret)
		in_transaction = store;
	return ret;
}

int kmsd_store_commit(struct kmsd_store *store, struct evs_error *err)
{
	in_transaction = NULL;
	return kmsd_db_commit(store->writer, err);
}

void kmsd_store_rollback(struct kmsd_store *store)
{
	in_transaction = NULL;
	kmsd_db_rollback(store->writer);
}

struct kmsd_db *kmsd_store_reading(struct kmsd_store *store)
{
	return in_transaction == store ? store->writer : store->reader;
}

struct kmsd_db *kmsd_store_writing(struct kmsd_store *store)
{
	return store->writer;
}

struct blob {
	void *data;
	size_t *size;
};

static int take_blob(void *arg, sqlite3_stmt *row)
{
	const struct blob *blob = arg;

	return kmsd_db_blob(row, 0, blob->data, KMSD_WRAPPED_MAX, blob->size);
}

int kmsd_store_root_check(struct kmsd_store *store, void *data, size_t *size,
			  struct evs_error *err)
{
	struct blob blob = { data, size };
	int ret = kmsd_db_each(kmsd_store_reading(store), err, take_blob, &blob,
			       "SELECT wrapped FROM root_check", "");

	if (!ret)
		return evs_error_set(err, ENOENT, "database: no such entry");
	return ret < 0 ? ret : 0;
}

int kmsd_store_material(struct kmsd_store *store, const char *id, uint32_t version, void *data,
			size_t *size, struct evs_error *err)
{
	struct blob blob = { data, size };
	int ret = kmsd_db_each(kmsd_store_reading(store), err, take_blob, &blob,
			       "SELECT wrapped FROM cmk_version WHERE cmk = ? AND version = ?",
			       "si", id, (int64_t)version);

	if (!ret)
		return evs_error_set(err, ENOENT, "database: no such entry");
	return ret < 0 ? ret : 0;
}

int kmsd_store_add(struct kmsd_store *store, const struct kmsd_cmk *cmk, struct evs_error *err)
{
	static const char sql[] =
		"INSERT INTO cmk (id, project, alias, description, state, is_default, created,"
		" external, rotated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
	int ret = kmsd_db_run(store->writer, err, sql, "ssssiiiii", cmk->id, cmk->project,
			      cmk->alias, cmk->description, (int64_t)cmk->state,
			      (int64_t)cmk->is_default, cmk->created, (int64_t)cmk->external,
			      cmk->rotated);

	return ret < 0 ? ret : 0;
}

int kmsd_store_add_material(struct kmsd_store *store, const char *id, uint32_t version,
			    const void *wrapped, size_t size, struct evs_error *err)
{
	int ret = kmsd_db_run(store->writer, err, "INSERT INTO cmk_version VALUES (?, ?, ?)",
			      "sib", id, (int64_t)version, wrapped, size);

	return ret < 0 ? ret : 0;
}

int kmsd_store_set_state(struct kmsd_store *store, const char *id, enum evs_cmk_state from,
			 enum evs_cmk_state to, int64_t deletion, struct evs_error *err)
{
	static const char sql[] =
		"UPDATE cmk SET state = ?, deletion = ? WHERE id = ? AND state = ?";
	int ret = kmsd_db_run(store->writer, err, sql, "iisi", (int64_t)to, deletion, id,
			      (int64_t)from);

	if (!ret)
		return evs_error_set(err, ESTALE, "CMK %s has changed its state meanwhile", id);
	return ret < 0 ? ret : 0;
}

#define CMK_COLUMNS \
	"SELECT id, alias, description, state, is_default, created," \
	" (SELECT max(version) FROM cmk_version WHERE cmk = cmk.id), external, deletion," \
	" expires, rotation, rotation_days, rotated, rotations, project," \
	" (SELECT wrapped FROM cmk_version WHERE cmk = cmk.id" \
	"  ORDER BY version DESC LIMIT 1) FROM cmk "

static void read_cmk(sqlite3_stmt *row, struct kmsd_cmk *cmk)
{
	kmsd_db_text(row, 0, cmk->id, sizeof(cmk->id));
	kmsd_db_text(row, 1, cmk->alias, sizeof(cmk->alias));
	kmsd_db_text(row, 2, cmk->description, sizeof(cmk->description));
	cmk->state = (enum evs_cmk_state)sqlite3_column_int(row, 3);
	cmk->is_default = sqlite3_column_int(row, 4);
	cmk->created = sqlite3_column_int64(row, 5);
	cmk->version = (uint32_t)sqlite3_column_int64(row, 6);
	cmk->external = sqlite3_column_int(row, 7);
	cmk->deletion = sqlite3_column_int64(row, 8);
	cmk->expires = sqlite3_column_int64(row, 9);
	cmk->rotation = sqlite3_column_int(row, 10);
	cmk->rotation_days = sqlite3_column_int64(row, 11);
	cmk->rotated = sqlite3_column_int64(row, 12);
	cmk->rotations = sqlite3_column_int64(row, 13);
	kmsd_db_text(row, 14, cmk->project, sizeof(cmk->project));
	/* Of a size that no material has, it is for kmsd_store_material() to refuse */
	if (kmsd_db_blob(row, 15, cmk->wrapped, sizeof(cmk->wrapped), &cmk->wrapped_size))
		cmk->wrapped_size = 0;
}

static int take_cmk(void *arg, sqlite3_stmt *row)
{
	read_cmk(row, arg);
	return 0;
}

static int found(int rows, const char *name, struct evs_error *err)
{
	if (!rows)
		return evs_error_set(err, ENOENT, "no CMK %s", name);
	return rows < 0 ? rows : 0;
}

int kmsd_store_by_id(struct kmsd_store *store, const char *project, const char *id,
		     struct kmsd_cmk *cmk, struct evs_error *err)
{
	return found(kmsd_db_each(kmsd_store_reading(store), err, take_cmk, cmk,
				  CMK_COLUMNS "WHERE project = ? AND id = ?", "ss", project, id),
		     id, err);
}

int kmsd_store_by_any(struct kmsd_store *store, const char *id, struct kmsd_cmk *cmk,
		      struct evs_error *err)
{
	return found(kmsd_db_each(kmsd_store_reading(store), err, take_cmk, cmk,
				  CMK_COLUMNS "WHERE id = ?", "s", id), id, err);
}

int kmsd_store_by_alias(struct kmsd_store *store, const char *project, const char *alias,
			struct kmsd_cmk *cmk, struct evs_error *err)
{
	return found(kmsd_db_each(kmsd_store_reading(store), err, take_cmk, cmk,
				  CMK_COLUMNS "WHERE project = ? AND alias = ?", "ss", project,
				  alias), alias, err);
}

static int list_cmk(void *arg, sqlite3_stmt *row)
{
	struct kmsd_page *page = arg;
	struct kmsd_cmk cmk = {};

	read_cmk(row, &cmk);
	return page->each(page->arg, &cmk);
}

int kmsd_store_list(struct kmsd_store *store, const char *project, struct kmsd_page *page,
		    struct evs_error *err)
{
	static const char count[] = "SELECT count(*) FROM cmk WHERE project = ?";
	static const char list[] = CMK_COLUMNS
		"WHERE project = ? ORDER BY seq LIMIT ? OFFSET ?";
	struct kmsd_db *db = kmsd_store_reading(store);
	int ret;

	ret = kmsd_db_number(db, err, &page->total, count, "s", project);
	if (ret >= 0)
		ret = kmsd_db_each(db, err, list_cmk, page, list, "sii", project, page->limit,
				   page->offset);
	return ret < 0 ? ret : 0;
}

struct ids {
	char (*array)[EVS_CMK_ID_SIZE];
	size_t count;
	size_t room;
};

static int take_id(void *arg, sqlite3_stmt *row)
{
	struct ids *ids = arg;

	if (ids->count == ids->room) {
		size_t room = ids->room ? 2 * ids->room : 16;
		void *array = realloc(ids->array, room * sizeof(*ids->array));

		if (!array)
			return -ENOMEM;
		ids->array = array;
		ids->room = room;
	}
	kmsd_db_text(row, 0, ids->array[ids->count++], EVS_CMK_ID_SIZE);
	return 0;
}

int kmsd_store_ids(struct kmsd_store *store, char (**out)[EVS_CMK_ID_SIZE], struct evs_error *err,
		   const char *sql, int64_t value)
{
	struct ids ids = {};
	int ret = kmsd_db_each(kmsd_store_reading(store), err, take_id, &ids, sql, "i", value);

	if (ret < 0) {
		free(ids.array);
		return ret;
	}
	*out = ids.array;
	return ret;
}

/* Another value each time: one that a scrub has seen does not stand for what follows */
int kmsd_store_mark_scrub(struct kmsd_store *store, struct evs_error *err)
{
	int ret = kmsd_db_run(store->writer, err,
			      "INSERT OR REPLACE INTO meta VALUES ('scrub', random() | 1)", "");

	return ret < 0 ? ret : 0;
}

/*
 * Deleting overwrites the cells, but pages that were rebuilt may show remnants
 * of what they held, and the log has older images of all of them: the file is
 * written anew, then the log is emptied.
 */
static int scrub(struct kmsd_store *store, int64_t mark, struct evs_error *err)
{
	int64_t busy = 1;
	int ret;

	kmsd_fault("scrub-begin");
	ret = kmsd_db_exec(store->writer, "VACUUM", err);
	if (ret)
		return ret;
	kmsd_fault("scrub-vacuumed");
	ret = kmsd_db_number(store->writer, err, &busy, "PRAGMA wal_checkpoint(TRUNCATE)", "");
	if (ret < 0)
		return ret;
	if (busy)
		return evs_error_set(err, EBUSY, "database: the log cannot be emptied yet");
	kmsd_fault("scrub-checkpointed");
	ret = kmsd_db_run(store->writer, err,
			  "DELETE FROM meta WHERE name = 'scrub' AND value = ?", "i", mark);
	return ret < 0 ? ret : 0;
}

int kmsd_store_scrub(struct kmsd_store *store, struct evs_error *err)
{
	int64_t mark;
	int ret;

	/* Other threads delete material in the meantime */
	do {
		mark = 0;
		ret = kmsd_db_number(store->writer, err, &mark,
				     "SELECT value FROM meta WHERE name = 'scrub'", "");
		if (ret >= 0 && mark)
			ret = scrub(store, mark, err);
	} while (ret >= 0 && mark);
	return ret < 0 ? ret : 0;
}
