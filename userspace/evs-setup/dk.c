// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The way of a key, the same for attach and resume: it is asked for here and
 * brought to the kernel by evs-request-key.
 */
#include "dk.h"

int dk_request(const struct evs_volume *vol, const char *device, key_serial_t *key,
	       struct evs_error *err)
{
	int ret;

	ret = evs_keyring_isolate(err);
	if (ret)
		return ret;
	return evs_keyring_request(evs_volume_uuid(vol), device, key, err);
}

void dk_drop(key_serial_t key)
{
	evs_keyring_drop(key);
}
