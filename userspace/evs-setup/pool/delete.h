/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_DELETE_H
#define EVS_SETUP_POOL_DELETE_H

#include <stdbool.h>

#include "target.h"

/**
 * struct delete_request - What may go, and how.
 * @with_snapshots: the snapshots of the disk as well
 * @yes: ask nothing
 * @dry_run: only say what would go
 */
struct delete_request {
	bool with_snapshots;
	bool yes;
	bool dry_run;
};

/**
 * delete_object() - Delete a disk, a snapshot or an image.
 * @target: the object
 * @req: how
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int delete_object(struct target *target, const struct delete_request *req,
		  struct evs_error *err);

#endif /* EVS_SETUP_POOL_DELETE_H */
