// SPDX-License-Identifier: GPL-2.0-or-later
/* What the service says of itself: versions of the API, metrics. */
#include <string.h>

#include "http/op/ops.h"

/* The links name no host: the daemon does not know by which name it was reached. */
#define VERSION \
	"{\"id\":\"v1.0\",\"links\":[{\"href\":\"/v1.0/\",\"rel\":\"self\"}]," \
	"\"min_version\":\"\",\"status\":\"CURRENT\",\"version\":\"\"," \
	"\"updated\":\"2018-09-05T08:18:05Z\"}"

int kmsd_op_versions(struct kmsd_call *call, struct evs_error *err)
{
	return kmsd_reply_text(call->reply, strdup("{\"versions\":[" VERSION "]}"), err);
}

int kmsd_op_version(struct kmsd_call *call, struct evs_error *err)
{
	return kmsd_reply_text(call->reply, strdup("{\"version\":" VERSION "}"), err);
}

int kmsd_op_metrics(struct kmsd_call *call, struct evs_error *err)
{
	call->reply->type = "text/plain; version=0.0.4";
	return kmsd_reply_text(call->reply, kmsd_metrics_text(call->kmsd), err);
}
