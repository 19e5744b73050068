// SPDX-License-Identifier: GPL-2.0-or-later
/* cmk import, cmk delete-material */
#include <errno.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "cmk.h"
#include "date.h"

#define DAYS_MAX 36500

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
	expires = import->days ? (int64_t)time(NULL) + (int64_t)import->days * EVS_DAY_SECONDS : 0;
	ret = evs_kms_import_material(kms, import->ref, material, expires, &cmk, err);
	evs_secret_free(material);
	return ret ? ret : cmk_print_change(&cmk, err);
}

static int run_import(int argc, char *argv[], struct evs_error *err)
{
	struct import import = {};
	int opt;

	while ((opt = cli_option(argc, argv, err)) > 0) {
		if (opt == CMK_KMS)
			import.kms = optarg;
		else if (opt == VERB_LONG('f'))
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

static const struct verb_option import_options[] = {
	{ "file", VERB_LONG('f'), "FILE", WORD_FILE,
	  "read the 32 bytes of the key from this file; nobody else\nmay have access to it" },
	{ "days", VERB_LONG('d'), "DAYS", WORD_TEXT,
	  "have the KMS delete it after this many days, by default\n"
	  "never" },
	CMK_OPTION_KMS,
	{},
};

const struct verb verb_cmk_import = {
	.name = "cmk import",
	.args = "[OPTION...] --file FILE ID|ALIAS",
	.brief = "import the material of a customer master key",
	.options = import_options,
	.notes = "The key must have been made with cmk create --external. The material is encrypted\n"
		 "for the KMS before it leaves this host. Keep the file at a safe place: nothing else\n"
		 "can bring the material back once the KMS has forgotten it.\n"
		 "Prints id, alias and state.\n",
	.operands = { WORD_CMK },
	.run = run_import,
};

const struct verb verb_cmk_delete_material = {
	.name = "cmk delete-material",
	CMK_VERB_OPERAND,
	.brief = "delete the imported material of a customer master key",
	.notes = "Attached disks go on working. No disk that the key protects can be attached until\n"
		 "the same material is imported again. Prints id, alias and state.\n",
	.run = run_delete,
};
