/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_VOLUME_H
#define EVS_VOLUME_H

#include <stdbool.h>
#include <stdint.h>

#include "device.h"
#include "error.h"
#include "secret.h"
#include "token.h"

#define EVS_DATA_OFFSET (16 << 20)	/* of a new disk: room for key slots of stock cryptsetup */
#define EVS_LABEL_MAX 47		/* LUKS2 has 48 bytes */
#define EVS_SUBSYSTEM "evs"
#define EVS_TOKEN_TYPE "evs-kms"
#define EVS_TOKENS_MAX 4		/* two while a rewrap is under way */

/* An open header. */
struct evs_volume;

/**
 * struct evs_format - How a new disk shall be.
 * @uuid: its UUID (36 characters, lower case); the token's context names it too
 * @label: its label, or NULL
 * @sector_size: 512, 4096, or 0 for 4096 where the device permits it, else 512
 */
struct evs_format {
	const char *uuid;
	const char *label;
	unsigned int sector_size;
};

/**
 * evs_volume_check_format() - Can the device become such a disk?
 * @dev: the device
 * @fmt: how it shall be; a sector size of 0 is decided
 * @err: filled when it cannot
 *
 * Return: 0 or a negative errno: -ENOSPC too small, -EINVAL a sector size that
 * the device forbids.
 */
int evs_volume_check_format(const struct evs_device *dev, struct evs_format *fmt,
			    struct evs_error *err);

/**
 * evs_volume_format() - Write a LUKS2 header whose volume key is the DK.
 * @dev: the device, open for writing and claimed; what it holds is lost
 * @fmt: how it shall be
 * @token: how to get the DK back, stored in the header; its key slots do not count
 * @dk: the DK, EVS_DK_SIZE bytes
 * @err: filled on failure
 *
 * There is one key slot, which the DK opens, for the tokens of cryptsetup.
 * The header is made in memory. What makes it one is written last: whatever step
 * fails or is cut short, no header is left behind. Look with evs_device_probe()
 * first: this function asks nothing.
 *
 * Return: 0 or a negative errno, also those of evs_volume_check_format().
 */
int evs_volume_format(const struct evs_device *dev, const struct evs_format *fmt,
		      const struct evs_token *token, const struct evs_secret *dk,
		      struct evs_error *err);

/**
 * enum evs_volume_flags - How evs_volume_open() opens a header.
 * @EVS_VOLUME_HEADER: there may be no data behind the header: its size is 0
 * @EVS_VOLUME_FOREIGN: it may be a LUKS2 disk that is none of ours, without a token
 * @EVS_VOLUME_REKEY: its data may be on its way to a new data key (evs_volume_rekey_state())
 */
enum evs_volume_flags {
	EVS_VOLUME_HEADER = 1 << 0,
	EVS_VOLUME_FOREIGN = 1 << 1,
	EVS_VOLUME_REKEY = 1 << 2,
};

/**
 * evs_volume_open() - Read and check the header of an EVS disk.
 * @vol: set to the open header; release with evs_volume_close()
 * @dev: the device, which must stay open as long as @vol is changed
 * @flags: of enum evs_volume_flags
 * @err: filled on failure
 *
 * The header has two copies. When one of them is damaged the other one is used;
 * evs_volume_damage() tells. Nothing is written, whatever @dev is open for.
 *
 * Return: 0 or a negative errno: -EIO the device cannot be read, -EMEDIUMTYPE no
 * EVS disk, -EUCLEAN a LUKS2 header that is damaged, -EBADMSG a bad token or a
 * layout that no EVS disk has, -EPROTONOSUPPORT a newer token version, -EALREADY a disk
 * that is being re-keyed, without EVS_VOLUME_REKEY.
 */
int evs_volume_open(struct evs_volume **vol, const struct evs_device *dev, unsigned int flags,
		    struct evs_error *err);

/**
 * evs_volume_read() - evs_volume_open() for reading, by path.
 * @vol: set to the open header; release with evs_volume_close()
 * @path: block device or regular file
 * @flags: EVS_VOLUME_HEADER or 0
 * @err: filled on failure
 *
 * Return: as evs_volume_open(), or what opening the device gives.
 */
int evs_volume_read(struct evs_volume **vol, const char *path, unsigned int flags,
		    struct evs_error *err);

