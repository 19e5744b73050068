// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>

#include "hsm/root.h"
#include "text.h"
#include "verb/verb.h"

int kmsd_verb_root_rewrap(const struct kmsd_verb *verb, const char *config, int argc, char **argv)
{
	struct kmsd_root_target to = {};
	const struct kmsd_option options[] = {
		{ "module", .text = &to.module }, { "token", .text = &to.token },
		{ "softhsm2-conf", .text = &to.softhsm2_conf },
		{ "pin-file", .text = &to.pin_file },
		{ "root-key", .text = &to.root_key }, { "new-key", .flag = &to.new_key }, {},
	};
	int status = kmsd_verb_parse(verb, argc, argv, options, ""), ret;
	struct evs_error err = {};
	struct kmsd_conf conf;

	if (status >= 0)
		return status;
	if (to.new_key && (to.module || to.softhsm2_conf || to.token || to.pin_file || to.root_key))
		return kmsd_verb_usage(verb, "--new-key: not with other options");
	if (!to.new_key && !to.token)
		return kmsd_verb_usage(verb, "--token or --new-key is missing");
	ret = kmsd_root_rewrap(config, &to, &err);
	if (ret)
		return kmsd_verb_fail(&err);
	status = kmsd_verb_conf(&conf, config);
	if (status)
		return status;
	evs_text_line(stdout, "all keys are wrapped by \"%s\" of token \"%s\"; start evs-kmsd next",
		      conf.root_key, conf.token);
	return 0;
}
