// SPDX-License-Identifier: GPL-2.0-or-later
/* The token of a disk: what is taken can be written, and is then the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct evs_token token, again;
	char *json = malloc(size + 1), out[EVS_TOKEN_JSON_MAX];
	struct evs_error err = {};

	memcpy(json, data, size);
	json[size] = '\0';
	if (!evs_token_from_json(&token, json, &err) && !evs_token_to_json(&token, out, &err) &&
	    (evs_token_from_json(&again, out, &err) || memcmp(&token, &again, sizeof(token))))
		abort();
	free(json);
	return 0;
}
