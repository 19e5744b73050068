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
#include "kms/kms.h"
#include "nl/netlink.h"
#include "tab.h"
#include "text.h"
#include "volume/volume.h"

/**
 * struct request - What is asked.
 * @all: all disks of evstab(5)
 * @target: one device or file, where it is not all
 * @kms: name of the KMS to go to, NULL to stay with the one it has
 * @cmk: the CMK there; NULL for the one it has, or the default one of another KMS
 */
struct request {
	bool all;
	const char *target;
	const char *kms;
	const char *cmk;
};

/**
 * struct rewrap - The rewrap of one disk.
 * @vol: its header
 * @config: evs.conf
 * @dk: its data key, as soon as a KMS has given it
 * @kms: connection to the KMS of @old
 * @other: connection to the KMS to go to, NULL where that is @kms
 * @old: the token that the disk has
 * @new: the one that takes its place
 */
struct rewrap {
	struct evs_volume *vol;
	struct evs_config config;
	struct evs_secret *dk;
	struct evs_kms *kms;
	struct evs_kms *other;
	struct evs_token old;
	struct evs_token new;
};

static int open_kms(const struct evs_config *config, const char *name, struct evs_kms **kms,
		    struct evs_error *err)
{
	const struct evs_config_kms *endpoint = evs_config_kms(config, name, err);

	return endpoint ? evs_kms_open(kms, endpoint, err) : -err->errnum;
}

static int unwrap_checked(struct rewrap *rewrap, struct evs_kms *kms,
			  const struct evs_token *token, struct evs_error *err)
{
	int ret = evs_kms_decrypt_datakey(kms, token, rewrap->dk, err);

	return ret ? ret : evs_volume_verify_dk(rewrap->vol, rewrap->dk, err);
}

/*
 * The first token that gives the disk's key. There are two when a rewrap was cut
 * short, perhaps of different KMSs, one of which may not answer any more.
 */
static int find_token(struct rewrap *rewrap, struct evs_error *err)
{
	struct evs_error later = {}, *why = err;
	size_t i;
	int ret;

	for (i = 0; i < evs_volume_token_count(rewrap->vol); i++) {
		rewrap->old = *evs_volume_token_at(rewrap->vol, i);
		ret = open_kms(&rewrap->config, rewrap->old.kms, &rewrap->kms, why);
		if (!ret)
			ret = unwrap_checked(rewrap, rewrap->kms, &rewrap->old, why);
		if (!ret) {
			*err = (struct evs_error){};
			return 0;
		}
		evs_kms_close(rewrap->kms);
		rewrap->kms = NULL;
		why = &later;
	}
	return -err->errnum;
}

/* The DK is in locked memory here, between the two KMSs. */
static int move(struct rewrap *rewrap, const struct request *req, struct evs_error *err)
{
	const char *ref = req->cmk ? req->cmk : EVS_CMK_DEFAULT;
	struct evs_cmk cmk;
	int ret;

	ret = open_kms(&rewrap->config, req->kms, &rewrap->other, err);
	if (!ret)
		ret = evs_kms_describe_key(rewrap->other, ref, &cmk, err);
	if (ret)
		return ret;
	strcpy(rewrap->new.kms, req->kms);
	strcpy(rewrap->new.cmk, cmk.id);
	return evs_kms_encrypt_datakey(rewrap->other, &rewrap->new, rewrap->dk, err);
}

static int stay(struct rewrap *rewrap, const struct request *req, struct evs_error *err)
{
	struct evs_cmk cmk;
	int ret;

	if (req->cmk) {
		ret = evs_kms_describe_key(rewrap->kms, req->cmk, &cmk, err);
		if (ret)
			return ret;
		strcpy(rewrap->new.cmk, cmk.id);
	}
	return evs_kms_rewrap_datakey(rewrap->kms, &rewrap->old, &rewrap->new, err);
}

/* The new token, and the certainty that it gives the disk's key */
static int make_token(struct rewrap *rewrap, const struct request *req, struct evs_error *err)
{
	bool moves = req->kms && strcmp(req->kms, rewrap->old.kms);
	int ret;

	rewrap->new = rewrap->old;
	rewrap->new.wrapped_dk[0] = '\0';
	ret = moves ? move(rewrap, req, err) : stay(rewrap, req, err);
	if (ret)
		return ret;
	evs_secret_wipe(rewrap->dk);
	return unwrap_checked(rewrap, moves ? rewrap->other : rewrap->kms, &rewrap->new, err);
}

static int replace_token(struct rewrap *rewrap, const struct request *req,
			 struct evs_error *err)
{
	int ret;

