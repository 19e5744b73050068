/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_BACKUP_RESTORE_H
#define EVS_SETUP_BACKUP_RESTORE_H

#include "pool/create.h"

/**
 * struct restore_request - What disk is to be made of what backup.
 * @source: REPO::BACKUP
 * @disk: how it shall be; without @kms, @cmk and @plain as the backup is, without @size as
 *	  large
 * @keep_key: keep its data key, and copy its ciphertext as it is
 */
struct restore_request {
	const char *source;
	struct create_request disk;
	bool keep_key;
};

/**
 * restore_in_pool() - Make a disk of a backup, and print it.
 * @target: its name
 * @req: of what, and how
 * @err: filled on failure, when there is no such disk
 *
 * Data is decrypted and encrypted by two disks of the driver, whose keys stay in the
 * kernel, and has a new data key.
 *
 * Return: 0 or a negative errno.
 */
int restore_in_pool(struct target *target, const struct restore_request *req,
		    struct evs_error *err);

#endif /* EVS_SETUP_BACKUP_RESTORE_H */
