// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "key/cmk.h"
#include "log.h"
#include "key/material.h"
#include "key/rotation.h"
#include "sweep.h"

#define SWEEP_SECONDS 60

/* The conditions are asked again inside of the transaction: requests go on. */
static int delete_key(struct kmsd *kmsd, struct kmsd_cmk *cmk, struct evs_error *err)
{
	if (cmk->state != EVS_CMK_STATE_PENDING_DELETION || !cmk->deletion ||
	    cmk->deletion > kmsd_clock_now(&kmsd->clock))
		return -ESTALE;
	return kmsd_cmk_destroy(kmsd, cmk->id, err);
}

static int expire_material(struct kmsd *kmsd, struct kmsd_cmk *cmk, struct evs_error *err)
{
	struct kmsd_db *db = kmsd_store_writing(kmsd->store);
	int ret;

	if (!cmk->expires || cmk->expires > kmsd_clock_now(&kmsd->clock))
		return -ESTALE;
	ret = kmsd_material_destroy(kmsd, cmk->id, err);
	if (!ret)
		ret = kmsd_db_run(db, err,
				  "UPDATE cmk SET expires = 0,"
				  " state = CASE state WHEN 4 THEN 4 ELSE 5 END WHERE id = ?",
				  "s", cmk->id);
	return ret < 0 ? ret : 0;
}

static int rotate(struct kmsd *kmsd, struct kmsd_cmk *cmk, struct evs_error *err)
{
	return kmsd_rotation_is_due(kmsd, cmk) ? kmsd_rotation_rotate(kmsd, cmk, err) : -ESTALE;
}

static const struct job {
	const char *event;
	const char *sql;
	int (*run)(struct kmsd *kmsd, struct kmsd_cmk *cmk, struct evs_error *err);
} deletion = {
	"deleteKey", "SELECT id FROM cmk WHERE state = 4 AND deletion AND deletion <= ?", delete_key,
}, jobs[] = {
	{ "deleteImportedKeyMaterial", "SELECT id FROM cmk WHERE expires AND expires <= ?",
	  expire_material },
	{ "rotateKey",
	  "SELECT id FROM cmk WHERE rotation AND state = 2"
	  " AND rotated + rotation_days * 86400000 <= ?", rotate },
};

static int do_one(struct kmsd *kmsd, const struct job *job, const char *id, struct evs_error *err)
{
	struct kmsd_event event = {
		.time = kmsd_clock_now(&kmsd->clock), .status = 200,
		.text = { [KMSD_EV_NAME] = job->event, [KMSD_EV_CLIENT] = "evs-kmsd",
			  [KMSD_EV_SOURCE] = "evs-kmsd", [KMSD_EV_CMK] = id },
	};
	struct kmsd_cmk cmk;
	int ret;

	ret = kmsd_store_begin(kmsd->store, err);
	if (ret)
		return ret;
	ret = kmsd_store_by_any(kmsd->store, id, &cmk, err);
	if (!ret)
		ret = job->run(kmsd, &cmk, err);
	event.text[KMSD_EV_PROJECT] = cmk.project;
	if (!ret)
		return kmsd_audit_commit(kmsd->audit, &event, err);
	kmsd_store_rollback(kmsd->store);
	return ret == -ESTALE || ret == -ENOENT ? 0 : ret;
}

static int do_job(struct kmsd *kmsd, const struct job *job, struct evs_error *err)
{
	char (*ids)[EVS_CMK_ID_SIZE] = NULL;
	int count, failed = 0, ret, i;

	count = kmsd_store_ids(kmsd->store, &ids, err, job->sql, kmsd_clock_now(&kmsd->clock));
	if (count < 0)
		return count;
	for (i = 0; i < count; i++) {
		ret = do_one(kmsd, job, ids[i], err);
		if (ret) {
			kmsd_log("%s: key %s: %s", job->event, ids[i], err->text);
			failed = ret;
		}
	}
	free(ids);
	return failed;
}

int kmsd_sweep_deletions(struct kmsd *kmsd, struct evs_error *err)
{
	return do_job(kmsd, &deletion, err);
}

int kmsd_sweep(struct kmsd *kmsd, struct evs_error *err)
{
	int failed = kmsd_sweep_deletions(kmsd, err), ret;
	size_t i;

	for (i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		ret = do_job(kmsd, &jobs[i], err);
		failed = ret ? ret : failed;
	}
	ret = kmsd_store_scrub(kmsd->store, err);
	return ret ? ret : failed;
}

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
} background = { .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER };

static void *run(void *arg)
{
	struct kmsd *kmsd = arg;
	struct timespec until;
	unsigned int seconds = 0;
	struct evs_error err;

	pthread_mutex_lock(&background.lock);
	while (!background.stop) {
		pthread_mutex_unlock(&background.lock);
		err = (struct evs_error){};
		if (kmsd_audit_sync(kmsd->audit, kmsd_clock_now(&kmsd->clock), &err) ||
		    (seconds++ % SWEEP_SECONDS == 0 && kmsd_sweep(kmsd, &err)))
			kmsd_log("%s", err.text);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++;
		pthread_mutex_lock(&background.lock);
		if (!background.stop)
			pthread_cond_timedwait(&background.wake, &background.lock, &until);
	}
	pthread_mutex_unlock(&background.lock);
	return NULL;
}

int kmsd_sweep_start(struct kmsd *kmsd, struct evs_error *err)
{
	int errnum;

	background.stop = false;
	errnum = pthread_create(&background.thread, NULL, run, kmsd);
	return errnum ? evs_error_set(err, errnum, "thread: %s", strerror(errnum)) : 0;
}

void kmsd_sweep_stop(void)
{
	pthread_mutex_lock(&background.lock);
	background.stop = true;
	pthread_cond_signal(&background.wake);
	pthread_mutex_unlock(&background.lock);
	pthread_join(background.thread, NULL);
}
