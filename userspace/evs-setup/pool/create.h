/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_CREATE_H
#define EVS_SETUP_POOL_CREATE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/verb.h"
#include "secret.h"
#include "target.h"
#include "token.h"

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

/* Options that create_option() takes */
#define CREATE_OPTION_KMS \
	{ "kms", VERB_LONG('k'), "NAME", WORD_KMS, "use this KMS of evs.conf, by default " EVS_KMS_LOCAL }
#define CREATE_OPTION_DRY_RUN \
	{ "dry-run", VERB_LONG('n'), NULL, WORD_NONE, "check everything, ask the KMS, make nothing" }

/**
 * create_option() - Take one of --kms, --cmk, --plain, --label and --dry-run.
 * @req: filled
 * @opt: as cli_option() gives it
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -ENOENT for an option of the verb's own.
 */
int create_option(struct create_request *req, int opt, struct evs_error *err);

/**
 * create_check_plain() - Refuse --plain beside what only a header has.
 * @req: what is to be made
 * @what: a plain one of what it is, such as "disk"
 * @err: filled when it is refused
 *
 * Return: 0 or -EINVAL.
 */
int create_check_plain(const struct create_request *req, const char *what, struct evs_error *err);

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
 * create_check() - May such an object be made?
 * @target: its name
 * @req: how it shall be
 * @err: filled when it may not
 *
 * Return: 0 or a negative errno, -EEXIST when the name is taken.
 */
int create_check(struct target *target, const struct create_request *req, struct evs_error *err);

/**
 * create_ask_kms() - Have the KMS make the data key of an encrypted object.
 * @target: its name
 * @req: how it shall be
 * @record: its @id is set; the KMS and the CMK are filled in
 * @token: filled
 * @dk: filled, unless it is a dry run
 * @err: filled on failure
 *
 * Before anything is allocated, so that nothing is when the KMS says no.
 *
 * Return: 0 or a negative errno.
 */
int create_ask_kms(struct target *target, const struct create_request *req,
		   struct evs_record *record, struct evs_token *token, struct evs_secret *dk,
		   struct evs_error *err);

/**
 * create_blank() - Make an unfinished object, with its header.
 * @target: its name; the pool is locked
 * @req: how it shall be
 * @work: the object, whose record is filled
 * @token: of an encrypted one
 * @dk: of an encrypted one
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int create_blank(struct target *target, const struct create_request *req,
		 struct evs_unfinished *work, const struct evs_token *token,
		 const struct evs_secret *dk, struct evs_error *err);

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
