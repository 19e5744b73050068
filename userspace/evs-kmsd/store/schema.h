/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_SCHEMA_H
#define KMSD_SCHEMA_H

#include "store/db.h"

/* Unless said otherwise, these return 0, or a negative errno with @err filled. */

/* Make the tables in an empty database. @db: a writer. */
int kmsd_schema_create(struct kmsd_db *db, struct evs_error *err);

/* Returns 0, or a negative errno: -EPROTO when another evs-kmsd made the tables. */
int kmsd_schema_check(struct kmsd_db *db, struct evs_error *err);

/*
 * Open a database for reading, beside a daemon that may run. @db: release with
 * kmsd_db_close(). Returns 0, or a negative errno: -EPROTO when its tables are another
 * evs-kmsd's.
 */
int kmsd_schema_open(struct kmsd_db **db, const char *path, struct evs_error *err);

#endif /* KMSD_SCHEMA_H */
