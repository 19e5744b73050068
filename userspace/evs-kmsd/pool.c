// SPDX-License-Identifier: GPL-2.0-or-later
#include <pthread.h>

#include "pool.h"

#define SMALL 2048	/* with its header well within a page */
#define KEPT_MAX 32

/* One list for each of two sizes. */
static struct list {
	pthread_mutex_t lock;
	size_t size;
	struct evs_secret *kept[KEPT_MAX];
	size_t count;
} small_ones = { .lock = PTHREAD_MUTEX_INITIALIZER, .size = SMALL },
  bodies = { .lock = PTHREAD_MUTEX_INITIALIZER, .size = KMSD_BODY_MAX };

static struct list *list_for(size_t size)
{
	return size <= SMALL ? &small_ones : size == KMSD_BODY_MAX ? &bodies : NULL;
}

struct evs_secret *kmsd_secret_get(size_t size)
{
	struct list *list = list_for(size);
	struct evs_secret *secret = NULL;

	if (!list)
		return evs_secret_alloc(size);
	pthread_mutex_lock(&list->lock);
	if (list->count)
		secret = list->kept[--list->count];
	pthread_mutex_unlock(&list->lock);
	return secret ? secret : evs_secret_alloc(list->size);
}

void kmsd_secret_put(struct evs_secret *secret)
{
	kmsd_secret_put_used(secret, secret ? secret->size : 0);
}

void kmsd_secret_put_used(struct evs_secret *secret, size_t used)
{
	struct list *list = secret ? list_for(secret->size) : NULL;

	if (list) {
		evs_secret_wipe_used(secret, used);
		pthread_mutex_lock(&list->lock);
		if (list->count < KEPT_MAX) {
			list->kept[list->count++] = secret;
			secret = NULL;
		}
		pthread_mutex_unlock(&list->lock);
	}
	evs_secret_free(secret);
}

static void trim(struct list *list)
{
	pthread_mutex_lock(&list->lock);
	while (list->count)
		evs_secret_free(list->kept[--list->count]);
	pthread_mutex_unlock(&list->lock);
}

void kmsd_pool_trim(void)
{
	trim(&small_ones);
	trim(&bodies);
}
