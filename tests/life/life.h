/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the checks of storage engines share. */
#ifndef LIFE_H
#define LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "pool/pool.h"

#define MIB (1024ULL * 1024)

extern struct evs_pool pool;

/* A line of TAP; with the error when something failed. */
bool ok(bool good, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same for a call that must return this. */
bool returns(int ret, int wanted, const struct evs_error *err, const char *name);

/* The object of a name such as d1@s1 */
struct evs_object named(const char *name);

/* Whether there is an object of that name, and what is known of it */
bool look(const char *name, struct evs_pool_entry *entry);

/* How many objects there are, unfinished ones as well */
unsigned int objects(unsigned int *unfinished);

/* Make a disk or an image; @source may be NULL. Under the lock. */
int make(const char *name, const char *source, uint64_t bytes, struct evs_error *err);

/* Write one letter over and over, and see that it is there. */
bool fill(const struct evs_object *object, uint64_t offset, uint64_t length, char letter);
bool holds(const struct evs_object *object, uint64_t offset, uint64_t length, char letter);

/* Take a disk back to its snapshot, by whichever way the engine has. */
int take_back(const char *disk, const char *snapshot, struct evs_error *err);

/* The same checks for each engine */
void engine_checks(void);

/*
 * Kill the process after each of its commands; @long_form: not only of a snapshot that is
 * read and dropped.
 */
void crash_checks(bool long_form);

#endif /* LIFE_H */
