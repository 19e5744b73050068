/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_LOG_H
#define KMSD_LOG_H

/**
 * kmsd_log() - Write one line to stderr, whole, whichever threads write beside.
 * @fmt: printf format, without program name and newline
 */
void kmsd_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * kmsd_log_clean() - Make a text fit for one line of a terminal.
 * @text: UTF-8; its control characters become question marks
 */
void kmsd_log_clean(char *text);

#endif /* KMSD_LOG_H */
