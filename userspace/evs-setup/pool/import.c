// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * image import: files at the border of a pool. What a file is, the user says:
 * who has made it could lie. Only an EVS header is looked for, as what it makes of the
 * file would be lost otherwise.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "qemu-img.h"
#include "temporary.h"
#include "transfer.h"

#define SIZE_UNIT 4096

/* ---- import ---- */

static const struct verb_option import_options[] = {
	{ "format", VERB_LONG('f'), "raw|qcow2", WORD_CHOICE,
	  "read the file as this format; it is never guessed" },
	CREATE_OPTION_KMS,
	{ "cmk", VERB_LONG('c'), "ID|ALIAS", WORD_CMK,
	  "encrypt the image under this customer master key,\nby default " EVS_CMK_DEFAULT },
	{ "plain", VERB_LONG('p'), NULL, WORD_NONE, "make an image that is not encrypted" },
	{ "label", 'L', "LABEL", WORD_TEXT, "set the label of an encrypted image" },
	CREATE_OPTION_DRY_RUN,
	{},
};

/**
 * struct import - A file on its way into a pool.
 * @path: the file
 * @format: what it is said to be
 * @file: the same, open
 * @ranges: what is written in it
 * @transfer: the image
 */
struct import {
	const char *path;
	const char *format;
	struct evs_device file;
	struct evs_ranges ranges;
	struct transfer transfer;
};

static int parse_import_option(struct import *import, int opt, struct evs_error *err)
{
	if (opt != VERB_LONG('f'))
		return create_option(&import->transfer.req, opt, err);
	import->format = optarg;
	if (strcmp(optarg, "raw") && strcmp(optarg, "qcow2"))
		return evs_error_set(err, EINVAL,
				     "--format %s: is neither raw nor qcow2; convert it by qemu-img first",
				     optarg);
	return 0;
}

static int parse_import(struct import *import, int argc, char *argv[], const char *names[2],
			struct evs_error *err)
{
	int opt;

	while ((opt = cli_option(argc, argv, err)) > 0)
		if (parse_import_option(import, opt, err))
			return -err->errnum;
	if (opt < 0)
		return opt;
	if (argc - optind != 2)
		return evs_error_set(err, EINVAL, "two operands are needed: the file, and the image");
	names[0] = argv[optind];
	names[1] = argv[optind + 1];
	if (!import->format)
		return evs_error_set(err, EINVAL,
				     "--format raw|qcow2 is missing: the format of a file is not guessed");
	return create_check_plain(&import->transfer.req, "image", err);
}

/* What is written in a file; of a device, all of it */
static int file_ranges(const struct evs_device *file, struct evs_ranges *ranges,
		       struct evs_error *err)
{
	if (!file->is_file)
		return evs_ranges_add(ranges, 0, ranges->skip + ranges->size, err);
	if (evs_ranges_walk(file->fd, evs_ranges_add, ranges, err))
		return evs_error_prefix(err, "%s", file->path);
	return 0;
}

/* An image is whole blocks; one that is not ends with zeros. */
static int set_size(struct import *import, uint64_t size, struct evs_error *err)
{
	struct create_request *req = &import->transfer.req;

	if (!size || size > INT64_MAX - EVS_DATA_OFFSET - SIZE_UNIT)
		return evs_error_set(err, EINVAL, "%s: holds nothing, or too much", import->path);
	import->ranges.size = size;
	req->size = (size + SIZE_UNIT - 1) / SIZE_UNIT * SIZE_UNIT;
	return 0;
}

static int run_transfer(struct import *import, const struct evs_device *source,
			struct evs_error *err)
{
	import->transfer.source = source;
	import->transfer.ranges = &import->ranges;
	return transfer_run(&import->transfer, err);
}

/* Another program that writes to it meanwhile could make anything of it. */
static int import_plaintext(struct import *import, struct evs_error *err)
{
	unsigned int block_size;
	uint64_t size;
	int ret;

	import->transfer.qcow2 = !strcmp(import->format, "qcow2");
	import->transfer.zero = true;
	ret = import->transfer.qcow2 ? qemu_img_check(&import->file, &size, err) :
	      evs_device_size(&import->file, &size, &block_size, err);
	if (!ret)
		ret = set_size(import, size, err);
	if (!ret && !import->transfer.qcow2)
		ret = file_ranges(&import->file, &import->ranges, err);
	return ret ? ret : run_transfer(import, &import->file, err);
}

/* ---- a file that holds an encrypted disk ---- */

