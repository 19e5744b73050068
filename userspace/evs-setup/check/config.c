// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * config check: evs.conf, the files that it names, and evstab, without a word to a KMS
 * and without a look at a disk.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "checks.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "config.h"
#include "evstab.h"
#include "kms/kms.h"
#include "pool/pool.h"
#include "repo/repo.h"
#include "secret.h"

/* Opening a client reads its secrets, and asks nothing. */
static void check_section(struct findings *f, const struct evs_config_kms *cfg)
{
	char what[EVS_KMS_NAME_MAX + 8];
	struct evs_error err = {};
	struct evs_kms *kms;

	snprintf(what, sizeof(what), "KMS %s", cfg->name);
	check_certificates(f, cfg);
	if (evs_kms_open(&kms, cfg, &err)) {
		check_bad(f, what, "%s", check_sentence(&err, what));
		return;
	}
	check_good(f, what, "its section is complete, and its files can be read");
	evs_kms_close(kms);
}

/* Opening a pool looks whether it is there, and makes nothing. */
static void check_pool(struct findings *f, const struct evs_config_pool *cfg)
{
	char what[EVS_POOL_NAME_MAX + 8], size[16];
	struct evs_pool_usage usage;
	struct evs_error err = {};
	struct evs_pool pool;
	uint64_t percent;

	snprintf(what, sizeof(what), "pool %s", cfg->name);
	if (evs_pool_open(&pool, cfg, &err)) {
		check_bad(f, what, "%s", check_sentence(&err, what));
		return;
	}
	if (pool.ops->usage(&pool, &usage, &err)) {
		check_bad(f, what, "%s", check_sentence(&err, what));
	} else {
		percent = usage.size ? usage.used / (usage.size / 100 + 1) : 100;
		table_size(size, sizeof(size), usage.size);
		if (percent < cfg->limit && usage.metadata_used < cfg->limit)
			check_good(f, what, "%s, %llu %% of %s used, metadata %u %%",
				   cfg->ops->name, (unsigned long long)percent, size,
				   usage.metadata_used);
		else
			check_note(f, what,
				   "%s, %llu %% of %s used, metadata %u %%: nothing is made above limit, %u %%",
				   cfg->ops->name, (unsigned long long)percent, size,
				   usage.metadata_used, cfg->limit);
	}
	evs_pool_close(&pool);
}

/* Opening a repository looks whether it is there, and makes nothing. */
static void check_repo(struct findings *f, const struct evs_config_repo *cfg)
{
	char what[EVS_POOL_NAME_MAX + 16];
	struct evs_error err = {};
	struct evs_repo repo;

	snprintf(what, sizeof(what), "repository %s", cfg->name);
	if (evs_repo_open(&repo, cfg, &err)) {
		check_bad(f, what, "%s", check_sentence(&err, what));
		return;
	}
	check_good(f, what, "%s, %s", cfg->ops->name,
		   cfg->plain ? "also for plain disks" : "for encrypted disks");
	evs_repo_close(&repo);
}

/* A line may be good by itself, but not beside the others and evs.conf. */
static void check_entry(struct findings *f, const struct evs_config *cfg, const struct evstab *tab,
			size_t index)
{
	const struct evstab_entry *entry = &tab->entries[index];
	struct evs_error err = {};
	size_t i;

	if (entry->bad) {
		check_bad(f, "evstab", "%s", entry->bad);
		return;
	}
	for (i = 0; i < index; i++) {
		if (strcmp(tab->entries[i].device, entry->device) || tab->entries[i].bad)
			continue;
		check_bad(f, "evstab", "%s:%u: %s has the device of %s", tab->path, entry->line,
			  entry->name, tab->entries[i].name);
		return;
	}
	if (cfg && *entry->kms && !evs_config_kms(cfg, entry->kms, &err))
		check_bad(f, "evstab", "%s:%u: %s: %s", tab->path, entry->line, entry->name,
			  err.text);
	else
		check_good(f, "evstab", "%s:%u: %s", tab->path, entry->line, entry->name);
}

static void check_tab(struct findings *f, const struct evs_config *cfg)
{
	struct evs_error err = {};
	struct evstab tab;
	size_t i;

	if (evstab_load(&tab, &err)) {
		check_bad(f, "evstab", "%s", err.text);
		return;
	}
	if (!tab.count)
		check_note(f, "evstab", "%s: has no disk", tab.path);
	for (i = 0; i < tab.count; i++)
		check_entry(f, cfg, &tab, i);
	evstab_free(&tab);
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct findings found = {};
	struct evs_config cfg;
	bool good;
	size_t i;

	if (cli_option(argc, argv, err) < 0 || cli_no_operand(argc, argv, err) ||
	    evs_process_harden(err))
		return -err->errnum;
	good = !check_config(&found, &cfg);
	for (i = 0; good && i < cfg.kms_count; i++)
		if (cfg.kms[i].configured)
			check_section(&found, &cfg.kms[i]);
	for (i = 0; good && i < cfg.pool_count; i++)
		check_pool(&found, &cfg.pools[i]);
	for (i = 0; good && i < cfg.repo_count; i++)
		check_repo(&found, &cfg.repos[i]);
	check_tab(&found, good ? &cfg : NULL);
	if (good)
		evs_config_free(&cfg);
	return check_result(&found, err);
}

const struct verb verb_config_check = {
	.name = "config check",
	.args = "[OPTION...]",
	.brief = "check evs.conf(5) and evstab(5) without asking a KMS",
	.notes = "Checks every section and line, the secrets and certificates that evs.conf names,\n"
		 "its pools and repositories, and that evstab names KMSs of evs.conf. Prints a line for\n"
		 "each: ok, note or BAD. Changes nothing. Exits with 2 when something is BAD.\n",
	.run = run,
};
