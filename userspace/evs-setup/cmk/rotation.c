// SPDX-License-Identifier: GPL-2.0-or-later
/* cmk rotate, cmk rotation */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cmk.h"
#include "text.h"

#define INTERVAL_FROM 30
#define INTERVAL_TO 365

static int run_rotate(int argc, char *argv[], struct evs_error *err)
{
	return cmk_change(argc, argv, evs_kms_rotate, err);
}

/**
 * struct rotation - What is asked.
 * @kms: name of the KMS
 * @ref: the CMK
 * @on: switch it on
 * @off: switch it off
 * @days: the new interval, 0 to leave it
 */
struct rotation {
	const char *kms;
	const char *ref;
	bool on;
	bool off;
	unsigned int days;
};

enum column {
	COL_ID,
	COL_ALIAS,
	COL_ON,
	COL_INTERVAL,
	COL_COUNT,
	COL_LAST,
};

static const struct table_column columns[] = {
	[COL_ID] = { "ID", NULL, TABLE_TEXT, true },
	[COL_ALIAS] = { "ALIAS", NULL, TABLE_TEXT, true },
	[COL_ON] = { "ROTATION", NULL, TABLE_BOOL, true },
	[COL_INTERVAL] = { "INTERVAL", "interval-days", TABLE_NUMBER, true },
	[COL_COUNT] = { "COUNT", NULL, TABLE_NUMBER, true },
	[COL_LAST] = { "LAST", NULL, TABLE_TEXT, true },
};

static int print_json(const struct evs_cmk *cmk, const struct evs_rotation *rotation,
		      const char *date, struct evs_error *err)
{
	struct table table = TABLE("cmks", columns);
	int ret;

	if (table_add(&table, err) || table_set(&table, COL_ID, err, "%s", cmk->id) ||
	    table_set(&table, COL_ALIAS, err, "%s", cmk->alias) ||
	    table_set(&table, COL_ON, err, "%d", rotation->on) ||
	    (rotation->interval &&
	     table_set(&table, COL_INTERVAL, err, "%u", rotation->interval)) ||
	    (rotation->count >= 0 &&
	     table_set(&table, COL_COUNT, err, "%lld", (long long)rotation->count)) ||
	    (*date && table_set(&table, COL_LAST, err, "%s", date)))
		ret = -err->errnum;
	else
		ret = table_print(&table, TABLE_COLUMNS, err);
	table_free(&table);
	return ret;
}

static int print_rotation(const struct evs_cmk *cmk, const struct evs_rotation *rotation,
			  struct evs_error *err)
{
	char interval[32] = "", count[48] = "", date[EVS_DATE_SIZE] = "";

	/* A KMS that counts says when the CMK was made before there is any */
	if (rotation->count)
		cmk_date(date, rotation->last);
	if (cli_settings()->json)
		return print_json(cmk, rotation, date, err);
	if (rotation->on && rotation->interval)
		snprintf(interval, sizeof(interval), ", every %u days", rotation->interval);
	if (rotation->count >= 0)
		snprintf(count, sizeof(count), ", %lld so far", (long long)rotation->count);
	evs_text_line(stdout, "%s %s rotation %s%s%s%s%.10s", cmk->id, cmk->alias,
		      rotation->on ? "on" : "off", interval, count, *date ? ", last on " : "",
		      date);
	return 0;
}

static int call_rotation(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	const struct rotation *asked = arg;
	struct evs_rotation now;
	struct evs_cmk cmk;
	int ret = 0;

	if (asked->on || asked->off)
		ret = evs_kms_set_rotation(kms, asked->ref, asked->on, &cmk, err);
	if (!ret && asked->days)
		ret = evs_kms_set_rotation_interval(kms, asked->ref, asked->days, &cmk, err);
	if (!ret)
		ret = evs_kms_get_rotation(kms, asked->ref, &cmk, &now, err);
	return ret ? ret : print_rotation(&cmk, &now, err);
}

static int take_option(struct rotation *asked, int opt, struct evs_error *err)
{
	switch (opt) {
	case CMK_KMS:
		asked->kms = optarg;
		return 0;
	case VERB_LONG('1'):
		asked->on = true;
		return 0;
	case VERB_LONG('0'):
		asked->off = true;
		return 0;
	default:
		return cli_days("--every", optarg, INTERVAL_FROM, INTERVAL_TO, &asked->days, err);
	}
}

static int run_rotation(int argc, char *argv[], struct evs_error *err)
{
	struct rotation asked = {};
	int opt;

	while ((opt = cli_option(argc, argv, err)) > 0)
		if (take_option(&asked, opt, err))
			return -err->errnum;
	if (opt < 0 || cli_operand(argc, argv, "CMK", &asked.ref, err))
		return -err->errnum;
	if (asked.off && (asked.on || asked.days))
		return evs_error_set(err, EINVAL, "--off goes with neither --on nor --every");
	return cmk_with_kms(asked.kms, call_rotation, &asked, err);
}

static const struct verb_option options[] = {
	{ "on", VERB_LONG('1'), NULL, WORD_NONE, "switch the rotation on" },
	{ "off", VERB_LONG('0'), NULL, WORD_NONE, "switch the rotation off" },
	{ "every", VERB_LONG('e'), "DAYS", WORD_TEXT, "set the interval, 30 to 365 days" },
	CMK_OPTION_KMS,
	{},
};

const struct verb verb_cmk_rotate = {
	.name = "cmk rotate",
	CMK_VERB_OPERAND,
	.brief = "make new material for a customer master key now",
	.notes = "What the older material protects stays readable; evs-setup rewrap moves a disk to\n"
		 "the new material. Works with the back ends transit and aws; for others, see\n"
		 "cmk rotation. Prints id, alias and state.\n",
	.run = run_rotate,
};

const struct verb verb_cmk_rotation = {
	.name = "cmk rotation",
	.args = "[OPTION...] ID|ALIAS",
	.brief = "show or change the rotation of a customer master key",
	.options = options,
	.notes = "Rotation has the KMS make new material at regular intervals.\n"
		 "Prints id, alias, and the rotation as it is then.\n",
	.operands = { WORD_CMK },
	.run = run_rotation,
};
