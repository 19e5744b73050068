// SPDX-License-Identifier: GPL-2.0-or-later
/* Verbs about headers take a device or file, or a disk of a pool. */
#include <errno.h>
#include <stdio.h>

#include "place.h"
#include "proof.h"

static int activate(struct place *place, unsigned int flags, struct evs_error *err)
{
	struct target *target = &place->target;
	struct evs_pool *pool = &target->pool;
	struct evs_record *record = &place->entry.record;
	int ret;

	ret = evs_pool_lock(pool, err);
	if (!ret)
		ret = flags & PLACE_DAMAGED ?
		      evs_pool_find(pool, &target->object, &place->entry, err) :
		      target_find(target, &place->entry, err);
	if (ret)
		return ret;
	if (!record->encrypted)
		return evs_error_set(err, EMEDIUMTYPE, "%s: is plain: it has no header",
				     target->text);
	if (flags & PLACE_WRITE && target_refuse_rollback(target, record, err))
		return -err->errnum;
	ret = pool->ops->activate(pool, &target->object, flags & PLACE_WRITE, place->path,
				  sizeof(place->path), err);
	return ret ? evs_error_prefix(err, "%s", target->text) : 0;
}

/* Finds the path. */
static int find(struct place *place, const char *ref, unsigned int flags, struct evs_error *err)
{
	int ret = target_is_pool(ref, err);

	/* Whoever may not read evs.conf has no pools. */
	if (ret < 0 && ret != -EACCES)
		return ret;
	place->in_pool = ret > 0;
	if (!place->in_pool)
		return (size_t)snprintf(place->path, sizeof(place->path), "%s", ref) <
		       sizeof(place->path) ? 0 :
		       evs_error_set(err, ENAMETOOLONG, "%s: is too long for a path", ref);
	ret = target_open(&place->target, ref, EVS_KIND_DISK, err);
	if (ret)
		return ret;
	ret = activate(place, flags, err);
	if (ret)
		target_close(&place->target);
	return ret;
}

int place_open(struct place *place, const char *ref, unsigned int flags, struct evs_error *err)
{
	int ret;

	place->ref = ref;
	place->vol = NULL;
	ret = find(place, ref, flags, err);
	if (ret || !(flags & PLACE_HOLD))
		return ret;
	ret = claim_open_header(&place->claim, place->path, err);
	if (!ret) {
		ret = evs_volume_open(&place->vol, &place->claim.dev, 0, err);
		if (ret)
			claim_close(&place->claim);
	}
	if (ret)
		place_close(place);
	return ret;
}

int place_settle(struct place *place, const struct evs_volume *vol, struct evs_error *err)
{
	int ret;

	if (!place->in_pool)
		return 0;
	ret = proof_record(&place->target.pool, &place->entry, vol, err);
	return ret < 0 ? ret : 0;
}

void place_close(struct place *place)
{
	struct evs_pool *pool = &place->target.pool;
	struct evs_error ignored = {};

	if (place->vol) {
		evs_volume_close(place->vol);
		claim_close(&place->claim);
	}
	if (!place->in_pool)
		return;
	/* One that is attached stays active. */
	pool->ops->deactivate(pool, &place->target.object, &ignored);
	target_close(&place->target);
}
