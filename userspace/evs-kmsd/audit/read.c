// SPDX-License-Identifier: GPL-2.0-or-later
/* The audit log read: hashes, verification, printing. */
#include <errno.h>
#include <json-c/json.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit/audit.h"
#include "hex.h"
#include "log.h"
#include "store/schema.h"
#include "text.h"

#define HEX_SIZE (2 * KMSD_AUDIT_HASH_SIZE)

int kmsd_audit_hash(const char *prev, const char *json, char hex[HEX_SIZE + 1])
{
	unsigned char hash[KMSD_AUDIT_HASH_SIZE], before[KMSD_AUDIT_HASH_SIZE] = {};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool done;

	if (prev[0] && evs_hex_decode(before, sizeof(before), prev, strlen(prev)) < 0)
		memset(before, 0xff, sizeof(before));	/* no hash, so of no record */
	done = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
	       EVP_DigestUpdate(ctx, before, sizeof(before)) &&
	       EVP_DigestUpdate(ctx, json, strlen(json)) && EVP_DigestFinal_ex(ctx, hash, NULL);
	EVP_MD_CTX_free(ctx);
	if (!done)
		return -ENOMEM;
	evs_hex_encode(hex, hash, sizeof(hash));
	return 0;
}

const char *kmsd_audit_parse(const char *line, struct kmsd_link *link)
{
	static const char seq[] = "{\"seq\":";
	const char *json = line + HEX_SIZE + 1;

	if (strspn(line, "0123456789ABCDEF") != HEX_SIZE || line[HEX_SIZE] != ' ' ||
	    strncmp(json, seq, strlen(seq)))
		return NULL;
	memcpy(link->hash, line, HEX_SIZE);
	link->hash[HEX_SIZE] = '\0';
	link->seq = strtoll(json + strlen(seq), NULL, 10);
	return json;
}

struct reader {
	FILE *file;
	char *line;
	size_t room;
};

static int reader_open(struct reader *r, const char *path, struct evs_error *err)
{
	*r = (struct reader){ .file = fopen(path, "re") };
	return r->file ? 0 : evs_error_set(err, errno, "audit log %s: %m", path);
}

static void reader_close(struct reader *r)
{
	free(r->line);
	fclose(r->file);
}

/* Returns 1 for a line, without its newline; 0 at the end; -EBADMSG for half a line. */
static int reader_next(struct reader *r)
{
	ssize_t len = getline(&r->line, &r->room, r->file);

	if (len <= 0)
		return 0;
	if (r->line[len - 1] != '\n' || strlen(r->line) != (size_t)len)
		return -EBADMSG;
	r->line[len - 1] = '\0';
	return 1;
}

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

	ret = kmsd_db_open(&db, database, KMSD_DB_OFFLINE, err);
	if (ret)
		return ret;
	ret = kmsd_schema_check(db, err);
	if (!ret)
		ret = kmsd_db_each(db, err, take_head, head,
				   "SELECT seq, hash, line FROM audit_head", "");
	kmsd_db_close(db);
	return ret < 0 ? ret : 0;
}

/* Checks one line against the one before, and moves on to it. */
static int check_line(const char *line, struct kmsd_link *last, const struct head *head,
		      struct evs_error *err)
{
	char want[HEX_SIZE + 1];
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

int kmsd_audit_verify(const char *path, const char *database, int64_t *count,
		      struct evs_error *err)
{
	struct kmsd_link last = {};
	struct head head = {};
	unsigned int number = 0;
	struct reader r;
	int ret, more;

	/* The head first: what a daemon appends meanwhile is behind it */
	ret = read_head(database, &head, err);
	if (!ret)
		ret = reader_open(&r, path, err);
	if (ret)
		return ret;
	while (!ret && (more = reader_next(&r))) {
		number++;
		ret = more < 0 ? evs_error_set(err, EBADMSG, "not a whole line")
			       : check_line(r.line, &last, &head, err);
		if (ret)
			evs_error_prefix(err, "%s:%u", path, number);
	}
	reader_close(&r);
	/* The newest change may be committed and its line not yet here */
	if (!ret && last.seq + head.pending < head.link.seq)
		ret = evs_error_set(err, EBADMSG,
				    "%s: ends at record %lld, but there have been %lld", path,
				    (long long)last.seq, (long long)head.link.seq);
	*count = last.seq;
	return ret;
}

static const char *text_of(struct json_object *json, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(json, name, &value) ? json_object_get_string(value) : "-";
}

static void print_record(struct json_object *json)
{
	struct json_object *ms, *omitted;
	char when[32] = "-";
	struct tm tm;
	time_t t;

	if (json_object_object_get_ex(json, "time", &ms)) {
		t = json_object_get_int64(ms) / 1000;
		if (gmtime_r(&t, &tm))
			strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	}
	omitted = json_object_object_get(json, "omitted");
	evs_text_line(stdout,
		      "%s %s %s cmk=%s project=%s user=%s from=%s code=%s request=%s%s%s",
		      text_of(json, "seq"), when, text_of(json, "event"), text_of(json, "key_id"),
		      text_of(json, "project"), text_of(json, "user"), text_of(json, "source"),
		      text_of(json, "code"), text_of(json, "request_id"),
		      omitted ? " omitted=" : "",
		      omitted ? json_object_get_string(omitted) : "");
}

int kmsd_audit_show(const char *path, struct evs_error *err)
{
	struct kmsd_link link;
	struct json_object *json;
	const char *text;
	struct reader r;
	int ret;

	ret = reader_open(&r, path, err);
	if (ret)
		return ret;
	while (reader_next(&r) > 0) {
		text = kmsd_audit_parse(r.line, &link);
		json = text ? json_tokener_parse(text) : NULL;
		if (json)
			print_record(json);
		else
			puts("- not a record: evs-kmsd audit verify tells more");
		json_object_put(json);
	}
	reader_close(&r);
	return ret;
}
