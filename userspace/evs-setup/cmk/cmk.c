// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/confirm.h"
#include "cmk.h"
#include "config.h"
#include "disks.h"
#include "kms/backend.h"
#include "text.h"

enum column {
	COL_ALIAS,
	COL_ID,
	COL_STATE,
	COL_CREATED,
	COL_DESCRIPTION,
	COL_DEFAULT,
	COL_SPEC,
	COL_ORIGIN,
	COL_DELETION,
};

static const struct table_column columns[] = {
	[COL_ALIAS] = { "ALIAS", NULL, TABLE_TEXT, true },
	[COL_ID] = { "ID", NULL, TABLE_TEXT, true },
	[COL_STATE] = { "STATE", NULL, TABLE_TEXT, true },
	[COL_CREATED] = { "CREATED", NULL, TABLE_TEXT, true },
	[COL_DESCRIPTION] = { "DESCRIPTION", NULL, TABLE_TEXT, true },
	[COL_DEFAULT] = { "DEFAULT", NULL, TABLE_BOOL, false },
	[COL_SPEC] = { "SPEC", NULL, TABLE_TEXT, false },
	[COL_ORIGIN] = { "ORIGIN", NULL, TABLE_TEXT, false },
	[COL_DELETION] = { "DELETION", NULL, TABLE_TEXT, false },
};

int cmk_with_kms(const char *name,
		 int (*call)(struct evs_kms *kms, void *arg, struct evs_error *err), void *arg,
		 struct evs_error *err)
{
	const struct evs_config_kms *endpoint;
	struct evs_config config;
	struct evs_kms *kms;
	int ret;

	ret = evs_config_load(&config, err);
	if (ret)
		return ret;
	endpoint = evs_config_kms(&config, name ? name : EVS_KMS_LOCAL, err);
	ret = endpoint ? evs_kms_open(&kms, endpoint, err) : -err->errnum;
	if (!ret) {
		ret = call(kms, arg, err);
		evs_kms_close(kms);
	}
	evs_config_free(&config);
	return ret;
}

const struct verb_option cmk_options[] = {
	CMK_OPTION_KMS,
	{},
};

int cmk_take_kms(int argc, char *argv[], const char **kms, struct evs_error *err)
{
	int opt;

	while ((opt = cli_option(argc, argv, err)) > 0)
		*kms = optarg;
	return opt;
}

void cmk_date(char text[EVS_DATE_SIZE], int64_t seconds)
{
	*text = '\0';
	if (seconds)
		evs_date_time(text, seconds);
}

int cmk_operands(int argc, char *argv[], const char *const *names, const char **operands,
		 struct evs_error *err)
{
	int i;

	for (i = 0; names[i]; i++) {
		if (optind + i >= argc || !*argv[optind + i])
			return evs_error_set(err, EINVAL, "%s is missing", names[i]);
		operands[i] = argv[optind + i];
	}
	if (optind + i < argc)
		return evs_error_set(err, EINVAL, "unexpected argument %s", argv[optind + i]);
	return 0;
}

static int set_time(struct table *table, enum column column, int64_t seconds,
		    struct evs_error *err)
{
	char text[EVS_DATE_SIZE];

	cmk_date(text, seconds);
	return *text ? table_set(table, column, err, "%s", text) : 0;
}

static int add_cmk(struct table *table, const struct evs_cmk *cmk, struct evs_error *err)
{
	if (table_add(table, err) || table_set(table, COL_ALIAS, err, "%s", cmk->alias) ||
	    table_set(table, COL_ID, err, "%s", cmk->id) ||
	    table_set(table, COL_STATE, err, "%s", evs_cmk_state_name(cmk->state)) ||
	    set_time(table, COL_CREATED, cmk->created, err) ||
	    (*cmk->description &&
	     table_set(table, COL_DESCRIPTION, err, "%s", cmk->description)) ||
	    table_set(table, COL_DEFAULT, err, "%d", cmk->is_default) ||
	    table_set(table, COL_SPEC, err, "%s", cmk->spec) ||
	    table_set(table, COL_ORIGIN, err, "%s", cmk->origin) ||
	    set_time(table, COL_DELETION, cmk->deletion, err))
		return -err->errnum;
	return 0;
}

