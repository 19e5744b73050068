// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * adopt: make an EVS disk of a LUKS2 disk of dm-crypt, whose data stays as it is. It
 * takes its passphrase once; its data key is wrapped by the KMS. release: the way back.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "block/claim.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/passphrase.h"
#include "config.h"
#include "disks.h"
#include "header-copy.h"
#include "rewraps.h"
#include "pool/target.h"
#include "rewrap-one.h"
#include "text.h"
#include "volume/slots.h"

/**
 * struct request - What is asked.
 * @device: device or file
 * @kms: name of the KMS, NULL for the local one
 * @cmk: the CMK, NULL for evs/default
 * @key_file: file of the passphrase, NULL to ask for it
 * @remove_slots: only the KMS is to open the disk
 * @rewraps: what rewraps of this verb share
 */
struct request {
	const char *device;
	const char *kms;
	const char *cmk;
	const char *key_file;
	bool remove_slots;
	struct evs_rewraps rewraps;
};

/**
 * struct change - What a verb does to a header.
 * @claim: how its device is claimed
 * @flags: how it is opened
 * @make: does it, and prints it
 */
struct change {
	int (*claim)(struct claim *claim, const char *path, struct evs_error *err);
	unsigned int flags;
	int (*make)(struct request *req, struct evs_volume *vol, const struct evs_device *dev,
		    struct evs_error *err);
};

/* Adds what most who come from dm-crypt need to know. */
static int open_volume(struct evs_volume **vol, const struct evs_device *dev,
		       unsigned int flags, struct evs_error *err)
{
	int ret = evs_volume_open(vol, dev, flags, err);

	if (ret == -EBADMSG && flags & EVS_VOLUME_FOREIGN)
		return evs_error_set(err, EBADMSG,
				     "%.200s; an EVS disk has aes-xts-plain64 with a 512-bit key, which cryptsetup reencrypt --cipher aes-xts-plain64 --key-size 512 makes",
				     err->text);
	return ret;
}

static int parse(struct request *req, int argc, char *argv[], struct evs_error *err)
{
	int opt, ret;

	while ((opt = cli_option(argc, argv, err)) > 0) {
		if (opt == VERB_LONG('k'))
			req->kms = optarg;
		else if (opt == VERB_LONG('c'))
			req->cmk = optarg;
		else if (opt == VERB_LONG('f'))
			req->key_file = optarg;
		else
			req->remove_slots = true;
	}
	if (opt < 0)
		return opt;
	ret = target_outside_pools(argc, argv, &req->device, "give a device or file", err);
	return ret ? ret : evs_process_harden(err);
}

static int run_on(const struct change *change, struct request *req, struct evs_error *err)
{
	struct evs_volume *vol;
	struct claim claim;
	int ret;

	ret = change->claim(&claim, req->device, err);
	if (ret)
		return ret;
	ret = open_volume(&vol, &claim.dev, change->flags, err);
	if (!ret) {
		ret = change->make(req, vol, &claim.dev, err);
		evs_volume_close(vol);
	}
	claim_close(&claim);
	return ret;
}

static int run(const struct change *change, int argc, char *argv[], struct evs_error *err)
{
	struct request req = {};
	struct evs_config config;
	int ret;

	ret = parse(&req, argc, argv, err);
	if (!ret)
		ret = evs_config_load(&config, err);
	if (ret)
		return ret;
	req.rewraps.config = &config;
	ret = run_on(change, &req, err);
	evs_rewraps_close(&req.rewraps);
	evs_config_free(&config);
	return ret;
}

/* ---- adopt ---- */

static int print(const struct request *req, const struct evs_volume *vol, struct evs_error *err)
{
	const struct evs_token *token = evs_volume_token(vol);

	disks_note_slots(req->device, req->device, vol);
	if (cli_settings()->json)
		return out_texts("disks", err, "device", req->device, "uuid",
				 evs_volume_uuid(vol), "kms", token->kms, "cmk", token->cmk, NULL);
	evs_text_line(stdout, "%s %s %s", req->device, evs_volume_uuid(vol), token->cmk);
	return 0;
}

/* What the KMS made of the key is unwrapped and checked before it is relied on. */
static int wrap(struct request *req, struct evs_volume *vol, struct evs_secret *dk,
		struct evs_token *token, struct evs_error *err)
{
	const char *name = req->kms ? req->kms : EVS_KMS_LOCAL;
	struct evs_kms *kms;
	struct evs_cmk cmk;
	int ret;

	ret = evs_rewraps_kms(&req->rewraps, name, &kms, err);
	if (!ret)
		ret = evs_kms_describe_key(kms, req->cmk ? req->cmk : EVS_CMK_DEFAULT, &cmk, err);
	if (!ret)
		ret = evs_token_init(token, name, cmk.id, evs_volume_uuid(vol), err);
	if (!ret)
		ret = evs_kms_encrypt_datakey(kms, token, dk, err);
	evs_secret_wipe(dk);
	if (!ret)
		ret = evs_kms_decrypt_datakey(kms, token, dk, err);
	if (!ret)
		ret = evs_volume_verify_dk(vol, dk, err);
	token->adopted = true;
	return ret;
}

