// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <glob.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/audit.h"
#include "audit/chain.h"
#include "backup.h"
#include "hsm/wrapped.h"
#include "kmsd.h"
#include "newfile.h"
#include "restore.h"
#include "store/schema.h"

/* What has become of CMKs since the backup, and which of the deleted ones are wanted. */
static const char tables[] =
	"CREATE TEMP TABLE gone (id TEXT PRIMARY KEY);"
	"CREATE TEMP TABLE made (id TEXT PRIMARY KEY);"
	"CREATE TEMP TABLE wanted (id TEXT PRIMARY KEY);";

struct listing {
	const struct kmsd_restore *restore;
	const char *what;
};

static int say_row(void *arg, sqlite3_stmt *row)
{
	const struct listing *listing = arg;
	char id[EVS_CMK_ID_SIZE], alias[EVS_CMK_ALIAS_MAX + 1];

	kmsd_db_text(row, 0, id, sizeof(id));
	kmsd_db_text(row, 1, alias, sizeof(alias));
	listing->restore->say(listing->what, id, alias);
	return 0;
}

/* @sql: a constant, ids and aliases. Returns how many, or a negative errno. */
static int list(const struct kmsd_restore *restore, struct kmsd_db *db, const char *what,
		const char *sql, struct evs_error *err)
{
	struct listing listing = { restore, what };

	return kmsd_db_each(db, err, say_row, &listing, sql, "");
}

/* Says what was deleted since. The view "saved" has the CMKs of the backup. */
static int list_gone(const struct kmsd_restore *restore, struct kmsd_db *db, struct evs_error *err)
{
	int ret = list(restore, db, "deleted since, not brought back",
		       "SELECT id, alias FROM saved WHERE id IN (SELECT id FROM gone)"
		       " AND id NOT IN (SELECT id FROM wanted)", err);

	return ret < 0 ? ret : list(restore, db, "deleted since, brought back disabled",
				    "SELECT id, alias FROM saved WHERE id IN (SELECT id FROM gone)"
				    " AND id IN (SELECT id FROM wanted)", err);
}

static int want(const struct kmsd_restore *restore, struct kmsd_db *db, struct evs_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret >= 0 && i < restore->count; i++)
		ret = strcmp(restore->resurrect[i], "all")
			      ? kmsd_db_run(db, err, "INSERT OR IGNORE INTO wanted VALUES (?)",
					    "s", restore->resurrect[i])
			      : kmsd_db_run(db, err, "INSERT OR IGNORE INTO wanted"
					    " SELECT id FROM gone", "");
	return ret < 0 ? ret : 0;
}

/* ---- the backup ---- */

static int is_ok(void *arg, sqlite3_stmt *row)
{
	char text[16];

	kmsd_db_text(row, 0, text, sizeof(text));
	*(bool *)arg = !strcmp(text, "ok");
	return 0;
}

/* Every key in the backup can be unwrapped by the configured root key. */
static int check_keys(const struct kmsd_conf *conf, const char *path, struct kmsd_db *db,
		      struct evs_error *err)
{
	struct kmsd_wrapped all = {};
	struct kmsd_hsm *hsm;
	int ret = kmsd_hsm_open(&hsm, conf, err);

	if (ret)
		return ret;
	ret = kmsd_wrapped_read(&all, db, hsm, err);
	if (ret == -EBADMSG)
		ret = evs_error_set(err, EKEYREJECTED,
				    "%s: made with another root key than \"%s\" of token \"%s\": for a backup from before root rewrap, set [hsm] root-key (and token) of evs-kmsd.conf to what they were then, move the database away, restore, and run root rewrap again",
				    path, conf->root_key, conf->token);
	kmsd_wrapped_free(&all);
	kmsd_hsm_close(hsm);
	return ret;
}

static int open_backup(const struct kmsd_conf *conf, const char *path, struct kmsd_db **out,
		       struct evs_error *err)
{
	struct kmsd_backup backup;
	struct kmsd_db *db;
	bool ok = false;
	int ret = kmsd_backup_read(&backup, path, err);

	if (ret)
		return ret;
	ret = kmsd_db_open_image(&db, backup.data, backup.size, err);
	free(backup.data);
	if (ret)
		return ret;
	ret = kmsd_db_each(db, err, is_ok, &ok, "PRAGMA integrity_check(1)", "");
	if (ret >= 0)
		ret = ok ? kmsd_schema_check(db, err)
			 : evs_error_set(err, EBADMSG, "%s: no sound database in it", path);
	if (!ret)
		ret = check_keys(conf, path, db, err);
	if (ret)
		kmsd_db_close(db);
	else
		*out = db;
	return ret;
}

/* ---- where there is a database ---- */

#define COLUMNS "id, project, alias, description, is_default, created, external," \
	" expires, fingerprint, rotation, rotation_days, rotated, rotations"

static const char add_cmks[] =
	"INSERT INTO main.cmk (state, deletion, " COLUMNS ") SELECT"
	" CASE state WHEN 5 THEN 5 ELSE 3 END, 0, " COLUMNS " FROM backup.cmk"
	" WHERE id IN (SELECT id FROM gone) AND id IN (SELECT id FROM wanted)";

