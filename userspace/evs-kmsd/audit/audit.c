// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/audit.h"
#include "audit/chain.h"
#include "audit/file.h"
#include "audit/flood.h"
#include "clock.h"
#include "log.h"
#include "newfile.h"

struct kmsd_audit {
	struct kmsd_store *store;
	pthread_mutex_t lock;	/* taken inside of a transaction of the store */
	struct kmsd_link last;	/* the newest record */
	char owed[KMSD_AUDIT_LINE_MAX];	/* its line, while the file lacks it */
	struct kmsd_file file;
	struct kmsd_flood flood;
	bool dirty;		/* not all of it is on disk, or the head is behind */
};

/* Makes the line of a record, with its newline. */
static int chain_line(const struct kmsd_audit *audit, const char *json, struct kmsd_link *link,
		      char line[KMSD_AUDIT_LINE_MAX], struct evs_error *err)
{
	link->seq = audit->last.seq + 1;
	if (!json || kmsd_audit_hash(audit->last.hash, json, link->hash))
		return evs_error_set(err, ENOMEM, "out of memory");
	if (snprintf(line, KMSD_AUDIT_LINE_MAX, "%s %s\n", link->hash, json) >= KMSD_AUDIT_LINE_MAX)
		return evs_error_set(err, EMSGSIZE, "audit: record too long");
	return 0;
}

/* The next record's line. */
static int make_line(const struct kmsd_audit *audit, const struct kmsd_event *event,
		     struct kmsd_link *link, char line[KMSD_AUDIT_LINE_MAX], struct evs_error *err)
{
	char *json = kmsd_event_json(event, audit->last.seq + 1);
	int ret = chain_line(audit, json, link, line, err);

	free(json);
	return ret;
}

static int put_line(struct kmsd_audit *audit, const char *line, struct evs_error *err)
{
	int ret = kmsd_file_append(&audit->file, line, err);

	if (!ret)
		audit->dirty = true;
	return ret;
}

/* Writes the line of a change that is committed already; the lock is held. */
static int pay(struct kmsd_audit *audit, struct evs_error *err)
{
	int ret;

	if (!audit->owed[0])
		return 0;
	ret = put_line(audit, audit->owed, err);
	if (!ret)
		audit->owed[0] = '\0';
	return ret;
}

/* Appends a record; the lock is held. */
static int put_event(struct kmsd_audit *audit, const struct kmsd_event *event,
		     struct evs_error *err)
{
	char line[KMSD_AUDIT_LINE_MAX];
	struct kmsd_link link;
	int ret = pay(audit, err);

	if (!ret)
		ret = make_line(audit, event, &link, line, err);
	if (!ret)
		ret = put_line(audit, line, err);
	if (!ret)
		audit->last = link;
	return ret;
}

/* Records refusals that were counted, of minutes that are over; the lock is held. */
static int tell_refusals(struct kmsd_audit *audit, int64_t now, struct evs_error *err)
{
	struct kmsd_refusals *refusals;
	int ret = 0;

	while (!ret && (refusals = kmsd_flood_next(&audit->flood, now))) {
		ret = put_event(audit, &refusals->last, err);
		if (!ret)
			kmsd_flood_told(refusals);
	}
	return ret;
}

/* The line that begins a new file. */
static int first_line(const struct kmsd_audit *audit, int64_t now, struct kmsd_link *link,
		      char line[KMSD_AUDIT_LINE_MAX], struct evs_error *err)
{
	char json[KMSD_AUDIT_HEX_SIZE + 256];

	snprintf(json, sizeof(json),
		 "{\"seq\":%lld,\"time\":%lld,\"event\":\"" KMSD_ROTATE_EVENT "\","
		 "\"client\":\"evs-kmsd\",\"after\":{\"seq\":%lld,\"hash\":\"%s\"},\"status\":200}",
		 (long long)audit->last.seq + 1, (long long)now, (long long)audit->last.seq,
		 audit->last.hash);
	return chain_line(audit, json, link, line, err);
}

