// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "key/cmk.h"
#include "fail.h"
#include "key/material.h"
#include "key/rotation.h"

#define DAYS_MIN 30
#define DAYS_MAX 365

bool kmsd_rotation_is_due(struct kmsd *kmsd, const struct kmsd_cmk *cmk)
{
	return cmk->rotation && cmk->state == EVS_CMK_STATE_ENABLED &&
	       cmk->rotated + cmk->rotation_days * KMSD_DAY_MS <= kmsd_clock_now(&kmsd->clock);
}

int kmsd_rotation_allowed(const struct kmsd_cmk *cmk, struct evs_error *err)
{
	if (cmk->is_default)
		return kmsd_fail(err, KMSD_E_DEFAULT_KEY,
				 "default master key %s cannot be rotated", cmk->alias);
	if (cmk->external)
		return kmsd_fail(err, KMSD_E_NO_ROTATION,
				 "key %s has imported material, which cannot be rotated", cmk->id);
	return 0;
}

static int save(struct kmsd *kmsd, const struct kmsd_cmk *cmk, struct evs_error *err)
{
	int ret = kmsd_db_run(kmsd_store_writing(kmsd->store), err,
			      "UPDATE cmk SET rotation = ?, rotation_days = ?, rotated = ?,"
			      " rotations = ? WHERE id = ?", "iiiis", (int64_t)cmk->rotation,
			      cmk->rotation_days, cmk->rotated, cmk->rotations, cmk->id);

	return ret < 0 ? ret : 0;
}

int kmsd_rotation_rotate(struct kmsd *kmsd, struct kmsd_cmk *cmk, struct evs_error *err)
{
	int ret = kmsd_material_generate(kmsd, cmk, cmk->version + 1, err);

	if (ret)
		return ret;
	cmk->rotated = kmsd_clock_now(&kmsd->clock);
	cmk->rotations++;
	return save(kmsd, cmk, err);
}

int kmsd_rotation_set(struct kmsd *kmsd, struct kmsd_cmk *cmk, bool on, struct evs_error *err)
{
	int ret;

	ret = kmsd_rotation_allowed(cmk, err);
	if (!ret)
		ret = kmsd_cmk_usable(cmk, err);
	if (ret)
		return ret;
	if (on && cmk->rotation)
		return kmsd_fail(err, KMSD_E_ROTATION_ON, "rotation of key %s is enabled already",
				 cmk->id);
	if (!on && !cmk->rotation)
		return kmsd_fail(err, KMSD_E_ROTATION_OFF, "rotation of key %s is not enabled",
				 cmk->id);
	cmk->rotation = on;
	if (on)
		cmk->rotation_days = DAYS_MAX;
	return save(kmsd, cmk, err);
}

int kmsd_rotation_set_days(struct kmsd *kmsd, struct kmsd_cmk *cmk, int64_t days,
			   struct evs_error *err)
{
	int ret;

	if (days < DAYS_MIN || days > DAYS_MAX)
		return kmsd_fail(err, KMSD_E_INTERVAL, "rotation_interval: not %d to %d", DAYS_MIN,
				 DAYS_MAX);
	ret = kmsd_rotation_allowed(cmk, err);
	if (!ret)
		ret = kmsd_cmk_usable(cmk, err);
	if (ret)
		return ret;
	if (!cmk->rotation)
		return kmsd_fail(err, KMSD_E_ROTATION_OFF, "rotation of key %s is not enabled",
				 cmk->id);
	cmk->rotation_days = days;
	return save(kmsd, cmk, err);
}
