// SPDX-License-Identifier: GPL-2.0-or-later
/* A manifest as a JSON text. */
#include <errno.h>
#include <inttypes.h>
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "date.h"
#include "hex.h"
#include "kms/json.h"
#include "repo/manifest.h"
#include "volume/volume.h"

#define VERSION 1

/* ---- writing ---- */

static bool add(json_object *object, const char *name, json_object *value)
{
	if (value && !json_object_object_add(object, name, value))
		return true;
	json_object_put(value);
	return false;
}

static bool add_text(json_object *object, const char *name, const char *text)
{
	return !*text || add(object, name, json_object_new_string(text));
}

static bool push(json_object *array, json_object *value)
{
	if (value && !json_object_array_add(array, value))
		return true;
	json_object_put(value);
	return false;
}

/* A block of zeros is "": its hash would be the same for all of them. */
static bool add_blocks(json_object *root, const struct evs_manifest *manifest)
{
	json_object *array = json_object_new_array();
	char text[2 * EVS_HASH_SIZE + 1];
	const unsigned char *hash;
	bool ok = !!array;
	size_t i;

	for (i = 0; ok && i < manifest->block_count; i++) {
		hash = manifest->hashes + i * EVS_HASH_SIZE;
		*text = '\0';
		if (!evs_is_zero(hash, EVS_HASH_SIZE))
			evs_hex_encode(text, hash, EVS_HASH_SIZE);
		ok = push(array, json_object_new_string(text));
	}
	if (ok)
		return add(root, "blocks", array);
	json_object_put(array);
	return false;
}

static bool push_run(json_object *chunks, size_t first, size_t count)
{
	return push(chunks, json_object_new_int64((int64_t)first)) &&
	       push(chunks, json_object_new_int64((int64_t)count));
}

/* Runs of chunks that are in one layer: the first one, and how many */
static json_object *layer_json(const struct evs_manifest *manifest, size_t layer)
{
	size_t count = evs_manifest_chunks(manifest), first, i = 0;
	json_object *object = json_object_new_object(), *chunks = json_object_new_array();
	bool ok;

	ok = object && chunks && add_text(object, "backup", manifest->layers[layer]);
	while (ok && i < count) {
		for (; i < count && manifest->chunks[i] != layer + 1; i++)
			;
		for (first = i; i < count && manifest->chunks[i] == layer + 1; i++)
			;
		ok = i == first || push_run(chunks, first, i - first);
	}
	if (!ok)
		json_object_put(chunks);
	else if (add(object, "chunks", chunks))
		return object;
	json_object_put(object);
	return NULL;
}

static bool add_layers(json_object *root, const struct evs_manifest *manifest)
{
	json_object *array = json_object_new_array();
	bool ok = !!array;
	size_t i;

	for (i = 0; ok && i < manifest->layer_count; i++)
		ok = push(array, layer_json(manifest, i));
	if (ok)
		return add(root, "layers", array);
	json_object_put(array);
	return false;
}

static bool fill(json_object *root, const struct evs_manifest *manifest)
{
	const struct evs_record *record = &manifest->record;
	char made[EVS_DATE_SIZE];

	evs_date_time(made, record->made);
	return add(root, "version", json_object_new_int(VERSION)) &&
	       add_text(root, "name", manifest->name) && add_text(root, "disk", manifest->disk) &&
	       add_text(root, "id", record->id) &&
	       add_text(root, "attribute", record->encrypted ? "encrypted" : "plain") &&
	       add(root, "size", json_object_new_uint64(record->size)) &&
	       add(root, "bytes", json_object_new_uint64(manifest->bytes)) &&
	       add_text(root, "kms", record->kms) && add_text(root, "cmk", record->cmk) &&
	       add_text(root, "key", manifest->key) && add_text(root, "made", made) &&
	       add_text(root, "consistent",
			record->consistent == EVS_CONSISTENT_FS ? "fs" : "crash") &&
	       add_text(root, "snapshot", manifest->snapshot) && add_blocks(root, manifest) &&
	       (!manifest->chunks || add_layers(root, manifest));
}

char *evs_manifest_text(const struct evs_manifest *manifest, struct evs_error *err)
{
	json_object *root = json_object_new_object();
	const char *json = NULL;
	char *text = NULL;

	if (root && fill(root, manifest))
		json = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN |
						      JSON_C_TO_STRING_NOSLASHESCAPE);
	if (json)
		text = strdup(json);
	json_object_put(root);
	if (!text)
		evs_error_set(err, ENOMEM, "out of memory");
	return text;
}

/* Neither of the two needs escapes. */
void evs_manifest_comment(const struct evs_manifest *manifest,
			  char comment[EVS_MANIFEST_COMMENT_SIZE])
{
	snprintf(comment, EVS_MANIFEST_COMMENT_SIZE, "{\"id\":\"%s\",\"disk\":\"%s\"}",
		 manifest->record.id, manifest->disk);
}

/* ---- reading ---- */

static bool get(json_object *root, const char *name, bool required, char *text, size_t size)
{
	int ret = evs_json_text(root, name, text, size);

	return !ret || (ret == -ENOENT && !required);
}

