/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_SCHEMA_H
#define KMSD_SCHEMA_H

#include "store/db.h"

/**
 * kmsd_schema_create() - Make the tables in an empty database.
 * @db: a writer
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_schema_create(struct kmsd_db *db, struct evs_error *err);

/**
 * kmsd_schema_update() - Bring the tables of an older evs-kmsd up to date.
 * @db: a writer
 * @err: filled on failure
 *
 * Return: 0, or a negative errno: -EPROTO when a newer evs-kmsd made them.
 */
int kmsd_schema_update(struct kmsd_db *db, struct evs_error *err);

/**
 * kmsd_schema_open() - Open a database for reading, beside a daemon that may run.
 * @db: set; release with kmsd_db_close()
 * @path: the file
 * @err: filled on failure
 *
 * Return: 0, or a negative errno: -EPROTO when its tables are another evs-kmsd's.
 */
int kmsd_schema_open(struct kmsd_db **db, const char *path, struct evs_error *err);

#endif /* KMSD_SCHEMA_H */
