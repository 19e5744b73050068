// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * image create, copy and delete. An image is made of a disk by the engine, and has its
 * attribute and CMK. A copy is the one way to another attribute or CMK: all its bytes
 * are read and written, so that it has a new data key.
 */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "clone.h"
#include "delete.h"
#include "list.h"
#include "transfer.h"

/* ---- create ---- */

static const struct verb_option create_options[] = {
	{ "from", VERB_LONG('f'), "POOL/DISK[@SNAPSHOT]", WORD_TEXT,
	  "make it from this disk, which must be detached, or from\nthis snapshot" },
	{ "label", 'L', "LABEL", WORD_TEXT, "set the label of an encrypted image" },
	{ "flatten", VERB_LONG('F'), NULL, WORD_NONE,
	  "copy all data of the source, so that it can be deleted" },
	CLONE_OPTION_COPY,
	CREATE_OPTION_DRY_RUN,
	{},
};

static int parse_create(struct clone_request *req, int argc, char *argv[], const char **name,
			struct evs_error *err)
{
	struct create_request image = {};
	int opt;

	while ((opt = cli_option(argc, argv, err)) > 0) {
		if (opt == VERB_LONG('f'))
			req->source = optarg;
		else if (opt == VERB_LONG('F'))
			req->flatten = true;
		else if (opt == VERB_LONG('C'))
			req->copy = true;
		else if (create_option(&image, opt, err))
			return -err->errnum;
	}
	req->label = image.label;
	req->dry_run = image.dry_run;
	if (opt < 0 || cli_operand(argc, argv, "image", name, err))
		return -err->errnum;
	return req->source ? 0 : evs_error_set(err, EINVAL,
					       "--from POOL/DISK[@SNAPSHOT] is missing");
}

static int run_create(int argc, char *argv[], struct evs_error *err)
{
	struct clone_request req = {
		.kinds = CLONE_FROM(EVS_KIND_DISK) | CLONE_FROM(EVS_KIND_SNAPSHOT),
	};
	struct target target;
	const char *name;
	int ret;

	ret = parse_create(&req, argc, argv, &name, err);
	if (!ret)
		ret = evs_process_harden(err);
	if (!ret)
		ret = target_open(&target, name, EVS_KIND_IMAGE, err);
	if (ret)
		return ret;
	ret = clone_in_pool(&target, &req, err);
	target_close(&target);
	return ret;
}

const struct verb verb_image_create = {
	.name = "image create",
	.args = "[OPTION...] --from POOL/DISK[@SNAPSHOT] POOL/image:NAME",
	.brief = "make an image from a disk or a snapshot",
	.options = create_options,
	.notes = "The image has the attribute and the CMK of the disk, and a UUID of its own. Prints\n"
		 "its name, its UUID, and the id of the CMK, or \"plain\".\n",
	.operands = { WORD_POOL_DISK },
	.needs = VERB_NEEDS_ROOT,
	.run = run_create,
};

/* ---- copy ---- */

static const struct verb_option copy_options[] = {
	CREATE_OPTION_KMS,
	{ "cmk", VERB_LONG('c'), "ID|ALIAS", WORD_CMK, "encrypt the copy under this customer master key" },
	{ "plain", VERB_LONG('p'), NULL, WORD_NONE, "make a copy that is not encrypted" },
	{ "label", 'L', "LABEL", WORD_TEXT, "set the label of an encrypted copy" },
	CREATE_OPTION_DRY_RUN,
	{},
};

/**
 * struct copy - A copy of an image.
 * @from: the image
 * @entry: the same, as it was found
 * @to: what the copy shall be called
 * @req: how it shall be
 */
struct copy {
	struct target from;
	struct evs_pool_entry entry;
	struct target to;
	struct create_request req;
};

static int parse_copy(struct copy *copy, int argc, char *argv[], const char *names[2],
		      struct evs_error *err)
{
	struct create_request *req = &copy->req;
	int opt;

	while ((opt = cli_option(argc, argv, err)) > 0)
		if (create_option(req, opt, err))
			return -err->errnum;
	if (opt < 0)
		return opt;
	if (argc - optind != 2)
		return evs_error_set(err, EINVAL, "two images are needed: the one that is there, and the new one");
	names[0] = argv[optind];
	names[1] = argv[optind + 1];
	return create_check_plain(req, "image", err);
}

