/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_CONFIG_REPOS_H
#define EVS_CONFIG_REPOS_H

#include "config.h"

/* The `[repo NAME]` sections, for the reader of evs.conf. */

/** evs_repos_section() - Is it the section of a repository? @section: its heading */
bool evs_repos_section(const char *section);

/**
 * evs_repos_begin() - Begin a section.
 * @cfg: the configuration
 * @section: its heading
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_repos_begin(struct evs_config *cfg, const char *section, struct evs_error *err);

/**
 * evs_repos_take() - Take a key of a section that has begun.
 * @cfg: the configuration
 * @line: its line
 * @section: the heading
 * @name: name of the key
 * @value: its value
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_repos_take(struct evs_config *cfg, unsigned int line, const char *section,
		   const char *name, const char *value, struct evs_error *err);

/**
 * evs_repos_check() - Is a section complete and sound?
 * @repo: the section, all of which was read
 * @path: the file, for messages
 * @err: filled on failure
 *
 * Return: 0 or -EINVAL.
 */
int evs_repos_check(struct evs_config_repo *repo, const char *path, struct evs_error *err);

#endif /* EVS_CONFIG_REPOS_H */