	ret = find_token(rewrap, err);
	/* What an earlier rewrap left would be in the way of this one. */
	if (!ret && evs_volume_token_count(rewrap->vol) > 1)
		ret = evs_volume_keep_token(rewrap->vol, &rewrap->old, err);
	if (!ret)
		ret = make_token(rewrap, req, err);
	if (!ret)
		ret = evs_volume_add_token(rewrap->vol, &rewrap->new, err);
	if (!ret)
		ret = evs_volume_keep_token(rewrap->vol, &rewrap->new, err);
	return ret;
}

static int rewrap_volume(struct evs_volume *vol, const struct request *req,
			 struct evs_error *err)
{
	struct rewrap rewrap = { .vol = vol };
	int ret;

	ret = evs_config_load(&rewrap.config, err);
	if (ret)
		return ret;
	rewrap.dk = evs_secret_alloc(EVS_DK_SIZE);
	if (rewrap.dk)
		ret = replace_token(&rewrap, req, err);
	else
		ret = evs_error_set(err, errno, "cannot lock memory for the data key: %m");
	evs_secret_free(rewrap.dk);
	evs_kms_close(rewrap.kms);
	evs_kms_close(rewrap.other);
	evs_config_free(&rewrap.config);
	return ret;
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

/* The header is what counts: that it is not what the kernel shows is no failure. */
static int announce(const struct evs_volume *vol, const struct evs_device *dev,
		    struct evs_error *err)
{
	struct evs_error ignored = {};

	if (tell_kernel(vol, dev, &ignored))
		cli_note("%s: status shows its old CMK until it is attached anew: %s", dev->path,
			 ignored.text);
	tab_warn_stale("rewrap", dev->path, evs_volume_uuid(vol), evs_volume_token(vol));
	if (cli_settings()->json)
		return out_texts("disks", err, "device", dev->path, "uuid", evs_volume_uuid(vol),
				 "kms", evs_volume_token(vol)->kms, "cmk",
				 evs_volume_token(vol)->cmk, NULL);
	evs_text_line(stdout, "%s %s %s", dev->path, evs_volume_uuid(vol),
		      evs_volume_token(vol)->cmk);
	return 0;
}

static int rewrap_disk(void *arg, const char *target, struct evs_error *err)
{
	const struct request *req = arg;
	struct evs_volume *vol;
	struct claim claim;
	int ret;

	ret = claim_open_header(&claim, target, err);
	if (ret)
		return ret;
	ret = evs_volume_open(&vol, &claim.dev, 0, err);
	if (!ret) {
		ret = rewrap_volume(vol, req, err);
		if (!ret)
			ret = announce(vol, &claim.dev, err);
		evs_volume_close(vol);
	}
	claim_close(&claim);
	return ret;
}

static int parse(struct request *req, int argc, char *argv[], struct evs_error *err)
{
	int opt;

	while ((opt = cli_option(argc, argv, err)) > 0) {
		if (opt == 'a')
			req->all = true;
		else if (opt == VERB_LONG('k'))
			req->kms = optarg;
		else
			req->cmk = optarg;
	}
	if (opt < 0)
		return opt;
	return req->all ? cli_no_operand(argc, argv, err) :
	       cli_operand(argc, argv, "device or file", &req->target, err);
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct request req = {};
	int ret;

	ret = parse(&req, argc, argv, err);
	if (!ret)
		ret = evs_process_harden(err);
	if (ret)
		return ret;
	return req.all ? tab_each("rewrap", rewrap_disk, &req, err) :
	       rewrap_disk(&req, req.target, err);
}

static const struct verb_option options[] = {
	{ "kms", VERB_LONG('k'), "NAME", WORD_KMS, "move the disk to this KMS of evs.conf" },
	{ "cmk", VERB_LONG('c'), "ID|ALIAS", WORD_CMK,
	  "use this customer master key, by default the newest material\n"
	  "of the present one, or " EVS_CMK_DEFAULT " of another KMS" },
	{ "all", 'a', NULL, WORD_NONE, "rewrap every evstab(5) entry" },
	{},
};

const struct verb verb_rewrap = {
	.name = "rewrap",
	.args = "[OPTION...] DEVICE|FILE\n"
		"       evs-setup rewrap [OPTION...] --all",
	.brief = "wrap the data key of a disk anew; its data stays as it is",
	.options = options,
	.notes = "The disk may be attached. If it is interrupted, the disk can be attached, and\n"
		 "another rewrap finishes the work. Backups of the header still hold the key as it\n"
		 "was wrapped before. Prints the device, the UUID, and the id of the CMK.\n",
	.operands = { WORD_FILE },
	.run = run,
};
