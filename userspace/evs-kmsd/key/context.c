// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "key/context.h"
#include "fail.h"

#define CONTEXT_MAX 8192	/* characters, as JSON */

struct pair {
	const char *name;
	const char *value;
	size_t name_size;
	size_t value_size;
};

static int compare(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static unsigned char *put(unsigned char *out, const char *data, size_t size)
{
	uint32_t be = htobe32((uint32_t)size);

	memcpy(out, &be, sizeof(be));
	memcpy(out + sizeof(be), data, size);
	return out + sizeof(be) + size;
}

static int collect(struct json_object *json, struct pair *pairs, size_t *total,
		   struct evs_error *err)
{
	struct pair *p = pairs;

	*total = 0;
	json_object_object_foreach(json, name, value) {
		if (!json_object_is_type(value, json_type_string))
			return kmsd_fail(err, KMSD_E_CONTEXT,
					 "encryption_context: a value is not a string");
		p->name = name;
		p->name_size = strlen(name);
		p->value = json_object_get_string(value);
		p->value_size = (size_t)json_object_get_string_len(value);
		*total += 2 * sizeof(uint32_t) + p->name_size + p->value_size;
		p++;
	}
	return 0;
}

int kmsd_context_init(struct kmsd_context *context, struct json_object *json,
		      struct evs_error *err)
{
	size_t count, total, length, i;
	struct pair *pairs;
	unsigned char *out;
	int ret;

	*context = (struct kmsd_context){};
	if (!json)
		return 0;
	if (!json_object_is_type(json, json_type_object))
		return kmsd_fail(err, KMSD_E_CONTEXT, "encryption_context: not an object");
	json_object_to_json_string_length(json,
					  JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
					  &length);
	if (length > CONTEXT_MAX)
		return kmsd_fail(err, KMSD_E_CONTEXT,
				 "encryption_context: longer than %d characters", CONTEXT_MAX);
	count = (size_t)json_object_object_length(json);
	if (!count)
		return 0;

	pairs = calloc(count, sizeof(*pairs));
	if (!pairs)
		return evs_error_set(err, ENOMEM, "out of memory");
	ret = collect(json, pairs, &total, err);
	if (ret)
		goto out_free;
	qsort(pairs, count, sizeof(*pairs), compare);
	context->data = out = malloc(total);
	if (!out) {
		ret = evs_error_set(err, ENOMEM, "out of memory");
		goto out_free;
	}
	context->size = total;
	for (i = 0; i < count; i++) {
		out = put(out, pairs[i].name, pairs[i].name_size);
		out = put(out, pairs[i].value, pairs[i].value_size);
	}
out_free:
	free(pairs);
	return ret;
}

void kmsd_context_free(struct kmsd_context *context)
{
	free(context->data);
}
