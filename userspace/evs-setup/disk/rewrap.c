// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rewrap: have the data key wrapped anew, by the same KMS or by another one. What
 * the KMS made is unwrapped and checked, its token written beside the old one and
 * read back; only then the old one goes. Either is good, so the disk can be attached
 * whenever this is cut short.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block/claim.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "config.h"
#include "header-copy.h"
#include "nl/netlink.h"
#include "pool/place.h"
#include "pool/rewrap-copies.h"
#include "disk/rewrap-one.h"
#include "rewrap.h"
#include "tab.h"
#include "text.h"
#include "volume/volume.h"

/**
 * struct request - What is asked.
 * @all: all disks of evstab(5)
 * @target: one device or file, where it is not all
 * @copies: where to, and what of a pool: one disk with its snapshots, or all that a CMK
 *	    protects
 * @all_copies: the snapshots of the disk as well
 * @rewraps: what rewraps of this verb share
 */
struct request {
	bool all;
	bool all_copies;
	struct rewrap_copies copies;
	const char *target;
	struct evs_rewraps rewraps;
};

int rewrap_with(struct evs_rewraps *rewraps, struct evs_volume *vol, rewrap_fn *fn, void *arg,
		struct evs_error *err)
{
	struct evs_rewrap rewrap;
	int ret;

	ret = evs_rewrap_begin(&rewrap, rewraps, vol, err);
	if (!ret) {
		ret = fn(arg, &rewrap, err);
		evs_rewrap_end(&rewrap);
	}
	return ret;
}

static int move(void *arg, struct evs_rewrap *rewrap, struct evs_error *err)
{
	const struct rewrap_to *to = arg;
	int ret = evs_rewrap_under(rewrap, to->kms, to->cmk, err);

	return ret ? ret : evs_volume_replace_token(rewrap->vol, &rewrap->old, &rewrap->new, err);
}

int rewrap_volume(struct evs_rewraps *rewraps, struct evs_volume *vol, struct rewrap_to to,
		  struct evs_error *err)
{
	return rewrap_with(rewraps, vol, move, &to, err);
}

/* Has the kernel tell of the new CMK, if the disk is attached here. */
static int tell_kernel(const struct evs_volume *vol, const struct evs_device *dev,
		       struct evs_error *err)
{
	struct evs_disk *disks = NULL;
	size_t count = 0, i;
	struct evs_nl *nl;
	int ret;

	if (dev->is_file)
		return 0;
	ret = evs_nl_open(&nl, err);
	if (ret)
		return ret == -ENOPKG ? 0 : ret;	/* no driver, no disks */
	ret = evs_nl_dump(nl, &disks, &count, err);
	for (i = 0; !ret && i < count; i++)
		if (disks[i].backing_dev == dev->number &&
		    !strcmp(disks[i].uuid, evs_volume_uuid(vol)))
			ret = evs_nl_set_cmk(nl, disks[i].id, evs_volume_token(vol)->cmk, err);
	free(disks);
	evs_nl_close(nl);
	return ret;
}

int rewrap_print(const char *ref, const char *uuid, const struct evs_token *token,
		 struct evs_error *err)
{
	if (cli_settings()->json)
		return out_texts("disks", err, "device", ref, "uuid", uuid, "kms", token->kms, "cmk",
				 token->cmk, NULL);
	evs_text_line(stdout, "%s %s %s", ref, uuid, token->cmk);
	return 0;
}

/* The header is what counts: that it is not what the kernel shows is no failure. */
int rewrap_announce(const struct evs_volume *vol, const struct evs_device *dev, const char *ref,
		    struct evs_error *err)
{
	struct evs_error ignored = {};

	if (tell_kernel(vol, dev, &ignored))
		cli_note("%s: status shows its old CMK until it is attached anew: %s", ref,
			 ignored.text);
	tab_warn_stale("rewrap", ref, dev->path, evs_volume_uuid(vol), evs_volume_token(vol));
	return rewrap_print(ref, evs_volume_uuid(vol), evs_volume_token(vol), err);
}

/* The header first: an old record is corrected by the next verb, an old header by none. */
static int rewrap_place(struct place *place, struct request *req, struct evs_error *err)
{
	int ret;

	ret = rewrap_volume(&req->rewraps, place->vol, req->copies.to, err);
	if (ret)
		return ret;
	header_copy_take(place->ref, &place->claim.dev);
	ret = place_settle(place, place->vol, err);
	return ret ? ret : rewrap_announce(place->vol, &place->claim.dev, place->ref, err);
}

