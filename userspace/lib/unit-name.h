/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_UNIT_NAME_H
#define EVS_UNIT_NAME_H

#include <stddef.h>

#define UNIT_NAME_MAX 255	/* longer ones systemd does not take */

/**
 * unit_escape() - Write a text as systemd-escape(1) does.
 * @text: the text
 * @escaped: filled
 * @size: room there
 *
 * Return: 0 or -ENAMETOOLONG.
 */
int unit_escape(const char *text, char *escaped, size_t size);

/**
 * unit_escape_path() - Write a path as systemd-escape --path does.
 * @path: an absolute path; "/./", slashes in a row and at the end do not count
 * @escaped: filled
 * @size: room there
 *
 * Return: 0, -ENAMETOOLONG, -EINVAL for a path that is not absolute or has "..".
 */
int unit_escape_path(const char *path, char *escaped, size_t size);

#endif /* EVS_UNIT_NAME_H */
