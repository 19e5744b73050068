// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "store/schema.h"

#define VERSION 2	/* 1 was before the first release */
#define TEXT_OF(n) #n
#define TEXT(macro) TEXT_OF(macro)

static const char tables[] =
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
	"  identity TEXT NOT NULL,"
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
	"  created INTEGER NOT NULL) WITHOUT ROWID;"
	"PRAGMA user_version = " TEXT(VERSION);

int kmsd_schema_create(struct kmsd_db *db, struct evs_error *err)
{
	int ret = kmsd_db_begin(db, err);

	if (ret)
		return ret;
	ret = kmsd_db_exec(db, tables, err);
	if (!ret)
		return kmsd_db_commit(db, err);
	kmsd_db_rollback(db);
	return ret;
}

int kmsd_schema_check(struct kmsd_db *db, struct evs_error *err)
{
	int64_t version = 0;
	int ret = kmsd_db_number(db, err, &version, "PRAGMA user_version", "");

	if (ret < 0 || version == VERSION)
		return ret < 0 ? ret : 0;
	return evs_error_set(err, EPROTO, "schema version %lld, this evs-kmsd knows %d",
			     (long long)version, VERSION);
}

int kmsd_schema_open(struct kmsd_db **db, const char *path, struct evs_error *err)
{
	int ret = kmsd_db_open(db, path, KMSD_DB_OFFLINE, err);

	if (ret)
		return ret;
	ret = kmsd_schema_check(*db, err);
	if (ret)
		kmsd_db_close(*db);
	return ret;
}
