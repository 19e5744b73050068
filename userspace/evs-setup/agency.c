// SPDX-License-Identifier: GPL-2.0-or-later
/* agency create, agency show, agency delete: the leave to use a project's keys for its disks */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmk.h"
#include "text.h"

#define AGENCY "EVSAccessKMS"
#define SERVICE "op_svc_evs"
#define ROLE "KMS Administrator"
#define ACCOUNT "local"			/* what evs-kmsd has */

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

static int call(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	struct request *req = arg;
	struct evs_agency *agency = &req->agency;
	int ret;

	ret = req->make(kms, agency, err);
	if (ret || req->make == evs_kms_delete_agency)
		return ret;
	evs_text_line(stdout, "%s %s for %s, %s %s", agency->id, agency->name, agency->trusted,
		      agency->role, agency->granted ? "granted" : "not granted");
	return 0;
}

static int take_option(struct request *req, int opt, struct evs_error *err)
{
	struct evs_agency *agency = &req->agency;

	switch (opt) {
	case 'k':
		req->kms = optarg;
		return 0;
	case 'a':
		return cli_text("--account", agency->account, sizeof(agency->account), err);
	case 's':
		return cli_text("--service", agency->trusted, sizeof(agency->trusted), err);
	default:
		return cli_text("--role", agency->role, sizeof(agency->role), err);
	}
}

static int run(int argc, char *argv[], struct request *req, struct evs_error *err)
{
	static const struct option options[] = {
		CMK_OPTION_KMS,
		{ "account", required_argument, NULL, 'a' },
		{ "service", required_argument, NULL, 's' },
		{ "role", required_argument, NULL, 'r' },
		{},
	};
	int opt;

	strcpy(req->agency.name, AGENCY);
	strcpy(req->agency.account, ACCOUNT);
	strcpy(req->agency.trusted, SERVICE);
	strcpy(req->agency.role, ROLE);
	while ((opt = cli_option(argc, argv, options, err)) > 0)
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

#define ARGS "[--kms NAME] [--account ID] [--service ACCOUNT] [--role ROLE]"
#define HELP "  --kms NAME         " CMK_HELP_KMS_TEXT					\
	"  --account ID       of the account with the project, by default " ACCOUNT "\n"	\
	"  --service ACCOUNT  who is given leave, by default " SERVICE "\n"			\
	"  --role ROLE        what it may do in the project, by default\n"			\
	"                     " ROLE "\n"							\
	"\n"

const struct verb verb_agency_create = {
	.name = "agency create",
	.args = ARGS,
	.brief = "let disks be encrypted with the keys of a project, once for each",
	.help = HELP
		"Makes the agency " AGENCY " and gives it its role in the project of the KMS's\n"
		"section. It takes the rights of a Security Administrator. Prints its id, whom it\n"
		"is for, and the role.\n",
	.run = run_create,
};

const struct verb verb_agency_show = {
	.name = "agency show",
	.args = ARGS,
	.brief = "tell whether there is such leave",
	.help = HELP
		"Prints the id of the agency " AGENCY ", whom it is for, and the role.\n",
	.run = run_show,
};

const struct verb verb_agency_delete = {
	.name = "agency delete",
	.args = ARGS,
	.brief = "take that leave away",
	.help = HELP
		"Attached disks go on working; others cannot be attached until it is made again.\n",
	.run = run_delete,
};