/* Without an option, the copy has the attribute and the CMK of the image. */
static void inherit(struct copy *copy)
{
	const struct evs_record *record = &copy->entry.record;
	struct create_request *req = &copy->req;

	req->size = record->size;
	if (req->plain || req->kms || req->cmk)
		return;
	req->plain = !record->encrypted;
	if (record->encrypted) {
		req->kms = record->kms;
		req->cmk = record->cmk;
	}
}

static int copy_image(struct copy *copy, struct evs_error *err)
{
	struct transfer transfer = { .target = &copy->to };
	struct evs_ranges ranges = {};
	int ret;

	ret = evs_pool_lock(&copy->from.pool, err);
	if (!ret)
		ret = evs_pool_find(&copy->from.pool, &copy->from.object, &copy->entry, err);
	if (!ret)
		ret = transfer_ranges(&copy->from.pool, &copy->entry, &ranges, err);
	if (ret)
		goto free_ranges;
	inherit(copy);
	transfer.req = copy->req;
	transfer.ranges = &ranges;
	/* Where nothing was ever written, ciphertext means nothing. */
	transfer.zero = !copy->entry.record.encrypted;
	ret = evs_pool_begin(&transfer.work, EVS_KIND_IMAGE, err);
	if (!ret) {
		strcpy(transfer.work.record.from, copy->entry.record.id);
		transfer.work.record.consistent = copy->entry.record.consistent;
		ret = transfer_from(&transfer, &copy->from.pool, &copy->entry, transfer_run, err);
		evs_pool_abandon(&copy->to.pool, &transfer.work);
	}
free_ranges:
	evs_ranges_free(&ranges);
	if (ret)
		return ret;
	if (copy->req.plain && copy->entry.record.encrypted)
		cli_note("image copy: the data of %s %s unencrypted in %s", copy->from.text,
			 copy->req.dry_run ? "would lie" : "lies", copy->to.text);
	return create_print(copy->to.text, &transfer.work.record, err);
}

static int run_copy(int argc, char *argv[], struct evs_error *err)
{
	struct copy copy = {};
	const char *names[2] = {};
	int ret;

	ret = parse_copy(&copy, argc, argv, names, err);
	if (!ret)
		ret = evs_process_harden(err);
	if (!ret)
		ret = target_open(&copy.from, names[0], EVS_KIND_IMAGE, err);
	if (ret)
		return ret;
	ret = target_open(&copy.to, names[1], EVS_KIND_IMAGE, err);
	if (!ret) {
		ret = copy_image(&copy, err);
		target_close(&copy.to);
	}
	target_close(&copy.from);
	return ret;
}

const struct verb verb_image_copy = {
	.name = "image copy",
	.args = "[OPTION...] POOL/image:NAME POOL/image:NAME",
	.brief = "copy an image, if wanted in plain or under another customer master key",
	.options = copy_options,
	.notes = "Reads and writes all data, and gives an encrypted copy a new data key. Without\n"
		 "--cmk, --kms and --plain, the copy has the attribute and the CMK of the image.\n"
		 "Prints its name, its UUID, and the id of the CMK, or \"plain\".\n",
	.operands = { WORD_POOL_DISK, WORD_POOL_DISK },
	.needs = VERB_NEEDS_ROOT,
	.run = run_copy,
};

/* ---- list ---- */

static int run_list(int argc, char *argv[], struct evs_error *err)
{
	const char *pool;

	if (cli_option(argc, argv, err) < 0 || cli_operand(argc, argv, "pool", &pool, err))
		return -err->errnum;
	return list_pool(pool, LIST_IMAGES, false, err);
}

const struct verb verb_image_list = {
	.name = "image list",
	.args = "[OPTION...] POOL",
	.brief = "list the images of a pool",
	.operands = { WORD_POOL },
	VERB_COLUMNS(list_columns),
	.needs = VERB_NEEDS_ADMIN,
	.run = run_list,
};

/* ---- delete ---- */

static int run_delete(int argc, char *argv[], struct evs_error *err)
{
	return delete_run(argc, argv, EVS_KIND_IMAGE, err);
}

const struct verb verb_image_delete = {
	.name = "image delete",
	.args = "[OPTION...] POOL/image:NAME",
	.brief = "delete an image; its data is lost",
	.options = delete_options,
	.notes = "Asks first, unless --yes is given. Disks made from it stay. Prints what was\n"
		 "deleted.\n",
	.operands = { WORD_POOL_DISK },
	.needs = VERB_NEEDS_ROOT,
	.run = run_delete,
};
