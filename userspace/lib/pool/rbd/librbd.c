// SPDX-License-Identifier: GPL-2.0-or-later
/* The libraries of Ceph are loaded when they are needed: most hosts have none. */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "pool/rbd/librbd.h"

#define CALL(name) { #name, offsetof(struct evs_librbd, name) }

int evs_librbd_load(struct evs_librbd *api, struct evs_error *err)
{
	static const struct {
		const char *name;
		size_t at;
	} calls[] = {
		CALL(rados_create), CALL(rados_conf_read_file), CALL(rados_conf_set),
		CALL(rados_connect), CALL(rados_shutdown), CALL(rados_ioctx_create),
		CALL(rados_ioctx_destroy), CALL(rbd_list2), CALL(rbd_image_spec_list_cleanup),
		CALL(rbd_open_read_only), CALL(rbd_close), CALL(rbd_get_size),
		CALL(rbd_get_create_timestamp), CALL(rbd_snap_list), CALL(rbd_snap_list_end),
		CALL(rbd_metadata_list),
	};
	/* It is never unloaded: its threads would not survive that. */
	void *rbd = dlopen("librbd.so.1", RTLD_NOW | RTLD_LOCAL), *call;
	size_t i;

	if (!rbd)
		return evs_error_set(err, ENOPKG, "%s; install ceph-common", dlerror());
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		/* librados is among what librbd needs, so that it is found by the same handle. */
		call = dlsym(rbd, calls[i].name);
		if (!call)
			return evs_error_set(err, ENOPKG, "%s", dlerror());
		memcpy((char *)api + calls[i].at, &call, sizeof(call));
	}
	return 0;
}
