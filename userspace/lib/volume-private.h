/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_VOLUME_PRIVATE_H
#define EVS_VOLUME_PRIVATE_H

#include <blkid.h>
#include <libcryptsetup.h>
#include <stddef.h>

#include "volume.h"

/**
 * struct evs_crypt_log - What libcryptsetup last complained about.
 * @text: the last message of level error, without newline; "" when there is none
 */
struct evs_crypt_log {
	char text[256];
};

/**
 * struct evs_volume - An open header.
 * @cd: context of libcryptsetup
 * @log: what it complained about
 * @path: the device or file
 * @tokens: its evs-kms tokens, by ascending number
 * @token_ids: their numbers
 * @token_count: how many, at least one
 * @uuid: UUID of the disk
 * @label: label of the disk
 * @data_offset: bytes before the first data sector
 * @data_size: bytes of data
 * @sector_size: crypto sector in bytes
 */
struct evs_volume {
	struct crypt_device *cd;
	struct evs_crypt_log log;
	char *path;
	struct evs_token tokens[EVS_TOKENS_MAX];
	int token_ids[EVS_TOKENS_MAX];
	size_t token_count;
	char uuid[EVS_UUID_SIZE];
	char label[EVS_LABEL_MAX + 1];
	uint64_t data_offset;
	uint64_t data_size;
	unsigned int sector_size;
};

/**
 * evs_volume_read_tokens() - Read the evs-kms tokens of a header that is loaded.
 * @vol: the header
 * @err: filled when there is none that is sound
 *
 * Return: 0 or a negative errno, that of the first bad one where all are bad.
 */
int evs_volume_read_tokens(struct evs_volume *vol, struct evs_error *err);

/**
 * evs_crypt_init() - crypt_init() with its messages caught.
 * @cd: set to the context; release with crypt_free()
 * @path: block device or regular file
 * @log: receives messages as long as @cd lives
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_crypt_init(struct crypt_device **cd, const char *path, struct evs_crypt_log *log,
		   struct evs_error *err);

/**
 * evs_device_open() - Open a block device or regular file, nothing else.
 * @path: its path
 * @flags: O_RDONLY or O_RDWR, perhaps with O_EXCL
 * @err: filled on failure
 *
 * Return: a descriptor or a negative errno.
 */
int evs_device_open(const char *path, int flags, struct evs_error *err);

/**
 * evs_device_size() - Size of a device or file.
 * @fd: descriptor from evs_device_open()
 * @path: its path
 * @size: set to its bytes
 * @block_size: set to the smallest I/O it takes
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_device_size(int fd, const char *path, uint64_t *size, unsigned int *block_size,
		    struct evs_error *err);

/**
 * evs_blkid_new() - A probe for everything that libblkid knows.
 * @fd: descriptor from evs_device_open()
 *
 * Return: a probe for blkid_free_probe(), or NULL.
 */
blkid_probe evs_blkid_new(int fd);

#endif /* EVS_VOLUME_PRIVATE_H */
