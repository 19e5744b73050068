/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_UNIT_H
#define EVS_SETUP_UNIT_H

/**
 * unit_stop() - Have systemd stop the unit of a disk that was detached.
 * @name: name of the disk
 *
 * evs-attach@NAME.service stays active when its disk is detached by hand, and
 * starting it would not attach the disk again. Returns when systemd has the job: to
 * start the unit after this attaches the disk. Nothing happens where systemd does not
 * run, for a disk that evstab(5) does not have, or when the unit is what detaches it.
 */
void unit_stop(const char *name);

#endif /* EVS_SETUP_UNIT_H */
