// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>

#include "init.h"
#include "text.h"
#include "verb/verb.h"

int kmsd_verb_init(const struct kmsd_verb *verb, const char *config, int argc, char **argv)
{
	struct kmsd_init init = { .state_dir = KMSD_STATE_DIR, .config = config };
	const struct kmsd_option options[] = {
		{ "state-dir", .text = &init.state_dir },
		{ "module", .text = &init.module }, {},
	};
	int status = kmsd_verb_parse(verb, argc, argv, options, ""), ret;
	struct evs_error err = {};

	if (status >= 0)
		return status;
	ret = kmsd_init(&init, &err);
	if (ret == -EINVAL)
		return kmsd_verb_usage(verb, "%s", err.text);
	if (ret)
		return kmsd_verb_fail(&err);
	evs_text_line(stdout, "%s and %s are made; start evs-kmsd next", init.state_dir, config);
	return 0;
}
