/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_AGENCY_H
#define KMSD_AGENCY_H

#include "kmsd.h"

/*
 * The agency of a project: its administrator has allowed the EVS service to use the
 * project's keys. Clients whose role is `user` are that service.
 */

#define KMSD_AGENCY_NAME "EVSAccessKMS"

/**
 * struct kmsd_agency - That somebody has allowed it.
 * @creator: who; "" when nobody has
 * @created: milliseconds since 1970
 */
struct kmsd_agency {
	char creator[KMSD_USER_MAX + 1];
	int64_t created;
};

/* All return 0 or a negative errno with @err filled. */

/* Has a project an agency? */
int kmsd_agency_find(struct kmsd *kmsd, const char *project, struct kmsd_agency *agency,
		     struct evs_error *err);

/* Make it, unless it is there. @creator: who allows it. */
int kmsd_agency_create(struct kmsd *kmsd, const char *project, const char *creator,
		       struct evs_error *err);

/* End it. */
int kmsd_agency_delete(struct kmsd *kmsd, const char *project, struct evs_error *err);

#endif /* KMSD_AGENCY_H */
