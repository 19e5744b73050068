// SPDX-License-Identifier: GPL-2.0-or-later
/* cmk grant add, list, remove */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/out.h"
#include "cmk.h"
#include "text.h"

enum column {
	COL_ID,
	COL_CMK,
	COL_NAME,
	COL_GRANTEE,
	COL_OPERATIONS,
	COL_CREATED,
	COL_ISSUER,
	COL_RETIRING,
};

static const struct table_column columns[] = {
	[COL_ID] = { "ID", NULL, TABLE_TEXT, true },
	[COL_CMK] = { "CMK", NULL, TABLE_TEXT, true },
	[COL_NAME] = { "NAME", NULL, TABLE_TEXT, true },
	[COL_GRANTEE] = { "GRANTEE", NULL, TABLE_TEXT, true },
	[COL_OPERATIONS] = { "OPERATIONS", NULL, TABLE_TEXT, true },
	[COL_CREATED] = { "CREATED", NULL, TABLE_TEXT, true },
	[COL_ISSUER] = { "ISSUER", NULL, TABLE_TEXT, false },
	[COL_RETIRING] = { "RETIRING", NULL, TABLE_TEXT, false },
};

/**
 * struct request - What is asked.
 * @kms: name of the KMS
 * @ref: the CMK, NULL for all of them
 * @id: the grant that is taken away
 * @retire: it is given back by who has it
 * @grant: the grant that is made
 */
struct request {
	const char *kms;
	const char *ref;
	const char *id;
	bool retire;
	struct evs_grant grant;
};

static int call_add(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	struct request *req = arg;
	int ret;

	ret = evs_kms_create_grant(kms, req->ref, &req->grant, err);
	if (ret)
		return ret;
	if (cli_settings()->json)
		return out_texts("grants", err, "id", req->grant.id, "grantee", req->grant.grantee,
				 "name", req->grant.name, NULL);
	evs_text_line(stdout, "%s", req->grant.id);
	return 0;
}

static int add_grant(struct table *table, const struct evs_grant *grant, struct evs_error *err)
{
	char operations[EVS_GRANT_OPERATIONS_MAX * 41] = "", when[EVS_DATE_SIZE];
	size_t i;

	for (i = 0; i < grant->operation_count; i++) {
		if (i)
			strcat(operations, ",");
		strcat(operations, grant->operations[i]);
	}
	if (table_add(table, err) || table_set(table, COL_ID, err, "%s", grant->id) ||
	    (*grant->cmk && table_set(table, COL_CMK, err, "%s", grant->cmk)) ||
	    (*grant->name && table_set(table, COL_NAME, err, "%s", grant->name)) ||
	    table_set(table, COL_GRANTEE, err, "%s", grant->grantee) ||
	    table_set(table, COL_OPERATIONS, err, "%s", operations) ||
	    (*grant->issuer && table_set(table, COL_ISSUER, err, "%s", grant->issuer)) ||
	    (*grant->retiring && table_set(table, COL_RETIRING, err, "%s", grant->retiring)))
		return -err->errnum;
	cmk_date(when, grant->created);
	return *when ? table_set(table, COL_CREATED, err, "%s", when) : 0;
}

static int call_list(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	const struct request *req = arg;
	struct table table = TABLE("grants", columns);
	struct evs_grant *grants;
	size_t count, i;
	int ret;

	ret = req->ref ? evs_kms_list_grants(kms, req->ref, &grants, &count, err) :
	      evs_kms_list_retirable_grants(kms, &grants, &count, err);
	if (ret)
		return ret;
	for (i = 0; i < count && !ret; i++)
		ret = add_grant(&table, &grants[i], err);
	if (!ret)
		ret = table_print(&table, TABLE_COLUMNS, err);
	table_free(&table);
	free(grants);
	return ret;
}

static int call_remove(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	const struct request *req = arg;

	return evs_kms_revoke_grant(kms, req->ref, req->id, req->retire, err);
}

