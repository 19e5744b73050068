// SPDX-License-Identifier: GPL-2.0-or-later
#include <blkid.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "volume/export.h"

void evs_export_defuse(char *text)
{
	while ((text = strpbrk(text, " \t!\"#$&'()*;<>?[\\]^`{|}~%,")))
		*text = '_';
}

static int print_label(const char *label, struct evs_error *err)
{
	char text[4 * EVS_LABEL_MAX + 1], *c;

	if (!*label)
		return 0;
	if (blkid_safe_string(label, text, sizeof(text)))
		return evs_error_set(err, EINVAL, "bad label");
	evs_export_defuse(text);
	for (c = text; (c = strchr(c, '/')); c++)
		*c = '_';
	printf("EVS_LABEL=%s\n", text);
	if (blkid_encode_string(label, text, sizeof(text)))
		return evs_error_set(err, EINVAL, "bad label");
	printf("EVS_LABEL_ENC=%s\n", text);
	return 0;
}

int evs_export(const struct evs_volume *vol, const char *disk, struct evs_error *err)
{
	const struct evs_token *token = evs_volume_token(vol);
	char cmk[EVS_CMK_REF_SIZE];
	int ret;

	printf("EVS_UUID=%s\n", evs_volume_uuid(vol));
	ret = print_label(evs_volume_label(vol), err);
	strcpy(cmk, token->cmk);
	evs_export_defuse(cmk);
	printf("EVS_KMS=%s\nEVS_CMK=%s\n", token->kms, cmk);
	printf("EVS_SECTOR_SIZE=%u\n", evs_volume_sector_size(vol));
	printf("EVS_OFFSET=%llu\n", (unsigned long long)evs_volume_data_offset(vol));
	printf("EVS_SIZE=%llu\n", (unsigned long long)evs_volume_data_size(vol));
	if (*disk)
		printf("EVS_ATTACHED_AS=%s\n", disk);
	return ret;
}
