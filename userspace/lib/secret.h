/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SECRET_H
#define EVS_SECRET_H

#include <stddef.h>

#include "error.h"

/* Size of a data key: the two 256-bit halves of XTS-AES-256. */
#define EVS_DK_SIZE 64

/**
 * struct evs_secret - Memory for key material.
 * @size: usable bytes in @data
 * @mapped: size of the mapping that holds the structure, for the library
 * @data: the bytes, zero at first
 *
 * The memory is locked (never swapped), left out of core dumps and of forked
 * children, which die of touching it, and wiped when freed. Where the kernel has
 * memfd_secret(2) it cannot be read from outside of the process, not even by root,
 * and is wiped as well if the process is killed. Read and write @data in place;
 * every copy elsewhere is one that nobody wipes.
 */
struct evs_secret {
	size_t size;
	size_t mapped;
	unsigned char data[];
};

/**
 * evs_secret_alloc() - Get locked memory.
 * @size: bytes needed, not 0
 *
 * Return: the secret, or NULL with errno set; EPERM, EAGAIN and ENOMEM mean
 * that the memory could not be had or could not be locked (ulimit -l).
 */
struct evs_secret *evs_secret_alloc(size_t size);

/**
 * evs_secret_alloc_shared() - Get locked memory that another process can fill.
 * @size: bytes needed, not 0
 * @fd: set to a descriptor of the memory, for evs_secret_map() in that process;
 *	close it when it has been handed over
 *
 * Return: the secret, or NULL with errno set, as evs_secret_alloc().
 */
struct evs_secret *evs_secret_alloc_shared(size_t size, int *fd);

/**
 * evs_secret_map() - Get the memory that another process has made.
 * @fd: the descriptor from evs_secret_alloc_shared()
 *
 * Return: the secret, or NULL with errno set; EINVAL for a descriptor of something else.
 */
struct evs_secret *evs_secret_map(int fd);

/**
 * evs_secret_wipe() - Overwrite the bytes with zeros, keep the memory.
 * @secret: the secret, or NULL
 */
void evs_secret_wipe(struct evs_secret *secret);

/**
 * evs_secret_wipe_used() - Overwrite the first bytes: nothing was put behind them.
 * @secret: the secret
 * @used: how many
 */
void evs_secret_wipe_used(struct evs_secret *secret, size_t used);

/**
 * evs_secret_free() - Wipe, unlock and give back.
 * @secret: the secret, or NULL
 */
void evs_secret_free(struct evs_secret *secret);

/**
 * evs_secret_read() - Get a secret from a file of one line.
 * @secret: set to the line without its newline, and a NUL; release with
 *	    evs_secret_free()
 * @path: the file
 * @err: filled on failure
 *
 * The file must belong to root or to who runs this, and be closed to all
 * others. Where it is not there, the systemd credential of its name is read.
 *
 * Return: 0 or a negative errno; -EPERM for a file that others can read.
 */
int evs_secret_read(struct evs_secret **secret, const char *path, struct evs_error *err);

/**
 * evs_secret_read_key() - Get a key from a file that holds nothing else.
 * @secret: set to the key; release with evs_secret_free()
 * @path: the file, as for evs_secret_read()
 * @size: bytes that the key has
 * @err: filled on failure
 *
 * Return: 0 or a negative errno; -EINVAL for a file of another size.
 */
int evs_secret_read_key(struct evs_secret **secret, const char *path, size_t size,
			struct evs_error *err);

#define EVS_PEM_MAX 65536

/**
 * evs_secret_read_pem() - Get a private key, as PEM, from a file.
 * @secret: set to what is in the file, and a NUL; release with evs_secret_free()
 * @path: the file, as for evs_secret_read()
 * @err: filled on failure
 *
 * Return: 0 or a negative errno; -EINVAL for a file that is empty or too large.
 */
int evs_secret_read_pem(struct evs_secret **secret, const char *path, struct evs_error *err);

/**
 * evs_process_harden() - Keep this process's memory out of dumps and swap.
 * @err: filled on failure
 *
 * Sets RLIMIT_CORE to 0, makes the process undumpable (which keeps ptrace and
 * /proc/PID/mem from everybody without CAP_SYS_PTRACE), and locks all pages
 * the process touches from here on, unless that is limited for this user. Call it
 * first thing in main().
 *
 * Return: 0 or a negative errno.
 */
int evs_process_harden(struct evs_error *err);

#endif /* EVS_SECRET_H */
