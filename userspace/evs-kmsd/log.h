/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_LOG_H
#define KMSD_LOG_H

/*
 * Write one line to stderr, whole, whichever threads write beside. @fmt: printf format,
 * without program name and newline. Requests bring names with them: what may not be printed is
 * escaped.
 */
void kmsd_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif /* KMSD_LOG_H */
