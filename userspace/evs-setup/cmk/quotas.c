// SPDX-License-Identifier: GPL-2.0-or-later
/* cmk quotas */
#include <string.h>

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

/* What the protocol calls them is no word of ours. */
static const char *type_name(const char *type)
{
	if (!strcmp(type, "CMK"))
		return "CMKs";
	return strcmp(type, "grant_per_CMK") ? type : "grants-per-CMK";
}

static int call_quotas(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	struct table table = TABLE("quotas", columns);
	struct evs_quota quotas[EVS_QUOTAS_MAX];
	size_t count, i;
	int ret;

	(void)arg;
	ret = evs_kms_get_quotas(kms, quotas, &count, err);
	for (i = 0; !ret && i < count; i++)
		if (table_add(&table, err) ||
		    table_set(&table, COL_TYPE, err, "%s", type_name(quotas[i].type)) ||
		    table_set(&table, COL_USED, err, "%lld", (long long)quotas[i].used) ||
		    table_set(&table, COL_LIMIT, err, "%lld", (long long)quotas[i].limit))
			ret = -err->errnum;
	if (!ret)
		ret = table_print(&table, TABLE_COLUMNS, err);
	table_free(&table);
	return ret;
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	const char *kms = NULL;

	if (cmk_take_kms(argc, argv, &kms, err) || cli_no_operand(argc, argv, err))
		return -err->errnum;
	return cmk_with_kms(kms, call_quotas, NULL, err);
}

const struct verb verb_cmk_quotas = {
	.name = "cmk quotas",
	.args = "[OPTION...]",
	.brief = "show how many CMKs and grants exist and are allowed",
	.options = cmk_options,
	.notes = "The number of grants is that of the CMK with the most grants.\n",
	VERB_COLUMNS(columns),
	.run = run,
};
