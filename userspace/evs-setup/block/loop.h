/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_LOOP_H
#define EVS_SETUP_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "error.h"

/**
 * loop_attach() - Put a loop device over a file.
 * @file: the file; open for reading only makes the loop device read-only
 * @block_size: its logical block size
 * @path: filled with the path of the loop device
 * @size: room there
 * @err: filled on failure
 *
 * The loop device goes away with its last user, which at first is the caller.
 *
 * Return: file descriptor of the loop device or a negative errno.
 */
int loop_attach(int file, unsigned int block_size, char *path, size_t size,
		struct evs_error *err);

/**
 * loop_keep() - Have a loop device stay until loop_detach(), whoever uses it.
 * @loop: its descriptor
 * @partscan: look for partitions on it
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int loop_keep(int loop, bool partscan, struct evs_error *err);

/**
 * loop_detach() - Remove a loop device that nobody uses.
 * @path: its path
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int loop_detach(const char *path, struct evs_error *err);

/**
 * loop_grow() - Have a loop device be as large as its file is now.
 * @path: its path
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int loop_grow(const char *path, struct evs_error *err);

/**
 * loop_find() - Find the loop device over a file.
 * @file: what stat(2) says about the file
 * @path: filled with the path of the loop device
 * @size: room there
 * @err: filled on failure
 *
 * Return: 1 when there is one, 0 when there is none, or a negative errno.
 */
int loop_find(const struct stat *file, char *path, size_t size, struct evs_error *err);

/**
 * loop_over() - Find the loop device over what a path leads to.
 * @file: the path
 * @st: filled with what stat(2) says about it
 * @path: filled with the path of the loop device
 * @size: room there
 * @err: filled on failure
 *
 * Return: as loop_find(); 0 for what is no file.
 */
int loop_over(const char *file, struct stat *st, char *path, size_t size, struct evs_error *err);

/**
 * loop_is_over() - Is a loop device over this file or block device?
 * @loop: path of the loop device
 * @target: what stat(2) says about the file or device
 *
 * A loop device that is not there or not set up is over nothing.
 */
bool loop_is_over(const char *loop, const struct stat *target);

/**
 * loop_covers() - loop_is_over() of a loop device that is open.
 * @loop: its descriptor
 * @target: what stat(2) says about the file or device
 */
bool loop_covers(int loop, const struct stat *target);

/** loop_is_autoclear() - Does it go away with its last user? @loop: its path */
bool loop_is_autoclear(const char *loop);

/**
 * loop_find_twin() - Find a loop device over the same data that somebody uses.
 * @loop: descriptor of a loop device
 * @path: filled with the path of the other one
 * @size: room there
 *
 * What is written through one of them destroys what the user of the other one has.
 *
 * Return: whether there is one.
 */
bool loop_find_twin(int loop, char *path, size_t size);

#endif /* EVS_SETUP_LOOP_H */
