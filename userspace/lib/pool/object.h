/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_POOL_OBJECT_H
#define EVS_POOL_OBJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "names.h"
#include "pool/record.h"

#define EVS_POOL_OBJECT_MAX 48

/**
 * struct evs_object - What an object of a pool is called.
 * @kind: what it is
 * @unfinished: it is being made, and @name is its UUID
 * @name: name of the disk or image; of a snapshot, that of its disk
 * @snapshot: name of the snapshot, else ""
 *
 * The engines call them by names that no disk can have: DISK, DISK.SNAPSHOT or
 * DISK@SNAPSHOT, image.NAME, new.UUID.
 */
struct evs_object {
	enum evs_kind kind;
	bool unfinished;
	char name[EVS_POOL_OBJECT_MAX + 1];
	char snapshot[EVS_POOL_OBJECT_MAX + 1];
};

/* Room for the name of an object with that of its pool, as POOL/DISK@SNAPSHOT */
#define EVS_OBJECT_TEXT_SIZE (EVS_POOL_NAME_MAX + 2 * EVS_POOL_OBJECT_MAX + 16)

/** evs_pool_name_valid() - Can this be the name of a pool? @name: the name */
bool evs_pool_name_valid(const char *name);

/**
 * evs_object_split() - The pool that a text names, if it is no path.
 * @text: what the user gave
 * @pool: filled with what is before the first slash
 *
 * Return: what follows the slash, NULL where the text is not of the form NAME/REST.
 */
const char *evs_object_split(const char *text, char pool[EVS_POOL_NAME_MAX + 1]);

/**
 * evs_object_parse() - Read the name of an object.
 * @object: filled
 * @text: the name without its pool: DISK, DISK@SNAPSHOT or image:NAME
 * @err: filled on failure
 *
 * Return: 0, or -EINVAL when it is no name, or one that an engine reserves.
 */
int evs_object_parse(struct evs_object *object, const char *text, struct evs_error *err);

/**
 * evs_object_is_disk() - Does a text have the form POOL/DISK?
 * @text: the text
 * @separator: what is between the two, the slash or another character
 */
bool evs_object_is_disk(const char *text, char separator);

/**
 * evs_object_text() - Write the name of an object as the user knows it.
 * @text: filled
 * @pool: name of its pool
 * @object: the object
 */
void evs_object_text(char text[EVS_OBJECT_TEXT_SIZE], const char *pool,
		     const struct evs_object *object);

/** evs_object_same() - Are these one? @a: an object @b: another one */
bool evs_object_same(const struct evs_object *a, const struct evs_object *b);

#endif /* EVS_POOL_OBJECT_H */
