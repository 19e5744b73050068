/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_TOKEN_JSON_H
#define EVS_TOKEN_JSON_H

#include <json.h>

#include "token.h"

/**
 * evs_context_to_json() - An encryption context as header and KMS spell it.
 * @context: the context
 *
 * Return: an object for json_object_put(), NULL when out of memory.
 */
json_object *evs_context_to_json(const struct evs_context *context);

#endif /* EVS_TOKEN_JSON_H */
