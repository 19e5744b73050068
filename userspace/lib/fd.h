/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_FD_H
#define EVS_FD_H

#include <stddef.h>

/**
 * evs_fd_read() - Read from a descriptor, all of it.
 * @fd: a file, pipe or socket
 * @data: room for @length bytes
 * @length: bytes to read
 *
 * Return: 0 or a negative errno, -ENODATA where it ends before.
 */
int evs_fd_read(int fd, void *data, size_t length);

/**
 * evs_fd_write() - Write to a descriptor, all of it.
 * @fd: a file, pipe or socket
 * @data: what to write
 * @length: bytes in @data
 *
 * Return: 0 or a negative errno; part of it may have been written.
 */
int evs_fd_write(int fd, const void *data, size_t length);

#endif /* EVS_FD_H */
