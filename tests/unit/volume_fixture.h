/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VOLUME_FIXTURE_H
#define VOLUME_FIXTURE_H

/* What opens a device for one call; includes come before this. */
#include <fcntl.h>

#include "volume/volume.h"

static inline int format_path(const char *path, const struct evs_format *fmt,
			      const struct evs_token *token, const struct evs_secret *dk,
			      struct evs_error *err)
{
	struct evs_device dev;
	int ret = evs_device_open(&dev, path, O_RDWR, err);

	if (ret)
		return ret;
	ret = evs_volume_format(&dev, fmt, token, dk, err);
	evs_device_close(&dev);
	return ret;
}

#endif /* VOLUME_FIXTURE_H */
