// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/audit.h"
#include "clock.h"
#include "fault.h"
#include "log.h"

/* Records a second of refusals of strangers. */
#define STRANGERS_MAX 2

struct kmsd_audit {
	struct kmsd_store *store;
	pthread_mutex_t lock;	/* taken inside of a transaction of the store */
	struct kmsd_link last;	/* the newest record */
	char owed[KMSD_AUDIT_LINE_MAX];	/* its line, while the file lacks it */
	char path[PATH_MAX];
	int fd;
	off_t size;		/* of the file, all of it whole lines */
	int64_t second;		/* of the last refusal of a stranger */
	unsigned int strangers;	/* so many of them in it */
	int64_t omitted;	/* since the newest record */
	bool dirty;		/* not all of it is on disk, or the head is behind */
};

static bool add(struct json_object *json, const char *name, struct json_object *value)
{
	if (value && !json_object_object_add(json, name, value))
		return true;
	json_object_put(value);
	return false;
}

static bool add_text(struct json_object *json, const char *name, const char *value)
{
	return !value[0] || add(json, name, json_object_new_string(value));
}

/* Makes the next line; with its newline. */
static int make_line(const struct kmsd_audit *audit, const struct kmsd_event *e,
		     struct kmsd_link *link, char line[KMSD_AUDIT_LINE_MAX], struct evs_error *err)
{
	struct json_object *json = json_object_new_object();
	const char *text = NULL;
	int ret = 0;

	link->seq = audit->last.seq + 1;
	if (json && add(json, "seq", json_object_new_int64(link->seq)) &&
	    add(json, "time", json_object_new_int64(e->time)) &&
	    add_text(json, "event", e->name) && add_text(json, "project", e->project) &&
	    add_text(json, "user", e->user) && add_text(json, "source", e->source) &&
	    add_text(json, "key_id", e->key_id) &&
	    add(json, "status", json_object_new_int64(e->status)) &&
	    add_text(json, "code", e->code) && add_text(json, "request_id", e->request_id) &&
	    (!audit->omitted || add(json, "omitted", json_object_new_int64(audit->omitted))))
		text = json_object_to_json_string_ext(
			json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!text || kmsd_audit_hash(audit->last.hash, text, link->hash))
		ret = evs_error_set(err, ENOMEM, "out of memory");
	else if (snprintf(line, KMSD_AUDIT_LINE_MAX, "%s %s\n", link->hash, text) >=
		 KMSD_AUDIT_LINE_MAX)
		ret = evs_error_set(err, EMSGSIZE, "audit: record too long");
	json_object_put(json);
	return ret;
}

