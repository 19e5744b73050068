// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
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

const char *kmsd_permission_name(uint32_t permission)
{
	static const char *const names[] = {
		"kms:cmk:create", "kms:cmk:enable", "kms:cmk:disable", "kms:cmk:update",
		"kms:cmk:list", "kms:cmk:get", "kms:cmk:getQuota", "kms:cmk:rotate",
		"kms:cmk:import", "kms:dek:create", "kms:dek:crypto", "kms:grant:create",
		"kms:grant:revoke", "kms:grant:list", "metrics", "agency",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (permission & 1u << i)
			return names[i];
	return "nothing";
}
