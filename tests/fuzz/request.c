// SPDX-License-Identifier: GPL-2.0-or-later
/* The body of a request to evs-kmsd, and the encryption context in it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *body = malloc(size + 1);
	struct kmsd_context context;
	struct kmsd_request req;
	struct evs_error err = {};

	memcpy(body, data, size);
	body[size] = '\0';
	if (!kmsd_request_init(&req, body, size, &err)) {
		kmsd_context_init(&context,
				  json_object_object_get(req.json, "encryption_context"), &err);
		kmsd_context_free(&context);
	}
	kmsd_request_free(&req);
	free(body);
	return 0;
}
