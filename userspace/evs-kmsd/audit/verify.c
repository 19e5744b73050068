// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "audit/audit.h"
#include "audit/chain.h"
#include "store/schema.h"

struct head {
	struct kmsd_link link;
	bool pending;
};

static int take_head(void *arg, sqlite3_stmt *row)
{
	struct head *head = arg;

	head->link.seq = sqlite3_column_int64(row, 0);
	kmsd_db_text(row, 1, head->link.hash, sizeof(head->link.hash));
	head->pending = sqlite3_column_bytes(row, 2) > 0;
	return 0;
}

static int read_head(const char *database, struct head *head, struct evs_error *err)
{
	struct kmsd_db *db;
	int ret;

	ret = kmsd_schema_open(&db, database, err);
	if (ret)
		return ret;
	ret = kmsd_db_each(db, err, take_head, head, "SELECT seq, hash, line FROM audit_head", "");
	kmsd_db_close(db);
	return ret < 0 ? ret : 0;
}

/* Checks one line against the one before, and moves on to it. */
static int check_line(const char *line, struct kmsd_link *last, const struct head *head,
		      struct evs_error *err)
{
	char want[KMSD_AUDIT_HEX_SIZE];
	struct kmsd_link link;
	const char *json = kmsd_audit_parse(line, &link);

	if (!json)
		return evs_error_set(err, EBADMSG, "not a record");
	if (link.seq != last->seq + 1)
		return evs_error_set(err, EBADMSG, "record %lld follows record %lld",
				     (long long)link.seq, (long long)last->seq);
	if (kmsd_audit_hash(last->hash, json, want))
		return evs_error_set(err, ENOMEM, "out of memory");
	if (strcmp(want, link.hash))
		return evs_error_set(err, EBADMSG, "record %lld does not have the hash it should",
				     (long long)link.seq);
	if (link.seq == head->link.seq && strcmp(link.hash, head->link.hash))
		return evs_error_set(err, EBADMSG, "record %lld is not the one the database knows",
				     (long long)link.seq);
	*last = link;
	return 0;
}

/* Takes up the chain at a file's first record, where that says what was before it. */
static void take_after(const char *line, struct kmsd_link *last)
{
	struct json_object *json, *event, *after, *seq, *hash;
	struct kmsd_link link;
	const char *text = kmsd_audit_parse(line, &link);

	json = text ? json_tokener_parse(text) : NULL;
	if (json_object_object_get_ex(json, "event", &event) &&
	    !strcmp(json_object_get_string(event), KMSD_ROTATE_EVENT) &&
	    json_object_object_get_ex(json, "after", &after) &&
	    json_object_object_get_ex(after, "seq", &seq) &&
	    json_object_object_get_ex(after, "hash", &hash) &&
	    json_object_get_string_len(hash) == KMSD_AUDIT_HEX_SIZE - 1) {
		last->seq = json_object_get_int64(seq);
		strcpy(last->hash, json_object_get_string(hash));
	}
	json_object_put(json);
}

/* One of the files that the log is in. */
struct part {
	const char *path;
	struct kmsd_reader reader;
	int more;		/* there is a line in @reader */
	int64_t first;		/* its number */
};

static int open_part(struct part *part, const char *path, struct evs_error *err)
{
	struct kmsd_link link = { .seq = INT64_MAX };
	int ret = kmsd_reader_open(&part->reader, path, err);

	if (ret)
		return ret;
	part->path = path;
	part->more = kmsd_reader_next(&part->reader);
	if (part->more > 0)
		kmsd_audit_parse(part->reader.line, &link);
	part->first = link.seq;
	return 0;
}

static int by_first(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

/* Is it the log that is given among the older files as well, by a pattern perhaps? */
static bool is_same(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Opens all parts, oldest first. Returns how many, or a negative errno. */
static int open_parts(struct part *parts, const char *path, char *const *older, size_t count,
		      struct evs_error *err)
{
	int n = 0, ret = 0;

	for (size_t i = 0; !ret && i < count; i++) {
		if (is_same(older[i], path))
			continue;
		ret = open_part(&parts[n], older[i], err);
		n += !ret;
	}
	if (!ret) {
		ret = open_part(&parts[n], path, err);
		n += !ret;
	}
	/* Renamed, and no new one begun yet */
	if (ret == -ENOENT && n && n == (int)count)
		ret = 0;
	if (ret) {
		while (n)
			kmsd_reader_close(&parts[--n].reader);
		return ret;
	}
	qsort(parts, (size_t)n, sizeof(*parts), by_first);
	return n;
}

static int check_part(struct part *part, struct kmsd_link *last, const struct head *head,
		      struct evs_error *err)
{
	unsigned int number = 0;
	int ret = 0;

	for (; !ret && part->more; part->more = kmsd_reader_next(&part->reader)) {
		number++;
		ret = part->more < 0 ? evs_error_set(err, EBADMSG, "not a whole line")
				     : check_line(part->reader.line, last, head, err);
		if (ret)
			evs_error_prefix(err, "%s:%u", part->path, number);
	}
	return ret;
}

static int check_parts(struct part *parts, int count, const struct head *head,
		       struct kmsd_span *span, struct evs_error *err)
{
	struct kmsd_link last = {};
	int ret = 0;

	if (parts[0].more > 0)
		take_after(parts[0].reader.line, &last);
	span->first = last.seq + 1;
	for (int i = 0; !ret && i < count; i++)
		ret = check_part(&parts[i], &last, head, err);
	span->last = last.seq;
	/* The newest change may be committed and its line not yet here */
	if (!ret && last.seq + head->pending < head->link.seq)
		ret = evs_error_set(err, EBADMSG,
				    "%s: ends at record %lld, but there have been %lld",
				    parts[count - 1].path, (long long)last.seq,
				    (long long)head->link.seq);
	return ret;
}

int kmsd_audit_verify(const char *path, char *const *older, size_t count, const char *database,
		      struct kmsd_span *span, struct evs_error *err)
{
	struct part *parts = calloc(count + 1, sizeof(*parts));
	struct head head = {};
	int ret, n = 0;

	*span = (struct kmsd_span){};
	if (!parts)
		return evs_error_set(err, ENOMEM, "out of memory");
	/* The head first: what a daemon appends meanwhile is behind it */
	ret = read_head(database, &head, err);
	if (!ret)
		ret = n = open_parts(parts, path, older, count, err);
	if (ret >= 0)
		ret = check_parts(parts, n, &head, span, err);
	while (n > 0)
		kmsd_reader_close(&parts[--n].reader);
	free(parts);
	return ret;
}
