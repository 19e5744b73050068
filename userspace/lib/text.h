/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_TEXT_H
#define EVS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * Text comes from disks, KMSs, files and command lines. What may be printed of it is
 * valid UTF-8 without control characters (U+0000 to U+001F, U+007F to U+009F) and
 * without the characters that break or reorder a line (U+2028 to U+202E, U+2066 to
 * U+2069): neither a disk nor a KMS can send escape sequences to a terminal, forge
 * lines in a log, or make JSON that nobody can read.
 */

/**
 * evs_text_locale() - Take the character set of the environment.
 *
 * UTF-8 or ASCII: for any other one, text outside of ASCII is escaped. Letters,
 * digits and numbers stay as they are in the C locale.
 */
void evs_text_locale(void);

/**
 * evs_text_valid() - Is this text that may be printed as it is?
 * @text: the text; may be empty
 */
bool evs_text_valid(const char *text);

#define EVS_TEXT_COPY_MAX(len) (3 * (len) + 1)

/**
 * evs_text_copy() - Copy a text that somebody else wrote, and make it valid.
 * @dst: filled, NUL-terminated, cut to fit
 * @size: room there; EVS_TEXT_COPY_MAX() of the length takes all
 * @src: the text, not in @dst; need not end in NUL
 * @len: its length
 *
 * ASCII control characters become blanks, other invalid ones and bytes that are no
 * UTF-8 become U+FFFD.
 */
void evs_text_copy(char *dst, size_t size, const char *src, size_t len);

#define EVS_TEXT_SHOWN_MAX(len) (4 * (len) + 1)

/**
 * evs_text_show() - Write a text for people to read.
 * @dst: filled, NUL-terminated, cut to fit
 * @size: room there; EVS_TEXT_SHOWN_MAX() of the length takes all
 * @src: the text
 *
 * Each byte of what may not be printed becomes \xHH, as in the tables of lsblk(8).
 * So does what is not ASCII where the locale is not one of UTF-8.
 */
void evs_text_show(char *dst, size_t size, const char *src);

/**
 * evs_text_line() - Print a line for people to read, as evs_text_show() writes it.
 * @file: where to
 * @fmt: printf format of the line without its end
 */
void evs_text_line(FILE *file, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif /* EVS_TEXT_H */
