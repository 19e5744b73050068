// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * resume: the key of a suspended disk takes the way that it took at attach, so
 * that the KMS has its say. The kernel checks that it is the same key.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "cli/cli.h"
#include "disks.h"
#include "dk.h"
#include "text.h"

static const struct verb_option options[] = {
	{ "key", VERB_LONG('k'), "SERIAL", WORD_TEXT,
	  "use this key of type \"evs\", which resuming consumes, for a\ndisk that was attached with --raw" },
	{},
};

/* The KMS need not be asked about a disk that cannot be resumed. */
static int check_state(const struct evs_disk *disk, const char *ref, struct evs_error *err)
{
	switch (disk->state) {
	case EVS_DEV_STATE_SUSPENDED:
		return 0;
	case EVS_DEV_STATE_LIVE:
		return evs_error_set(err, EALREADY,
				     "%s: the disk is live: there is nothing to resume", ref);
	case EVS_DEV_STATE_REVOKED:
		return evs_error_set(err, EKEYREVOKED,
				     "%s: the disk is revoked: detach it and attach it anew", ref);
	case EVS_DEV_STATE_REMOVED:
		return evs_error_set(err, ENXIO,
				     "%s: the device below the disk has gone: detach the disk", ref);
	default:
		return evs_error_set(err, ENODEV, "%s: the disk has been detached already", ref);
	}
}

static int resume_with(struct evs_nl *nl, const struct evs_disk *disk, key_serial_t key,
		       const char *ref, struct evs_error *err)
{
	int ret = evs_nl_resume(nl, disk->id, key, err);

	if (ret == -EKEYREJECTED)
		return evs_error_set(err, EKEYREJECTED,
				     "%s: %s: the disk stays suspended until it gets the key that it was attached with",
				     ref, err->text);
	return ret ? evs_error_prefix(err, "%s", ref) : 0;
}

/* The KMS gave no answer: @err says so, unless the kernel has kept the key. */
static int resume_kept(struct evs_nl *nl, const struct evs_disk *disk, const char *ref,
		       struct evs_error *err)
{
	char shown[EVS_TEXT_SHOWN_MAX(sizeof(err->text))];
	struct evs_error none_kept = {};

	if (evs_nl_resume_kept(nl, disk->id, &none_kept))
		return -err->errnum;
	cli_note("%s: resumed with the key that was kept, as the KMS gives no answer: %s", ref,
		 err->text);
	evs_text_show(shown, sizeof(shown), err->text);
	openlog("evs-setup", LOG_PID, LOG_AUTHPRIV);
	syslog(LOG_WARNING, "disk %s: resumed with the key that was kept, as the KMS gives no answer: %s",
	       disk->uuid, shown);
	closelog();
	return 0;
}

/* Whether the key that was kept is good for anything depends on why there is none. */
static int no_key(struct evs_nl *nl, const struct evs_disk *disk, const char *ref,
		  struct evs_error *err)
{
	struct evs_error ignored = {};
	struct evs_disk now;

	/* To ask has taken its time: somebody else may have resumed or detached it */
	if (disks_find(nl, disk->uuid, &now, &ignored) || now.id != disk->id ||
	    now.state != EVS_DEV_STATE_SUSPENDED)
		return -err->errnum;
	switch (err->class) {
	case EVS_CLASS_KMS_UNREACHABLE:
		return err->transient ? resume_kept(nl, disk, ref, err) : -err->errnum;
	case EVS_CLASS_NONE:
	case EVS_CLASS_KMS_BUSY:
		break;
	default:
		/* The KMS has said no: it must not help any more to cut it off now */
		evs_nl_suspend(nl, disk->id, 0, &ignored);
	}
	return -err->errnum;
}

static int resume_volume(struct evs_nl *nl, const struct evs_disk *disk, const char *ref,
			 struct evs_error *err)
{
	const struct evs_pin any = {};
	struct evs_volume *vol;
	key_serial_t key;
	int ret;

	if (!*disk->uuid)
		return evs_error_set(err, EINVAL,
				     "%s: was attached with --raw: give its key with --key", ref);
	ret = disks_read_header(disk, &vol, err);
	if (ret)
		return ret;
	ret = dk_request(vol, disk->backing_dev, &any, &key, err);
	evs_volume_close(vol);
	if (ret)
		return no_key(nl, disk, ref, err);
	ret = resume_with(nl, disk, key, ref, err);
	dk_drop(key);
	return ret;
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct evs_disk disk;
	struct evs_nl *nl;
	int32_t key = 0;
	const char *ref;
	int opt, ret;

	while ((opt = cli_option(argc, argv, err)) > 0)
		if (cli_serial(optarg, &key, err))
			return -err->errnum;
	if (opt < 0 || cli_operand(argc, argv, "disk", &ref, err))
		return -err->errnum;
	ret = disks_open(&nl, ref, &disk, err);
	if (ret)
		return ret;
	ret = check_state(&disk, ref, err);
	if (!ret && key)
		ret = resume_with(nl, &disk, key, ref, err);
	else if (!ret)
		ret = resume_volume(nl, &disk, ref, err);
	evs_nl_close(nl);
	return ret;
}

const struct verb verb_resume = {
	.name = "resume",
	.args = "[--key SERIAL] DISK",
	.brief = "load the key of a suspended disk again and continue its I/O",
	.options = options,
	.notes = "The key comes from the KMS, as for attach. If the KMS refuses it, or it is not the\n"
		 "key that the disk had, the disk stays suspended. If the KMS cannot be reached, a\n"
		 "key that the kernel has kept is used: see grace in evs.conf(5).\n"
		 "\n"
		 DISKS_HELP,
	.operands = { WORD_DISK },
	.needs = VERB_NEEDS_ROOT,
	.run = run,
};
