// SPDX-License-Identifier: GPL-2.0-or-later
/* Lists that come in pages. */
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kms/json.h"
#include "kms/otc/private.h"

#define MARKER_SIZE 128

/* Appends one page; @marker becomes that of the next, "" for none. */
static int take_page(json_object *reply, const struct evs_otc_list *what, void **list,
		     size_t *count, char marker[MARKER_SIZE], struct evs_error *err)
{
	json_object *page = json_object_object_get(reply, what->member);
	char truncated[8], next[MARKER_SIZE], why[64];
	size_t i, len;
	char *grown;

	snprintf(why, sizeof(why), "no %s", what->member);
	if (!json_object_is_type(page, json_type_array))
		return evs_otc_bad_answer(err, what->op, why);
	len = json_object_array_length(page);
	if (len > what->max - *count)
		return evs_otc_bad_answer(err, what->op, "the list does not end");
	grown = reallocarray(*list, *count + len + 1, what->size);
	if (!grown)
		return evs_otc_no_memory(err);
	*list = grown;
	for (i = 0; i < len; i++)
		if (what->get(json_object_array_get_idx(page, i), grown + (*count)++ * what->size))
			return evs_otc_bad_answer(err, what->op, what->bad);
	if (evs_json_text(reply, "truncated", truncated, sizeof(truncated)) ||
	    strcmp(truncated, "true")) {
		*marker = '\0';
		return 0;
	}
	if (!len || evs_json_text(reply, "next_marker", next, sizeof(next)) || !*next ||
	    !strcmp(next, marker))
		return evs_otc_bad_answer(err, what->op, "no next page although truncated");
	strcpy(marker, next);
	return 0;
}

int evs_otc_list(struct evs_kms *kms, const struct evs_otc_list *what, const char *id,
		 void **list, size_t *count, struct evs_error *err)
{
	json_object *request, *reply;
	char marker[MARKER_SIZE] = "";
	int ret;

	*list = NULL;
	*count = 0;
	do {
		request = json_object_new_object();
		if (id)
			evs_otc_add_text(&request, "key_id", id);
		evs_otc_add_text(&request, "limit", what->limit);
		if (*marker)
			evs_otc_add_text(&request, "marker", marker);
		ret = evs_otc_call(kms, what->op, request, &reply, err);
		if (ret)
			break;
		ret = take_page(reply, what, list, count, marker, err);
		json_object_put(reply);
	} while (!ret && *marker);
	if (ret) {
		free(*list);
		*list = NULL;
		*count = 0;
	}
	return ret;
}
