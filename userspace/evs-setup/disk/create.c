// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * create: have the KMS make a data key and write the header. The data key is
 * in this process from the KMS's answer until the header is written.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <uuid.h>

#include "block/claim.h"
#include "backup/restore.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "config.h"
#include "header-copy.h"
#include "kms/kms.h"
#include "pool/clone.h"
#include "pool/create.h"
#include "text.h"
#include "volume/volume.h"

/**
 * struct request - What is to be made.
 * @target: on what
 * @claim: the same, held
 * @before: what it held when it was claimed
 * @disk: what its options say
 * @clone: what it is made of, where that is a snapshot or an image
 * @restore: what it is made of, where that is a backup
 * @force: whatever the device holds
 * @uuid: UUID of the new disk
 * @format: how the disk shall be
 */
struct request {
	const char *target;
	struct claim claim;
	struct evs_probe before;
	struct create_request disk;
	struct clone_request clone;
	struct restore_request restore;
	bool force;
	char uuid[EVS_UUID_SIZE];
	struct evs_format format;
};

static const struct verb_option options[] = {
	CREATE_OPTION_KMS,
	{ "cmk", VERB_LONG('c'), "ID|ALIAS", WORD_CMK,
	  "protect the data key with this customer master key,\nby default " EVS_CMK_DEFAULT },
	{ "label", 'L', "LABEL", WORD_TEXT, "set the label of the disk" },
	{ "sector-size", VERB_LONG('s'), "512|4096", WORD_CHOICE,
	  "set the size of a crypto sector, by default 4096 where\nthe device permits it" },
	{ "force", 'f', NULL, WORD_NONE, "destroy what the device holds" },
	{ "size", VERB_LONG('z'), "BYTES", WORD_TEXT,
	  "in a pool: set how much the disk holds; BYTES may end in\nK, M, G or T" },
	{ "plain", VERB_LONG('p'), NULL, WORD_NONE, "in a pool: make a disk that is not encrypted" },
	{ "from-snapshot", VERB_LONG('S'), "POOL/DISK@SNAPSHOT", WORD_TEXT,
	  "in a pool: make the disk from a snapshot, with its attribute\nand its CMK" },
	{ "from-image", VERB_LONG('I'), "POOL/image:NAME", WORD_TEXT,
	  "in a pool: make the disk from an image, with its attribute\nand its CMK" },
	{ "from-backup", VERB_LONG('B'), "REPO::BACKUP", WORD_BACKUP,
	  "in a pool: make the disk from a backup; without --cmk and\n--plain with its attribute and its CMK" },
	{ "keep-key", VERB_LONG('K'), NULL, WORD_NONE,
	  "copy the ciphertext of the backup, which keeps its data key" },
	{ "flatten", VERB_LONG('F'), NULL, WORD_NONE,
	  "copy all data of the source, so that it can be deleted" },
	CLONE_OPTION_COPY,
	{ "dry-run", VERB_LONG('n'), NULL, WORD_NONE,
	  "in a pool: check everything, ask the KMS, make nothing" },
	{},
};

static int set_source(struct request *req, enum evs_kind kind, const char *source,
		      struct evs_error *err)
{
	if (req->clone.source)
		return evs_error_set(err, EINVAL,
				     "%s and %s: a disk is made of one source", req->clone.source,
				     source);
	req->clone.source = source;
	req->clone.kinds = CLONE_FROM(kind);
	return 0;
}

static int parse_option(struct request *req, int opt, struct evs_error *err)
{
	switch (opt) {
	case VERB_LONG('s'):
		return cli_sector_size(optarg, &req->disk.sector_size, err);
	case VERB_LONG('z'):
		return cli_bytes("--size", optarg, &req->disk.size, err);
	case VERB_LONG('S'):
		return set_source(req, EVS_KIND_SNAPSHOT, optarg, err);
	case VERB_LONG('I'):
		return set_source(req, EVS_KIND_IMAGE, optarg, err);
	case VERB_LONG('B'):
		req->restore.source = optarg;
		return 0;
	case VERB_LONG('K'):
		req->restore.keep_key = true;
		return 0;
	case VERB_LONG('F'):
		req->clone.flatten = true;
		return 0;
	case VERB_LONG('C'):
		req->clone.copy = true;
		return 0;
	case 'f':
		req->force = true;
		return 0;
	default:
		return create_option(&req->disk, opt, err);
	}
}

