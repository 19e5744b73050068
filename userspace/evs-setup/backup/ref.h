/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_BACKUP_REF_H
#define EVS_SETUP_BACKUP_REF_H

#include "config.h"
#include "repo/repo.h"

#define REF_TEXT_SIZE (EVS_POOL_NAME_MAX + EVS_BACKUP_SIZE + 3)

/**
 * struct ref - A repository, or a backup in it, that the user has named.
 * @config: evs.conf
 * @repo: the repository, open
 * @name: the backup, "" where only the repository was named
 * @text: how messages call it
 */
struct ref {
	struct evs_config config;
	struct evs_repo repo;
	char name[EVS_BACKUP_SIZE];
	char text[REF_TEXT_SIZE];
};

/* What a verb takes */
enum ref_form {
	REF_REPO,
	REF_BACKUP,
	REF_EITHER,
};

/**
 * ref_open() - Open the repository that an operand names.
 * @ref: filled; release with ref_close()
 * @text: REPO or REPO::BACKUP
 * @form: which of the two it must be
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -ENOENT when there is no such repository.
 */
int ref_open(struct ref *ref, const char *text, enum ref_form form, struct evs_error *err);

/** ref_close() - Release it. @ref: what ref_open() filled */
void ref_close(struct ref *ref);

#endif /* EVS_SETUP_BACKUP_REF_H */
