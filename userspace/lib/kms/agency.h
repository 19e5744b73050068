/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_AGENCY_H
#define EVS_KMS_AGENCY_H

#include <stdbool.h>

#include "error.h"

struct evs_kms;

/* An agency unless told otherwise: of the account of evs-kmsd, for the EVS service */
#define EVS_AGENCY_NAME "EVSAccessKMS"
#define EVS_AGENCY_ACCOUNT "local"
#define EVS_AGENCY_SERVICE "op_svc_evs"
#define EVS_AGENCY_ROLE "KMS Administrator"

/**
 * struct evs_agency - Permission of a project to use its CMKs for its disks.
 * @id: its id; from the KMS
 * @name: its name
 * @account: id of the account that gives it
 * @trusted: name of the account that it is given to
 * @role: display name of what that account may then do in the project
 * @granted: it has that role; from the KMS
 */
struct evs_agency {
	char id[72];
	char name[72];
	char account[72];
	char trusted[72];
	char role[72];
	bool granted;
};

/* The calls return what those of kms.h do. */

/**
 * evs_kms_create_agency() - Make an agency and give it its role in the project.
 * @kms: the client; of no use for anything but agencies afterwards
 * @agency: all but id and granted are read, these are filled; one that is there
 *	    already is given the role
 * @err: filled on failure
 */
int evs_kms_create_agency(struct evs_kms *kms, struct evs_agency *agency,
			  struct evs_error *err);

/**
 * evs_kms_find_agency() - Look an agency up.
 * @kms: the client; of no use for anything but agencies afterwards
 * @agency: name, account and role are read, the rest is filled
 * @err: filled on failure; EVS_CLASS_NONE and ENOENT when there is none
 */
int evs_kms_find_agency(struct evs_kms *kms, struct evs_agency *agency, struct evs_error *err);

/**
 * evs_kms_delete_agency() - Delete an agency, whatever its roles.
 * @kms: the client; of no use for anything but agencies afterwards
 * @agency: as evs_kms_find_agency()
 * @err: filled on failure
 */
int evs_kms_delete_agency(struct evs_kms *kms, struct evs_agency *agency,
			  struct evs_error *err);

#endif /* EVS_KMS_AGENCY_H */