static int parse(struct request *req, int argc, char *argv[], struct evs_error *err)
{
	int opt;

	while ((opt = cli_option(argc, argv, err)) > 0)
		if (parse_option(req, opt, err))
			return -err->errnum;
	if (opt < 0)
		return opt;
	return cli_operand(argc, argv, "device or file", &req->target, err);
}

/* Look what the device holds, and refuse it unless --force is given. */
static int look(const struct request *req, struct evs_probe *probe, struct evs_error *err)
{
	char details[sizeof(probe->label) + sizeof(probe->uuid) + 32];
	const char *path = req->target;
	int ret;

	ret = evs_device_probe(&req->claim.dev, probe, err);
	if (req->force) {
		*err = (struct evs_error){};
		return 0;
	}
	if (ret == -EUCLEAN)
		return evs_error_set(err, EEXIST,
				     "%s: holds several signatures that contradict each other; --force destroys them",
				     path);
	if (ret || !probe->found)
		return ret;
	snprintf(details, sizeof(details), "%s%s%s%s", *probe->label ? ", label " : "",
		 probe->label, *probe->uuid ? ", UUID " : "", probe->uuid);
	if (probe->is_evs)
		return evs_error_set(err, EEXIST,
				     "%s: holds an EVS disk already%s; --force destroys it and its data for good",
				     path, details);
	return evs_error_set(err, EEXIST, "%s: holds something already (%s: %s%s); --force destroys it",
			     path, probe->usage, probe->type, details);
}

/* The KMS may have taken its time: --force was meant for what was there before. */
static int look_again(struct request *req, struct evs_error *err)
{
	struct evs_probe now;
	int ret;

	ret = claim_confirm(&req->claim, err);
	if (!ret)
		ret = look(req, &now, err);
	if (!ret && memcmp(&now, &req->before, sizeof(now)))
		ret = evs_error_set(err, EBUSY,
				    "%s: another program has written to it meanwhile; nothing was written",
				    req->target);
	return ret;
}

static int make_disk(struct evs_kms *kms, const char *kms_name, struct request *req,
		     struct evs_secret *dk, struct evs_error *err)
{
	struct evs_token token;
	struct evs_cmk cmk;
	int ret;

	ret = evs_kms_describe_key(kms, req->disk.cmk ? req->disk.cmk : EVS_CMK_DEFAULT, &cmk, err);
	if (ret)
		return ret;
	ret = evs_token_init(&token, kms_name, cmk.id, req->uuid, err);
	if (ret)
		return ret;
	ret = evs_kms_create_datakey(kms, &token, dk, err);
	if (ret)
		return ret;
	ret = look_again(req, err);
	if (ret)
		return ret;
	ret = evs_volume_format(&req->claim.dev, &req->format, &token, dk, err);
	if (ret)
		return ret;
	header_copy_take(req->target, &req->claim.dev);
	if (cli_settings()->json)
		return out_texts("disks", err, "device", req->target, "uuid", req->uuid, "kms",
				 kms_name, "cmk", cmk.id, NULL);
	evs_text_line(stdout, "%s %s %s", req->target, req->uuid, cmk.id);
	return 0;
}

static int create(struct request *req, struct evs_error *err)
{
	const struct evs_config_kms *endpoint;
	struct evs_kms *kms = NULL;
	struct evs_config config;
	struct evs_secret *dk;
	int ret;

	ret = evs_config_load(&config, err);
	if (ret)
		return ret;
	dk = evs_secret_alloc(EVS_DK_SIZE);
	if (!dk) {
		ret = evs_error_set(err, ENOMEM, "cannot lock memory for the data key: %m");
		goto out;
	}
	endpoint = evs_config_kms(&config, req->disk.kms ? req->disk.kms : EVS_KMS_LOCAL, err);
	ret = endpoint ? evs_kms_open(&kms, endpoint, err) : -err->errnum;
	if (!ret)
		ret = make_disk(kms, endpoint->name, req, dk, err);
	evs_kms_close(kms);
out:
	evs_secret_free(dk);
	evs_config_free(&config);
	return ret;
}

static int run_on_device(struct request *req, struct evs_error *err)
{
	uuid_t uuid;
	int ret;

	if (req->disk.size || req->disk.plain || req->disk.dry_run || req->clone.source ||
	    req->clone.flatten || req->clone.copy || req->restore.source || req->restore.keep_key)
		return evs_error_set(err, EINVAL,
				     "%s: --size, --plain, --from-snapshot, --from-image, --from-backup, --keep-key, --flatten, --copy and --dry-run are for a disk of a pool, POOL/DISK",
				     req->target);
	ret = claim_open(&req->claim, req->target, err);
	if (ret)
		return ret;
	uuid_generate(uuid);
	uuid_unparse_lower(uuid, req->uuid);
	req->format.uuid = req->uuid;
	req->format.label = req->disk.label;
	req->format.sector_size = req->disk.sector_size;
	ret = look(req, &req->before, err);
	if (!ret)
		ret = evs_volume_check_format(&req->claim.dev, &req->format, err);
	if (!ret)
		ret = create(req, err);
	claim_close(&req->claim);
	return ret;
}

