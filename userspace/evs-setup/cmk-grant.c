// SPDX-License-Identifier: GPL-2.0-or-later
/* cmk grant create, list, retirable, revoke, retire */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
 * @grant: the grant that is made
 * @json: print JSON
 */
struct request {
	const char *kms;
	const char *ref;
	const char *id;
	struct evs_grant grant;
	bool json;
};

static int call_create(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	struct request *req = arg;
	int ret;

	ret = evs_kms_create_grant(kms, req->ref, &req->grant, err);
	if (!ret)
		evs_text_line(stdout, "%s", req->grant.id);
	return ret;
}

static int add_grant(struct table *table, const struct evs_grant *grant, struct evs_error *err)
{
	char operations[EVS_GRANT_OPERATIONS_MAX * 41] = "", when[32];
	time_t created = (time_t)grant->created;
	struct tm tm;
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
	if (!created || !gmtime_r(&created, &tm) ||
	    !strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return 0;
	return table_set(table, COL_CREATED, err, "%s", when);
}

static int call_list(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	const struct request *req = arg;
	struct table table = {
		.name = "grants",
		.columns = columns,
		.column_count = sizeof(columns) / sizeof(columns[0]),
	};
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
		ret = table_print(&table, req->json ? TABLE_JSON : TABLE_COLUMNS, err);
	table_free(&table);
	free(grants);
	return ret;
}

static int call_revoke(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	const struct request *req = arg;

	return evs_kms_revoke_grant(kms, req->ref, req->id, false, err);
}

static int call_retire(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	const struct request *req = arg;

	return evs_kms_revoke_grant(kms, req->ref, req->id, true, err);
}

static int take_option(struct request *req, int opt, struct evs_error *err)
{
	struct evs_grant *grant = &req->grant;

	switch (opt) {
	case 'k':
		req->kms = optarg;
		return 0;
	case 'j':
		req->json = true;
		return 0;
	case 't':
		return cli_text("--to", grant->grantee, sizeof(grant->grantee), err);
	case 'n':
		return cli_text("--name", grant->name, sizeof(grant->name), err);
	case 'r':
		return cli_text("--retiring", grant->retiring, sizeof(grant->retiring), err);
	default:
		if (grant->operation_count == EVS_GRANT_OPERATIONS_MAX)
			return evs_error_set(err, EINVAL, "--operation: more than %d",
					     EVS_GRANT_OPERATIONS_MAX);
		return cli_text("--operation", grant->operations[grant->operation_count++],
				 sizeof(grant->operations[0]), err);
	}
}

static int run_create(int argc, char *argv[], struct request *req, struct evs_error *err)
{
	static const char *const names[] = { "create", "CMK", NULL };
	/* What attaching disks takes, and nothing else */
	static const char *const usual[] = { "describe-key", "create-datakey", "decrypt-datakey",
					     "encrypt-datakey" };
	const char *operands[2];
	size_t i;

	if (cmk_operands(argc, argv, names, operands, err))
		return -err->errnum;
	if (!*req->grant.grantee)
		return evs_error_set(err, EINVAL, "--to is missing: the id of a user");
	for (i = 0; !req->grant.operation_count && i < sizeof(usual) / sizeof(usual[0]); i++)
		strcpy(req->grant.operations[i], usual[i]);
	if (!req->grant.operation_count)
		req->grant.operation_count = i;
	req->ref = operands[1];
	return cmk_with_kms(req->kms, call_create, req, err);
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	static const struct option options[] = {
		CMK_OPTION_KMS,
		{ "json", no_argument, NULL, 'j' },
		{ "to", required_argument, NULL, 't' },
		{ "name", required_argument, NULL, 'n' },
		{ "retiring", required_argument, NULL, 'r' },
		{ "operation", required_argument, NULL, 'o' },
		{},
	};
	static const char *const retirable[] = { "retirable", NULL };
	static const char *const list[] = { "list", "CMK", NULL };
	static const char *const take[] = { "revoke or retire", "CMK", "id of the grant", NULL };
	const char *operands[3], *action;
	struct request req = {};
	int opt;

	while ((opt = cli_option(argc, argv, options, err)) > 0)
		if (take_option(&req, opt, err))
			return -err->errnum;
	if (opt < 0)
		return opt;
	action = optind < argc ? argv[optind] : "";
	if (!strcmp(action, "create"))
		return run_create(argc, argv, &req, err);
	if (*req.grant.grantee || *req.grant.name || *req.grant.retiring ||
	    req.grant.operation_count)
		return evs_error_set(err, EINVAL,
				     "--to, --name, --retiring and --operation go with create");
	if (!strcmp(action, "retirable")) {
		if (cmk_operands(argc, argv, retirable, operands, err))
			return -err->errnum;
		return cmk_with_kms(req.kms, call_list, &req, err);
	}
	if (!strcmp(action, "list")) {
		if (cmk_operands(argc, argv, list, operands, err))
			return -err->errnum;
		req.ref = operands[1];
		return cmk_with_kms(req.kms, call_list, &req, err);
	}
	if (strcmp(action, "revoke") && strcmp(action, "retire"))
		return evs_error_set(err, EINVAL, "%s: must be create, list, retirable, revoke or retire",
				     *action ? action : "what to do is missing");
	if (cmk_operands(argc, argv, take, operands, err))
		return -err->errnum;
	req.ref = operands[1];
	req.id = operands[2];
	return cmk_with_kms(req.kms, strcmp(action, "revoke") ? call_retire : call_revoke, &req,
			    err);
}

const struct verb verb_cmk_grant = {
	.name = "cmk grant",
	.args = "[--kms NAME] create --to USER [OPTION...] ID|ALIAS\n"
		"       evs-setup cmk grant [--kms NAME] list [--json] ID|ALIAS\n"
		"       evs-setup cmk grant [--kms NAME] retirable [--json]\n"
		"       evs-setup cmk grant [--kms NAME] revoke|retire ID|ALIAS GRANT",
	.brief = "let somebody else use a customer master key",
	.help = "  --kms NAME        " CMK_HELP_KMS_TEXT
		"  --to USER         id of who may use it\n"
		"  --operation NAME  one thing that is allowed, such as decrypt-datakey; may be\n"
		"                    given several times; by default what making and\n"
		"                    attaching disks takes\n"
		"  --name TEXT       name of the grant\n"
		"  --retiring USER   id of who may give it back besides USER\n"
		"  --json            print JSON\n"
		"\n"
		"  create            prints the id of the new grant\n"
		"  list              all grants of a CMK\n"
		"  retirable         the grants of whatever CMK that one may give back\n"
		"  revoke            take one away, as the creator of the CMK\n"
		"  retire            give one back\n",
	.run = run,
};
