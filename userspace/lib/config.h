/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_CONFIG_H
#define EVS_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

#define EVS_CONFIG_PATH "/etc/evs/evs.conf"

/* Name of the KMS that is used unless another is named, and that always exists. */
#define EVS_KMS_LOCAL "local"

#define EVS_KMS_NAME_MAX 32
#define EVS_KMS_URL_MAX 128
#define EVS_KMS_PROJECT_MAX 64

/**
 * struct evs_config_kms - One `[kms NAME]` section.
 * @name: its name, which the token of a disk gives
 * @url: where it listens, `unix:/path/of/socket`
 * @project: project id in the request path
 * @timeout: seconds for a whole call
 */
struct evs_config_kms {
	char name[EVS_KMS_NAME_MAX + 1];
	char url[EVS_KMS_URL_MAX + 1];
	char project[EVS_KMS_PROJECT_MAX + 1];
	unsigned int timeout;
};

/**
 * struct evs_config - /etc/evs/evs.conf.
 * @kms: the KMS end points, `local` always among them
 * @kms_count: how many
 */
struct evs_config {
	struct evs_config_kms *kms;
	size_t kms_count;
};

/**
 * evs_config_load() - Read the configuration.
 * @cfg: filled; release with evs_config_free()
 * @err: filled on failure; names file and line
 *
 * Reads the file that the environment names in EVS_CONF (ignored in set-uid
 * programs), which must exist then, else EVS_CONFIG_PATH, which need not.
 * An unknown section or key, a key given twice or a bad value is an error.
 *
 * Return: 0 or a negative errno.
 */
int evs_config_load(struct evs_config *cfg, struct evs_error *err);

/**
 * evs_config_free() - Release what evs_config_load() filled.
 * @cfg: the configuration
 */
void evs_config_free(struct evs_config *cfg);

/**
 * evs_config_kms() - Find a KMS by name.
 * @cfg: the configuration
 * @name: name of the section, such as EVS_KMS_LOCAL
 * @err: filled when there is none
 *
 * Return: the section, owned by @cfg, or NULL.
 */
const struct evs_config_kms *evs_config_kms(const struct evs_config *cfg, const char *name,
					    struct evs_error *err);

/**
 * evs_kms_name_valid() - Can this be the name of a KMS?
 * @name: the name
 */
bool evs_kms_name_valid(const char *name);

#endif /* EVS_CONFIG_H */
