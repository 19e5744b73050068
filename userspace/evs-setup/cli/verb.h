/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_VERB_H
#define EVS_SETUP_VERB_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "table.h"

/**
 * enum verb_needs - What a verb asks of the user who calls it.
 *
 * @VERB_NEEDS_NOTHING: Nothing: files, devices and KMSs decide for themselves.
 * @VERB_NEEDS_ADMIN: CAP_SYS_ADMIN, as the driver does of who calls it.
 * @VERB_NEEDS_ROOT: To be root: the key helper serves nobody else, and the files of
 *		     the local KMS belong to root.
 */
enum verb_needs {
	VERB_NEEDS_NOTHING,
	VERB_NEEDS_ADMIN,
	VERB_NEEDS_ROOT,
};

/* What a word of the command line stands for; completion offers such words. */
enum verb_word {
	WORD_NONE,	/* no word, the end of a list */
	WORD_TEXT,	/* whatever the user makes up */
	WORD_CHOICE,	/* one of the words between the bars of its name */
	WORD_FILE,
	WORD_DISK,	/* an attached disk */
	WORD_POOL,
	WORD_POOL_DISK,	/* an object of a pool */
	WORD_REPO,	/* a repository, or a backup in it */
	WORD_BACKUP,	/* a backup in a repository */
	WORD_ENTRY,	/* a name in evstab(5) */
	WORD_KMS,
	WORD_CMK,
	WORD_COLUMNS,
	WORD_VERB,
};

/* The value of an option without a short name; below, the value is the short name. */
#define VERB_LONG(letter) (256 + (letter))

/**
 * struct verb_option - One option of a verb.
 * @name: its long name; a list ends with NULL here
 * @value: what cli_option() returns for it: its letter, or VERB_LONG()
 * @arg: how the help calls its argument; NULL when it takes none
 * @word: what the argument stands for
 * @help: what it does; further lines follow after a line feed
 */
struct verb_option {
	const char *name;
	int value;
	const char *arg;
	enum verb_word word;
	const char *help;
};

#define VERB_OPTIONS_MAX 24
#define VERB_OPERANDS_MAX 2

/**
 * struct verb - One thing evs-setup can do.
 * @name: one to three words on the command line
 * @args: what follows them, for the first line of the help
 * @brief: one line about it, beginning with the verb
 * @notes: what else there is to know, in whole lines; NULL for nothing
 * @options: its own options; NULL for none. All verbs have those of cli.h as well.
 * @operands: what its operands stand for
 * @columns: columns of the table that it prints, for its options; NULL for none
 * @column_count: how many
 * @needs: what the user must be
 * @hidden: not listed: it is called by programs
 * @run: does it; argv[0] is the last word of the name. Returns 0 or a negative
 *	 errno with the error filled.
 */
struct verb {
	const char *name;
	const char *args;
	const char *brief;
	const char *notes;
	const struct verb_option *options;
	enum verb_word operands[VERB_OPERANDS_MAX];
	const struct table_column *columns;
	size_t column_count;
	enum verb_needs needs;
	bool hidden;
	int (*run)(int argc, char *argv[], struct evs_error *err);
};

/* For verbs that print a table */
#define VERB_COLUMNS(table) .columns = (table), .column_count = sizeof(table) / sizeof((table)[0])

extern const struct verb verb_create;
extern const struct verb verb_attach;
extern const struct verb verb_detach;
extern const struct verb verb_revoke;
extern const struct verb verb_suspend;
extern const struct verb verb_resume;
extern const struct verb verb_resize;
extern const struct verb verb_delete;
extern const struct verb verb_snapshot_create;
extern const struct verb verb_snapshot_list;
extern const struct verb verb_snapshot_delete;
extern const struct verb verb_snapshot_diff;
extern const struct verb verb_snapshot_rollback;
extern const struct verb verb_image_create;
extern const struct verb verb_image_copy;
extern const struct verb verb_image_import;
extern const struct verb verb_image_export;
extern const struct verb verb_image_list;
extern const struct verb verb_image_delete;
extern const struct verb verb_backup_create;
extern const struct verb verb_backup_list;
extern const struct verb verb_backup_show;
extern const struct verb verb_backup_verify;
extern const struct verb verb_backup_export;
extern const struct verb verb_backup_delete;
extern const struct verb verb_list;
extern const struct verb verb_status;
extern const struct verb verb_probe;
extern const struct verb verb_monitor;
extern const struct verb verb_cmk_create;
extern const struct verb verb_cmk_list;
extern const struct verb verb_cmk_show;
extern const struct verb verb_cmk_users;
extern const struct verb verb_cmk_enable;
extern const struct verb verb_cmk_disable;
extern const struct verb verb_cmk_schedule_deletion;
extern const struct verb verb_cmk_cancel_deletion;
extern const struct verb verb_cmk_set;
extern const struct verb verb_cmk_rotate;
extern const struct verb verb_cmk_rotation;
extern const struct verb verb_cmk_grant_add;
extern const struct verb verb_cmk_grant_list;
extern const struct verb verb_cmk_grant_remove;
extern const struct verb verb_cmk_import;
extern const struct verb verb_cmk_delete_material;
extern const struct verb verb_cmk_quotas;
extern const struct verb verb_rewrap;
extern const struct verb verb_rekey;
extern const struct verb verb_adopt;
extern const struct verb verb_release;
extern const struct verb verb_header_backup;
extern const struct verb verb_header_restore;
extern const struct verb verb_header_label;
extern const struct verb verb_header_new_uuid;
extern const struct verb verb_header_dump;
extern const struct verb verb_agency_create;
extern const struct verb verb_agency_show;
extern const struct verb verb_agency_delete;
extern const struct verb verb_config_check;
extern const struct verb verb_doctor;
extern const struct verb verb_help;
extern const struct verb verb_version;
extern const struct verb verb_complete;

/**
 * verb_at() - A verb of the table.
 * @index: from 0 on
 *
 * Return: the verb, NULL behind the last one.
 */
const struct verb *verb_at(size_t index);

/**
 * verb_find() - The verb whose name the words begin with.
 * @argc: how many words
 * @argv: the words
 * @words: set to the number of words that are its name
 *
 * Return: the verb, or NULL.
 */
const struct verb *verb_find(int argc, char *argv[], int *words);

/**
 * verb_in_group() - Does the name of a verb begin with these words, and go on?
 * @verb: the verb
 * @argc: how many words
 * @argv: the words
 */
bool verb_in_group(const struct verb *verb, int argc, char *argv[]);

/**
 * verb_group() - How many words begin the names of verbs without being one.
 * @argc: how many words there are
 * @argv: the words
 *
 * Return: their number, such as 1 for "cmk", 0 when there is no such group.
 */
int verb_group(int argc, char *argv[]);

/**
 * verb_guess() - The verb that was meant by words that are none.
 * @argc: how many words
 * @argv: the words
 *
 * Return: the most similar one, NULL when none is similar.
 */
const struct verb *verb_guess(int argc, char *argv[]);

#endif /* EVS_SETUP_VERB_H */