static int print_cmks(const struct evs_cmk *cmks, size_t count, enum table_form form,
		      struct evs_error *err)
{
	struct table table = TABLE("cmks", columns);
	int ret = 0;
	size_t i;

	for (i = 0; i < count && !ret; i++)
		ret = add_cmk(&table, &cmks[i], err);
	if (!ret)
		ret = table_print(&table, form, err);
	table_free(&table);
	return ret;
}

int cmk_print_change(const struct evs_cmk *cmk, struct evs_error *err)
{
	if (cli_settings()->json)
		return print_cmks(cmk, 1, TABLE_PROPERTIES, err);
	evs_text_line(stdout, "%s %s %s", cmk->id, cmk->alias, evs_cmk_state_name(cmk->state));
	return 0;
}

static int call_list(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	struct evs_cmk *cmks;
	size_t count;
	int ret;

	(void)arg;
	ret = evs_kms_list_keys(kms, &cmks, &count, err);
	if (ret)
		return ret;
	ret = print_cmks(cmks, count, TABLE_COLUMNS, err);
	free(cmks);
	return ret;
}

static int run_list(int argc, char *argv[], struct evs_error *err)
{
	const char *kms = NULL;

	if (cmk_take_kms(argc, argv, &kms, err) || cli_no_operand(argc, argv, err))
		return -err->errnum;
	return cmk_with_kms(kms, call_list, NULL, err);
}

static int call_show(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	const char *const *ref = arg;
	struct evs_cmk cmk;
	int ret;

	ret = evs_kms_describe_key(kms, *ref, &cmk, err);
	return ret ? ret : print_cmks(&cmk, 1, TABLE_PROPERTIES, err);
}

static int run_show(int argc, char *argv[], struct evs_error *err)
{
	const char *kms = NULL, *ref;

	if (cmk_take_kms(argc, argv, &kms, err) || cli_operand(argc, argv, "CMK", &ref, err))
		return -err->errnum;
	return cmk_with_kms(kms, call_show, &ref, err);
}

struct create {
	const char *alias;
	const char *description;
	bool external;
};

static int call_create(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	const struct create *create = arg;
	struct evs_cmk cmk;
	int ret;

	ret = (create->external ? evs_kms_create_external_key : evs_kms_create_key)(
		kms, create->alias, create->description, &cmk, err);
	return ret ? ret : cmk_print_change(&cmk, err);
}

static int run_create(int argc, char *argv[], struct evs_error *err)
{
	struct create create = {};
	const char *kms = NULL;
	int opt;

	while ((opt = cli_option(argc, argv, err)) > 0) {
		if (opt == CMK_KMS)
			kms = optarg;
		else if (opt == VERB_LONG('e'))
			create.external = true;
		else
			create.description = optarg;
	}
	if (opt < 0 || cli_operand(argc, argv, "alias", &create.alias, err))
		return -err->errnum;
	return cmk_with_kms(kms, call_create, &create, err);
}

struct change {
	const char *ref;
	cmk_change_call make;
};

static int call_change(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	const struct change *change = arg;
	struct evs_cmk cmk;
	int ret;

	ret = change->make(kms, change->ref, &cmk, err);
	return ret ? ret : cmk_print_change(&cmk, err);
}

int cmk_change(int argc, char *argv[], cmk_change_call make, struct evs_error *err)
{
	struct change change = { .make = make };
	const char *kms = NULL;

	if (cmk_take_kms(argc, argv, &kms, err) ||
	    cli_operand(argc, argv, "CMK", &change.ref, err))
		return -err->errnum;
	return cmk_with_kms(kms, call_change, &change, err);
}

static int run_enable(int argc, char *argv[], struct evs_error *err)
{
	return cmk_change(argc, argv, evs_kms_enable_key, err);
}

