// SPDX-License-Identifier: GPL-2.0-or-later
/* What names and ids look like; apart, for programs that need nothing else of the library. */
#include <string.h>

#include "names.h"

bool evs_word_valid(const char *text, size_t max)
{
	size_t len = strlen(text);

	return len && len <= max &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

bool evs_kms_name_valid(const char *name)
{
	return evs_word_valid(name, EVS_KMS_NAME_MAX);
}

bool evs_uuid_valid(const char *uuid)
{
	size_t i;

	if (strlen(uuid) != EVS_UUID_SIZE - 1)
		return false;
	for (i = 0; i < EVS_UUID_SIZE - 1; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (uuid[i] != '-')
				return false;
		} else if (!strchr("0123456789abcdef", uuid[i])) {
			return false;
		}
	}
	return true;
}

bool evs_cmk_ref_valid(const char *ref)
{
	size_t i;

	for (i = 0; ref[i]; i++)
		if (ref[i] <= ' ' || ref[i] > '~')
			return false;
	return i && i < EVS_CMK_REF_SIZE;
}
