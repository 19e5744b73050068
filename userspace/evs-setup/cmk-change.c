// SPDX-License-Identifier: GPL-2.0-or-later
/* cmk rename, describe, rotate, rotation */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmk.h"
#include "text.h"

#define INTERVAL_FROM 30
#define INTERVAL_TO 365

static const struct option options[] = {
	CMK_OPTION_KMS,
	{},
};

/**
 * struct change - What is asked.
 * @kms: name of the KMS
 * @ref: the CMK
 * @text: the new alias or description, or what to do about rotation
 * @days: the new interval
 */
struct change {
	const char *kms;
	const char *ref;
	const char *text;
	unsigned int days;
};

static int parse(int argc, char *argv[], struct change *change, const char *second,
		 struct evs_error *err)
{
	const char *const names[] = { "CMK", second, NULL };
	const char *operands[2] = {};
	int opt;

	while ((opt = cli_option(argc, argv, options, err)) > 0)
		change->kms = optarg;
	if (opt < 0 || cmk_operands(argc, argv, names, operands, err))
		return -err->errnum;
	change->ref = operands[0];
	change->text = operands[1];
	return 0;
}

static int call_rename(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	const struct change *change = arg;
	struct evs_cmk cmk;
	int ret;

	ret = evs_kms_rename(kms, change->ref, change->text, &cmk, err);
	if (!ret)
		cmk_print_change(&cmk);
	return ret;
}

static int run_rename(int argc, char *argv[], struct evs_error *err)
{
	struct change change = {};

	if (parse(argc, argv, &change, "new alias", err))
		return -err->errnum;
	return cmk_with_kms(change.kms, call_rename, &change, err);
}

static int call_describe(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	const struct change *change = arg;
	struct evs_cmk cmk;
	int ret;

	ret = evs_kms_set_description(kms, change->ref, change->text, &cmk, err);
	if (!ret)
		cmk_print_change(&cmk);
	return ret;
}

static int run_describe(int argc, char *argv[], struct evs_error *err)
{
	struct change change = {};

	if (parse(argc, argv, &change, "description", err))
		return -err->errnum;
	return cmk_with_kms(change.kms, call_describe, &change, err);
}

static int call_rotate(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	const struct change *change = arg;
	struct evs_cmk cmk;
	int ret;

	ret = evs_kms_rotate(kms, change->ref, &cmk, err);
	if (!ret)
		cmk_print_change(&cmk);
	return ret;
}

static int run_rotate(int argc, char *argv[], struct evs_error *err)
{
	struct change change = {};

	if (parse(argc, argv, &change, NULL, err))
		return -err->errnum;
	return cmk_with_kms(change.kms, call_rotate, &change, err);
}

/* ---- rotation ---- */

static void print_rotation(const struct evs_cmk *cmk, const struct evs_rotation *rotation)
{
	time_t when = (time_t)rotation->last;
	struct tm tm;
	char interval[32] = "", count[48] = "", date[32] = "";

	if (rotation->on && rotation->interval)
		snprintf(interval, sizeof(interval), ", every %u days", rotation->interval);
	if (rotation->count >= 0)
		snprintf(count, sizeof(count), ", %lld so far", (long long)rotation->count);
	/* A KMS that counts says when the CMK was made before there is any */
	if (!when || !rotation->count || !gmtime_r(&when, &tm) ||
	    !strftime(date, sizeof(date), ", last on %Y-%m-%d", &tm))
		*date = '\0';
	evs_text_line(stdout, "%s %s rotation %s%s%s%s", cmk->id, cmk->alias,
		      rotation->on ? "on" : "off", interval, count, date);
}

static int call_rotation(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	const struct change *change = arg;
	struct evs_rotation rotation;
	struct evs_cmk cmk;
	int ret = 0;

	if (change->days)
		ret = evs_kms_set_rotation_interval(kms, change->ref, change->days, &cmk, err);
	else if (strcmp(change->text, "show"))
		ret = evs_kms_set_rotation(kms, change->ref, !strcmp(change->text, "on"), &cmk,
					   err);
	if (!ret)
		ret = evs_kms_get_rotation(kms, change->ref, &cmk, &rotation, err);
	if (!ret)
		print_rotation(&cmk, &rotation);
	return ret;
}

static int run_rotation(int argc, char *argv[], struct evs_error *err)
{
	static const char *const simple[] = { "on, off, show or interval", "CMK", NULL };
	static const char *const interval[] = { "interval", "number of days", "CMK", NULL };
	struct change change = {};
	const char *operands[3];
	int opt;

	while ((opt = cli_option(argc, argv, options, err)) > 0)
		change.kms = optarg;
	if (opt < 0)
		return opt;
	if (optind < argc && !strcmp(argv[optind], "interval")) {
		if (cmk_operands(argc, argv, interval, operands, err) ||
		    cli_days("interval", operands[1], INTERVAL_FROM, INTERVAL_TO, &change.days, err))
			return -err->errnum;
		change.ref = operands[2];
	} else {
		if (cmk_operands(argc, argv, simple, operands, err))
			return -err->errnum;
		change.ref = operands[1];
	}
	change.text = operands[0];
	if (!change.days && strcmp(change.text, "on") && strcmp(change.text, "off") &&
	    strcmp(change.text, "show"))
		return evs_error_set(err, EINVAL, "%s: must be on, off, show or interval",
				     change.text);
	return cmk_with_kms(change.kms, call_rotation, &change, err);
}

const struct verb verb_cmk_rename = {
	.name = "cmk rename",
	.args = "[--kms NAME] ID|ALIAS NEW-ALIAS",
	.brief = "give a customer master key another alias",
	.help = CMK_HELP_KMS
		"\n"
		"Disks hold the id of their CMK, not its alias: nothing changes for them.\n"
		"Prints id, alias and state.\n",
	.run = run_rename,
};

const struct verb verb_cmk_describe = {
	.name = "cmk describe",
	.args = "[--kms NAME] ID|ALIAS TEXT",
	.brief = "give a customer master key another description",
	.help = CMK_HELP_KMS
		"\n"
		"Prints id, alias and state.\n",
	.run = run_describe,
};

const struct verb verb_cmk_rotate = {
	.name = "cmk rotate",
	.args = "[--kms NAME] ID|ALIAS",
	.brief = "have new material made for a customer master key now",
	.help = CMK_HELP_KMS
		"\n"
		"What the older material protects stays readable; evs-setup rewrap moves a disk\n"
		"to the new one. The backend has to be transit or aws; else, see cmk rotation.\n"
		"Prints id, alias and state.\n",
	.run = run_rotate,
};

const struct verb verb_cmk_rotation = {
	.name = "cmk rotation",
	.args = "[--kms NAME] on|off|show|interval DAYS ID|ALIAS",
	.brief = "have new material made for a customer master key regularly",
	.help = CMK_HELP_KMS
		"\n"
		"  on             from now on\n"
		"  off            no longer\n"
		"  show           tell how it is\n"
		"  interval DAYS  so often, 30 to 365\n"
		"\n"
		"Prints id, alias, and how it is then.\n",
	.run = run_rotation,
};
