// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmk schedule-deletion, cmk cancel-deletion. A CMK takes all disks with it that it
 * protects: those that this host knows of are named, and a confirmation is needed.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/confirm.h"
#include "cmk.h"
#include "disks.h"
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
	char text[EVS_CMK_REF_SIZE + 8];

	if (!cli_can_ask())
		return evs_error_set(err, EBUSY,
				     "CMK %s: protects disks of this host; --yes deletes it nevertheless",
				     what->ref);
	evs_text_line(stderr,
		      "evs-setup: once %s is deleted, in %u days, their data is lost for good.",
		      *cmk->alias ? cmk->alias : cmk->id, what->days);
	snprintf(text, sizeof(text), "CMK %s", what->ref);
	return cli_confirm("Schedule the deletion?", text, err);
}

static int call_schedule(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	const struct deletion *what = arg;
	struct evs_cmk cmk;
	char date[EVS_DATE_SIZE];
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
	if (cli_settings()->json)
		return cmk_print_change(&cmk, err);
	cmk_date(date, cmk.deletion);
	evs_text_line(stdout, "%s %s %s%s%.10s", cmk.id, cmk.alias, evs_cmk_state_name(cmk.state),
		      *date ? " " : "", date);
	return 0;
}

static int run_schedule(int argc, char *argv[], struct evs_error *err)
{
	struct deletion what = { .kms = EVS_KMS_LOCAL };
	int opt;

	while ((opt = cli_option(argc, argv, err)) > 0) {
		if (opt == CMK_KMS)
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

static const struct verb_option schedule_options[] = {
	{ "days", VERB_LONG('d'), "DAYS", WORD_TEXT, "delete it after this many days, 7 to 1096" },
	{ "yes", 'y', NULL, WORD_NONE, "do not ask, although the key protects disks of this host" },
	CMK_OPTION_KMS,
	{},
};

const struct verb verb_cmk_schedule_deletion = {
	.name = "cmk schedule-deletion",
	.args = "[OPTION...] --days DAYS ID|ALIAS",
	.brief = "delete a customer master key later, with all data it protects",
	.options = schedule_options,
	.notes = "Prints a line for each disk of this host that the key protects, attached or not,\n"
		 "and asks. The key refuses every use at once; attached disks go on working. Until\n"
		 "that day, cmk cancel-deletion and cmk enable make it usable again; after that, the\n"
		 "data of all its disks is lost for good. " EVS_CMK_DEFAULT " cannot be deleted.\n"
		 "Prints id, alias, state and date.\n",
	.operands = { WORD_CMK },
	.run = run_schedule,
};

const struct verb verb_cmk_cancel_deletion = {
	.name = "cmk cancel-deletion",
	CMK_VERB_OPERAND,
	.brief = "cancel the deletion of a customer master key",
	.notes = "The key is disabled afterwards; cmk enable enables it.\n"
		 "Prints id, alias and state.\n",
	.run = run_cancel,
};
