/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_CONFIG_H
#define EVS_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "names.h"

#define EVS_CONFIG_PATH "/etc/evs/evs.conf"

/* The local KMS: where evs-kmsd(8) listens, and what it does not start without */
#define EVS_KMSD_SOCKET "/run/evs/kmsd.sock"
#define EVS_KMSD_CONFIG_PATH "/etc/evs/evs-kmsd.conf"

/* Name of the KMS that is used unless another is named, and that always exists. */
#define EVS_KMS_LOCAL "local"

#define EVS_KMS_PROJECT_MAX 64
#define EVS_CONFIG_NAME_MAX 31
#define EVS_CONFIG_VALUE_MAX 255
#define EVS_CONFIG_OPTIONS_MAX 24

struct evs_kms_ops;
struct evs_pool_ops;
struct evs_repo_ops;

/**
 * struct evs_config_key - A key that a kind of KMS, pool or repository knows in its section.
 * @name: its name; a list ends with NULL here
 * @valid: may this be its value?
 * @must: what a value must be, as in "ca-file must be an absolute path"
 * @required: the section is an error without it
 */
struct evs_config_key {
	const char *name;
	bool (*valid)(const char *value);
	const char *must;
	bool required;
};

/**
 * struct evs_config_options - Keys of a section that its kind knows.
 * @count: how many are set
 * @list: their names, values and lines
 */
struct evs_config_options {
	size_t count;
	struct {
		char name[EVS_CONFIG_NAME_MAX + 1];
		char value[EVS_CONFIG_VALUE_MAX + 1];
		unsigned int line;
	} list[EVS_CONFIG_OPTIONS_MAX];
};

/**
 * struct evs_config_kms - One `[kms NAME]` section.
 * @name: its name, which the token of a disk gives
 * @ops: its kind, from the key `backend`
 * @configured: the file has this section; EVS_KMS_LOCAL exists without
 * @timeout: seconds for a whole call
 * @grace: seconds for which the key of a suspended disk is kept, 0 for not at all
 * @options: keys of its kind that are set, see evs_config_get()
 */
struct evs_config_kms {
	char name[EVS_KMS_NAME_MAX + 1];
	const struct evs_kms_ops *ops;
	bool configured;
	unsigned int timeout;
	unsigned int grace;
	struct evs_config_options options;
};

/**
 * struct evs_config_pool - One `[pool NAME]` section.
 * @name: its name
 * @ops: its engine, from the key `engine`
 * @limit: per cent of data or metadata above which nothing is made in it
 * @encrypt_always: no plain object is made in it
 * @options: keys of its engine that are set, see evs_config_pool_get()
 */
struct evs_config_pool {
	char name[EVS_POOL_NAME_MAX + 1];
	const struct evs_pool_ops *ops;
	unsigned int limit;
	bool encrypt_always;
	struct evs_config_options options;
};

/**
 * struct evs_config_repo - One `[repo NAME]` section.
 * @name: its name
 * @ops: its engine, from the key `engine`
 * @plain: it takes backups of plain disks
 * @options: keys of its engine that are set, see evs_config_repo_get()
 */
struct evs_config_repo {
	char name[EVS_POOL_NAME_MAX + 1];
	const struct evs_repo_ops *ops;
	bool plain;
	struct evs_config_options options;
};

/**
 * struct evs_config - /etc/evs/evs.conf.
 * @header_copies: folder for copies of the headers of disks, "" for none
 * @kms: the KMS end points, `local` always among them
 * @kms_count: how many
 * @pools: the pools
 * @pool_count: how many
 * @repos: the repositories of backups
 * @repo_count: how many
 */
struct evs_config {
	char header_copies[EVS_CONFIG_VALUE_MAX + 1];
	struct evs_config_kms *kms;
	size_t kms_count;
	struct evs_config_pool *pools;
	size_t pool_count;
	struct evs_config_repo *repos;
	size_t repo_count;
};

/**
 * evs_config_load() - Read the configuration.
 * @cfg: filled; release with evs_config_free()
 * @err: filled on failure; names file and line
 *
 * Reads the file that the environment names in EVS_CONF (ignored in set-uid
 * programs), which must exist then, else EVS_CONFIG_PATH, which need not.
 * An unknown section or key, a key given twice, a bad value or a missing key is
 * an error.
 *
 * Return: 0 or a negative errno.
 */
int evs_config_load(struct evs_config *cfg, struct evs_error *err);

/**
 * evs_config_path() - The file that evs_config_load() reads, for messages.
 *
 * Return: its path, which the environment or the program owns.
 */
const char *evs_config_path(void);

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
 * evs_config_get() - The value of a key of a KMS's kind.
 * @kms: the section
 * @name: name of the key
 *
 * Return: the value, owned by @kms, or NULL when it is not set.
 */
const char *evs_config_get(const struct evs_config_kms *kms, const char *name);

/**
 * evs_config_set() - Set a key of a KMS's kind, replacing a value there was.
 * @kms: the section
 * @name: name of the key
 * @value: its value, not checked
 *
 * Return: 0 or -ENOSPC when name, value or their number is too large.
 */
int evs_config_set(struct evs_config_kms *kms, const char *name, const char *value);

/**
 * evs_config_pool() - Find a pool by name.
 * @cfg: the configuration
 * @name: name of the section
 *
 * Return: the section, owned by @cfg, or NULL.
 */
const struct evs_config_pool *evs_config_pool(const struct evs_config *cfg, const char *name);

/**
 * evs_config_pool_get() - The value of a key of a pool's engine.
 * @pool: the section
 * @name: name of the key
 *
 * Return: the value, owned by @pool, or NULL when it is not set.
 */
const char *evs_config_pool_get(const struct evs_config_pool *pool, const char *name);

/**
 * evs_config_repo() - Find a repository by name.
 * @cfg: the configuration
 * @name: name of the section
 *
 * Return: the section, owned by @cfg, or NULL.
 */
const struct evs_config_repo *evs_config_repo(const struct evs_config *cfg, const char *name);

/**
 * evs_config_repo_get() - The value of a key of a repository's engine.
 * @repo: the section
 * @name: name of the key
 *
 * Return: the value, owned by @repo, or NULL when it is not set.
 */
const char *evs_config_repo_get(const struct evs_config_repo *repo, const char *name);

/** evs_config_is_path() - An absolute path without blanks? @value: the value */
bool evs_config_is_path(const char *value);
/** evs_config_is_word() - Up to 64 letters, digits, dots, hyphens, underscores? @value: the value */
bool evs_config_is_word(const char *value);
/** evs_config_is_text() - Anything printable, not empty? @value: the value */
bool evs_config_is_text(const char *value);
/**
 * evs_config_is_url() - Somewhere that may be talked HTTP to?
 * @value: the value
 *
 * That is `unix:/path/of/socket`, `https://host...`, or `http://` where the
 * host is this one, so that no secret goes over a wire as it is.
 */
bool evs_config_is_url(const char *value);

/**
 * evs_config_socket() - The socket of this host that a URL is of.
 * @url: the URL
 *
 * Return: its path, in @url; NULL where the KMS is reached by network.
 */
const char *evs_config_socket(const char *url);

/* What evs_config_is_url() wants, for struct evs_config_key. */
#define EVS_CONFIG_URL_MUST \
	"be unix:/path/of/socket or https://host[:port][/path] in ASCII, IDN as xn--, port up " \
	"to 65535 (http:// to this host only)"

#endif /* EVS_CONFIG_H */
