/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_FD_H
#define EVS_FD_H

#include <stddef.h>

#include "error.h"

/**
 * evs_fd_read() - Read from a descriptor, all of it.
 * @fd: a file, pipe or socket
 * @data: room for @length bytes
 * @length: bytes to read
 *
 * Return: 0 or a negative errno, -ENODATA where it ends before, -ECANCELED when a signal
 * for which there is a handler comes while it waits.
 */
int evs_fd_read(int fd, void *data, size_t length);

/**
 * evs_fd_write() - Write to a descriptor, all of it.
 * @fd: a file
 * @data: what to write
 * @length: bytes in @data
 *
 * For files, where a signal does not wait: it goes on after one, unlike evs_fd_read(), so
 * that none leaves half of a record.
 *
 * Return: 0 or a negative errno; part of it may have been written.
 */
int evs_fd_write(int fd, const void *data, size_t length);

/**
 * evs_fd_feed() - Write all of it to a program, which may stand still.
 * @fd: a pipe
 * @data: what to write
 * @length: bytes in @data
 *
 * Return: as evs_fd_write(); -ECANCELED when a signal for which there is a handler comes
 * while it waits.
 */
int evs_fd_feed(int fd, const void *data, size_t length);

/**
 * evs_fd_check_folder() - Is a folder one that nobody else may write to?
 * @fd: the folder
 * @path: how the user calls it
 * @err: filled on failure
 *
 * Whoever may write to it could put another disk in the place of one.
 *
 * Return: 0, -EPERM or another negative errno.
 */
int evs_fd_check_folder(int fd, const char *path, struct evs_error *err);

#endif /* EVS_FD_H */
