/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_CONF_EDIT_H
#define KMSD_CONF_EDIT_H

#include "conf.h"

/*
 * The configuration is changed in two steps: written anew to a file beside it, whole and
 * on disk, which then takes its place. What may fail has been done by then.
 *
 * All return 0, or a negative errno with @err filled.
 */

/* Writes it with the settings of [hsm] in @conf; all else stays as it is. */
int kmsd_conf_edit(const char *path, const struct kmsd_conf *conf, struct evs_error *err);

/* Writes it with more lines at its end. */
int kmsd_conf_append(const char *path, const char *text, struct evs_error *err);

/* Puts what was written in the configuration's place. */
int kmsd_conf_replace(const char *path, struct evs_error *err);

#endif /* KMSD_CONF_EDIT_H */