/**
 * evs_volume_close() - Release an open header.
 * @vol: the header, or NULL
 */
void evs_volume_close(struct evs_volume *vol);

/**
 * evs_volume_verify_dk() - Is this the key of this disk?
 * @vol: the header
 * @dk: the key, EVS_DK_SIZE bytes
 * @err: filled on failure
 *
 * Return: 0, -EKEYREJECTED (EVS_CLASS_WRONG_KEY) when it is not, another
 * negative errno.
 */
int evs_volume_verify_dk(struct evs_volume *vol, const struct evs_secret *dk,
			 struct evs_error *err);

/** evs_volume_uuid() - UUID of the disk. @vol: the header */
const char *evs_volume_uuid(const struct evs_volume *vol);
/** evs_volume_label() - Label, "" when there is none. @vol: the header */
const char *evs_volume_label(const struct evs_volume *vol);
/** evs_volume_allow_discards() - Are discards allowed, by a flag in it? @vol: the header */
bool evs_volume_allow_discards(const struct evs_volume *vol);
/** evs_volume_token() - Its first evs-kms token, owned by @vol. @vol: the header */
const struct evs_token *evs_volume_token(const struct evs_volume *vol);
/** evs_volume_token_count() - How many it has, at least one. @vol: the header */
size_t evs_volume_token_count(const struct evs_volume *vol);
/** evs_volume_token_at() - One of them. @vol: the header @index: which, from 0 */
const struct evs_token *evs_volume_token_at(const struct evs_volume *vol, size_t index);
/** evs_volume_data_offset() - Bytes before the first data sector. @vol: the header */
uint64_t evs_volume_data_offset(const struct evs_volume *vol);
/** evs_volume_data_size() - Bytes of data, whole sectors only. @vol: the header */
uint64_t evs_volume_data_size(const struct evs_volume *vol);
/** evs_volume_sector_size() - Crypto sector, 512 or 4096. @vol: the header */
unsigned int evs_volume_sector_size(const struct evs_volume *vol);

/**
 * evs_volume_damage() - What is wrong with one of the copies of the header.
 * @vol: the header
 *
 * Return: a sentence, or "" when both are sound, or have been repaired.
 */
const char *evs_volume_damage(const struct evs_volume *vol);

/**
 * evs_volume_repair() - Write a copy of the header that is damaged anew.
 * @vol: the header
 * @dev: its device, open for reading or writing, which nobody else may be changing
 * @err: filled on failure
 *
 * Return: 0, also when there was no damage, or a negative errno.
 */
int evs_volume_repair(struct evs_volume *vol, const struct evs_device *dev,
		      struct evs_error *err);

/**
 * evs_volume_add_token() - Write one more token, and read it back from the device.
 * @vol: the header; its tokens are those that were read back
 * @token: the new one
 * @err: filled on failure
 *
 * The header is written copy by copy: whenever this is interrupted or fails, it
 * holds either the tokens it had, or these and the new one.
 *
 * Return: 0 or a negative errno, -ENOSPC when there are too many.
 */
int evs_volume_add_token(struct evs_volume *vol, const struct evs_token *token,
			 struct evs_error *err);

/**
 * evs_volume_keep_token() - Remove all tokens but one.
 * @vol: the header; its tokens are those that were read back
 * @token: the one that stays, which must be there
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_volume_keep_token(struct evs_volume *vol, const struct evs_token *token,
			  struct evs_error *err);

/**
 * evs_volume_replace_token() - Write a new token, and only then remove the others.
 * @vol: the header
 * @old: the token that is known to give the key: what else an earlier rewrap left goes first
 * @token: the new one, which is known to give it, too
 * @err: filled on failure
 *
 * Whenever this is cut short, the header has one of the two, or both.
 *
 * Return: 0 or a negative errno.
 */
int evs_volume_replace_token(struct evs_volume *vol, const struct evs_token *old,
			     const struct evs_token *token, struct evs_error *err);

/**
 * evs_volume_reidentify() - Make a disk of its own of the copy of a disk.
 * @vol: header of the copy; its device must be open for writing
 * @uuid: its new UUID
 * @label: its new label, "" for none
 * @old: the token of the original, which is known to give the key
 * @token: the new one, bound to @uuid, which is known to give it, too (evs_rewrap_for())
 * @err: filled on failure
 *
 * UUID and label are written with the token, and read back; only then the old one
 * goes. Whenever this is cut short, the disk can be attached.
 *
 * Return: 0 or a negative errno.
 */
