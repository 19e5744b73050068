/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_CONF_EDIT_H
#define KMSD_CONF_EDIT_H

#include "conf.h"

/*
 * The token that the configuration names is exchanged in two steps, so that what may
 * fail has been done before the database is changed.
 */

/**
 * kmsd_conf_edit() - Write the configuration with another token to a file beside it.
 * @path: the configuration
 * @conf: its settings of [hsm] are written, all else stays as it is
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_conf_edit(const char *path, const struct kmsd_conf *conf, struct evs_error *err);

/**
 * kmsd_conf_replace() - Put what kmsd_conf_edit() wrote in the configuration's place.
 * @path: the configuration
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_conf_replace(const char *path, struct evs_error *err);

#endif /* KMSD_CONF_EDIT_H */
