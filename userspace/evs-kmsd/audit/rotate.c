// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit/audit.h"

#define POLL_MS 20
#define WAIT_MS 60000

/* Has the new file begun, by the daemon or, where none runs, here. */
static int wait_for_new(const char *path, const char *database, struct evs_error *err)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000 };
	struct kmsd_store *store;
	struct kmsd_audit *audit;
	int ret, waited;

	for (waited = 0; waited < WAIT_MS; waited += POLL_MS) {
		ret = kmsd_store_open(&store, database, err);
		if (!ret) {
			ret = kmsd_audit_open(&audit, path, store, err);
			kmsd_audit_close(ret ? NULL : audit);
			kmsd_store_close(store);
		}
		if (ret != -EBUSY)
			return ret;
		if (!access(path, F_OK))
			return 0;
		nanosleep(&pause, NULL);
	}
	return evs_error_set(err, ETIMEDOUT, "audit log %s: evs-kmsd runs, but begins no new one",
			     path);
}

int kmsd_audit_rotate(const char *path, const char *database, char *renamed,
		      struct evs_error *err)
{
	char date[sizeof("20261130T060000Z")] = "";
	time_t now = time(NULL);
	struct stat st;
	struct tm tm;

	if (stat(path, &st))
		return evs_error_set(err, errno, "audit log %s: %m", path);
	if (!gmtime_r(&now, &tm) || !strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", &tm) ||
	    snprintf(renamed, PATH_MAX, "%s.%s", path, date) >= PATH_MAX)
		return evs_error_set(err, ENAMETOOLONG, "audit log %s: name too long", path);
	if (renameat2(AT_FDCWD, path, AT_FDCWD, renamed, RENAME_NOREPLACE))
		return evs_error_set(err, errno, "audit log %s: renaming it to %s: %m", path, renamed);
	return wait_for_new(path, database, err);
}
