/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_TEXT_H
#define EVS_TEXT_H

#include <stddef.h>

/**
 * evs_text_copy() - Copy a text that somebody else wrote, fit for a terminal.
 * @dst: filled, NUL-terminated, cut to fit
 * @size: room there
 * @src: the text; need not end in NUL
 * @len: its length
 *
 * Control characters become blanks, so that neither a disk nor a KMS can send
 * escape sequences or forge lines in a log.
 */
void evs_text_copy(char *dst, size_t size, const char *src, size_t len);

#endif /* EVS_TEXT_H */
