// SPDX-License-Identifier: GPL-2.0-or-later
/* agency create, agency show, agency delete: the permission of the EVS service to use a project's keys */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmk.h"
#include "kms/agency.h"
#include "text.h"

/**
 * struct request - What is asked.
 * @kms: name of the KMS
 * @make: does it
 * @agency: the agency
 */
struct request {
	const char *kms;
	int (*make)(struct evs_kms *kms, struct evs_agency *agency, struct evs_error *err);
	struct evs_agency agency;
};

enum column {
	COL_ID,
	COL_NAME,
	COL_SERVICE,
	COL_ROLE,
	COL_GRANTED,
};

static const struct table_column columns[] = {
	[COL_ID] = { "ID", NULL, TABLE_TEXT, true },
	[COL_NAME] = { "NAME", NULL, TABLE_TEXT, true },
	[COL_SERVICE] = { "SERVICE", NULL, TABLE_TEXT, true },
	[COL_ROLE] = { "ROLE", NULL, TABLE_TEXT, true },
	[COL_GRANTED] = { "GRANTED", NULL, TABLE_BOOL, true },
};

static int print_json(const struct evs_agency *agency, struct evs_error *err)
{
	struct table table = TABLE("agencies", columns);
	int ret;

	if (table_add(&table, err) || table_set(&table, COL_ID, err, "%s", agency->id) ||
	    table_set(&table, COL_NAME, err, "%s", agency->name) ||
	    table_set(&table, COL_SERVICE, err, "%s", agency->trusted) ||
	    table_set(&table, COL_ROLE, err, "%s", agency->role) ||
	    table_set(&table, COL_GRANTED, err, "%d", agency->granted))
		ret = -err->errnum;
	else
		ret = table_print(&table, TABLE_COLUMNS, err);
	table_free(&table);
	return ret;
}

static int print(const struct evs_agency *agency, struct evs_error *err)
{
	if (cli_settings()->json)
		return print_json(agency, err);
	evs_text_line(stdout, "%s %s for %s, %s %s", agency->id, agency->name, agency->trusted,
		      agency->role, agency->granted ? "granted" : "not granted");
	return 0;
}

static int call(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	struct request *req = arg;
	struct evs_agency *agency = &req->agency;
	int ret;

	ret = req->make(kms, agency, err);
	/* Whether it is missing or lacks its role: the answer of agency show is no. */
	if (ret == -ENOENT && req->make == evs_kms_find_agency)
		return evs_error_set(err, EPERM, "%s", err->text);
	if (ret || req->make == evs_kms_delete_agency)
		return ret;
	ret = print(agency, err);
	if (ret || agency->granted || req->make != evs_kms_find_agency)
		return ret;
	return evs_error_set(err, EPERM, "the role %s is not granted; grant it with: evs-setup agency create",
			     agency->role);
}

static int take_option(struct request *req, int opt, struct evs_error *err)
{
	struct evs_agency *agency = &req->agency;

	switch (opt) {
	case CMK_KMS:
		req->kms = optarg;
		return 0;
	case VERB_LONG('a'):
		return cli_text("--account", agency->account, sizeof(agency->account), err);
	case VERB_LONG('s'):
		return cli_text("--service", agency->trusted, sizeof(agency->trusted), err);
	default:
		return cli_text("--role", agency->role, sizeof(agency->role), err);
	}
}

static int run(int argc, char *argv[], struct request *req, struct evs_error *err)
{
	int opt;

	strcpy(req->agency.name, EVS_AGENCY_NAME);
	strcpy(req->agency.account, EVS_AGENCY_ACCOUNT);
	strcpy(req->agency.trusted, EVS_AGENCY_SERVICE);
	strcpy(req->agency.role, EVS_AGENCY_ROLE);
	while ((opt = cli_option(argc, argv, err)) > 0)
		if (take_option(req, opt, err))
			return -err->errnum;
	if (opt < 0 || cli_no_operand(argc, argv, err))
		return -err->errnum;
	return cmk_with_kms(req->kms, call, req, err);
}

static int run_create(int argc, char *argv[], struct evs_error *err)
{
	return run(argc, argv, &(struct request){ .make = evs_kms_create_agency }, err);
}

static int run_show(int argc, char *argv[], struct evs_error *err)
{
	return run(argc, argv, &(struct request){ .make = evs_kms_find_agency }, err);
}

static int run_delete(int argc, char *argv[], struct evs_error *err)
{
	return run(argc, argv, &(struct request){ .make = evs_kms_delete_agency }, err);
}

static const struct verb_option options[] = {
	{ "account", VERB_LONG('a'), "ID", WORD_TEXT, "set the account of the project, by default " EVS_AGENCY_ACCOUNT },
	{ "service", VERB_LONG('s'), "ACCOUNT", WORD_TEXT,
	  "set the account of the service, by default\n" EVS_AGENCY_SERVICE },
	{ "role", VERB_LONG('r'), "ROLE", WORD_TEXT,
	  "set what the service may do, by default\n" EVS_AGENCY_ROLE },
	CMK_OPTION_KMS,
	{},
};

const struct verb verb_agency_create = {
	.name = "agency create",
	.args = "[OPTION...]",
	.brief = "allow the EVS service to use a project's keys",
	.options = options,
	.notes = "Needed once for each project. Makes the agency " EVS_AGENCY_NAME " and gives it its role\n"
		 "in the project of the KMS's section, which takes a Security Administrator. Prints\n"
		 "its id, the service that it is for, and the role.\n",
	.run = run_create,
};

const struct verb verb_agency_show = {
	.name = "agency show",
	.args = "[OPTION...]",
	.brief = "show whether the EVS service may use the project's keys",
	.options = options,
	.notes = "Prints the id of the agency " EVS_AGENCY_NAME ", the service that it is for, and the role.\n"
		 "Exits with 2 when the agency is missing or its role is not granted.\n",
	.run = run_show,
};

const struct verb verb_agency_delete = {
	.name = "agency delete",
	.args = "[OPTION...]",
	.brief = "forbid the EVS service to use the project's keys",
	.options = options,
	.notes = "Attached disks go on working; no other can be attached until the agency is made\n"
		 "again.\n",
	.run = run_delete,
};
