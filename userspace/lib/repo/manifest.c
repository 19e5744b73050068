// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "repo/manifest.h"

#define LAYERS_MAX UINT16_MAX

bool evs_backup_name_valid(const char *name)
{
	return evs_word_valid(name, EVS_BACKUP_SIZE - 1) && *name != '-' && !strchr(name, '.');
}

bool evs_is_zero(const void *data, size_t length)
{
	const unsigned char *bytes = data;

	return !length || (!*bytes && !memcmp(bytes, bytes + 1, length - 1));
}

/* ---- room ---- */

static int no_memory(struct evs_error *err)
{
	return evs_error_set(err, ENOMEM, "out of memory");
}

int evs_manifest_size(struct evs_manifest *manifest, struct evs_error *err)
{
	manifest->block_count = (size_t)((manifest->bytes + EVS_BLOCK - 1) / EVS_BLOCK);
	manifest->hashes = calloc(manifest->block_count + 1, EVS_HASH_SIZE);
	return manifest->hashes ? 0 : no_memory(err);
}

size_t evs_manifest_chunks(const struct evs_manifest *manifest)
{
	return (size_t)((manifest->bytes + EVS_CHUNK - 1) / EVS_CHUNK);
}

int evs_manifest_layers(struct evs_manifest *manifest, struct evs_error *err)
{
	manifest->chunks = calloc(evs_manifest_chunks(manifest) + 1, sizeof(*manifest->chunks));
	return manifest->chunks ? 0 : no_memory(err);
}

int evs_manifest_layer(struct evs_manifest *manifest, const char *name)
{
	char (*layers)[EVS_BACKUP_SIZE];
	size_t i;

	for (i = manifest->layer_count; i; i--)
		if (!strcmp(manifest->layers[i - 1], name))
			return (int)i;
	if (manifest->layer_count == LAYERS_MAX)
		return -ENOSPC;
	layers = reallocarray(manifest->layers, manifest->layer_count + 1, sizeof(*layers));
	if (!layers)
		return -ENOMEM;
	manifest->layers = layers;
	strcpy(layers[manifest->layer_count++], name);
	return (int)manifest->layer_count;
}

void evs_manifest_free(struct evs_manifest *manifest)
{
	free(manifest->hashes);
	free(manifest->layers);
	free(manifest->chunks);
	*manifest = (struct evs_manifest){};
}

/* ---- hashes ---- */

size_t evs_manifest_block(const struct evs_manifest *manifest, size_t index)
{
	uint64_t left = manifest->bytes - (uint64_t)index * EVS_BLOCK;

	return left < EVS_BLOCK ? (size_t)left : EVS_BLOCK;
}

static int get_hash(const void *data, size_t length, unsigned char hash[EVS_HASH_SIZE])
{
	return EVP_Digest(data, length, hash, NULL, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
}

int evs_manifest_hash(struct evs_manifest *manifest, size_t index, const void *data)
{
	unsigned char *hash = manifest->hashes + index * EVS_HASH_SIZE;
	size_t length = evs_manifest_block(manifest, index);

	if (!data || evs_is_zero(data, length)) {
		memset(hash, 0, EVS_HASH_SIZE);
		return 0;
	}
	return get_hash(data, length, hash) ? -ENOMEM : 1;
}

int evs_manifest_check(const struct evs_manifest *manifest, size_t index, const void *data,
		       struct evs_error *err)
{
	const unsigned char *hash = manifest->hashes + index * EVS_HASH_SIZE;
	size_t length = evs_manifest_block(manifest, index);
	unsigned char found[EVS_HASH_SIZE] = {};

	if (data && !evs_is_zero(data, length) && get_hash(data, length, found))
		return no_memory(err);
	if (!memcmp(hash, found, EVS_HASH_SIZE))
		return 0;
	return evs_error_set(err, EBADMSG,
			     "%s: is damaged: bytes %" PRIu64 " to %" PRIu64 " are not those that were backed up",
			     manifest->name, (uint64_t)index * EVS_BLOCK,
			     (uint64_t)index * EVS_BLOCK + length - 1);
}
