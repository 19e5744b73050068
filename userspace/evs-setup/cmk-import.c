// SPDX-License-Identifier: GPL-2.0-or-later
/* cmk import, cmk delete-material */
#include <errno.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "cmk.h"

#define DAYS_MAX 36500
#define DAY_SECONDS 86400

/**
 * struct import - What is asked.
 * @kms: name of the KMS
 * @ref: the CMK
 * @file: where its material is
 * @days: how long the KMS shall keep it, 0 for ever
 */
struct import {
	const char *kms;
	const char *ref;
	const char *file;
	unsigned int days;
};

static int call_import(struct evs_kms *kms, void *arg, struct evs_error *err)
{
	const struct import *import = arg;
	struct evs_secret *material;
	struct evs_cmk cmk;
	int64_t expires;
	int ret;

	ret = evs_secret_read_key(&material, import->file, EVS_CMK_MATERIAL_SIZE, err);
	if (ret)
		return ret;
	expires = import->days ? (int64_t)time(NULL) + (int64_t)import->days * DAY_SECONDS : 0;
	ret = evs_kms_import_material(kms, import->ref, material, expires, &cmk, err);
	evs_secret_free(material);
	if (!ret)
		cmk_print_change(&cmk);
	return ret;
}

static int run_import(int argc, char *argv[], struct evs_error *err)
{
	static const struct option options[] = {
		CMK_OPTION_KMS,
		{ "file", required_argument, NULL, 'f' },
		{ "days", required_argument, NULL, 'd' },
		{},
	};
	struct import import = {};
	int opt;

	while ((opt = cli_option(argc, argv, options, err)) > 0) {
		if (opt == 'k')
			import.kms = optarg;
		else if (opt == 'f')
			import.file = optarg;
		else if (cli_days("--days", optarg, 1, DAYS_MAX, &import.days, err))
			return -err->errnum;
	}
	if (opt < 0 || cli_operand(argc, argv, "CMK", &import.ref, err))
		return -err->errnum;
	if (!import.file)
		return evs_error_set(err, EINVAL, "--file is missing: it holds the key material");
	if (evs_process_harden(err))
		return -err->errnum;
	return cmk_with_kms(import.kms, call_import, &import, err);
}

static int delete_material(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			   struct evs_error *err)
{
	int ret = evs_kms_delete_material(kms, ref, cmk, err);

	if (!ret)
		cmk_warn_unusable(kms, cmk, "the same material is imported with cmk import");
	return ret;
}

static int run_delete(int argc, char *argv[], struct evs_error *err)
{
	return cmk_change(argc, argv, delete_material, err);
}

const struct verb verb_cmk_import = {
	.name = "cmk import",
	.args = "[--kms NAME] --file FILE [--days DAYS] ID|ALIAS",
	.brief = "give a customer master key its material",
	.help = CMK_HELP_KMS
		"  --file FILE  the 32 bytes of the key, and nothing else; closed to all but you\n"
		"  --days DAYS  the KMS forgets it after so many days; by default never\n"
		"\n"
		"The CMK was made with cmk create --external, and waits for its material. That is\n"
		"encrypted for the KMS before it leaves this host. Keep the file at a safe place:\n"
		"nothing else can bring the material back once the KMS has forgotten it.\n"
		"Prints id, alias and state.\n",
	.run = run_import,
};

const struct verb verb_cmk_delete_material = {
	.name = "cmk delete-material",
	.args = "[--kms NAME] ID|ALIAS",
	.brief = "have imported material of a customer master key forgotten",
	.help = CMK_HELP_KMS
		"\n"
		"Attached disks go on working. No disk that it protects can be attached until\n"
		"the same material has been imported again. Prints id, alias and state.\n",
	.run = run_delete,
};
