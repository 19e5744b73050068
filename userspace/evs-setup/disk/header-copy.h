/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_HEADER_COPY_H
#define EVS_SETUP_HEADER_COPY_H

#include "device.h"

/**
 * header_copy_take() - Copy the header of a disk into the folder that evs.conf names.
 * @ref: how the user calls the disk
 * @dev: its device, open; the header on it is new or was changed
 *
 * Does nothing where evs.conf has no header-copies. Once the new copy is on the medium,
 * older ones of the disk are overwritten and removed: the CMK in them may be one that is
 * to be deleted. What cannot be copied is warned about, and is no failure: the disk has
 * its header.
 */
void header_copy_take(const char *ref, const struct evs_device *dev);

/**
 * header_copy_drop() - Overwrite and remove the copies of a header that is of no use any more.
 * @ref: how the user called the disk
 * @uuid: its UUID
 */
void header_copy_drop(const char *ref, const char *uuid);

#endif /* EVS_SETUP_HEADER_COPY_H */
