/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef EVS_VERSION_H
#define EVS_VERSION_H

/*
 * The version of the driver and of all programs, and nowhere else: a release is the
 * commit with the tag "v" and this. See Documentation/versions.rst.
 */
#define EVS_VERSION "0.1"

#endif /* EVS_VERSION_H */
