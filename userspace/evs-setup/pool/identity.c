// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "block/claim.h"
#include "identity.h"

int identity_make(struct identity *identity, const struct evs_config *config,
		  struct evs_volume *vol, struct evs_error *err)
{
	struct evs_rewraps rewraps = { .config = config };
	struct evs_rewrap rewrap;
	int ret;

	ret = evs_rewrap_begin(&rewrap, &rewraps, vol, err);
	if (!ret) {
		ret = evs_rewrap_for(&rewrap, identity->uuid, err);
		identity->old = rewrap.old;
		identity->new = rewrap.new;
		evs_rewrap_end(&rewrap);
	}
	evs_rewraps_close(&rewraps);
	return ret;
}

int identity_write(const struct identity *identity, const struct evs_volume *vol,
		   const char *path, struct evs_error *err)
{
	const char *label = identity->label ? identity->label : "";
	struct evs_volume *copy;
	struct claim claim;
	int ret;

	ret = claim_open(&claim, path, err);
	if (ret)
		return ret;
	ret = evs_volume_open(&copy, &claim.dev, 0, err);
	if (!ret) {
		/* The KMS has seen the key of the original, and may have taken its time. */
		if (!evs_volume_same_dk(copy, vol))
			ret = evs_error_set(err, EBUSY,
					    "%s: what it was made of got another data key meanwhile; try again",
					    path);
		else
			ret = evs_volume_reidentify(copy, identity->uuid, label, &identity->old,
						    &identity->new, err);
		evs_volume_close(copy);
	}
	claim_close(&claim);
	return ret;
}
