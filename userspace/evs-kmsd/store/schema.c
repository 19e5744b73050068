// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>

#include "store/schema.h"

/* How to get to each version from the one before. */
static const char *const steps[] = {
	"CREATE TABLE root_check (wrapped BLOB NOT NULL);"
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE audit_head (seq INTEGER NOT NULL, hash TEXT NOT NULL, line TEXT NOT NULL);"
	"INSERT INTO audit_head VALUES (0, '', '');"
	"CREATE TABLE cmk ("
	"  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  id TEXT NOT NULL UNIQUE,"
	"  project TEXT NOT NULL,"
	"  alias TEXT NOT NULL,"
	"  description TEXT NOT NULL,"
	"  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 5),"
	"  is_default INTEGER NOT NULL CHECK (is_default IN (0, 1)),"
	"  created INTEGER NOT NULL,"
	"  deletion INTEGER NOT NULL DEFAULT 0,"
	"  external INTEGER NOT NULL DEFAULT 0,"
	"  expires INTEGER NOT NULL DEFAULT 0,"
	"  fingerprint BLOB,"
	"  rotation INTEGER NOT NULL DEFAULT 0,"
	"  rotation_days INTEGER NOT NULL DEFAULT 365,"
	"  rotated INTEGER NOT NULL DEFAULT 0,"
	"  rotations INTEGER NOT NULL DEFAULT 0,"
	"  UNIQUE (project, alias));"
	"CREATE INDEX cmk_project ON cmk (project, seq);"
	"CREATE TABLE cmk_version ("
	"  cmk TEXT NOT NULL REFERENCES cmk (id) ON DELETE CASCADE,"
	"  version INTEGER NOT NULL CHECK (version > 0),"
	"  wrapped BLOB NOT NULL,"
	"  PRIMARY KEY (cmk, version)) WITHOUT ROWID;"
	"CREATE TABLE key_grant ("
	"  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  id TEXT NOT NULL UNIQUE,"
	"  cmk TEXT NOT NULL REFERENCES cmk (id) ON DELETE CASCADE,"
	"  parent TEXT REFERENCES key_grant (id) ON DELETE CASCADE,"
	"  name TEXT,"
	"  grantee TEXT NOT NULL,"
	"  operations INTEGER NOT NULL,"
	"  issuer TEXT NOT NULL,"
	"  retiring TEXT,"
	"  created INTEGER NOT NULL);"
	"CREATE INDEX grant_cmk ON key_grant (cmk, grantee);"
	"CREATE INDEX grant_parent ON key_grant (parent);"
	"CREATE INDEX grant_retiring ON key_grant (retiring);"
	"CREATE TABLE agency ("
	"  project TEXT PRIMARY KEY,"
	"  creator TEXT NOT NULL,"
	"  created INTEGER NOT NULL) WITHOUT ROWID;",
	/* Whoever has a grant from before needs a new one: it is not known to whom it was given */
	"ALTER TABLE key_grant ADD COLUMN identity TEXT NOT NULL DEFAULT '?';",
};

#define VERSION ((int64_t)(sizeof(steps) / sizeof(steps[0])))

static int get_version(struct kmsd_db *db, int64_t *version, struct evs_error *err)
{
	int ret = kmsd_db_number(db, err, version, "PRAGMA user_version", "");

	return ret < 0 ? ret : 0;
}

static int step(struct kmsd_db *db, int64_t from, struct evs_error *err)
{
	char version[48];
	int ret;

	ret = kmsd_db_begin(db, err);
	if (ret)
		return ret;
	snprintf(version, sizeof(version), "PRAGMA user_version = %d", (int)from + 1);
	ret = kmsd_db_exec(db, steps[from], err);
	if (!ret)
		ret = kmsd_db_exec(db, version, err);
	if (!ret)
		return kmsd_db_commit(db, err);
	kmsd_db_rollback(db);
	return ret;
}

static int update(struct kmsd_db *db, int64_t from, struct evs_error *err)
{
	int ret = 0;

	for (; !ret && from < VERSION; from++)
		ret = step(db, from, err);
	return ret;
}

static int unknown(int64_t version, struct evs_error *err)
{
	return evs_error_set(err, EPROTO, "schema version %d, this evs-kmsd knows %d",
			     (int)version, (int)VERSION);
}

int kmsd_schema_create(struct kmsd_db *db, struct evs_error *err)
{
	return update(db, 0, err);
}

int kmsd_schema_update(struct kmsd_db *db, struct evs_error *err)
{
	int64_t version = 0;
	int ret;

	ret = get_version(db, &version, err);
	if (ret)
		return ret;
	if (version < 1 || version > VERSION)
		return unknown(version, err);
	return update(db, version, err);
}

int kmsd_schema_open(struct kmsd_db **db, const char *path, struct evs_error *err)
{
	int64_t version = 0;
	int ret = kmsd_db_open(db, path, KMSD_DB_OFFLINE, err);

	if (ret)
		return ret;
	ret = get_version(*db, &version, err);
	if (!ret && version != VERSION)
		ret = unknown(version, err);
	if (ret)
		kmsd_db_close(*db);
	return ret;
}
