// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmk schedule-deletion, cmk cancel-deletion. A CMK takes all disks with it that it
 * protects: those that this host knows of are named, and a confirmation is needed.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmk-disks.h"
#include "cmk.h"
#include "text.h"

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

static int confirm(const struct deletion *what, const struct evs_cmk *cmk, struct evs_error *err)
{
	char answer[8];

	if (!isatty(STDIN_FILENO))
		return evs_error_set(err, EBUSY,
				     "CMK %s: protects disks of this host; --yes deletes it nevertheless",
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
	ret = cmk_disks_tell(what->kms, &cmk, err);
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
		"  --yes        do not ask, although disks of this host are under the CMK\n"
		"\n"
		"Names the disks of this host that the CMK protects, whether attached or not, and\n"
		"asks. From now on the CMK refuses every use. Attached disks go on working. Until\n"
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
