/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_CREATE_H
#define EVS_SETUP_POOL_CREATE_H

#include <stdbool.h>
#include <stdint.h>

#include "target.h"

/**
 * struct create_request - What disk is to be made.
 * @kms: name of the KMS, NULL for the local one
 * @cmk: the CMK, NULL for evs/default
 * @label: its label, or NULL
 * @sector_size: of crypto sectors, 0 for the best
 * @size: usable bytes
 * @plain: it is not encrypted
 * @dry_run: only say what would be made
 */
struct create_request {
	const char *kms;
	const char *cmk;
	const char *label;
	unsigned int sector_size;
	uint64_t size;
	bool plain;
	bool dry_run;
};

/**
 * create_in_pool() - Make a blank disk in a pool, and print it.
 * @target: its name
 * @req: how it shall be
 * @err: filled on failure, when there is no such disk
 *
 * Return: 0 or a negative errno.
 */
int create_in_pool(struct target *target, const struct create_request *req,
		   struct evs_error *err);

/**
 * create_print() - Print a disk, snapshot or image that has been made, or would be.
 * @text: its name
 * @record: its record
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int create_print(const char *text, const struct evs_record *record, struct evs_error *err);

#endif /* EVS_SETUP_POOL_CREATE_H */