static int adopt(struct request *req, struct evs_volume *vol, struct evs_error *err)
{
	struct evs_secret *passphrase = NULL, *dk;
	struct evs_token token;
	int ret;

	dk = evs_secret_alloc(EVS_DK_SIZE);
	if (!dk)
		return evs_error_set(err, errno, "cannot lock memory for the data key: %m");
	ret = passphrase_get(&passphrase, req->key_file, req->device, false, err);
	if (!ret) {
		ret = evs_volume_unlock(vol, passphrase, dk, err);
		evs_secret_free(passphrase);
	}
	if (!ret)
		ret = wrap(req, vol, dk, &token, err);
	if (!ret)
		ret = evs_volume_adopt(vol, &token, dk, err);
	evs_secret_free(dk);
	return ret;
}

/* Without the KMS, which was asked, nobody could open the disk afterwards. */
static int remove_slots(void *arg, struct evs_rewrap *rewrap, struct evs_error *err)
{
	(void)arg;
	return evs_volume_remove_slots(rewrap->vol, err);
}

static int adopt_volume(struct request *req, struct evs_volume *vol,
			const struct evs_device *dev, struct evs_error *err)
{
	bool ours = evs_volume_token_count(vol);
	int ret = 0;

	if (ours && !req->remove_slots)
		return evs_error_set(err, EEXIST, "%s: is an EVS disk already", req->device);
	if (ours && (req->kms || req->cmk || req->key_file))
		return evs_error_set(err, EINVAL,
				     "%s: is an EVS disk already: --remove-slots takes none of --kms, --cmk and --key-file with it",
				     req->device);
	if (!ours)
		ret = adopt(req, vol, err);
	if (!ret && req->remove_slots && evs_volume_other_slots(vol))
		ret = rewrap_with(&req->rewraps, vol, remove_slots, NULL, err);
	if (ret)
		return ret;
	header_copy_take(req->device, dev);
	return print(req, vol, err);
}

static int run_adopt(int argc, char *argv[], struct evs_error *err)
{
	static const struct change change = {
		.claim = claim_open_header,
		.flags = EVS_VOLUME_FOREIGN,
		.make = adopt_volume,
	};

	return run(&change, argc, argv, err);
}

/* ---- release ---- */

static int release(void *arg, struct evs_rewrap *rewrap, struct evs_error *err)
{
	const struct request *req = arg;
	struct evs_secret *passphrase = NULL;
	int ret;

	ret = passphrase_get(&passphrase, req->key_file, req->device, true, err);
	if (!ret) {
		ret = evs_volume_release(rewrap->vol, passphrase, rewrap->dk, err);
		evs_secret_free(passphrase);
	}
	return ret;
}

static int print_released(const struct request *req, const struct evs_volume *vol,
			  struct evs_error *err)
{
	if (cli_settings()->json)
		return out_texts("released", err, "device", req->device, "uuid",
				 evs_volume_uuid(vol), NULL);
	evs_text_line(stdout, "%s %s", req->device, evs_volume_uuid(vol));
	return 0;
}

static int release_volume(struct request *req, struct evs_volume *vol,
			  const struct evs_device *dev, struct evs_error *err)
{
	int ret;

	(void)dev;
	ret = rewrap_with(&req->rewraps, vol, release, req, err);
	if (ret)
		return ret;
	header_copy_drop(req->device, evs_volume_uuid(vol));
	return print_released(req, vol, err);
}

/* Exclusively: a disk that is attached could not be resumed any more. */
static int run_release(int argc, char *argv[], struct evs_error *err)
{
	static const struct change change = { .claim = claim_open, .make = release_volume };

	return run(&change, argc, argv, err);
}

/* ---- the verbs ---- */

#define OPTION_KEY_FILE(what) \
	{ "key-file", VERB_LONG('f'), "FILE", WORD_FILE, what ", all bytes of FILE, instead of asking" }

static const struct verb_option adopt_options[] = {
	{ "kms", VERB_LONG('k'), "NAME", WORD_KMS, "use this KMS of evs.conf, by default " EVS_KMS_LOCAL },
	{ "cmk", VERB_LONG('c'), "ID|ALIAS", WORD_CMK,
	  "protect the data key with this customer master key,\nby default " EVS_CMK_DEFAULT },
	OPTION_KEY_FILE("take the passphrase"),
	{ "remove-slots", VERB_LONG('r'), NULL, WORD_NONE,
	  "remove the key slots that open the disk without the KMS,\nalso of an EVS disk" },
	{},
};

const struct verb verb_adopt = {
	.name = "adopt",
	.args = "[OPTION...] DEVICE|FILE",
	.brief = "turn a LUKS2 disk of dm-crypt into an EVS disk; its data stays",
	.options = adopt_options,
	.notes = "Asks for its passphrase, and has its data key wrapped by the KMS. The disk must use\n"
		 "aes-xts-plain64 with a 512-bit key; dm-crypt may have it open. Passphrases go on\n"
		 "opening it until --remove-slots is given. Prints the device, the UUID, and the id of\n"
		 "the CMK.\n",
	.operands = { WORD_FILE },
	.run = run_adopt,
};

static const struct verb_option release_options[] = {
	OPTION_KEY_FILE("take the new passphrase"),
	{},
};

const struct verb verb_release = {
	.name = "release",
	.args = "[OPTION...] DEVICE|FILE",
	.brief = "turn an EVS disk into a LUKS2 disk that a passphrase opens",
	.options = release_options,
	.notes = "The disk must be detached; its data stays. Asks for a new passphrase, twice, adds a\n"
		 "key slot for it, and removes the token of the KMS. cryptsetup opens the disk from then\n"
		 "on. Prints the device and the UUID.\n",
	.operands = { WORD_FILE },
	.run = run_release,
};
