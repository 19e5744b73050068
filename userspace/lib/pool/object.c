// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pool/object.h"

#define FIRST_CHARS "abcdefghijklmnopqrstuvwxyz0123456789"
#define NAME_CHARS FIRST_CHARS "_-"
#define IMAGE "image:"

#define FORM "1 to 48 characters of a-z, 0-9, _ and -, the first a letter or digit"

/* ---- which names there are ---- */

/* Ours; "by-label" has links of disks by their labels in /dev/evs. */
static const char *const words[] = { "image", "new", "by-label" };

/*
 * What lvm(8) lists, and what only its program has. A name that is refused by one
 * engine is refused by all: objects may move.
 */
static const char *const lvm_beginnings[] = { "pvmove", "snapshot" };
static const char *const lvm_parts[] = {
	"_cdata", "_cmeta", "_corig", "_cpool", "_cvol", "_imeta", "_iorig", "_mimage", "_mlog",
	"_pmspare", "_rimage", "_rmeta", "_tdata", "_tmeta", "_vdata", "_vorigin", "_wcorig",
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static bool has_form(const char *name, size_t max)
{
	size_t len = strlen(name);

	return len && len <= max && strchr(FIRST_CHARS, *name) && strspn(name, NAME_CHARS) == len;
}

/* What makes a name reserved, NULL when it is not */
static const char *reserved(const char *name)
{
	size_t i;

	for (i = 0; i < LENGTH(words); i++)
		if (!strcmp(name, words[i]))
			return words[i];
	for (i = 0; i < LENGTH(lvm_beginnings); i++)
		if (!strncmp(name, lvm_beginnings[i], strlen(lvm_beginnings[i])))
			return lvm_beginnings[i];
	for (i = 0; i < LENGTH(lvm_parts); i++)
		if (strstr(name, lvm_parts[i]))
			return lvm_parts[i];
	return NULL;
}

bool evs_pool_name_valid(const char *name)
{
	return has_form(name, EVS_POOL_NAME_MAX) && !reserved(name);
}

/* ---- names of objects ---- */

const char *evs_object_split(const char *text, char pool[EVS_POOL_NAME_MAX + 1])
{
	size_t len = strcspn(text, "/");

	if (!text[len] || !len || len > EVS_POOL_NAME_MAX)
		return NULL;
	memcpy(pool, text, len);
	pool[len] = '\0';
	return text + len + 1;
}

static int take_name(char *name, const char *text, size_t len, const char *what,
		     struct evs_error *err)
{
	const char *word;

	if (len > EVS_POOL_OBJECT_MAX)
		return evs_error_set(err, EINVAL, "%.*s: the name of a %s has " FORM, (int)len,
				     text, what);
	memcpy(name, text, len);
	name[len] = '\0';
	if (!has_form(name, EVS_POOL_OBJECT_MAX))
		return evs_error_set(err, EINVAL, "\"%s\": the name of a %s has " FORM, name, what);
	word = reserved(name);
	if (word)
		return evs_error_set(err, EINVAL, "%s: is no name for a %s: \"%s\" is reserved",
				     name, what, word);
	return 0;
}

int evs_object_parse(struct evs_object *object, const char *text, struct evs_error *err)
{
	const char *at;

	memset(object, 0, sizeof(*object));
	if (!strncmp(text, IMAGE, strlen(IMAGE))) {
		object->kind = EVS_KIND_IMAGE;
		text += strlen(IMAGE);
		return take_name(object->name, text, strlen(text), "image", err);
	}
	at = strchr(text, '@');
	if (take_name(object->name, text, at ? (size_t)(at - text) : strlen(text), "disk", err))
		return -err->errnum;
	if (!at)
		return 0;
	object->kind = EVS_KIND_SNAPSHOT;
	return take_name(object->snapshot, at + 1, strlen(at + 1), "snapshot", err);
}

bool evs_object_is_disk(const char *text, char separator)
{
	const char *end = strchr(text, separator);
	char pool[EVS_POOL_NAME_MAX + 1];
	struct evs_error ignored = {};
	struct evs_object object;

	if (!end || end - text > EVS_POOL_NAME_MAX)
		return false;
	memcpy(pool, text, (size_t)(end - text));
	pool[end - text] = '\0';
	return evs_pool_name_valid(pool) && !evs_object_parse(&object, end + 1, &ignored) &&
	       object.kind == EVS_KIND_DISK;
}

void evs_object_text(char text[EVS_OBJECT_TEXT_SIZE], const char *pool,
		     const struct evs_object *object)
{
	const char *prefix = object->unfinished ? "new." :
			     object->kind == EVS_KIND_IMAGE ? IMAGE : "";

	snprintf(text, EVS_OBJECT_TEXT_SIZE, "%s/%s%s%s%s", pool, prefix, object->name,
		 object->kind == EVS_KIND_SNAPSHOT ? "@" : "", object->snapshot);
}

/* The UUID of an unfinished one is its own, whatever it will be. */
bool evs_object_same(const struct evs_object *a, const struct evs_object *b)
{
	return a->unfinished == b->unfinished && !strcmp(a->name, b->name) &&
	       (a->unfinished || (a->kind == b->kind && !strcmp(a->snapshot, b->snapshot)));
}