/* What a disk is made of decides about all that is in its header. */
static int check_source(const struct request *req, struct evs_error *err)
{
	if (req->clone.source && req->restore.source)
		return evs_error_set(err, EINVAL, "%s and %s: a disk is made of one source",
				     req->clone.source, req->restore.source);
	if (req->restore.keep_key && !req->restore.source)
		return evs_error_set(err, EINVAL, "%s: --keep-key is for a disk from a backup",
				     req->target);
	if (req->restore.keep_key && (req->disk.kms || req->disk.cmk || req->disk.plain ||
				      req->disk.sector_size))
		return evs_error_set(err, EINVAL,
				     "--keep-key: a disk with the data key of the backup has its attribute, its CMK and its sectors: leave --kms, --cmk, --plain and --sector-size out");
	if (!req->clone.source && (req->clone.flatten || req->clone.copy))
		return evs_error_set(err, EINVAL,
				     "%s: --flatten and --copy are for a disk from a snapshot or an image",
				     req->target);
	if (req->clone.source && (req->disk.kms || req->disk.cmk || req->disk.plain))
		return evs_error_set(err, EINVAL,
				     "a disk from a snapshot or an image has the attribute and the CMK of that; to choose, use a backup, or make an image of it by image copy");
	if (req->clone.source && req->disk.sector_size)
		return evs_error_set(err, EINVAL,
				     "--sector-size: a disk from a snapshot or an image has the sectors of that");
	return 0;
}

static int make_in_pool(struct request *req, struct target *target, struct evs_error *err)
{
	if (req->restore.source) {
		req->restore.disk = req->disk;
		return restore_in_pool(target, &req->restore, err);
	}
	if (!req->clone.source)
		return create_in_pool(target, &req->disk, err);
	req->clone.label = req->disk.label;
	req->clone.size = req->disk.size;
	req->clone.dry_run = req->disk.dry_run;
	return clone_in_pool(target, &req->clone, err);
}

static int run_in_pool(struct request *req, struct evs_error *err)
{
	struct target target;
	int ret;

	if (check_source(req, err))
		return -err->errnum;
	if (req->force)
		return evs_error_set(err, EINVAL,
				     "%s: --force is for devices and files: what is in a pool is deleted first",
				     req->target);
	if (create_check_plain(&req->disk, "disk", err))
		return evs_error_prefix(err, "%s", req->target);
	if (!req->disk.size && !req->clone.source && !req->restore.source)
		return evs_error_set(err, EINVAL, "%s: --size BYTES is missing", req->target);
	ret = target_open(&target, req->target, EVS_KIND_DISK, err);
	if (ret)
		return ret;
	ret = make_in_pool(req, &target, err);
	target_close(&target);
	return ret;
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct request req = {};
	int ret;

	ret = parse(&req, argc, argv, err);
	if (ret)
		return ret;
	ret = evs_process_harden(err);
	if (ret)
		return ret;
	ret = target_is_pool(req.target, err);
	if (ret < 0)
		return ret;
	return ret ? run_in_pool(&req, err) : run_on_device(&req, err);
}

const struct verb verb_create = {
	.name = "create",
	.args = "[OPTION...] DEVICE|FILE\n"
		"       evs-setup create --size BYTES [--plain] [OPTION...] POOL/DISK\n"
		"       evs-setup create --from-snapshot POOL/DISK@SNAPSHOT [OPTION...] POOL/DISK\n"
		"       evs-setup create --from-image POOL/image:NAME [OPTION...] POOL/DISK\n"
		"       evs-setup create --from-backup REPO::BACKUP [OPTION...] POOL/DISK",
	.brief = "make an encrypted disk on a device or file; its data is lost",
	.options = options,
	.notes = "Prints the device, the UUID of the new disk, and the id of the CMK, or \"plain\".\n"
		 "POOL is a pool of evs.conf(5): it gets a new disk, and nothing in it is overwritten.\n",
	.operands = { WORD_FILE },
	.run = run,
};
