// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <stdbool.h>
#include <string.h>

#include "permission.h"

#define READ (KMSD_P_CMK_GET | KMSD_P_CMK_LIST | KMSD_P_CMK_QUOTA | KMSD_P_GRANT_LIST)

static const struct {
	const char *name;
	uint32_t permissions;
} roles[] = {
	[KMSD_ROLE_NONE] = { "", KMSD_P_NONE },
	[KMSD_ROLE_ADMINISTRATOR] = { "administrator",
				      KMSD_P_KMS | KMSD_P_METRICS | KMSD_P_AGENCY },
	[KMSD_ROLE_USER] = { "user", KMSD_P_DEK_CREATE | KMSD_P_DEK_CRYPTO | KMSD_P_CMK_GET |
				     KMSD_P_CMK_LIST },
	[KMSD_ROLE_AUDITOR] = { "auditor", READ | KMSD_P_METRICS },
};

uint32_t kmsd_role_permissions(enum kmsd_client_role role)
{
	return roles[role].permissions;
}

enum kmsd_client_role kmsd_role_by_name(const char *name)
{
	enum kmsd_client_role role;

	for (role = KMSD_ROLE_ADMINISTRATOR; role <= KMSD_ROLE_AUDITOR; role++)
		if (!strcmp(roles[role].name, name))
			return role;
	return KMSD_ROLE_NONE;
}

const char *kmsd_role_name(enum kmsd_client_role role)
{
	return role ? roles[role].name : "none";
}

const char *kmsd_roles_with(uint32_t permission)
{
	bool user = roles[KMSD_ROLE_USER].permissions & permission;
	bool auditor = roles[KMSD_ROLE_AUDITOR].permissions & permission;

	return user && auditor ? "administrator, user or auditor" :
	       user ? "administrator or user" :
	       auditor ? "administrator or auditor" : "administrator";
}
