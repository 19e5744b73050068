// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out.h"
#include "text.h"

static struct json_object *document;
static bool is_done;

static int out_of_memory(struct evs_error *err)
{
	return evs_error_set(err, ENOMEM, "out of memory");
}

static struct json_object *find_array(const char *name)
{
	struct json_object *array;

	if (!document)
		document = json_object_new_object();
	if (document && json_object_object_get_ex(document, name, &array))
		return array;
	array = json_object_new_array();
	if (!document || !array || json_object_object_add(document, name, array)) {
		json_object_put(array);
		return NULL;
	}
	return array;
}

int out_array(const char *name, struct evs_error *err)
{
	return find_array(name) ? 0 : out_of_memory(err);
}

int out_add(const char *array, struct json_object *row, struct evs_error *err)
{
	struct json_object *rows = find_array(array);

	if (rows && row && !json_object_array_add(rows, row))
		return 0;
	json_object_put(row);
	return out_of_memory(err);
}

int out_text(struct json_object *object, const char *name, const char *text)
{
	struct json_object *value;
	size_t size;
	char *copy;

	if (!text || !*text)
		return json_object_object_add(object, name, NULL);
	size = EVS_TEXT_COPY_MAX(strlen(text));
	copy = malloc(size);
	if (!copy)
		return -1;
	evs_text_copy(copy, size, text, strlen(text));
	value = json_object_new_string(copy);
	free(copy);
	if (value && !json_object_object_add(object, name, value))
		return 0;
	json_object_put(value);
	return -1;
}

int out_texts(const char *array, struct evs_error *err, const char *name, ...)
{
	struct json_object *row = json_object_new_object();
	va_list args;
	int ret = 0;

	va_start(args, name);
	for (; row && name && !ret; name = va_arg(args, const char *))
		ret = out_text(row, name, va_arg(args, const char *));
	va_end(args);
	if (ret) {
		json_object_put(row);
		row = NULL;
	}
	return out_add(array, row, err);
}

/* What a failure without a class of its own is called, by the exit status */
static const char *class_name(const struct evs_error *failure, int status)
{
	static const char *const names[] = { "none", "usage", "refused", "internal", "not-found",
					     "busy", "unreachable", "io" };

	if (failure->class != EVS_CLASS_NONE || status < 0 ||
	    (size_t)status >= sizeof(names) / sizeof(names[0]))
		return evs_class_name(failure->class);
	return names[status];
}

void out_error(const struct evs_error *failure, int status)
{
	struct json_object *object = json_object_new_object();

	if (!document)
		document = json_object_new_object();
	if (!document || !object ||
	    out_text(object, "class", class_name(failure, status)) ||
	    out_text(object, "code", failure->code) || out_text(object, "key", failure->cmk) ||
	    out_text(object, "state", failure->state) ||
	    out_text(object, "advice", failure->advice) ||
	    out_text(object, "request-id", failure->request_id) ||
	    out_text(object, "text", failure->text) ||
	    json_object_object_add(object, "exit-status", json_object_new_int(status)) ||
	    json_object_object_add(document, "error", object))
		json_object_put(object);
}

void out_own(void)
{
	is_done = true;
}

int out_flush(struct evs_error *err)
{
	const char *text = "{}";

	if (is_done && !document)
		return 0;
	is_done = true;
	if (document)
		text = json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN |
						      JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!text)
		return out_of_memory(err);
	puts(text);
	json_object_put(document);
	document = NULL;
	/* Whatever the errno, it is none that a disk or a KMS has. */
	return fflush(stdout) ? evs_error_set(err, EPIPE, "standard output: %m") : 0;
}
