// SPDX-License-Identifier: GPL-2.0-or-later
/* An answer of a KMIP server: TTLV, then the message in it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kms/kmip/kmip.h"

static volatile unsigned char sink;

/* Every byte of every value is read, so that the sanitizer sees one too far. */
static void walk(const struct evs_ttlv *parent)
{
	struct evs_ttlv item = {};
	uint32_t i;

	while (evs_ttlv_next(parent, &item)) {
		for (i = 0; i < item.len; i++)
			sink = item.value[i];
		if (item.type == EVS_TTLV_STRUCTURE)
			walk(&item);
		else if (item.len == 4 || item.len == 8)
			sink = (unsigned char)evs_ttlv_number(&item);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *copy = malloc(size ? size : 1);
	struct evs_ttlv root, payload;
	struct evs_error err = {};

	memcpy(copy, data, size);
	if (!evs_ttlv_parse(&root, copy, size) && root.type == EVS_TTLV_STRUCTURE) {
		if (evs_ttlv_message_size(copy, root.tag) != size)
			abort();
		walk(&root);
	}
	if (!evs_kmip_parse(KMIP_OP_DECRYPT, copy, size, &payload, &err))
		walk(&payload);
	free(copy);
	return 0;
}
