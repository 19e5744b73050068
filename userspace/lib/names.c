// SPDX-License-Identifier: GPL-2.0-or-later
/* What names and ids look like; apart, for programs that need nothing else of the library. */
#include <string.h>

#include "names.h"

bool evs_word_valid(const char *text, size_t max)
{
	size_t len = strlen(text);

	return len && len <= max &&
	       strspn(text,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

bool evs_kms_name_valid(const char *name)
{
	return evs_word_valid(name, EVS_KMS_NAME_MAX);
}

/* 8, 4, 4, 4 and 12 of these characters, with '-' between them */
static bool in_groups(const char *id, const char *characters)
{
	static const size_t groups[] = { 8, 4, 4, 4, 12 };

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++, id++) {
		if (i && *id++ != '-')
			return false;
		if (strspn(id, characters) < groups[i])
			return false;
		id += groups[i] - 1;
	}
	return !*id;
}

bool evs_uuid_valid(const char *uuid)
{
	return in_groups(uuid, "0123456789abcdef");
}

bool evs_cmk_is_id(const char *ref)
{
	return in_groups(ref, "0123456789abcdefghijklmnopqrstuvwxyz");
}

bool evs_cmk_ref_valid(const char *ref)
{
	size_t i;

	for (i = 0; ref[i]; i++)
		if (ref[i] <= ' ' || ref[i] > '~')
			return false;
	return i && i < EVS_CMK_REF_SIZE;
}
