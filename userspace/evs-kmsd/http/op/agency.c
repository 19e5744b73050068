// SPDX-License-Identifier: GPL-2.0-or-later
/* The operations on a project's agency. */
#include <stdio.h>

#include "http/op/ops.h"
#include "key/agency.h"

static int reply(struct kmsd_call *call, struct evs_error *err)
{
	struct kmsd_agency agency;
	char created[24];
	int ret;

	ret = kmsd_agency_find(call->kmsd, call->project, &agency, err);
	if (ret)
		return ret;
	snprintf(created, sizeof(created), "%lld", (long long)agency.created);
	return kmsd_reply_pairs(call->reply, "agency", (const char *const[]){
		"name", KMSD_AGENCY_NAME, "project", call->project, "granted",
		agency.creator[0] ? "true" : "false", "creator", agency.creator,
		"creation_date", agency.created ? created : "", NULL }, err);
}

int kmsd_op_create_agency(struct kmsd_call *call, struct evs_error *err)
{
	int ret = kmsd_agency_create(call->kmsd, call->project, call->who.name, err);

	return ret ? ret : reply(call, err);
}

int kmsd_op_describe_agency(struct kmsd_call *call, struct evs_error *err)
{
	return reply(call, err);
}

int kmsd_op_delete_agency(struct kmsd_call *call, struct evs_error *err)
{
	int ret = kmsd_agency_delete(call->kmsd, call->project, err);

	return ret ? ret : kmsd_reply_done(call->reply, err);
}