/* Through the driver, which decrypts it: the image has a new data key. */
static int import_decrypted(struct import *import, const struct evs_volume *vol,
			    struct evs_error *err)
{
	struct evs_device plaintext;
	char node[PATH_MAX];
	int ret;

	import->ranges.skip = evs_volume_data_offset(vol);
	ret = set_size(import, evs_volume_data_size(vol), err);
	if (!ret)
		ret = file_ranges(&import->file, &import->ranges, err);
	if (!ret)
		ret = temporary_open(&plaintext, node, import->path, true, NULL, err);
	if (ret)
		return ret;
	ret = run_transfer(import, &plaintext, err);
	evs_device_close(&plaintext);
	return ret;
}

/* Copied as it is, the image gets a UUID and a wrapped data key of its own. */
static int import_adopted(struct import *import, struct evs_volume *vol, struct evs_error *err)
{
	struct transfer *transfer = &import->transfer;
	int ret;

	ret = set_size(import, evs_volume_data_size(vol), err);
	import->ranges.size += evs_volume_data_offset(vol);
	transfer->adopted = vol;
	transfer->identity.uuid = transfer->work.record.id;
	transfer->identity.label = transfer->req.label;
	if (!ret)
		ret = identity_make(&transfer->identity, &transfer->target->config, vol, err);
	if (!ret)
		ret = file_ranges(&import->file, &import->ranges, err);
	return ret ? ret : run_transfer(import, &import->file, err);
}

static int import_disk(struct import *import, struct evs_volume *vol, struct evs_error *err)
{
	const struct create_request *req = &import->transfer.req;

	if (req->plain)
		return evs_error_set(err, EPERM,
				     "%s: holds an encrypted EVS disk: import it without --plain, then make a plain copy by image copy",
				     import->path);
	return req->cmk || req->kms ? import_decrypted(import, vol, err) :
	       import_adopted(import, vol, err);
}

/* ---- both ---- */

static int import_file(struct import *import, struct evs_error *err)
{
	struct evs_error none = {};
	struct evs_volume *vol;
	int ret;

	if (strcmp(import->format, "raw"))
		return import_plaintext(import, err);
	ret = evs_volume_open(&vol, &import->file, 0, &none);
	if (!ret) {
		ret = import_disk(import, vol, err);
		evs_volume_close(vol);
		return ret;
	}
	/* A header that is damaged is no plaintext either. */
	if (ret != -EMEDIUMTYPE && !import->transfer.req.plain) {
		*err = none;
		return ret;
	}
	return import_plaintext(import, err);
}

static int import_image(struct import *import, struct evs_error *err)
{
	struct transfer *transfer = &import->transfer;
	int ret;

	ret = evs_device_open(&import->file, import->path, O_RDONLY, err);
	if (ret)
		return ret;
	ret = evs_pool_begin(&transfer->work, EVS_KIND_IMAGE, err);
	if (!ret) {
		ret = import_file(import, err);
		evs_pool_abandon(&transfer->target->pool, &transfer->work);
	}
	evs_ranges_free(&import->ranges);
	evs_device_close(&import->file);
	return ret ? ret : create_print(transfer->target->text, &transfer->work.record, err);
}

static int run_import(int argc, char *argv[], struct evs_error *err)
{
	struct import *import = calloc(1, sizeof(*import));
	const char *names[2] = {};
	struct target target;
	int ret;

	if (!import)
		return evs_error_set(err, ENOMEM, "out of memory");
	ret = parse_import(import, argc, argv, names, err);
	if (!ret)
		ret = evs_process_harden(err);
	if (!ret)
		ret = target_open(&target, names[1], EVS_KIND_IMAGE, err);
	if (!ret) {
		import->path = names[0];
		import->transfer.target = &target;
		ret = import_image(import, err);
		target_close(&target);
	}
	free(import);
	return ret;
}

const struct verb verb_image_import = {
	.name = "image import",
	.args = "--format raw|qcow2 [OPTION...] FILE POOL/image:NAME",
	.brief = "make an image from a file or device",
	.options = import_options,
	.notes = "A raw file that holds an EVS disk is imported as it is, with a UUID of its own; --cmk\n"
		 "encrypts it anew. Prints the name of the image, its UUID, and the id of the CMK, or\n"
		 "\"plain\".\n",
	.operands = { WORD_FILE, WORD_POOL_DISK },
	.needs = VERB_NEEDS_ROOT,
	.run = run_import,
};
