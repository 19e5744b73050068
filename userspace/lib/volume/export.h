/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_EXPORT_H
#define EVS_EXPORT_H

#include "volume/volume.h"

/**
 * evs_export_defuse() - Make a text one that udev keeps as a property.
 * @text: the text, in which what means something to udev or a shell becomes an underscore
 */
void evs_export_defuse(char *text);

/**
 * evs_export() - Print lines KEY=value about a disk, for udev rules and shell scripts.
 * @vol: its header
 * @disk: kernel name of the disk that is attached over it, or ""
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_export(const struct evs_volume *vol, const char *disk, struct evs_error *err);

#endif /* EVS_EXPORT_H */