static const char add_material[] =
	"INSERT INTO main.cmk_version SELECT * FROM backup.cmk_version"
	" WHERE cmk IN (SELECT id FROM gone) AND cmk IN (SELECT id FROM wanted)";

static int commit(const struct kmsd_conf *conf, struct kmsd_store *store, struct evs_error *err)
{
	const struct kmsd_clock wall = {};
	const struct kmsd_event event = {
		.time = kmsd_clock_now(&wall), .status = 200,
		.text = { [KMSD_EV_NAME] = "restoreBackup", [KMSD_EV_CLIENT] = "evs-kmsd",
			  [KMSD_EV_SOURCE] = "evs-kmsd" },
	};
	struct kmsd_audit *audit;
	int ret = kmsd_audit_open(&audit, conf->audit, store, err);

	if (ret) {
		kmsd_store_rollback(store);
		return ret;
	}
	ret = kmsd_audit_commit(audit, &event, err);
	kmsd_audit_close(audit);
	return ret;
}

static int add_wanted(const struct kmsd_conf *conf, struct kmsd_store *store,
		      struct evs_error *err)
{
	struct kmsd_db *db = kmsd_store_writing(store);
	int ret = kmsd_store_begin(store, err);

	if (ret)
		return ret;
	ret = kmsd_db_run(db, err, add_cmks, "");
	if (ret == -EEXIST)
		ret = evs_error_set(err, EEXIST,
				    "a CMK that was made since has the alias of one that is wanted back: rename it first");
	if (ret >= 0)
		ret = kmsd_db_run(db, err, add_material, "");
	if (ret < 0) {
		kmsd_store_rollback(store);
		return ret;
	}
	return commit(conf, store, err);
}

/* Keys that are brought back would be wrapped by another root key than the database's own. */
static int check_database(const struct kmsd_conf *conf, struct kmsd_store *store,
			  struct evs_error *err)
{
	struct kmsd_hsm *hsm;
	int ret = kmsd_hsm_open(&hsm, conf, err);

	if (ret)
		return ret;
	ret = kmsd_root_check(store, hsm, conf, err);
	kmsd_hsm_close(hsm);
	return ret == -EKEYREJECTED ? evs_error_prefix(err, "move it away, or set root-key to its own")
				    : ret;
}

static int restore_into(const struct kmsd_conf *conf, const struct kmsd_restore *restore,
			struct kmsd_db *from, struct evs_error *err)
{
	struct kmsd_store *store;
	unsigned char *image;
	struct kmsd_db *db;
	size_t size;
	int ret;

	ret = kmsd_store_open(&store, conf->database, err);
	if (ret)
		return ret == -EBUSY ? evs_error_prefix(err, "stop evs-kmsd first") : ret;
	db = kmsd_store_writing(store);
	ret = check_database(conf, store, err);
	if (!ret)
		ret = kmsd_db_image(from, &image, &size, err);
	if (ret)
		goto out;
	ret = kmsd_db_attach_image(db, image, size, err);
	free(image);
	if (!ret)
		ret = kmsd_db_exec(db, tables, err);
	if (!ret)
		ret = kmsd_db_exec(db, "CREATE TEMP VIEW saved AS SELECT * FROM backup.cmk;"
				   "INSERT INTO gone SELECT id FROM backup.cmk"
				   " WHERE id NOT IN (SELECT id FROM main.cmk)", err);
	if (!ret)
		ret = want(restore, db, err);
	if (!ret)
		ret = list(restore, db, "made since, kept",
			   "SELECT id, alias FROM main.cmk WHERE id NOT IN"
			   " (SELECT id FROM backup.cmk)", err);
	if (ret >= 0)
		ret = list_gone(restore, db, err);
	if (ret > 0)
		ret = add_wanted(conf, store, err);
out:
	kmsd_store_close(store);
	return ret;
}

/* ---- where there is none ---- */

/* Takes what a line of the log says of CMKs that were made or deleted after record @head. */
static int take_line(struct kmsd_db *db, const char *line, int64_t head, struct evs_error *err)
{
	struct json_object *json, *event, *id, *status;
	struct kmsd_link link;
	const char *text = kmsd_audit_parse(line, &link);
	int ret = 0;

	if (!text || link.seq <= head)
		return 0;
	json = json_tokener_parse(text);
	if (json_object_object_get_ex(json, "event", &event) &&
	    json_object_object_get_ex(json, "key_id", &id) &&
	    json_object_object_get_ex(json, "status", &status) &&
	    json_object_get_int(status) == 200) {
		if (!strcmp(json_object_get_string(event), "deleteKey"))
			ret = kmsd_db_run(db, err, "INSERT OR IGNORE INTO gone VALUES (?)", "s",
					  json_object_get_string(id));
		else if (!strcmp(json_object_get_string(event), "createKey"))
			ret = kmsd_db_run(db, err, "INSERT OR IGNORE INTO made VALUES (?)", "s",
					  json_object_get_string(id));
	}
	json_object_put(json);
	return ret < 0 ? ret : 0;
}

