// SPDX-License-Identifier: GPL-2.0-or-later
/* What a repository takes of the memory of this host, before it is short of it. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checks.h"
#include "cli/table.h"
#include "pool/entries.h"
#include "repo/repo.h"

/**
 * struct disks - The disks of pools that a repository has backups of.
 * @list: its backups
 * @count: how many disks
 * @bytes: their size
 */
struct disks {
	struct evs_backup_list list;
	unsigned int count;
	uint64_t bytes;
};

static bool is_backed_up(const struct disks *disks, const char *id)
{
	size_t i;

	for (i = 0; i < disks->list.count; i++)
		if (!strcmp(disks->list.entry[i].id, id))
			return true;
	return false;
}

/* What is wrong with a pool is not the repository's matter. */
static void count_disks(struct disks *disks, const struct evs_config_pool *cfg)
{
	const struct evs_pool_entry *entry;
	struct evs_error ignored = {};
	struct entries entries = {};
	struct evs_pool pool;
	size_t i;

	if (evs_pool_open(&pool, cfg, &ignored))
		return;
	if (!entries_get(&entries, &pool, NULL, &ignored)) {
		for (i = 0; i < entries.count; i++) {
			entry = &entries.list[i];
			if (entry->object.kind != EVS_KIND_DISK || entry->object.unfinished ||
			    !is_backed_up(disks, entry->record.id))
				continue;
			disks->count++;
			disks->bytes += entry->record.size;
		}
		entries_free(&entries);
	}
	evs_pool_close(&pool);
}

static void reckon(struct findings *f, const char *what, const struct evs_config_repo *cfg,
		   const struct disks *disks)
{
	uint64_t has = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t needed = cfg->ops->memory(cfg, disks->bytes);
	char size[16], memory[16], host[16];

	table_size(size, sizeof(size), disks->bytes);
	table_size(memory, sizeof(memory), needed);
	table_size(host, sizeof(host), has);
	if (needed <= has / 2)
		check_good(f, what, "%s takes up to %s of memory for %s of %u disk%s, this host has %s",
			   cfg->ops->name, memory, size, disks->count, disks->count == 1 ? "" : "s",
			   host);
	else
		check_note(f, what, "%s may take %s of memory for %s of %u disk%s, this host has %s; make another repository with a larger chunk, see evs.conf(5)",
			   cfg->ops->name, memory, size, disks->count, disks->count == 1 ? "" : "s",
			   host);
}

void check_repo_memory(struct findings *f, const struct evs_config *cfg,
		       const struct evs_config_repo *config)
{
	char what[EVS_POOL_NAME_MAX + 16];
	struct evs_error err = {};
	struct disks disks = {};
	struct evs_repo repo;
	size_t i;
	int ret;

	if (!config->ops->memory)
		return;
	snprintf(what, sizeof(what), "repository %s", config->name);
	ret = evs_repo_open(&repo, config, &err);
	if (!ret) {
		ret = evs_repo_list(&repo, &disks.list, &err);
		evs_repo_close(&repo);
	}
	if (ret) {
		check_note(f, what, "%s", check_sentence(&err, what));
		return;
	}
	for (i = 0; i < cfg->pool_count; i++)
		count_disks(&disks, &cfg->pools[i]);
	reckon(f, what, config, &disks);
	free(disks.list.entry);
}
