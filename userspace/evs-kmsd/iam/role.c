// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <string.h>

#include "iam/auth.h"

#define KEY_USER (KMSD_P_DEK_CREATE | KMSD_P_DEK_CRYPTO | KMSD_P_CMK_GET | KMSD_P_CMK_LIST | \
		  KMSD_P_CMK_GENERATE)
#define READER (KMSD_P_CMK_GET | KMSD_P_CMK_LIST | KMSD_P_CMK_INSTANCE | KMSD_P_CMK_QUOTA | \
		KMSD_P_GRANT_LIST)

const struct kmsd_role kmsd_roles[] = {
	{ "kms_adm", "KMS Administrator", KMSD_P_KMS | KMSD_P_METRICS },
	{ "kms_full", "KMS CMKFullAccess", KMSD_P_KMS },
	{ "kms_cmk_admin", "KMS CMK Admin",
	  KMSD_P_KMS & ~(KMSD_P_DEK_CREATE | KMSD_P_DEK_CRYPTO | KMSD_P_CMK_CRYPTO) },
	{ "kms_readonly", "KMS CMKReadOnlyAccess", READER },
	{ "kms_user", "KMS User", KEY_USER },
	{ "evs_kms", "EVS KMSAccess", KEY_USER },
	{ "secu_admin", "Security Administrator", KMSD_P_IAM },
	{ "te_agency", "Agent Operator", KMSD_P_AGENT },
};
const size_t kmsd_role_count = sizeof(kmsd_roles) / sizeof(kmsd_roles[0]);

const struct kmsd_role *kmsd_role_find(const char *name)
{
	size_t i;

	for (i = 0; i < kmsd_role_count; i++)
		if (!strcmp(kmsd_roles[i].id, name) || !strcmp(kmsd_roles[i].name, name))
			return &kmsd_roles[i];
	return NULL;
}