static int take_log(struct kmsd_db *db, const char *path, int64_t head, struct evs_error *err)
{
	struct kmsd_reader r;
	int ret = kmsd_reader_open(&r, path, err);

	if (ret)
		return ret == -ENOENT ? 0 : ret;
	while (!ret && kmsd_reader_next(&r) > 0)
		ret = take_line(db, r.line, head, err);
	kmsd_reader_close(&r);
	return ret;
}

/* Reads the log and those that it was rotated to. */
static int take_logs(struct kmsd_db *db, const char *path, struct evs_error *err)
{
	char pattern[PATH_MAX + sizeof("[.-]*")];
	int64_t head = 0;
	glob_t old = {};
	int ret;

	ret = kmsd_db_number(db, err, &head, "SELECT seq FROM audit_head", "");
	if (ret >= 0)
		ret = take_log(db, path, head, err);
	snprintf(pattern, sizeof(pattern), "%s[.-]*", path);
	if (!ret && !glob(pattern, 0, NULL, &old))
		for (size_t i = 0; !ret && i < old.gl_pathc; i++)
			ret = take_log(db, old.gl_pathv[i], head, err);
	globfree(&old);
	return ret;
}

/* Takes deleted CMKs out of the backup. */
static int remove_gone(const struct kmsd_conf *conf, const struct kmsd_restore *restore,
		       struct kmsd_db *db, struct evs_error *err)
{
	const struct kmsd_clock wall = {};
	int ret;

	ret = kmsd_db_exec(db, tables, err);
	if (!ret)
		ret = kmsd_db_exec(db, "CREATE TEMP VIEW saved AS SELECT * FROM main.cmk", err);
	if (!ret)
		ret = take_logs(db, conf->audit, err);
	if (!ret)
		ret = kmsd_db_run(db, err, "INSERT OR IGNORE INTO gone SELECT id FROM cmk"
				  " WHERE state = 4 AND deletion AND deletion <= ?", "i",
				  kmsd_clock_now(&wall));
	if (ret >= 0)
		ret = want(restore, db, err);
	if (!ret)
		ret = list(restore, db, "made since, lost",
			   "SELECT id, '' FROM made WHERE id NOT IN (SELECT id FROM cmk)"
			   " AND id NOT IN (SELECT id FROM gone)", err);
	if (ret >= 0)
		ret = list_gone(restore, db, err);
	if (ret < 0)
		return ret;
	return kmsd_db_exec(db,
			    "UPDATE cmk SET state = CASE state WHEN 5 THEN 5 ELSE 3 END, deletion = 0"
			    " WHERE id IN (SELECT id FROM gone) AND id IN (SELECT id FROM wanted);"
			    "DELETE FROM cmk WHERE id IN (SELECT id FROM gone)"
			    " AND id NOT IN (SELECT id FROM wanted);"
			    "VACUUM", err);
}

/* What a database that was lost has left behind would be taken for the new one's. */
static void remove_remains(const char *database)
{
	static const char *const suffixes[] = { "-wal", "-shm", "-journal" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", database, suffixes[i]);
		unlink(path);
	}
}

static int write_database(const char *database, struct kmsd_db *db, struct evs_error *err)
{
	char temp[PATH_MAX];
	unsigned char *image;
	size_t size;
	int ret = kmsd_db_image(db, &image, &size, err);

	if (ret)
		return ret;
	snprintf(temp, sizeof(temp), "%s.restore", database);
	unlink(temp);
	ret = kmsd_newfile_write(temp, 0600, image, size, err);
	free(image);
	if (ret)
		return ret;
	remove_remains(database);
	if (rename(temp, database))
		return evs_error_set(err, errno, "%s: %m", database);
	return kmsd_newfile_sync_name(database, err);
}

static int restore_new(const struct kmsd_conf *conf, const struct kmsd_restore *restore,
		       struct kmsd_db *db, struct evs_error *err)
{
	struct kmsd_store *store;
	int ret;

	ret = remove_gone(conf, restore, db, err);
	if (!ret)
		ret = write_database(conf->database, db, err);
	if (ret)
		return ret;
	ret = kmsd_store_open(&store, conf->database, err);
	if (ret)
		return ret;
	/* Elsewhere there is no log: a new one goes on after the record that is known */
	if (access(conf->audit, F_OK))
		ret = kmsd_audit_begin(conf->audit, store, err);
	if (!ret)
		ret = kmsd_store_begin(store, err);
	if (!ret)
		ret = commit(conf, store, err);
	kmsd_store_close(store);
	return ret;
}

int kmsd_restore(const struct kmsd_conf *conf, const struct kmsd_restore *restore,
		 struct evs_error *err)
{
	struct kmsd_db *db;
	int ret = open_backup(conf, restore->path, &db, err);

	if (ret)
		return ret;
	ret = access(conf->database, F_OK) ? restore_new(conf, restore, db, err)
					   : restore_into(conf, restore, db, err);
	kmsd_db_close(db);
	return ret;
}
