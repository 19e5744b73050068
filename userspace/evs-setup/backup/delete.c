// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/confirm.h"
#include "cli/out.h"
#include "pool/delete.h"
#include "ref.h"
#include "text.h"

static int confirm(const struct ref *ref, struct evs_error *err)
{
	if (!cli_can_ask())
		return evs_error_set(err, ECANCELED, "%s: give --yes to delete it without being asked",
				     ref->text);
	evs_text_line(stderr, "evs-setup: %s is lost for good.", ref->text);
	return cli_confirm("Delete it?", ref->text, err);
}

/* One whose manifest is damaged can be deleted as well. */
static int delete(struct ref *ref, bool yes, bool dry_run, struct evs_error *err)
{
	struct evs_backup_list list;
	bool found = false;
	size_t i;
	int ret;

	ret = evs_repo_list(&ref->repo, &list, err);
	if (ret)
		return ret;
	for (i = 0; i < list.count; i++)
		found |= !strcmp(list.entry[i].name, ref->name);
	free(list.entry);
	if (!found)
		return evs_error_set(err, ENOENT, "%s: there is no such backup", ref->text);
	ret = yes || dry_run ? 0 : confirm(ref, err);
	if (ret)
		return ret;
	if (!dry_run && ref->repo.ops->remove(&ref->repo, ref->name, err))
		return evs_error_prefix(err, "%s", ref->text);
	if (cli_settings()->json)
		return out_texts("deleted", err, "name", ref->text, NULL);
	evs_text_line(stdout, "%s", ref->text);
	return 0;
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	const char *operand;
	bool yes = false, dry_run = false;
	struct ref ref;
	int opt, ret;

	while ((opt = cli_option(argc, argv, err)) > 0) {
		yes |= opt == 'y';
		dry_run |= opt == VERB_LONG('n');
	}
	if (opt < 0 || cli_operand(argc, argv, "backup", &operand, err) ||
	    ref_open(&ref, operand, REF_BACKUP, err))
		return -err->errnum;
	ret = delete(&ref, yes, dry_run, err);
	ref_close(&ref);
	return ret;
}

const struct verb verb_backup_delete = {
	.name = "backup delete",
	.args = "[OPTION...] REPO::BACKUP",
	.brief = "delete a backup",
	.options = delete_options,
	.notes = "Asks first, unless --yes is given. Other backups of the disk stay whole. Prints what\n"
		 "was deleted.\n",
	.operands = { WORD_BACKUP },
	.needs = VERB_NEEDS_ROOT,
	.run = run,
};
