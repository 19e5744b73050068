/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_PERMISSION_H
#define KMSD_PERMISSION_H

#include <stdint.h>

/* What may be done: one bit for each action of the cloud's permission model. */
enum kmsd_permission {
	KMSD_P_NONE = 0,
	KMSD_P_CMK_CREATE = 1 << 0,
	KMSD_P_CMK_ENABLE = 1 << 1,
	KMSD_P_CMK_DISABLE = 1 << 2,
	KMSD_P_CMK_UPDATE = 1 << 3,
	KMSD_P_CMK_LIST = 1 << 4,
	KMSD_P_CMK_GET = 1 << 5,
	KMSD_P_CMK_QUOTA = 1 << 6,
	KMSD_P_CMK_ROTATE = 1 << 7,
	KMSD_P_CMK_IMPORT = 1 << 8,
	KMSD_P_DEK_CREATE = 1 << 9,
	KMSD_P_DEK_CRYPTO = 1 << 10,
	KMSD_P_GRANT_CREATE = 1 << 11,
	KMSD_P_GRANT_REVOKE = 1 << 12,
	KMSD_P_GRANT_LIST = 1 << 13,
	KMSD_P_METRICS = 1 << 14,
	KMSD_P_AGENCY = 1 << 15,	/* let EVS use the project's keys */
};

#define KMSD_P_KMS (KMSD_P_METRICS - 1)

/* What a client may do in its project. */
enum kmsd_client_role {
	KMSD_ROLE_NONE,
	KMSD_ROLE_ADMINISTRATOR,	/* everything of the project's keys, and the agency */
	KMSD_ROLE_USER,			/* make and unwrap data keys, under the agency */
	KMSD_ROLE_AUDITOR,		/* read */
};

/* What a role allows. @role: the role. */
uint32_t kmsd_role_permissions(enum kmsd_client_role role);

/* Find a role. @name: as evs-kmsd.conf(5) spells it. Returns the role, or KMSD_ROLE_NONE. */
enum kmsd_client_role kmsd_role_by_name(const char *name);

/* Its name there. @role: the role. */
const char *kmsd_role_name(enum kmsd_client_role role);

/* Which roles have a permission, for a sentence. @permission: one bit. */
const char *kmsd_roles_with(uint32_t permission);

#endif /* KMSD_PERMISSION_H */
