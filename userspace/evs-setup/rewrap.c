// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rewrap: have the data key wrapped anew. What the KMS made is unwrapped and
 * checked, its token written beside the old one and read back; only then the old
 * one goes. Either is good, so the disk can be attached whenever this is cut
 * short.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claim.h"
#include "cli.h"
#include "config.h"
#include "kms/kms.h"
#include "nl/netlink.h"
#include "tab.h"
#include "text.h"
#include "volume/volume.h"

/* The first token that gives the disk's key; there are two when a rewrap was cut short. */
static int find_token(struct evs_volume *vol, struct evs_kms *kms, const char *name,
		      struct evs_secret *dk, struct evs_token *token, struct evs_error *err)
{
	struct evs_error later = {}, *why = err;
	size_t i;
	int ret;

	for (i = 0; i < evs_volume_token_count(vol); i++) {
		*token = *evs_volume_token_at(vol, i);
		if (strcmp(token->kms, name))
			continue;
		ret = evs_kms_decrypt_datakey(kms, token, dk, why);
		if (!ret)
			ret = evs_volume_verify_dk(vol, dk, why);
		if (!ret)
			return 0;
		why = &later;
	}
	return -err->errnum;
}

/* The new token, and the certainty that it gives the disk's key */
static int make_token(struct evs_volume *vol, struct evs_kms *kms, const struct evs_token *old,
		      const char *ref, struct evs_token *new, struct evs_secret *dk,
		      struct evs_error *err)
{
	struct evs_cmk cmk;
	int ret;

	*new = *old;
	new->wrapped_dk[0] = '\0';
	if (ref) {
		ret = evs_kms_describe_key(kms, ref, &cmk, err);
		if (ret)
			return ret;
		strcpy(new->cmk, cmk.id);
	}
	ret = evs_kms_rewrap_datakey(kms, old, new, err);
	if (ret)
		return ret;
	evs_secret_wipe(dk);
	ret = evs_kms_decrypt_datakey(kms, new, dk, err);
	return ret ? ret : evs_volume_verify_dk(vol, dk, err);
}

static int rewrap(struct evs_volume *vol, struct evs_kms *kms, const char *name,
		  const char *ref, struct evs_secret *dk, struct evs_error *err)
{
	struct evs_token old, new;
	int ret;

	ret = find_token(vol, kms, name, dk, &old, err);
	/* What an earlier rewrap left would be in the way of this one. */
	if (!ret && evs_volume_token_count(vol) > 1)
		ret = evs_volume_keep_token(vol, &old, err);
	if (!ret)
		ret = make_token(vol, kms, &old, ref, &new, dk, err);
	if (!ret)
		ret = evs_volume_add_token(vol, &new, err);
	if (!ret)
		ret = evs_volume_keep_token(vol, &new, err);
	return ret;
}

static int with_kms(struct evs_volume *vol, const char *ref, struct evs_error *err)
{
	char name[EVS_KMS_NAME_MAX + 1];
	const struct evs_config_kms *endpoint;
	struct evs_secret *dk = NULL;
	struct evs_kms *kms = NULL;
	struct evs_config config;
	int ret;

	strcpy(name, evs_volume_token(vol)->kms);
	ret = evs_config_load(&config, err);
	if (ret)
		return ret;
	endpoint = evs_config_kms(&config, name, err);
	ret = endpoint ? evs_kms_open(&kms, endpoint, err) : -err->errnum;
	if (!ret) {
		dk = evs_secret_alloc(EVS_DK_SIZE);
		if (!dk)
			ret = evs_error_set(err, errno, "cannot lock memory for the data key: %m");
	}
	if (!ret)
		ret = rewrap(vol, kms, name, ref, dk, err);
	evs_secret_free(dk);
	evs_kms_close(kms);
	evs_config_free(&config);
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
static void announce(const struct evs_volume *vol, const struct evs_device *dev)
{
	struct evs_error err = {};

	if (tell_kernel(vol, dev, &err))
		evs_text_line(stderr,
			      "evs-setup: %s: status shows its old CMK until it is attached anew: %s",
			      dev->path, err.text);
	tab_warn_stale("rewrap", dev->path, evs_volume_uuid(vol), evs_volume_token(vol));
	evs_text_line(stdout, "%s %s %s", dev->path, evs_volume_uuid(vol),
		      evs_volume_token(vol)->cmk);
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	static const struct option options[] = {
		{ "cmk", required_argument, NULL, 'c' },
		{},
	};
	const char *target, *ref = NULL;
	struct evs_volume *vol;
	struct claim claim;
	int opt, ret;

	while ((opt = cli_option(argc, argv, options, err)) > 0)
		ref = optarg;
	if (opt < 0 || cli_operand(argc, argv, "device or file", &target, err) ||
	    evs_process_harden(err) || claim_open_header(&claim, target, err))
		return -err->errnum;
	ret = evs_volume_open(&vol, &claim.dev, 0, err);
	if (!ret) {
		ret = with_kms(vol, ref, err);
		if (!ret)
			announce(vol, &claim.dev);
		evs_volume_close(vol);
	}
	claim_close(&claim);
	return ret;
}

const struct verb verb_rewrap = {
	.name = "rewrap",
	.args = "[--cmk ID|ALIAS] DEVICE|FILE",
	.brief = "have the data key of a disk wrapped anew; its data stays as it is",
	.help = "  --cmk ID|ALIAS  by another customer master key of the same KMS; by default\n"
		"                  by the newest material of the one it has\n"
		"\n"
		"The disk may be attached. Whenever it is cut short, the disk can be attached,\n"
		"and another rewrap puts things in order. Backups of the header still hold what\n"
		"was wrapped before. Prints the device, the UUID, and the id of the CMK.\n",
	.run = run,
};
