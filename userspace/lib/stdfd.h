/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_STDFD_H
#define EVS_STDFD_H

#include "error.h"

/**
 * evs_stdfd_open() - Open those of the descriptors 0, 1 and 2 that are closed.
 *
 * A program calls it before it opens anything: a disk, a socket or a key file
 * that got one of these numbers would be read or written as standard input,
 * output or error. Each is opened the wrong way round, so that using it still
 * fails with EBADF and lost output is noticed.
 *
 * Return: 0 or a negative errno.
 */
int evs_stdfd_open(void);

/**
 * evs_stdout_close() - Close standard output and find out whether all was written.
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_stdout_close(struct evs_error *err);

#endif /* EVS_STDFD_H */
