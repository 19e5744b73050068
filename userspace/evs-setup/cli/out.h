/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_OUT_H
#define EVS_SETUP_OUT_H

#include <json-c/json.h>

#include "error.h"

/*
 * With --json a verb prints one object, on one line: arrays with what it tells, and the
 * member "error" when it has failed. It is collected here and printed at the end.
 */

/**
 * out_array() - Have an array in the object, even if nothing is added to it.
 * @name: its name
 * @err: filled on failure
 *
 * Return: 0 or -ENOMEM.
 */
int out_array(const char *name, struct evs_error *err);

/**
 * out_add() - Add an object to an array.
 * @array: name of the array
 * @row: the object, which is taken over; NULL, where it could not be made, is a failure
 * @err: filled on failure
 *
 * Return: 0 or -ENOMEM.
 */
int out_add(const char *array, struct json_object *row, struct evs_error *err);

/**
 * out_texts() - Add an object of texts to an array.
 * @array: name of the array
 * @err: filled on failure
 * @name: name of the first member, followed by its text or NULL, the next name and so
 *	  on, and NULL
 *
 * Return: 0 or -ENOMEM.
 */
int out_texts(const char *array, struct evs_error *err, const char *name, ...)
	__attribute__((sentinel));

/**
 * out_text() - Make a member of an object that is a text.
 * @object: the object
 * @name: name of the member
 * @text: the text, made valid UTF-8; NULL or "" for null
 *
 * Return: 0 or -1 when there is no memory.
 */
int out_text(struct json_object *object, const char *name, const char *text);

/**
 * out_error() - Add the member "error".
 * @failure: what has happened
 * @status: the exit status
 */
void out_error(const struct evs_error *failure, int status);

/** out_own() - The verb prints by itself: without an error, there is no object. */
void out_own(void);

/**
 * out_flush() - Print the object, and forget it; the second time, if there is one again.
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int out_flush(struct evs_error *err);

#endif /* EVS_SETUP_OUT_H */