int evs_volume_reidentify(struct evs_volume *vol, const char *uuid, const char *label,
			  const struct evs_token *old, const struct evs_token *token,
			  struct evs_error *err);

/**
 * evs_volume_set_uuid() - Let the header of a copy have another UUID than the original.
 * @vol: the header; its device must be open for writing
 * @uuid: the UUID, a valid one
 * @err: filled on failure
 *
 * The token stays, and is bound to the UUID of the original: for a copy that does not last.
 *
 * Return: 0 or a negative errno.
 */
int evs_volume_set_uuid(struct evs_volume *vol, const char *uuid, struct evs_error *err);

/**
 * evs_volume_same_dk() - Have two headers the same data key?
 * @a: one
 * @b: the other
 *
 * Tells by the digest, which is copied with a header, and which neither a rewrap nor
 * another UUID changes.
 */
bool evs_volume_same_dk(const struct evs_volume *a, const struct evs_volume *b);

#define EVS_KEY_HASH_SIZE 65

/**
 * evs_volume_key_hash() - Something that all headers with one data key have in common.
 * @vol: the header
 * @hash: filled with the SHA-256 of its digest in hex, "" when it has none
 *
 * Two headers have the same one if, and only if, evs_volume_same_dk().
 */
void evs_volume_key_hash(const struct evs_volume *vol, char hash[EVS_KEY_HASH_SIZE]);

/**
 * evs_label_check() - Can this be the label of a disk?
 * @label: the label
 * @err: filled when it cannot
 *
 * Return: 0 or -EINVAL.
 */
int evs_label_check(const char *label, struct evs_error *err);

/**
 * evs_volume_set_label() - Give a disk another label.
 * @vol: the header; its device must be open for writing
 * @label: the label, "" for none
 * @err: filled on failure
 *
 * Sets the subsystem to that of EVS disks as well.
 *
 * Return: 0 or a negative errno.
 */
int evs_volume_set_label(struct evs_volume *vol, const char *label, struct evs_error *err);

/**
 * evs_volume_backup() - Copy the header of an EVS disk into a file.
 * @vol: the header; its device must be open
 * @file: the file, which must not exist; only its owner may read it
 * @err: filled on failure
 *
 * Both copies in the backup are sound, even where one on the device is damaged.
 *
 * Return: 0 or a negative errno, -EEXIST when there is such a file.
 */
int evs_volume_backup(struct evs_volume *vol, const char *file, struct evs_error *err);

/**
 * typedef evs_agree_fn - May a newer header be replaced by an older one?
 * @arg: as given to evs_volume_restore()
 * @change: what the disk loses by that, a sentence
 * @err: filled when it may not
 *
 * Return: 0 to go on, or a negative errno.
 */
typedef int evs_agree_fn(void *arg, const char *change, struct evs_error *err);

/**
 * evs_volume_restore() - Write a header that evs_volume_backup() has copied.
 * @dev: the device, open for writing and claimed
 * @file: the copy
 * @force: whatever the device holds now; without it, it must hold a header of
 *	   the same UUID, or a LUKS2 header that is damaged
 * @agree: called where the device holds a sound header of the same disk with another
 *	   CMK or another data key, also with @force; NULL to go on
 * @arg: for @agree
 * @err: filled on failure
 *
 * Nothing is written before it is certain that the header fits the device.
 *
 * Return: 0 or a negative errno: -EEXIST when only @force would do, those of
 * evs_volume_open() for a file that is no header of an EVS disk.
 */
int evs_volume_restore(const struct evs_device *dev, const char *file, bool force,
		       evs_agree_fn *agree, void *arg, struct evs_error *err);

/**
 * evs_volume_copy_header() - Write a header over an older one of the same data.
 * @vol: the header; its device must be open
 * @dev: a device with a copy of the disk's data, open for writing and claimed
 * @err: filled on failure
 *
 * Whenever it is cut short, the device has one of the two.
 *
 * Return: 0 or a negative errno, -EKEYREJECTED when the data there has another data
 * key or another place, and nothing was written.
 */
int evs_volume_copy_header(struct evs_volume *vol, const struct evs_device *dev,
			   struct evs_error *err);

#endif /* EVS_VOLUME_H */
