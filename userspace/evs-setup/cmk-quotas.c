// SPDX-License-Identifier: GPL-2.0-or-later
/* cmk quotas */
#include <stdio.h>

#include "cmk.h"

enum column {
	COL_TYPE,
	COL_USED,
	COL_LIMIT,
};

static const struct table_column columns[] = {
	[COL_TYPE] = { "TYPE", NULL, TABLE_TEXT, true },
	[COL_USED] = { "USED", NULL, TABLE_NUMBER, true },
	[COL_LIMIT] = { "LIMIT", NULL, TABLE_NUMBER, true },
};

static int call_quotas(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	const enum table_form *form = arg;
	struct table table = {
		.name = "quotas",
		.columns = columns,
		.column_count = sizeof(columns) / sizeof(columns[0]),
	};
	struct evs_quota quotas[EVS_QUOTAS_MAX];
	size_t count, i;
	int ret;

	ret = evs_kms_get_quotas(kms, quotas, &count, err);
	for (i = 0; !ret && i < count; i++)
		if (table_add(&table, err) ||
		    table_set(&table, COL_TYPE, err, "%s", quotas[i].type) ||
		    table_set(&table, COL_USED, err, "%lld", (long long)quotas[i].used) ||
		    table_set(&table, COL_LIMIT, err, "%lld", (long long)quotas[i].limit))
			ret = -err->errnum;
	if (!ret)
		ret = table_print(&table, *form, err);
	table_free(&table);
	return ret;
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	enum table_form form = TABLE_COLUMNS;
	const char *kms = NULL;

	if (cmk_table_options(argc, argv, &kms, &form, err) || cli_no_operand(argc, argv, err))
		return -err->errnum;
	return cmk_with_kms(kms, call_quotas, &form, err);
}

const struct verb verb_cmk_quotas = {
	.name = "cmk quotas",
	.args = "[--kms NAME] [--json]",
	.brief = "tell how many CMKs and grants there may be, and are",
	.help = CMK_HELP_KMS
		"  --json      print JSON\n"
		"\n"
		"Of grants, the number is that of the CMK that has most.\n",
	.run = run,
};