/* Goes on in a new file when the old one has been renamed; the lock is held. */
static int follow(struct kmsd_audit *audit, int64_t now, struct evs_error *err)
{
	char line[KMSD_AUDIT_LINE_MAX];
	struct kmsd_link link;
	int ret;

	if (!kmsd_file_was_renamed(&audit->file))
		return 0;
	ret = pay(audit, err);
	if (ret)
		return ret;
	ret = first_line(audit, now, &link, line, err);
	if (!ret)
		ret = kmsd_file_begin(&audit->file, line, err);
	if (ret)
		return ret;
	audit->last = link;
	audit->dirty = true;
	return 0;
}

/*
 * Has on disk whatever has been recorded before the call: @synced bytes ever written,
 * at least. The lock is not held.
 */
static int sync_file(struct kmsd_audit *audit, uint64_t *synced, struct evs_error *err)
{
	int ret;

	pthread_mutex_lock(&audit->lock);
	ret = pay(audit, err);
	*synced = audit->file.written;
	pthread_mutex_unlock(&audit->lock);
	return ret ? ret : kmsd_file_sync(&audit->file, err);
}

int kmsd_audit_note(struct kmsd_audit *audit, const struct kmsd_event *event,
		    struct evs_error *err)
{
	int ret;

	pthread_mutex_lock(&audit->lock);
	ret = tell_refusals(audit, event->time, err);
	if (!ret && !kmsd_flood_holds(&audit->flood, event))
		ret = put_event(audit, event, err);
	pthread_mutex_unlock(&audit->lock);
	return ret;
}

static int set_head(struct kmsd_audit *audit, const struct kmsd_link *link, const char *line,
		    struct evs_error *err)
{
	int ret = kmsd_db_run(kmsd_store_writing(audit->store), err,
			      "UPDATE audit_head SET seq = ?, hash = ?, line = ?", "iss",
			      link->seq, link->hash, line);

	return ret < 0 ? ret : 0;
}

int kmsd_audit_commit(struct kmsd_audit *audit, const struct kmsd_event *event,
		      struct evs_error *err)
{
	char line[KMSD_AUDIT_LINE_MAX];
	struct evs_error later = {};
	struct kmsd_link link;
	uint64_t synced;
	int ret;

	/* The line in the database is the only safe copy of the last change's record */
	ret = sync_file(audit, &synced, err);
	if (ret) {
		kmsd_store_rollback(audit->store);
		return ret;
	}
	pthread_mutex_lock(&audit->lock);
	/* What was noted meanwhile comes before the change in the chain, so on disk too */
	ret = audit->file.written == synced ? 0 : kmsd_file_sync(&audit->file, err);
	if (!ret)
		ret = audit->owed[0] ? evs_error_set(err, EIO, "audit log %s: incomplete",
						     audit->file.path)
				     : make_line(audit, event, &link, line, err);
	if (!ret)
		ret = set_head(audit, &link, line, err);
	if (ret) {
		kmsd_store_rollback(audit->store);
		goto out;
	}
	ret = kmsd_store_commit(audit->store, err);
	if (ret)
		goto out;
	audit->last = link;
	strcpy(audit->owed, line);
	/* Change and record are safe: a file that takes no more stops the next call */
	if (pay(audit, &later))
		kmsd_log("%s", later.text);
out:
	pthread_mutex_unlock(&audit->lock);
	return ret;
}

/* Has all records on disk and the head of the chain at the last. */
static int sync_all(struct kmsd_audit *audit, struct evs_error *err)
{
	struct kmsd_link link;
	uint64_t synced;
	bool dirty;
	int ret;

	pthread_mutex_lock(&audit->lock);
	dirty = audit->dirty;
	audit->dirty = false;
	ret = pay(audit, err);
	link = audit->last;
	pthread_mutex_unlock(&audit->lock);
	if (ret || !dirty)
		return ret;
	/* Without the lock: nobody waits for the disk who only wants to add a line */
	ret = sync_file(audit, &synced, err);
	if (!ret)
		ret = kmsd_db_run(kmsd_store_writing(audit->store), err,
				  "UPDATE audit_head SET seq = ?1, hash = ?2, line = ''"
				  " WHERE seq <= ?1", "is", link.seq, link.hash);
	if (ret < 0) {
		pthread_mutex_lock(&audit->lock);
		audit->dirty = true;
		pthread_mutex_unlock(&audit->lock);
	}
	return ret < 0 ? ret : 0;
}

