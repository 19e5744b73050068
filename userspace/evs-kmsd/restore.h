/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_RESTORE_H
#define KMSD_RESTORE_H

#include <stddef.h>

#include "conf.h"
#include "error.h"

/**
 * struct kmsd_restore - What to restore, and what to say about it.
 * @path: the backup
 * @resurrect: ids of CMKs that were deleted and are wanted back; "all" for all
 * @count: how many of these
 * @say: called for each CMK that differs: what is the matter, its id, its alias
 */
struct kmsd_restore {
	const char *path;
	const char *const *resurrect;
	size_t count;
	void (*say)(const char *what, const char *id, const char *alias);
};

/*
 * Restore a backup with the configured token. @conf: the configuration; no daemon may run.
 * @restore: what. Where there is no database, the backup becomes the database, without CMKs
 * that are known to have been deleted since: the audit log says so, or their date has come.
 * Where there is one, it stays as it is, and CMKs that were deleted come back to it as
 * disabled ones, but only those that are asked for. Returns 0, -EKEYREJECTED when the token is
 * another one, or another negative errno.
 */
int kmsd_restore(const struct kmsd_conf *conf, const struct kmsd_restore *restore,
		 struct evs_error *err);

#endif /* KMSD_RESTORE_H */
