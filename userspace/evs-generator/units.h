/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_GENERATOR_UNITS_H
#define EVS_GENERATOR_UNITS_H

#include "evstab.h"

/**
 * units_write() - Write what systemd has to know of a line of evstab.
 * @dir: folder for the units
 * @tab: the table
 * @entry: a good line of it
 * @err: filled on failure
 *
 * A drop-in for the instance of evs-attach@.service, links into the targets it
 * belongs to, a link and a drop-in for each node that fstab(5) may have of the disk,
 * and a drop-in for the time to wait for the device below.
 *
 * Return: 0 or a negative errno.
 */
int units_write(const char *dir, const struct evstab *tab, const struct evstab_entry *entry,
		struct evs_error *err);

#endif /* EVS_GENERATOR_UNITS_H */