bool cmk_warn_unusable(struct evs_kms *kms, const struct evs_cmk *cmk, const char *until)
{
	struct evs_error ignored = {};

	/* That the disks cannot be told is no failure. */
	if (cmk_disks_tell(kms->cfg.name, cmk, &ignored) <= 0)
		return false;
	cli_note("attached disks go on working; once detached, no disk under %s can be attached until %s",
		 *cmk->alias ? cmk->alias : cmk->id, until);
	return true;
}

/**
 * struct disabling - What is asked.
 * @ref: the CMK
 * @yes: ask nothing
 */
struct disabling {
	const char *ref;
	bool yes;
};

/* A script is told and not stopped: nothing is lost, cmk enable brings it back. */
static int call_disable(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	const struct disabling *what = arg;
	char text[EVS_CMK_REF_SIZE + 8];
	struct evs_cmk cmk;
	int ret;

	ret = evs_kms_describe_key(kms, what->ref, &cmk, err);
	if (ret)
		return ret;
	if (cmk_warn_unusable(kms, &cmk, "it is enabled with cmk enable") && !what->yes &&
	    cli_can_ask()) {
		snprintf(text, sizeof(text), "CMK %s", what->ref);
		ret = cli_confirm("Disable it?", text, err);
	}
	if (!ret)
		ret = evs_kms_disable_key(kms, what->ref, &cmk, err);
	return ret ? ret : cmk_print_change(&cmk, err);
}

static int run_disable(int argc, char *argv[], struct evs_error *err)
{
	struct disabling what = {};
	const char *kms = NULL;
	int opt;

	while ((opt = cli_option(argc, argv, err)) > 0) {
		if (opt == CMK_KMS)
			kms = optarg;
		else
			what.yes = true;
	}
	if (opt < 0 || cli_operand(argc, argv, "CMK", &what.ref, err))
		return -err->errnum;
	return cmk_with_kms(kms, call_disable, &what, err);
}

static const struct verb_option disable_options[] = {
	{ "yes", 'y', NULL, WORD_NONE, "do not ask" },
	CMK_OPTION_KMS,
	{},
};

static const struct verb_option create_options[] = {
	{ "description", VERB_LONG('d'), "TEXT", WORD_TEXT, "set the description" },
	{ "external", VERB_LONG('e'), NULL, WORD_NONE,
	  "make it without material; cmk import adds that" },
	CMK_OPTION_KMS,
	{},
};

const struct verb verb_cmk_create = {
	.name = "cmk create",
	.args = "[OPTION...] ALIAS",
	.brief = "make a customer master key",
	.options = create_options,
	.notes = "ALIAS has letters, digits and : / _ -. Prints id, alias and state.\n",
	.operands = { WORD_TEXT },
	.run = run_create,
};

const struct verb verb_cmk_list = {
	.name = "cmk list",
	.args = "[OPTION...]",
	.brief = "list the customer master keys",
	.options = cmk_options,
	.notes = "With --json, prints all that cmk show prints.\n",
	VERB_COLUMNS(columns),
	.run = run_list,
};

const struct verb verb_cmk_show = {
	.name = "cmk show",
	CMK_VERB_OPERAND,
	.brief = "show all properties of a customer master key",
	VERB_COLUMNS(columns),
	.run = run_show,
};

const struct verb verb_cmk_enable = {
	.name = "cmk enable",
	CMK_VERB_OPERAND,
	.brief = "enable a customer master key",
	.notes = "Prints id, alias and state.\n",
	.run = run_enable,
};

const struct verb verb_cmk_disable = {
	.name = "cmk disable",
	.args = "[OPTION...] ID|ALIAS",
	.brief = "disable a customer master key",
	.options = disable_options,
	.notes = "Attached disks go on working. No disk whose data key it protects can be attached\n"
		 "until it is enabled. Prints notes of what it protects on this host, and asks first on\n"
		 "a terminal.\n"
		 EVS_CMK_DEFAULT " cannot be disabled. Prints id, alias and state.\n",
	.operands = { WORD_CMK },
	.run = run_disable,
};
