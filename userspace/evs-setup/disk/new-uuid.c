// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * header new-uuid: a copy that something else than a pool has made, such as a storage
 * system, has the header of its source. It gets a UUID of its own, and a token that is
 * bound to that. OpenStack Cinder copies the CMK as well, under another id.
 */
#include <errno.h>
#include <stdio.h>
#include <uuid/uuid.h>

#include "block/claim.h"
#include "cli/cli.h"
#include "config.h"
#include "header-copy.h"
#include "pool/target.h"
#include "rewrap-one.h"

/**
 * struct request - What is asked.
 * @device: device or file
 * @cmk: id of the copy of its CMK, NULL for the CMK that the header names
 */
struct request {
	const char *device;
	const char *cmk;
};

static int parse(struct request *req, int argc, char *argv[], struct evs_error *err)
{
	int opt, ret;

	while ((opt = cli_option(argc, argv, err)) > 0)
		req->cmk = optarg;
	if (opt < 0)
		return opt;
	ret = target_outside_pools(argc, argv, &req->device,
				   "its copies have UUIDs of their own", err);
	return ret ? ret : evs_process_harden(err);
}

static int give(const struct request *req, struct evs_volume *vol, struct evs_error *err)
{
	struct evs_config config;
	struct evs_rewraps rewraps = { .config = &config, .cmk = req->cmk };
	struct evs_rewrap rewrap;
	char text[UUID_STR_LEN], label[EVS_LABEL_MAX + 1];
	uuid_t uuid;
	int ret;

	snprintf(label, sizeof(label), "%s", evs_volume_label(vol));
	uuid_generate(uuid);
	uuid_unparse_lower(uuid, text);
	ret = evs_config_load(&config, err);
	if (ret)
		return ret;
	ret = evs_rewrap_begin(&rewrap, &rewraps, vol, err);
	if (!ret) {
		ret = evs_rewrap_for(&rewrap, text, err);
		if (!ret)
			ret = evs_volume_reidentify(vol, text, label, &rewrap.old, &rewrap.new,
						    err);
		evs_rewrap_end(&rewrap);
	}
	evs_rewraps_close(&rewraps);
	evs_config_free(&config);
	return ret;
}

/* Exclusively: the kernel asks for the key of an attached disk by its UUID. */
static int run(int argc, char *argv[], struct evs_error *err)
{
	struct request req = {};
	struct evs_volume *vol;
	struct claim claim;
	int ret;

	ret = parse(&req, argc, argv, err);
	if (!ret)
		ret = claim_open(&claim, req.device, err);
	if (ret)
		return ret;
	ret = evs_volume_open(&vol, &claim.dev, 0, err);
	if (!ret) {
		ret = give(&req, vol, err);
		if (!ret) {
			header_copy_take(req.device, &claim.dev);
			ret = rewrap_print(req.device, evs_volume_uuid(vol),
					   evs_volume_token(vol), err);
		}
		evs_volume_close(vol);
	}
	claim_close(&claim);
	return ret;
}

static const struct verb_option options[] = {
	{ "cmk", VERB_LONG('c'), "ID", WORD_CMK,
	  "use this customer master key, which holds the same key as\n"
	  "the one that the header names" },
	{},
};

const struct verb verb_header_new_uuid = {
	.name = "header new-uuid",
	.args = "[OPTION...] DEVICE|FILE",
	.brief = "give a copy of a disk a UUID of its own",
	.options = options,
	.notes = "For a copy that was made outside of the pools of evs.conf. The KMS wraps its data key\n"
		 "anew for the new UUID; data and label stay. The disk must be detached. Prints the\n"
		 "device, the UUID, and the id of the CMK.\n",
	.operands = { WORD_FILE },
	.run = run,
};
