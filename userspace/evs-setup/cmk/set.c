// SPDX-License-Identifier: GPL-2.0-or-later
/* cmk set */
#include <errno.h>
#include <string.h>

#include "cmk.h"

/**
 * struct change - What is asked.
 * @kms: name of the KMS
 * @ref: the CMK
 * @alias: its new alias, NULL to leave it
 * @description: its new description, NULL to leave it
 */
struct change {
	const char *kms;
	const char *ref;
	const char *alias;
	const char *description;
};

static int call_set(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	const struct change *change = arg;
	const char *ref = change->ref;
	struct evs_cmk cmk;
	int ret = 0;

	/* First what cannot collide with another CMK */
	if (change->description)
		ret = evs_kms_set_description(kms, ref, change->description, &cmk, err);
	if (!ret && change->alias)
		ret = evs_kms_rename(kms, ref, change->alias, &cmk, err);
	return ret ? ret : cmk_print_change(&cmk, err);
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct change change = {};
	int opt;

	while ((opt = cli_option(argc, argv, err)) > 0) {
		if (opt == CMK_KMS)
			change.kms = optarg;
		else if (opt == VERB_LONG('a'))
			change.alias = optarg;
		else
			change.description = optarg;
	}
	if (opt < 0 || cli_operand(argc, argv, "CMK", &change.ref, err))
		return -err->errnum;
	if (!change.alias && !change.description)
		return evs_error_set(err, EINVAL, "--alias and --description are missing: give one of them");
	return cmk_with_kms(change.kms, call_set, &change, err);
}

static const struct verb_option options[] = {
	{ "alias", VERB_LONG('a'), "ALIAS", WORD_TEXT, "set the alias" },
	{ "description", VERB_LONG('d'), "TEXT", WORD_TEXT, "set the description" },
	CMK_OPTION_KMS,
	{},
};

const struct verb verb_cmk_set = {
	.name = "cmk set",
	.args = "[OPTION...] ID|ALIAS",
	.brief = "change the alias or description of a customer master key",
	.options = options,
	.notes = "Disks hold the id of their CMK, not its alias: nothing changes for them.\n"
		 "Prints id, alias and state.\n",
	.operands = { WORD_CMK },
	.run = run,
};
