// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The way of a key, the same for attach and resume: it is asked for here and
 * brought to the kernel by evs-request-key. And for how long one may do without.
 */
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "block.h"
#include "config.h"
#include "disks.h"
#include "dk.h"
#include "kms/trace.h"

int dk_request(const struct evs_volume *vol, dev_t dev, const struct evs_pin *pin,
	       key_serial_t *key, struct evs_error *err)
{
	char device[PATH_MAX];
	int ret;

	ret = evs_keyring_isolate(err);
	if (ret)
		return ret;
	evs_block_node(dev, device, sizeof(device));
	evs_trace_begin("request-key", "KMS %s by evs-request-key", evs_volume_token(vol)->kms);
	ret = evs_keyring_request(evs_volume_uuid(vol), device, pin, key, err);
	evs_trace_end(0, ret ? strerror(err->errnum) : NULL);
	return ret;
}

void dk_drop(key_serial_t key)
{
	evs_keyring_drop(key);
}

static bool any_grace(const struct evs_config *config)
{
	for (size_t i = 0; i < config->kms_count; i++)
		if (config->kms[i].grace)
			return true;
	return false;
}

/* What the section of a disk's KMS has; 0 if it cannot be found out */
static unsigned int grace_of(const struct evs_config *config, const struct evs_disk *disk)
{
	const struct evs_config_kms *endpoint = NULL;
	struct evs_error ignored = {};
	struct evs_volume *vol;

	if (disks_read_header(disk, &vol, &ignored))
		return 0;
	endpoint = evs_config_kms(config, evs_volume_token(vol)->kms, &ignored);
	evs_volume_close(vol);
	return endpoint ? endpoint->grace : 0;
}

unsigned int dk_grace(const struct evs_disk *disk)
{
	struct evs_error ignored = {};
	struct evs_config config;
	unsigned int grace;

	if (!*disk->uuid || evs_config_load(&config, &ignored))
		return 0;
	/* Only who uses it has to wait for the device to be read */
	grace = any_grace(&config) ? grace_of(&config, disk) : 0;
	evs_config_free(&config);
	return grace;
}