static int rewrap_disk(void *arg, const char *target, struct evs_error *err)
{
	struct request *req = arg;
	struct place place;
	int ret;

	ret = place_open(&place, target, PLACE_WRITE | PLACE_HOLD, err);
	if (ret)
		return ret;
	ret = rewrap_place(&place, req, err);
	place_close(&place);
	return ret;
}

static int parse(struct request *req, int argc, char *argv[], struct evs_error *err)
{
	int opt;

	while ((opt = cli_option(argc, argv, err)) > 0) {
		if (opt == 'a')
			req->all = true;
		else if (opt == VERB_LONG('A'))
			req->all_copies = true;
		else if (opt == VERB_LONG('p'))
			req->copies.pool = optarg;
		else if (opt == VERB_LONG('f'))
			req->copies.from_cmk = optarg;
		else if (opt == VERB_LONG('n'))
			req->copies.dry_run = true;
		else if (opt == VERB_LONG('k'))
			req->copies.to.kms = optarg;
		else
			req->copies.to.cmk = optarg;
	}
	if (opt < 0)
		return opt;
	if ((!!req->copies.pool != !!req->copies.from_cmk) ||
	    req->all + req->all_copies + !!req->copies.pool > 1)
		return evs_error_set(err, EINVAL,
				     "--pool POOL and --from-cmk CMK go together, without --all and --all-copies");
	if (req->copies.dry_run && !req->copies.pool && !req->all_copies)
		return evs_error_set(err, EINVAL, "--dry-run is for --pool and --all-copies");
	return req->all || req->copies.pool ? cli_no_operand(argc, argv, err) :
	       cli_operand(argc, argv, "device or file", &req->target, err);
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct request req = {};
	struct evs_config config;
	int ret;

	ret = parse(&req, argc, argv, err);
	if (!ret)
		ret = evs_process_harden(err);
	if (ret)
		return ret;
	if (req.all_copies)
		req.copies.disk = req.target;
	if (req.all_copies || req.copies.pool)
		return rewrap_copies(&req.copies, err);
	ret = evs_config_load(&config, err);
	if (ret)
		return ret;
	req.rewraps.config = &config;
	ret = req.all ? tab_each("rewrap", rewrap_disk, &req, err) :
	      rewrap_disk(&req, req.target, err);
	evs_rewraps_close(&req.rewraps);
	evs_config_free(&config);
	return ret;
}

static const struct verb_option options[] = {
	{ "kms", VERB_LONG('k'), "NAME", WORD_KMS, "move the disk to this KMS of evs.conf" },
	{ "cmk", VERB_LONG('c'), "ID|ALIAS", WORD_CMK,
	  "use this customer master key, by default the newest material\n"
	  "of the present one, or " EVS_CMK_DEFAULT " of another KMS" },
	{ "all", 'a', NULL, WORD_NONE, "rewrap every evstab(5) entry" },
	{ "all-copies", VERB_LONG('A'), NULL, WORD_NONE,
	  "in a pool: rewrap the snapshots and backups of the disk\nas well" },
	{ "pool", VERB_LONG('p'), "POOL", WORD_POOL,
	  "rewrap the disks, snapshots and images of this pool that\n--from-cmk protects, and the backups of its disks" },
	{ "from-cmk", VERB_LONG('f'), "ID|ALIAS", WORD_CMK, "the customer master key they have now" },
	{ "dry-run", VERB_LONG('n'), NULL, WORD_NONE,
	  "with --pool or --all-copies: print what would be rewrapped" },
	{},
};

const struct verb verb_rewrap = {
	.name = "rewrap",
	.args = "[OPTION...] " PLACE_ARG "\n"
		"       evs-setup rewrap [OPTION...] --all\n"
		"       evs-setup rewrap [OPTION...] --all-copies POOL/DISK\n"
		"       evs-setup rewrap --pool POOL --from-cmk ID|ALIAS [OPTION...]",
	.brief = "wrap the data key of a disk anew; its data stays as it is",
	.options = options,
	.notes = "The disk may be attached. After an interruption the disk can still be attached, and\n"
		 "another rewrap finishes the work. Backups of the header still hold the data key as\n"
		 "it was wrapped before. Prints the device, the UUID, and the id of the CMK.\n",
	.operands = { WORD_FILE },
	.run = run,
};
