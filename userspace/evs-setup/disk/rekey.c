// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rekey DEVICE: there is no room for a copy, so the data is encrypted anew where it is.
 * Both data keys are in this process meanwhile, in locked memory. Until the end the
 * header has both tokens, and the disk cannot be attached.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

#include "block/claim.h"
#include "block/loop.h"
#include "cli/cli.h"
#include "header-copy.h"
#include "pool/progress.h"
#include "rekey.h"
#include "rewrap-one.h"
#include "rewraps.h"
#include "volume/rekey.h"
#include "volume/slots.h"

#define PART ((size_t)32 << 20)
#define SECTOR 512

/**
 * struct rekey - One disk.
 * @path: what the user gave
 * @dry_run: change nothing
 * @rewraps: what rewraps of this verb share
 * @claim: the device
 * @loop: a loop device over it, where it is a file and the data is written
 * @vol: its header
 * @progress: how far it is
 * @uuid: UUID of the disk
 * @token: the new token
 * @is_written: all data has the new key, and the old token is still there
 */
struct rekey {
	const char *path;
	bool dry_run;
	struct evs_rewraps rewraps;
	struct claim claim;
	struct evs_device loop;
	struct evs_volume *vol;
	struct progress progress;
	char uuid[EVS_UUID_SIZE];
	struct evs_token token;
	bool is_written;
};

/* ---- begin ---- */

/* What counts is the key that the KMS gives for the token, before anything relies on it. */
static int make_key(struct evs_rewrap *rewrap, struct evs_token *token, struct evs_secret *dk,
		    struct evs_error *err)
{
	const struct evs_token *old = &rewrap->old;
	int ret;

	ret = evs_token_init(token, old->kms, old->cmk, evs_volume_uuid(rewrap->vol), err);
	if (!ret)
		ret = evs_kms_create_datakey(rewrap->kms, token, dk, err);
	if (ret)
		return ret;
	evs_secret_wipe(dk);
	return evs_kms_decrypt_datakey(rewrap->kms, token, dk, err);
}

/*
 * Of a rekey that was cut short when its data was written, the header still has the old
 * token. It names no key slot of the data any more, and the KMS gives another key for it,
 * or none. After a rewrap that was cut short, either token gives the key of the disk.
 */
static bool is_old(struct evs_rewrap *rewrap, const struct evs_token *token,
		   struct evs_secret *dk)
{
	struct evs_error ignored = {};
	struct evs_kms *kms;

	if (!evs_rewraps_kms(rewrap->rewraps, token->kms, &kms, &ignored) &&
	    !evs_kms_decrypt_datakey(kms, token, dk, &ignored))
		return CRYPTO_memcmp(dk->data, rewrap->dk->data, EVS_DK_SIZE);
	return !evs_volume_names_slot(rewrap->vol, token) &&
	       evs_volume_names_slot(rewrap->vol, &rewrap->old);
}

static int find_old(struct evs_rewrap *rewrap, bool *found, struct evs_error *err)
{
	struct evs_secret *dk = evs_secret_alloc(EVS_DK_SIZE);
	size_t i;

	if (!dk)
		return evs_error_set(err, errno, "cannot lock memory for the data key: %m");
	for (i = 0; i < evs_volume_token_count(rewrap->vol); i++)
		if (is_old(rewrap, evs_volume_token_at(rewrap->vol, i), dk))
			*found = true;
	evs_secret_free(dk);
	return 0;
}

static void note_slots(const struct rekey *rekey)
{
	unsigned int slots = evs_volume_other_slots(rekey->vol);

	if (slots)
		cli_note("rekey: %s: note: %u other key slot%s the old data key, and %s removed",
			 rekey->path, slots, slots == 1 ? " has" : "s have",
			 slots == 1 ? "is" : "are");
}

static int begin(void *arg, struct evs_rewrap *rewrap, struct evs_error *err)
{
	struct rekey *rekey = arg;
	struct evs_token token;
	struct evs_secret *dk;
	int ret;

	rekey->token = rewrap->old;
	ret = find_old(rewrap, &rekey->is_written, err);
	if (ret || rekey->is_written)
		return ret;
	note_slots(rekey);
	if (rekey->dry_run)
		return 0;
	dk = evs_secret_alloc(EVS_DK_SIZE);
	if (!dk)
		return evs_error_set(err, errno, "cannot lock memory for the data key: %m");
	ret = make_key(rewrap, &token, dk, err);
	if (!ret)
		ret = evs_volume_rekey_begin(rewrap->vol, &token, rewrap->dk, dk, err);
	evs_secret_free(dk);
	return ret;
}

/* ---- run ---- */

