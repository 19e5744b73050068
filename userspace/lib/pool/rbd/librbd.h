/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_POOL_LIBRBD_H
#define EVS_POOL_LIBRBD_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "error.h"

/* As librbd.h and librados.h have them */
struct evs_librbd_image {
	char *id;
	char *name;
};

struct evs_librbd_snapshot {
	uint64_t id;
	uint64_t size;
	const char *name;
};

/**
 * struct evs_librbd - What is called of librados and librbd.
 */
struct evs_librbd {
	int (*rados_create)(void **cluster, const char *id);
	int (*rados_conf_read_file)(void *cluster, const char *path);
	int (*rados_conf_set)(void *cluster, const char *option, const char *value);
	int (*rados_connect)(void *cluster);
	void (*rados_shutdown)(void *cluster);
	int (*rados_ioctx_create)(void *cluster, const char *pool, void **io);
	void (*rados_ioctx_destroy)(void *io);
	int (*rbd_list2)(void *io, struct evs_librbd_image *images, size_t *count);
	void (*rbd_image_spec_list_cleanup)(struct evs_librbd_image *images, size_t count);
	int (*rbd_open_read_only)(void *io, const char *name, void **image, const char *snapshot);
	int (*rbd_close)(void *image);
	int (*rbd_get_size)(void *image, uint64_t *size);
	int (*rbd_get_create_timestamp)(void *image, struct timespec *time);
	int (*rbd_snap_list)(void *image, struct evs_librbd_snapshot *snapshots, int *count);
	void (*rbd_snap_list_end)(struct evs_librbd_snapshot *snapshots);
	int (*rbd_metadata_list)(void *image, const char *start, uint64_t max, char *keys,
				 size_t *keys_size, char *values, size_t *values_size);
};

/**
 * evs_librbd_load() - Load them.
 * @api: filled
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -ENOPKG when they are not installed.
 */
int evs_librbd_load(struct evs_librbd *api, struct evs_error *err);

#endif /* EVS_POOL_LIBRBD_H */
