/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: the files of a disk in sysfs
 */
#ifndef _EVS_SYSFS_H
#define _EVS_SYSFS_H

struct attribute_group;

extern const struct attribute_group *evs_disk_groups[];

#endif /* _EVS_SYSFS_H */
