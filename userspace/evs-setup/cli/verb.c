// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of verbs: help, completion and the checks of the command line come from
 * it, and nothing else lists them.
 */
#include <string.h>

#include "verb.h"

#define NAME_MAX_LEN 48

static const struct verb *const verbs[] = {
	&verb_create, &verb_attach, &verb_detach, &verb_suspend, &verb_resume, &verb_revoke,
	&verb_resize, &verb_rewrap, &verb_rekey, &verb_adopt, &verb_release, &verb_list, &verb_status, &verb_probe, &verb_monitor,
	&verb_delete, &verb_snapshot_create, &verb_snapshot_list, &verb_snapshot_delete,
	&verb_snapshot_diff, &verb_snapshot_rollback, &verb_image_create, &verb_image_copy, &verb_image_import,
	&verb_image_export, &verb_image_list, &verb_image_delete,
	&verb_backup_create, &verb_backup_list, &verb_backup_show, &verb_backup_verify,
	&verb_backup_export, &verb_backup_delete,
	&verb_header_backup, &verb_header_restore, &verb_header_label, &verb_header_new_uuid,
	&verb_header_dump,
	&verb_cmk_create, &verb_cmk_list, &verb_cmk_show, &verb_cmk_users, &verb_cmk_set, &verb_cmk_enable,
	&verb_cmk_disable, &verb_cmk_rotate, &verb_cmk_rotation, &verb_cmk_import,
	&verb_cmk_delete_material, &verb_cmk_schedule_deletion, &verb_cmk_cancel_deletion,
	&verb_cmk_grant_add, &verb_cmk_grant_list, &verb_cmk_grant_remove, &verb_cmk_quotas,
	&verb_agency_create, &verb_agency_show, &verb_agency_delete,
	&verb_config_check, &verb_doctor, &verb_help, &verb_version, &verb_complete,
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

const struct verb *verb_at(size_t index)
{
	return index < VERB_COUNT ? verbs[index] : NULL;
}

/* How many of the words the name of a verb begins with; *rest is what it has beyond. */
static int count_words(const char *name, int argc, char *argv[], const char **rest)
{
	int words = 0;
	size_t len;

	while (*name && words < argc) {
		len = strcspn(name, " ");
		if (strlen(argv[words]) != len || strncmp(name, argv[words], len))
			break;
		name += len + (name[len] == ' ');
		words++;
	}
	*rest = name;
	return words;
}

const struct verb *verb_find(int argc, char *argv[], int *words)
{
	const char *rest;
	size_t i;

	for (i = 0; i < VERB_COUNT; i++) {
		*words = count_words(verbs[i]->name, argc, argv, &rest);
		if (!*rest)
			return verbs[i];
	}
	return NULL;
}

bool verb_in_group(const struct verb *verb, int argc, char *argv[])
{
	const char *rest;

	return !verb->hidden && count_words(verb->name, argc, argv, &rest) == argc && *rest;
}

int verb_group(int argc, char *argv[])
{
	int words, most = 0;
	const char *rest;
	size_t i;

	for (i = 0; i < VERB_COUNT; i++) {
		words = count_words(verbs[i]->name, argc, argv, &rest);
		if (*rest && words > most)
			most = words;
	}
	return most;
}

/* How many letters have to be changed, added or removed, or swapped with the next one */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][NAME_MAX_LEN + 1], i, j, best, len_a = strlen(a), len_b = strlen(b);
	size_t *before = rows[0], *last = rows[1], *now = rows[2], *spare;

	if (len_a > NAME_MAX_LEN || len_b > NAME_MAX_LEN)
		return NAME_MAX_LEN;
	for (j = 0; j <= len_b; j++)
		last[j] = j;
	for (i = 1; i <= len_a; i++) {
		now[0] = i;
		for (j = 1; j <= len_b; j++) {
			best = last[j - 1] + (a[i - 1] != b[j - 1]);
			best = last[j] + 1 < best ? last[j] + 1 : best;
			best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
		spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[len_b];
}

/* As many of the words as the name has, with a blank between two */
static void join(char *text, size_t size, const char *name, int argc, char *argv[])
{
	size_t used = 0, len;
	int i;

	*text = '\0';
	for (i = 0; i < argc; i++) {
		len = strlen(argv[i]);
		if (used + len + 2 > size)
			return;
		if (i)
			text[used++] = ' ';
		memcpy(text + used, argv[i], len + 1);
		used += len;
		name = strchr(name, ' ');
		if (!name++)
			return;
	}
}

const struct verb *verb_guess(int argc, char *argv[])
{
	const struct verb *guess = NULL;
	size_t i, len, steps, fewest = 0;
	char text[NAME_MAX_LEN + 1];

	for (i = 0; i < VERB_COUNT; i++) {
		join(text, sizeof(text), verbs[i]->name, argc, argv);
		len = strlen(text);
		if (verbs[i]->hidden || len < 2)
			continue;
		/* The beginning of a name is as good as a slip of one letter. */
		steps = strncmp(text, verbs[i]->name, len) ? distance(text, verbs[i]->name) : 1;
		if (steps > 1 + len / 5 || (guess && steps >= fewest))
			continue;
		guess = verbs[i];
		fewest = steps;
	}
	return guess;
}