int kmsd_audit_sync(struct kmsd_audit *audit, int64_t now, struct evs_error *err)
{
	int ret;

	pthread_mutex_lock(&audit->lock);
	ret = tell_refusals(audit, now, err);
	if (!ret)
		ret = follow(audit, now, err);
	pthread_mutex_unlock(&audit->lock);
	return ret ? ret : sync_all(audit, err);
}

static const char head_sql[] = "SELECT seq, hash, line FROM audit_head";

struct head {
	struct kmsd_link link;
	char line[KMSD_AUDIT_LINE_MAX];
};

static int take_head(void *arg, sqlite3_stmt *row)
{
	struct head *head = arg;

	head->link.seq = sqlite3_column_int64(row, 0);
	kmsd_db_text(row, 1, head->link.hash, sizeof(head->link.hash));
	kmsd_db_text(row, 2, head->line, sizeof(head->line));
	return 0;
}

/* Finds out where the chain goes on. */
static int take_up(struct kmsd_audit *audit, struct evs_error *err)
{
	struct kmsd_link link = {};
	struct head head = {};
	int ret;

	ret = kmsd_file_tail(&audit->file, &link, err);
	if (ret)
		return ret;
	ret = kmsd_db_each(kmsd_store_reading(audit->store), err, take_head, &head, head_sql, "");
	if (ret < 0)
		return ret;
	audit->last = link.seq >= head.link.seq ? link : head.link;
	if (link.seq >= head.link.seq)
		return 0;
	/* A gap stays in the chain for the next verification to find */
	if (link.seq + !!head.line[0] < head.link.seq)
		kmsd_log("audit log %s: ends at record %lld, but there were %lld: it was tampered with",
			 audit->file.path, (long long)link.seq, (long long)head.link.seq);
	/* Behind a gap too: the next change takes the database's copy */
	strcpy(audit->owed, head.line);
	return pay(audit, err);
}

int kmsd_audit_begin(const char *path, struct kmsd_store *store, struct evs_error *err)
{
	struct kmsd_audit *audit = calloc(1, sizeof(*audit));
	const struct kmsd_clock wall = {};
	char line[KMSD_AUDIT_LINE_MAX];
	struct kmsd_link link;
	struct head head = {};
	int ret;

	if (!audit)
		return evs_error_set(err, ENOMEM, "out of memory");
	ret = kmsd_db_each(kmsd_store_reading(store), err, take_head, &head, head_sql, "");
	audit->last = head.link;
	if (ret >= 0)
		ret = first_line(audit, kmsd_clock_now(&wall), &link, line, err);
	if (!ret)
		ret = kmsd_newfile_write(path, 0600, line, strlen(line), err);
	if (!ret)
		ret = kmsd_newfile_sync_name(path, err);
	free(audit);
	return ret;
}

int kmsd_audit_open(struct kmsd_audit **out, const char *path, struct kmsd_store *store,
		    struct evs_error *err)
{
	struct kmsd_audit *audit = calloc(1, sizeof(*audit));
	const struct kmsd_clock wall = {};
	int ret;

	if (!audit)
		return evs_error_set(err, ENOMEM, "out of memory");
	audit->store = store;
	pthread_mutex_init(&audit->lock, NULL);
	ret = kmsd_file_open(&audit->file, path, err);
	if (ret)
		goto err_free;
	ret = take_up(audit, err);
	/* Renamed, and its daemon killed before it had begun a new one */
	if (!ret)
		ret = follow(audit, kmsd_clock_now(&wall), err);
	if (ret)
		goto err_close;
	*out = audit;
	return 0;

err_close:
	close(audit->file.fd);
err_free:
	pthread_mutex_destroy(&audit->lock);
	free(audit);
	return ret;
}

void kmsd_audit_close(struct kmsd_audit *audit)
{
	struct evs_error err = {};
	int ret;

	if (!audit)
		return;
	pthread_mutex_lock(&audit->lock);
	ret = tell_refusals(audit, INT64_MAX, &err);
	pthread_mutex_unlock(&audit->lock);
	if (sync_all(audit, &err) || ret)
		kmsd_log("%s", err.text);
	close(audit->file.fd);
	pthread_mutex_destroy(&audit->lock);
	free(audit);
}
