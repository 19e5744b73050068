// SPDX-License-Identifier: GPL-2.0-or-later
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kms/curl.h"

/*
 * curl moves every body through buffers of its own and frees them as they
 * are. It is told to take its memory here, where the size is kept in front of
 * each piece so that freeing can wipe it.
 */
union piece {
	size_t size;
	max_align_t align;
};

static void *wiping_malloc(size_t size)
{
	union piece *piece;

	if (size > SIZE_MAX - sizeof(*piece))
		return NULL;
	piece = malloc(sizeof(*piece) + size);
	if (!piece)
		return NULL;
	piece->size = size;
	return piece + 1;
}

static void wiping_free(void *mem)
{
	union piece *piece = mem;

	if (!mem)
		return;
	piece--;
	explicit_bzero(mem, piece->size);
	free(piece);
}

static void *wiping_realloc(void *mem, size_t size)
{
	void *grown = wiping_malloc(size);
	size_t old;

	if (!mem || !grown)
		return grown;
	old = ((union piece *)mem - 1)->size;
	memcpy(grown, mem, old < size ? old : size);
	wiping_free(mem);
	return grown;
}

static void *wiping_calloc(size_t count, size_t size)
{
	void *mem;

	if (size && count > SIZE_MAX / size)
		return NULL;
	mem = wiping_malloc(count * size);
	if (mem)
		memset(mem, 0, count * size);
	return mem;
}

static char *wiping_strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = wiping_malloc(size);

	return copy ? memcpy(copy, text, size) : NULL;
}

static CURLcode curl_started;

static void start_curl(void)
{
	curl_started = curl_global_init_mem(CURL_GLOBAL_DEFAULT, wiping_malloc, wiping_free,
					    wiping_realloc, wiping_strdup, wiping_calloc);
}

int evs_curl_start(struct evs_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, start_curl);
	return curl_started ? evs_error_set(err, EIO, "libcurl does not start: %s",
					    curl_easy_strerror(curl_started)) : 0;
}