/* Appends a whole line or nothing. */
static int put_line(struct kmsd_audit *audit, const char *line, struct evs_error *err)
{
	size_t len = strlen(line), done = 0;
	ssize_t n;
	int ret;

	while (done < len) {
		/* In two pieces where a test wants to see one of them */
		size_t part = kmsd_fault_hook && !done ? len / 2 : len - done;

		n = write(audit->fd, line + done, part);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			goto failed;
		done += (size_t)n;
		if (done < len)
			kmsd_fault("audit-half-written");
	}
	audit->size += (off_t)len;
	audit->dirty = true;
	kmsd_fault("audit-written");
	return 0;

failed:
	ret = evs_error_set(err, n ? errno : ENOSPC, "audit log %s: %s", audit->path,
			    n ? strerror(errno) : "written in part");
	if (done && ftruncate(audit->fd, audit->size))
		kmsd_log("audit log %s: cannot remove half a line: %m", audit->path);
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

static int flush(struct kmsd_audit *audit, struct evs_error *err)
{
	if (fdatasync(audit->fd))
		return evs_error_set(err, errno, "audit log %s: %m", audit->path);
	return 0;
}

/*
 * Has on disk whatever has been recorded before the call: the first @synced bytes
 * of the file, at least. The lock is not held.
 */
static int sync_file(struct kmsd_audit *audit, off_t *synced, struct evs_error *err)
{
	int ret;

	pthread_mutex_lock(&audit->lock);
	ret = pay(audit, err);
	*synced = audit->size;
	pthread_mutex_unlock(&audit->lock);
	return ret ? ret : flush(audit, err);
}

/* Anybody may be refused as often as he likes; the log is not his to fill. */
static bool is_too_much(struct kmsd_audit *audit, const struct kmsd_event *event)
{
	int64_t second = event->time / KMSD_SECOND_MS;

	if (!event->stranger)
		return false;
	if (second != audit->second)
		audit->strangers = 0;
	audit->second = second;
	return audit->strangers++ >= STRANGERS_MAX;
}

static void went(struct kmsd_audit *audit, const struct kmsd_link *link)
{
	audit->last = *link;
	audit->omitted = 0;
}

int kmsd_audit_note(struct kmsd_audit *audit, const struct kmsd_event *event,
		    struct evs_error *err)
{
	char line[KMSD_AUDIT_LINE_MAX];
	struct kmsd_link link;
	int ret = 0;

	pthread_mutex_lock(&audit->lock);
	if (is_too_much(audit, event)) {
		audit->omitted++;
		goto out;
	}
	ret = pay(audit, err);
	if (!ret)
		ret = make_line(audit, event, &link, line, err);
	if (!ret)
		ret = put_line(audit, line, err);
	if (!ret)
		went(audit, &link);
out:
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
	off_t synced;
	int ret;

	/* The line in the database is the only safe copy of the last change's record */
	ret = sync_file(audit, &synced, err);
	if (ret) {
		kmsd_store_rollback(audit->store);
		return ret;
	}
	pthread_mutex_lock(&audit->lock);
	/* What was noted meanwhile comes before the change in the chain, so on disk too */
	ret = audit->size == synced ? 0 : flush(audit, err);
	if (!ret)
		ret = audit->owed[0] ? evs_error_set(err, EIO, "audit log %s: incomplete",
						     audit->path)
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
	went(audit, &link);
	strcpy(audit->owed, line);
	/* Change and record are safe: a file that takes no more stops the next call */
	if (pay(audit, &later))
		kmsd_log("%s", later.text);
out:
	pthread_mutex_unlock(&audit->lock);
	return ret;
}

int kmsd_audit_sync(struct kmsd_audit *audit, struct evs_error *err)
{
	struct kmsd_link link;
	off_t synced;
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

/* Reads the newest whole line and cuts off what a killed process left behind it. */
static int read_tail(struct kmsd_audit *audit, struct kmsd_link *link, struct evs_error *err)
{
	char tail[2 * KMSD_AUDIT_LINE_MAX + 1], *line, *end;
	struct stat st;
	off_t from;
	ssize_t n;

	if (fstat(audit->fd, &st))
		return evs_error_set(err, errno, "audit log %s: %m", audit->path);
	from = st.st_size > (off_t)sizeof(tail) - 1 ? st.st_size - (off_t)sizeof(tail) + 1 : 0;
	n = pread(audit->fd, tail, sizeof(tail) - 1, from);
	if (n < 0)
		return evs_error_set(err, errno, "audit log %s: %m", audit->path);
	tail[n] = '\0';
	end = memrchr(tail, '\n', (size_t)n);
	audit->size = end ? from + (end - tail) + 1 : 0;
	if (!end && from)
		return evs_error_set(err, EBADMSG, "audit log %s: ends in no record", audit->path);
	if (audit->size < st.st_size) {
		kmsd_log("audit log %s: removing a line that was not finished", audit->path);
		if (ftruncate(audit->fd, audit->size))
			return evs_error_set(err, errno, "audit log %s: %m", audit->path);
	}
	if (!end)
		return 0;
	*end = '\0';
	line = memrchr(tail, '\n', (size_t)(end - tail));
	if (!kmsd_audit_parse(line ? line + 1 : tail, link))
		kmsd_log("audit log %s: the last line is no record", audit->path);
	return 0;
}

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

	ret = read_tail(audit, &link, err);
	if (ret)
		return ret;
	ret = kmsd_db_each(kmsd_store_reading(audit->store), err, take_head, &head,
			   "SELECT seq, hash, line FROM audit_head", "");
	if (ret < 0)
		return ret;
	audit->last = link.seq >= head.link.seq ? link : head.link;
	if (link.seq >= head.link.seq)
		return 0;
	/* A gap stays in the chain for the next verification to find */
	if (link.seq + !!head.line[0] < head.link.seq)
		kmsd_log("audit log %s: ends at record %lld, but there were %lld: it was tampered with",
			 audit->path, (long long)link.seq, (long long)head.link.seq);
	/* Behind a gap too: the next change takes the database's copy */
	strcpy(audit->owed, head.line);
	return pay(audit, err);
}

int kmsd_audit_open(struct kmsd_audit **out, const char *path, struct kmsd_store *store,
		    struct evs_error *err)
{
	struct kmsd_audit *audit = calloc(1, sizeof(*audit));
	int ret;

	if (!audit)
		return evs_error_set(err, ENOMEM, "out of memory");
	audit->store = store;
	pthread_mutex_init(&audit->lock, NULL);
	snprintf(audit->path, sizeof(audit->path), "%s", path);
	audit->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (audit->fd < 0) {
		ret = evs_error_set(err, errno, "audit log %s: %m", path);
		goto err_free;
	}
	ret = take_up(audit, err);
	if (ret)
		goto err_close;
	*out = audit;
	return 0;

err_close:
	close(audit->fd);
err_free:
	pthread_mutex_destroy(&audit->lock);
	free(audit);
	return ret;
}

void kmsd_audit_close(struct kmsd_audit *audit)
{
	struct evs_error err = {};

	if (!audit)
		return;
	if (kmsd_audit_sync(audit, &err))
		kmsd_log("%s", err.text);
	if (audit->omitted)
		kmsd_log("audit log %s: without the last %lld refusals", audit->path,
			 (long long)audit->omitted);
	close(audit->fd);
	pthread_mutex_destroy(&audit->lock);
	free(audit);
}
