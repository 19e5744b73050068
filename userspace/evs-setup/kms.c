// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>

#include "cli.h"
#include "conf.h"
#include "init.h"
#include "secret.h"
#include "text.h"

static const struct option options[] = {
	{ "state-dir", required_argument, NULL, 's' },
	{ "module", required_argument, NULL, 'm' },
	{},
};

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct kmsd_init init = { .state_dir = KMSD_STATE_DIR };
	int opt, ret;

	while ((opt = cli_option(argc, argv, options, err)) > 0) {
		if (opt == 's')
			init.state_dir = optarg;
		else
			init.module = optarg;
	}
	if (opt < 0 || cli_no_operand(argc, argv, err))
		return -err->errnum;
	ret = evs_process_harden(err);
	if (ret)
		return ret;
	ret = kmsd_init(&init, err);
	if (ret)
		return ret;
	evs_text_line(stdout, "%s and %s are made; start evs-kmsd next", init.state_dir,
		      KMSD_CONFIG_PATH);
	return 0;
}

const struct verb verb_kms_init = {
	.name = "kms init",
	.args = "[--state-dir DIR] [--module PATH]",
	.brief = "set up the local KMS, once",
	.help = "  --state-dir DIR  where token, PINs and database go, by default\n"
		"                   " KMSD_STATE_DIR "\n"
		"  --module PATH    PKCS#11 module of the HSM, by default SoftHSM2:\n"
		"                   " KMSD_MODULE "\n"
		"\n"
		"Makes a token with random PINs and the root key in it, the database, and\n"
		KMSD_CONFIG_PATH ". Refuses when there is a KMS already.\n",
	.needs = VERB_NEEDS_ROOT,
	.run = run,
};
