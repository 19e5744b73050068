// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "fail.h"
#include "key/grant.h"
#include "hex.h"

const char *const kmsd_grant_names[KMSD_GRANT_OPERATIONS] = {
	"create-datakey", "encrypt-datakey", "decrypt-datakey", "describe-key", "create-grant",
	"retire-grant",
};

static int or_number(void *arg, sqlite3_stmt *row)
{
	*(uint32_t *)arg |= (uint32_t)sqlite3_column_int64(row, 0);
	return 0;
}

int kmsd_grant_operations(struct kmsd *kmsd, const char *cmk, const struct kmsd_client *grantee,
			  uint32_t *operations, struct evs_error *err)
{
	char identity[KMSD_IDENTITY_SIZE];
	int ret;

	*operations = 0;
	kmsd_client_identity(grantee, identity);
	ret = kmsd_db_each(kmsd_store_reading(kmsd->store), err, or_number, operations,
			   "SELECT operations FROM key_grant WHERE cmk = ? AND grantee = ?"
			   " AND identity = ?", "sss", cmk, grantee->name, identity);
	return ret < 0 ? ret : 0;
}

static int take_id(void *arg, sqlite3_stmt *row)
{
	kmsd_db_text(row, 0, arg, KMSD_GRANT_ID_SIZE);
	return 0;
}

int kmsd_grant_covering(struct kmsd *kmsd, const char *cmk, const struct kmsd_client *grantee,
			uint32_t operations, char id[KMSD_GRANT_ID_SIZE], struct evs_error *err)
{
	char identity[KMSD_IDENTITY_SIZE];
	int ret;

	id[0] = '\0';
	kmsd_client_identity(grantee, identity);
	ret = kmsd_db_each(kmsd_store_reading(kmsd->store), err, take_id, id,
			   "SELECT id FROM key_grant WHERE cmk = ?1 AND grantee = ?2"
			   " AND identity = ?3 AND operations & ?4 = ?4 ORDER BY seq LIMIT 1",
			   "sssi", cmk, grantee->name, identity, (int64_t)operations);
	return ret < 0 ? ret : 0;
}

int kmsd_grant_add(struct kmsd *kmsd, struct kmsd_grant *g, struct evs_error *err)
{
	static const char sql[] =
		"INSERT INTO key_grant (id, cmk, parent, name, grantee, identity, operations,"
		" issuer, retiring, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
	struct kmsd_db *db = kmsd_store_writing(kmsd->store);
	unsigned char id[KMSD_GRANT_ID_SIZE / 2];
	int64_t count = 0;
	int ret;

	ret = kmsd_db_number(db, err, &count, "SELECT count(*) FROM key_grant WHERE cmk = ?", "s",
			     g->cmk);
	if (ret < 0)
		return ret;
	if (count >= kmsd->conf.grants)
		return kmsd_fail(err, KMSD_E_GRANTS, "key %s has %lld grants, and may not have more",
				 g->cmk, (long long)count);
	if (getrandom(id, sizeof(id), 0) != sizeof(id))
		return evs_error_set(err, EIO, "getrandom: %m");
	evs_hex_encode(g->id, id, sizeof(id));
	g->created = kmsd_clock_now(&kmsd->clock);
	ret = kmsd_db_run(db, err, sql, "ssSSssisSi", g->id, g->cmk, g->parent, g->name,
			  g->grantee, g->identity, (int64_t)g->operations, g->issuer, g->retiring, g->created);
	return ret < 0 ? ret : 0;
}

#define GRANT_COLUMNS \
	"SELECT id, cmk, name, grantee, operations, issuer, retiring, created FROM key_grant "

static void read_grant(sqlite3_stmt *row, struct kmsd_grant *g)
{
	kmsd_db_text(row, 0, g->id, sizeof(g->id));
	kmsd_db_text(row, 1, g->cmk, sizeof(g->cmk));
	kmsd_db_text(row, 2, g->name, sizeof(g->name));
	kmsd_db_text(row, 3, g->grantee, sizeof(g->grantee));
	g->operations = (uint32_t)sqlite3_column_int64(row, 4);
	kmsd_db_text(row, 5, g->issuer, sizeof(g->issuer));
	kmsd_db_text(row, 6, g->retiring, sizeof(g->retiring));
	g->created = sqlite3_column_int64(row, 7);
}

static int take_grant(void *arg, sqlite3_stmt *row)
{
	read_grant(row, arg);
	return 0;
}

int kmsd_grant_find(struct kmsd *kmsd, const char *id, struct kmsd_grant *grant,
		    struct evs_error *err)
{
	int ret;

	if (strlen(id) != KMSD_GRANT_ID_SIZE - 1 ||
	    strspn(id, "0123456789abcdefABCDEF") != KMSD_GRANT_ID_SIZE - 1)
		return kmsd_fail(err, KMSD_E_GRANT_ID, "grant_id: not 64 hex digits");
	ret = kmsd_db_each(kmsd_store_reading(kmsd->store), err, take_grant, grant,
			   GRANT_COLUMNS "WHERE id = upper(?)", "s", id);
	if (!ret)
		return kmsd_fail(err, KMSD_E_GRANT_ID, "grant_id: there is no such grant");
	return ret < 0 ? ret : 0;
}

int kmsd_grant_delete(struct kmsd *kmsd, const char *id, struct evs_error *err)
{
	int ret = kmsd_db_run(kmsd_store_writing(kmsd->store), err,
			      "DELETE FROM key_grant WHERE id = upper(?)", "s", id);

	return ret < 0 ? ret : 0;
}

static int list_grant(void *arg, sqlite3_stmt *row)
{
	struct kmsd_grant_list *list = arg;
	struct kmsd_grant grant;

	read_grant(row, &grant);
	return list->each(list->arg, &grant);
}

int kmsd_grant_walk(struct kmsd *kmsd, struct kmsd_grant_list *list, struct evs_error *err)
{
	static const char *const count[] = {
		"SELECT count(*) FROM key_grant WHERE retiring = ?",
		"SELECT count(*) FROM key_grant WHERE cmk = ?",
	};
	static const char *const walk[] = {
		GRANT_COLUMNS "WHERE retiring = ? ORDER BY seq LIMIT ? OFFSET ?",
		GRANT_COLUMNS "WHERE cmk = ? ORDER BY seq LIMIT ? OFFSET ?",
	};
	struct kmsd_db *db = kmsd_store_reading(kmsd->store);
	const char *value = list->cmk ? list->cmk : list->retiring;
	int ret;

	ret = kmsd_db_number(db, err, &list->total, count[!!list->cmk], "s", value);
	if (ret >= 0)
		ret = kmsd_db_each(db, err, list_grant, list, walk[!!list->cmk], "sii", value,
				   list->limit, list->offset);
	return ret < 0 ? ret : 0;
}

int kmsd_grant_most(struct kmsd *kmsd, const char *project, int64_t *count, struct evs_error *err)
{
	int ret = kmsd_db_number(kmsd_store_reading(kmsd->store), err, count,
				 "SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n"
				 " FROM key_grant g JOIN cmk c ON c.id = g.cmk"
				 " WHERE c.project = ? GROUP BY g.cmk)", "s", project);

	return ret < 0 ? ret : 0;
}
