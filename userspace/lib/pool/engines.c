// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "pool/pool.h"

static const struct evs_pool_ops *const engines[] = {
	&evs_pool_dir_ops,
	&evs_pool_lvm_ops,
	&evs_pool_rbd_ops,
};

const struct evs_pool_ops *evs_pool_engine(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
		if (!strcmp(engines[i]->name, name))
			return engines[i];
	return NULL;
}
