// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmk schedule-deletion, cmk cancel-deletion. A CMK takes all disks with it
 * that it protects, so whoever has such a disk attached here is told.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backing.h"
#include "cmk.h"
#include "disks.h"
#include "text.h"
#include "volume.h"

#define DAYS_FROM 7
#define DAYS_TO 1096

/**
 * struct deletion - What is asked.
 * @ref: the CMK
 * @kms: name of the KMS
 * @days: from now
 * @yes: ask nothing
 */
struct deletion {
	const char *ref;
	const char *kms;
	unsigned int days;
	bool yes;
};

/*
 * Does the CMK protect this disk? A header that cannot be read, or a disk
 * without one, may be one of its: better ask once too often.
 */
static bool is_protected(const struct evs_disk *disk, const char *kms, const char *cmk,
			 char *why, size_t size)
{
	const struct evs_token *token;
	struct evs_error ignored = {};
	struct evs_volume *vol;
	char backing[PATH_MAX];
	bool found = false;
	size_t i;

	*why = '\0';
	backing_node(disk->backing_dev, backing, sizeof(backing));
	if (evs_volume_read(&vol, backing, 0, &ignored)) {
		snprintf(why, size, " (perhaps: its header cannot be read)");
		return true;
	}
	for (i = 0; i < evs_volume_token_count(vol); i++) {
		token = evs_volume_token_at(vol, i);
		found |= !strcmp(token->kms, kms) && !strcmp(token->cmk, cmk);
	}
	evs_volume_close(vol);
	return found;
}

/* Names the attached disks that would be lost. Returns how many, or a negative errno. */
static int warn_of_disks(const struct deletion *what, const struct evs_cmk *cmk,
			 struct evs_error *err)
{
	struct evs_disk *disks;
	char path[32], why[64];
	struct evs_nl *nl;
	size_t count, i;
	int found = 0, ret;

	ret = evs_nl_open(&nl, err);
	if (ret == -ENOPKG)
		return 0;	/* no driver, no disks */
	if (ret)
		return ret;
	ret = evs_nl_dump(nl, &disks, &count, err);
	evs_nl_close(nl);
	if (ret)
		return ret;
	for (i = 0; i < count; i++) {
		if (!is_protected(&disks[i], what->kms, cmk->id, why, sizeof(why)))
			continue;
		disks_path(&disks[i], path, sizeof(path));
		evs_text_line(stderr,
			      "evs-setup: CMK %s protects disk %s (%s), which is attached here%s",
			      *cmk->alias ? cmk->alias : cmk->id, disks[i].name, path, why);
		found++;
	}
	free(disks);
	return found;
}

static int confirm(const struct deletion *what, const struct evs_cmk *cmk, struct evs_error *err)
{
	char answer[8];

	if (!isatty(STDIN_FILENO))
		return evs_error_set(err, EBUSY,
				     "CMK %s: protects disks that are attached; --yes deletes it nevertheless",
				     what->ref);
	evs_text_line(stderr,
		      "evs-setup: once %s is deleted, in %u days, their data is lost for good.",
		      *cmk->alias ? cmk->alias : cmk->id, what->days);
	fputs("Schedule the deletion? Type yes: ", stderr);
	if (!fgets(answer, sizeof(answer), stdin) || strcmp(answer, "yes\n"))
		return evs_error_set(err, ECANCELED, "CMK %s: kept as it is", what->ref);
	return 0;
}

static int call_schedule(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	const struct deletion *what = arg;
	struct evs_cmk cmk;
	time_t when;
	struct tm tm;
	char date[16] = "";
	int ret;

	ret = evs_kms_describe_key(kms, what->ref, &cmk, err);
	if (ret)
		return ret;
	ret = warn_of_disks(what, &cmk, err);
	if (ret > 0 && !what->yes)
		ret = confirm(what, &cmk, err);
	if (ret < 0)
		return ret;
	ret = evs_kms_schedule_deletion(kms, cmk.id, what->days, &cmk, err);
	if (ret)
		return ret;
	when = (time_t)cmk.deletion;
	if (when && gmtime_r(&when, &tm))
		strftime(date, sizeof(date), " %Y-%m-%d", &tm);
	evs_text_line(stdout, "%s %s %s%s", cmk.id, cmk.alias, evs_cmk_state_name(cmk.state),
		      date);
	return 0;
}

static int run_schedule(int argc, char *argv[], struct evs_error *err)
{
	static const struct option options[] = {
		CMK_OPTION_KMS,
		{ "days", required_argument, NULL, 'd' },
		{ "yes", no_argument, NULL, 'y' },
		{},
	};
	struct deletion what = { .kms = EVS_KMS_LOCAL };
	int opt;

	while ((opt = cli_option(argc, argv, options, err)) > 0) {
		if (opt == 'k')
			what.kms = optarg;
		else if (opt == 'y')
			what.yes = true;
		else if (cli_days("--days", optarg, DAYS_FROM, DAYS_TO, &what.days, err))
			return -err->errnum;
	}
	if (opt < 0 || cli_operand(argc, argv, "CMK", &what.ref, err))
		return -err->errnum;
	if (!what.days)
		return evs_error_set(err, EINVAL, "--days is missing: %d to %d", DAYS_FROM, DAYS_TO);
	return cmk_with_kms(what.kms, call_schedule, &what, err);
}

static int run_cancel(int argc, char *argv[], struct evs_error *err)
{
	return cmk_change(argc, argv, evs_kms_cancel_deletion, err);
}

const struct verb verb_cmk_schedule_deletion = {
	.name = "cmk schedule-deletion",
	.args = "[--kms NAME] --days DAYS [--yes] ID|ALIAS",
	.brief = "have a customer master key deleted, and with it all data it protects",
	.help = "  --kms NAME   " CMK_HELP_KMS_TEXT
		"  --days DAYS  how many days from now, 7 to 1096\n"
		"  --yes        although it protects disks that are attached on this host;\n"
		"               without it they are named, and you are asked\n"
		"\n"
		"From now on the CMK refuses every use. Attached disks go on working. Until\n"
		"the day comes, cmk cancel-deletion and cmk enable bring it back; after it,\n"
		"the data of all its disks is lost for good. " EVS_CMK_DEFAULT " cannot be deleted.\n"
		"Prints id, alias, state and date.\n",
	.run = run_schedule,
};

const struct verb verb_cmk_cancel_deletion = {
	.name = "cmk cancel-deletion",
	.args = "[--kms NAME] ID|ALIAS",
	.brief = "keep a customer master key that was to be deleted",
	.help = CMK_HELP_KMS
		"\n"
		"It is disabled afterwards; enable it with cmk enable.\n"
		"Prints id, alias and state.\n",
	.run = run_cancel,
};