static int take_option(struct request *req, int opt, struct evs_error *err)
{
	struct evs_grant *grant = &req->grant;

	switch (opt) {
	case CMK_KMS:
		req->kms = optarg;
		return 0;
	case VERB_LONG('r'):
		req->retire = true;
		return 0;
	case VERB_LONG('t'):
		return cli_text("--to", grant->grantee, sizeof(grant->grantee), err);
	case VERB_LONG('n'):
		return cli_text("--name", grant->name, sizeof(grant->name), err);
	case VERB_LONG('R'):
		return cli_text("--retiring", grant->retiring, sizeof(grant->retiring), err);
	default:
		if (grant->operation_count == EVS_GRANT_OPERATIONS_MAX)
			return evs_error_set(err, EINVAL, "--operation: more than %d",
					     EVS_GRANT_OPERATIONS_MAX);
		return cli_text("--operation", grant->operations[grant->operation_count++],
				 sizeof(grant->operations[0]), err);
	}
}

static int take_options(int argc, char *argv[], struct request *req, struct evs_error *err)
{
	int opt;

	while ((opt = cli_option(argc, argv, err)) > 0)
		if (take_option(req, opt, err))
			return -err->errnum;
	return opt;
}

static int run_add(int argc, char *argv[], struct evs_error *err)
{
	/* What attaching disks takes, and nothing else */
	static const char *const usual[] = { "describe-key", "create-datakey", "decrypt-datakey",
					     "encrypt-datakey" };
	struct request req = {};
	size_t i;

	if (take_options(argc, argv, &req, err) || cli_operand(argc, argv, "CMK", &req.ref, err))
		return -err->errnum;
	if (!*req.grant.grantee)
		return evs_error_set(err, EINVAL, "--to is missing: the id of a user");
	for (i = 0; !req.grant.operation_count && i < sizeof(usual) / sizeof(usual[0]); i++)
		strcpy(req.grant.operations[i], usual[i]);
	if (!req.grant.operation_count)
		req.grant.operation_count = i;
	return cmk_with_kms(req.kms, call_add, &req, err);
}

static int run_list(int argc, char *argv[], struct evs_error *err)
{
	struct request req = {};

	if (take_options(argc, argv, &req, err) ||
	    (optind < argc && cli_operand(argc, argv, "CMK", &req.ref, err)))
		return -err->errnum;
	return cmk_with_kms(req.kms, call_list, &req, err);
}

static int run_remove(int argc, char *argv[], struct evs_error *err)
{
	static const char *const names[] = { "CMK", "id of the grant", NULL };
	const char *operands[2];
	struct request req = {};

	if (take_options(argc, argv, &req, err) || cmk_operands(argc, argv, names, operands, err))
		return -err->errnum;
	req.ref = operands[0];
	req.id = operands[1];
	return cmk_with_kms(req.kms, call_remove, &req, err);
}

static const struct verb_option add_options[] = {
	{ "to", VERB_LONG('t'), "USER", WORD_TEXT, "grant it to the user with this id" },
	{ "operation", VERB_LONG('o'), "NAME", WORD_TEXT,
	  "allow this operation, such as decrypt-datakey; may be\n"
	  "given several times; by default what create and attach\n"
	  "need" },
	{ "name", VERB_LONG('n'), "TEXT", WORD_TEXT, "set the name of the grant" },
	{ "retiring", VERB_LONG('R'), "USER", WORD_TEXT,
	  "let the user with this id retire the grant as well" },
	CMK_OPTION_KMS,
	{},
};

const struct verb verb_cmk_grant_add = {
	.name = "cmk grant add",
	.args = "[OPTION...] --to USER ID|ALIAS",
	.brief = "let another user use a customer master key",
	.options = add_options,
	.notes = "Prints the id of the new grant.\n",
	.operands = { WORD_CMK },
	.run = run_add,
};

const struct verb verb_cmk_grant_list = {
	.name = "cmk grant list",
	.args = "[OPTION...] [ID|ALIAS]",
	.brief = "list the grants of a customer master key",
	.options = cmk_options,
	.notes = "Without a CMK, lists the grants of all CMKs that the caller may retire.\n",
	.operands = { WORD_CMK },
	VERB_COLUMNS(columns),
	.run = run_list,
};

static const struct verb_option remove_options[] = {
	{ "retire", VERB_LONG('r'), NULL, WORD_NONE,
	  "retire the grant as the user that has it; by default,\n"
	  "revoke it as the creator of the key" },
	CMK_OPTION_KMS,
	{},
};

const struct verb verb_cmk_grant_remove = {
	.name = "cmk grant remove",
	.args = "[OPTION...] ID|ALIAS GRANT",
	.brief = "remove a grant of a customer master key",
	.options = remove_options,
	.operands = { WORD_CMK, WORD_TEXT },
	.run = run_remove,
};