static bool get_record(json_object *root, struct evs_manifest *manifest)
{
	struct evs_record *record = &manifest->record;
	char attribute[16], made[EVS_DATE_SIZE], consistent[8];
	struct evs_error ignored = {};
	int64_t size, bytes, seconds;

	if (!get(root, "name", true, manifest->name, sizeof(manifest->name)) ||
	    !evs_backup_name_valid(manifest->name) ||
	    !get(root, "disk", true, manifest->disk, sizeof(manifest->disk)) ||
	    !get(root, "snapshot", false, manifest->snapshot, sizeof(manifest->snapshot)) ||
	    !get(root, "id", true, record->id, sizeof(record->id)) ||
	    !evs_uuid_valid(record->id) ||
	    !get(root, "attribute", true, attribute, sizeof(attribute)) ||
	    !get(root, "made", true, made, sizeof(made)) ||
	    evs_date_parse(made, &seconds, &ignored) ||
	    !get(root, "consistent", true, consistent, sizeof(consistent)) ||
	    evs_json_number(root, "size", &size) || evs_json_number(root, "bytes", &bytes))
		return false;
	record->encrypted = !strcmp(attribute, "encrypted");
	record->made = (time_t)seconds;
	record->size = (uint64_t)size;
	record->consistent = strcmp(consistent, "fs") ? EVS_CONSISTENT_CRASH : EVS_CONSISTENT_FS;
	manifest->bytes = (uint64_t)bytes;
	if (size <= 0 || bytes < size || bytes > INT64_MAX - (int64_t)EVS_BLOCK ||
	    (!record->encrypted && strcmp(attribute, "plain")))
		return false;
	return !record->encrypted ||
	       (get(root, "kms", true, record->kms, sizeof(record->kms)) &&
		evs_kms_name_valid(record->kms) &&
		get(root, "cmk", true, record->cmk, sizeof(record->cmk)) &&
		evs_cmk_ref_valid(record->cmk) &&
		get(root, "key", true, manifest->key, sizeof(manifest->key)));
}

static json_object *get_array(json_object *root, const char *name)
{
	json_object *array = json_object_object_get(root, name);

	return array && json_object_is_type(array, json_type_array) ? array : NULL;
}

static bool get_blocks(json_object *root, struct evs_manifest *manifest)
{
	json_object *array = get_array(root, "blocks");
	const char *text;
	size_t i;

	if (!array || json_object_array_length(array) != manifest->block_count)
		return false;
	for (i = 0; i < manifest->block_count; i++) {
		text = json_object_get_string(json_object_array_get_idx(array, i));
		if (!text || (*text && evs_hex_decode(manifest->hashes + i * EVS_HASH_SIZE, EVS_HASH_SIZE,
						      text, strlen(text)) != EVS_HASH_SIZE))
			return false;
	}
	return true;
}

static bool get_chunks(json_object *array, struct evs_manifest *manifest, int layer)
{
	size_t total = evs_manifest_chunks(manifest), i, k;
	int64_t first, count;

	for (i = 0; i + 1 < json_object_array_length(array); i += 2) {
		first = json_object_get_int64(json_object_array_get_idx(array, i));
		count = json_object_get_int64(json_object_array_get_idx(array, i + 1));
		if (first < 0 || count < 0 || (uint64_t)first > total ||
		    (uint64_t)count > total - (uint64_t)first)
			return false;
		for (k = 0; k < (size_t)count; k++)
			manifest->chunks[(size_t)first + k] = (uint16_t)layer;
	}
	return true;
}

static bool get_layers(json_object *root, struct evs_manifest *manifest, struct evs_error *err)
{
	json_object *array = get_array(root, "layers"), *chunks;
	char name[EVS_BACKUP_SIZE];
	int layer;
	size_t i;

	if (!array)
		return true;
	if (evs_manifest_layers(manifest, err))
		return false;
	for (i = 0; i < json_object_array_length(array); i++) {
		chunks = get_array(json_object_array_get_idx(array, i), "chunks");
		if (!chunks || evs_json_text(json_object_array_get_idx(array, i), "backup", name,
					     sizeof(name)) || !evs_backup_name_valid(name))
			return false;
		layer = evs_manifest_layer(manifest, name);
		if (layer < 0 || !get_chunks(chunks, manifest, layer))
			return false;
	}
	return true;
}

int evs_manifest_parse(struct evs_manifest *manifest, const char *text, struct evs_error *err)
{
	json_object *root = evs_json_parse(text, strlen(text));
	struct evs_error why = {};
	int64_t version = 0;
	bool ok = false;

	*manifest = (struct evs_manifest){};
	if (root && !evs_json_number(root, "version", &version) && version == VERSION &&
	    get_record(root, manifest) && !evs_manifest_size(manifest, &why))
		ok = get_blocks(root, manifest) && get_layers(root, manifest, &why);
	json_object_put(root);
	if (ok)
		return 0;
	evs_manifest_free(manifest);
	if (why.errnum) {
		*err = why;
		return -why.errnum;
	}
	if (version > VERSION)
		return evs_error_set(err, EPROTONOSUPPORT,
				     "its manifest has version %" PRId64 ", which this program does not know",
				     version);
	return evs_error_set(err, EBADMSG, "its manifest is damaged");
}
