// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hsm/wrapped.h"

#define ID_MAX 80

/*
 * Every column that the root key wraps: where it is, and the text that it is bound to.
 * The root key's own check is one of them: it changes in the same transaction.
 */
static const struct kind {
	const char *select;	/* id, number, bound to, wrapped */
	const char *update;	/* wrapped, id, number */
} kinds[] = {
	{ "SELECT 'root', 0, 'evs-kmsd root key check', wrapped FROM root_check",
	  "UPDATE root_check SET wrapped = ?1 WHERE ?2 = 'root' AND ?3 = 0" },
	{ "SELECT cmk, version, cmk || '/' || version, wrapped FROM cmk_version",
	  "UPDATE cmk_version SET wrapped = ?1 WHERE cmk = ?2 AND version = ?3" },
	{ "SELECT id, 0, id || '/fingerprint', fingerprint FROM cmk"
	  " WHERE fingerprint IS NOT NULL",
	  "UPDATE cmk SET fingerprint = ?1 WHERE id = ?2 AND ?3 = 0" },
};

struct kmsd_wrapped_item {
	const struct kind *kind;
	char id[ID_MAX];
	int64_t number;
	char aad[ID_MAX];
	unsigned char wrapped[KMSD_WRAPPED_MAX];
	size_t size;
};

struct reading {
	struct kmsd_wrapped *all;
	const struct kind *kind;
	size_t room;
};

static int take(void *arg, sqlite3_stmt *row)
{
	struct reading *r = arg;
	struct kmsd_wrapped_item *item;

	if (r->all->count == r->room) {
		size_t room = r->room ? 2 * r->room : 64;
		void *items = realloc(r->all->items, room * sizeof(*r->all->items));

		if (!items)
			return -ENOMEM;
		r->all->items = items;
		r->room = room;
	}
	item = &r->all->items[r->all->count++];
	item->kind = r->kind;
	kmsd_db_text(row, 0, item->id, sizeof(item->id));
	item->number = sqlite3_column_int64(row, 1);
	kmsd_db_text(row, 2, item->aad, sizeof(item->aad));
	return kmsd_db_blob(row, 3, item->wrapped, sizeof(item->wrapped), &item->size);
}

int kmsd_wrapped_read(struct kmsd_wrapped *all, struct kmsd_db *db, struct kmsd_hsm *hsm,
		      struct evs_error *err)
{
	struct reading r = { .all = all };
	int ret = 0;

	*all = (struct kmsd_wrapped){};
	for (size_t i = 0; ret >= 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		r.kind = &kinds[i];
		ret = kmsd_db_each(db, err, take, &r, kinds[i].select, "");
	}
	if (ret < 0)
		return ret;
	all->plain = evs_secret_alloc(all->count * KMSD_WRAPPED_MAX);
	if (!all->plain)
		return evs_error_set(err, errno, "locked memory: %m");
	for (size_t i = 0; i < all->count; i++) {
		struct kmsd_wrapped_item *item = &all->items[i];

		ret = kmsd_hsm_unwrap(hsm, item->aad, item->wrapped, item->size,
				      all->plain->data + i * KMSD_WRAPPED_MAX, err);
		if (ret)
			return evs_error_prefix(err, "%s", item->aad);
	}
	return 0;
}

int kmsd_wrapped_write(const struct kmsd_wrapped *all, struct kmsd_store *store,
		       struct kmsd_hsm *hsm, struct evs_error *err)
{
	struct kmsd_db *db = kmsd_store_writing(store);
	unsigned char wrapped[KMSD_WRAPPED_MAX];

	for (size_t i = 0; i < all->count; i++) {
		const struct kmsd_wrapped_item *item = &all->items[i];
		int ret = kmsd_hsm_wrap(hsm, item->aad, all->plain->data + i * KMSD_WRAPPED_MAX,
					item->size - KMSD_HSM_OVERHEAD, wrapped, err);

		if (!ret)
			ret = kmsd_db_run(db, err, item->kind->update, "bsi", wrapped, item->size,
					  item->id, item->number);
		if (ret < 0)
			return ret;
	}
	return 0;
}

void kmsd_wrapped_free(struct kmsd_wrapped *all)
{
	free(all->items);
	evs_secret_free(all->plain);
}
