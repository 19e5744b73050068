/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_VOLUME_PRIVATE_H
#define EVS_VOLUME_PRIVATE_H

#include <libcryptsetup.h>
#include <stddef.h>

#include "volume/image.h"
#include "volume/volume.h"

#define EVS_COPIES_END(image) (EVS_COPIES * (uint64_t)(image)->copy_size)

/**
 * struct evs_crypt_log - What libcryptsetup last complained about.
 * @path: what it works on
 * @device: path of the device, which the user knows
 * @text: the last message of level error, without newline; "" when there is none
 */
struct evs_crypt_log {
	const char *path;
	const char *device;
	char text[256];
};

/**
 * struct evs_volume - An open header.
 * @image: the header in memory
 * @cd: context of libcryptsetup, over the image
 * @log: what it complained about
 * @dev: the device; its descriptor is the caller's
 * @damage: what is wrong with a copy of the header, or ""
 * @tokens: its evs-kms tokens, by ascending number
 * @token_ids: their numbers
 * @token_count: how many, at least one
 * @uuid: UUID of the disk
 * @label: label of the disk
 * @allow_discards: the header says that discards are allowed
 * @header_size: bytes of the two copies and the key slots
 * @data_offset: bytes before the first data sector
 * @data_size: bytes of data
 * @sector_size: crypto sector in bytes
 */
struct evs_volume {
	struct evs_image image;
	struct crypt_device *cd;
	struct evs_crypt_log log;
	struct evs_device dev;
	char damage[160];
	struct evs_token tokens[EVS_TOKENS_MAX];
	int token_ids[EVS_TOKENS_MAX];
	size_t token_count;
	char uuid[EVS_UUID_SIZE];
	char label[EVS_LABEL_MAX + 1];
	bool allow_discards;
	uint64_t header_size;
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
 * evs_volume_has_token() - Is there an evs-kms token, sound or not?
 * @vol: the header, which is loaded
 *
 * It is what makes a LUKS2 disk an EVS disk.
 */
bool evs_volume_has_token(const struct evs_volume *vol);

/**
 * evs_crypt_set_pbkdf() - Have what only a DK opens derived with little effort.
 * @cd: the header
 *
 * Return: 0 or a negative errno.
 */
int evs_crypt_set_pbkdf(struct crypt_device *cd);

/**
 * evs_volume_add_slot() - Add a key slot that a DK opens.
 * @cd: the header
 * @slot: its number, or CRYPT_ANY_SLOT
 * @dk: the DK, which is in it
 * @by: what opens it: the same, but while the disk is re-keyed
 *
 * Return: its number, or a negative errno.
 */
int evs_volume_add_slot(struct crypt_device *cd, int slot, const struct evs_secret *dk,
			const struct evs_secret *by);

/** evs_volume_find_token() - Returns its index, or -1. @vol: the header @token: which */
int evs_volume_find_token(const struct evs_volume *vol, const struct evs_token *token);

/**
 * evs_volume_remove_tokens() - Remove the evs-kms tokens, in memory alone.
 * @vol: the header, which is loaded
 * @keep: number of one that stays, or -1
 *
 * Return: 0 or a negative errno.
 */
int evs_volume_remove_tokens(struct evs_volume *vol, int keep);

/**
 * evs_volume_write() - Write what was changed in memory, and read it back.
 * @vol: the header
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_volume_write(struct evs_volume *vol, struct evs_error *err);

/**
 * evs_volume_load() - Read the header from the device, for the first time or anew.
 * @vol: the volume: @dev is set, what there is of a header is replaced
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_volume_load(struct evs_volume *vol, struct evs_error *err);

/**
 * evs_crypt_init() - crypt_init() with its messages caught.
 * @cd: set to the context; release with crypt_free()
 * @path: what it is to work on, which lives as long as @cd
 * @device: path of the device, which the user knows
 * @log: receives messages as long as @cd lives
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_crypt_init(struct crypt_device **cd, const char *path, const char *device,
		   struct evs_crypt_log *log, struct evs_error *err);

#endif /* EVS_VOLUME_PRIVATE_H */