static int tell(void *arg, uint64_t done, uint64_t total, struct evs_error *err)
{
	struct rekey *rekey = arg;
	int ret = progress_tell(&rekey->progress, done, total, err);

	return ret ? evs_error_set(err, ECANCELED,
				   "%s: interrupted at byte %" PRIu64 " of %" PRIu64 "; go on by: evs-setup rekey %s",
				   rekey->path, done, total, rekey->path) : 0;
}

/* The library claims the device. */
static int write_data(void *arg, struct evs_rewrap *rewrap, struct evs_error *err)
{
	struct rekey *rekey = arg;
	int ret;

	progress_begin(&rekey->progress, rekey->uuid);
	ret = evs_volume_rekey_run(rewrap->vol, rewrap->dk, PART, tell, rekey, err);
	progress_end(&rekey->progress);
	return ret;
}

static int reopen(struct rekey *rekey, const struct evs_device *dev, struct evs_error *err)
{
	evs_volume_close(rekey->vol);
	rekey->vol = NULL;
	return evs_volume_open(&rekey->vol, dev, EVS_VOLUME_REKEY, err);
}

/* To a file, libcryptsetup writes blocks of 4096 bytes: it would be longer than before. */
static int open_loop(struct rekey *rekey, struct evs_error *err)
{
	char path[32];
	int fd, ret;

	fd = loop_attach(rekey->claim.dev.fd, SECTOR, path, sizeof(path), err);
	if (fd < 0)
		return fd;
	ret = evs_device_open_again(&rekey->loop, fd, rekey->path, O_RDWR, err);
	close(fd);
	return ret;
}

static int run_over(struct rekey *rekey, const struct evs_device *dev, struct evs_error *err)
{
	int ret = reopen(rekey, dev, err);

	if (!ret)
		ret = rewrap_with(&rekey->rewraps, rekey->vol, write_data, rekey, err);
	/* That may have taken a day: nobody is logged in that long. */
	evs_rewraps_close(&rekey->rewraps);
	return ret;
}

static int run(struct rekey *rekey, struct evs_error *err)
{
	int ret = claim_yield(&rekey->claim, err);

	if (!ret && rekey->claim.dev.is_file) {
		ret = open_loop(rekey, err);
		if (!ret) {
			ret = run_over(rekey, &rekey->loop, err);
			evs_device_close(&rekey->loop);
		}
	} else if (!ret) {
		ret = run_over(rekey, &rekey->claim.dev, err);
	}
	return ret ? ret : reopen(rekey, &rekey->claim.dev, err);
}

/* ---- end ---- */

/* Whatever the order of its tokens, one gives its key. */
static int end(void *arg, struct evs_rewrap *rewrap, struct evs_error *err)
{
	struct rekey *rekey = arg;

	rekey->token = rewrap->old;
	return evs_volume_rekey_end(rewrap->vol, &rewrap->old, err);
}

static int rekey_volume(struct rekey *rekey, struct evs_error *err)
{
	enum evs_rekey_state state = evs_volume_rekey_state(rekey->vol);
	int ret = 0;

	strcpy(rekey->uuid, evs_volume_uuid(rekey->vol));
	rekey->is_written = state == EVS_REKEY_WRITTEN;
	if (state == EVS_REKEY_NONE || rekey->dry_run)
		ret = rewrap_with(&rekey->rewraps, rekey->vol, begin, rekey, err);
	if (ret)
		return ret;
	if (state != EVS_REKEY_NONE || rekey->is_written)
		cli_note("rekey: %s: note: goes on with what was cut short", rekey->path);
	if (rekey->dry_run)
		return 0;
	if (!rekey->is_written)
		ret = run(rekey, err);
	if (!ret)
		ret = rewrap_with(&rekey->rewraps, rekey->vol, end, rekey, err);
	if (!ret)
		header_copy_take(rekey->path, &rekey->claim.dev);
	return ret;
}

int rekey_device(const char *path, bool dry_run, struct evs_error *err)
{
	struct rekey rekey = { .path = path, .dry_run = dry_run };
	struct evs_config config;
	int ret;

	ret = evs_config_load(&config, err);
	if (ret)
		return ret;
	rekey.rewraps.config = &config;
	ret = claim_open(&rekey.claim, path, err);
	if (!ret) {
		ret = evs_volume_open(&rekey.vol, &rekey.claim.dev, EVS_VOLUME_REKEY, err);
		if (!ret)
			ret = rekey_volume(&rekey, err);
		evs_volume_close(rekey.vol);
		claim_close(&rekey.claim);
	}
	evs_rewraps_close(&rekey.rewraps);
	evs_config_free(&config);
	if (!ret && dry_run)
		cli_note("rekey: nothing was changed, as --dry-run is given");
	return ret ? ret : rewrap_print(path, rekey.uuid, &rekey.token, err);
}
