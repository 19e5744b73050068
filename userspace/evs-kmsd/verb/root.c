// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>

#include "hsm/root.h"
#include "text.h"
#include "verb/verb.h"

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "module", required_argument, NULL, 'm' },
	{ "softhsm2-conf", required_argument, NULL, 's' },
	{ "token", required_argument, NULL, 't' },
	{ "pin-file", required_argument, NULL, 'p' },
	{ "root-key", required_argument, NULL, 'r' },
	{ "new-key", no_argument, NULL, 'n' },
	{},
};

static void take(struct kmsd_root_target *to, int opt)
{
	switch (opt) {
	case 'm':
		to->module = optarg;
		break;
	case 's':
		to->softhsm2_conf = optarg;
		break;
	case 't':
		to->token = optarg;
		break;
	case 'p':
		to->pin_file = optarg;
		break;
	case 'r':
		to->root_key = optarg;
		break;
	default:
		to->new_key = true;
	}
}

static int run(const struct kmsd_verb *verb, const char *config, int argc, char **argv)
{
	struct kmsd_root_target to = {};
	struct evs_error err = {};
	struct kmsd_conf conf;
	int opt, status = 0, ret;

	while ((opt = kmsd_verb_option(verb, argc, argv, options, &status)) >= 0)
		take(&to, opt);
	if (opt == -2)
		return status;
	if (optind < argc)
		return kmsd_verb_usage(verb, "%s: unexpected argument", argv[optind]);
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

const struct kmsd_verb kmsd_verb_root_rewrap = {
	.name = "root rewrap",
	.args = "--token LABEL [--module PATH] [--pin-file FILE] [--root-key LABEL] | --new-key",
	.brief = "wrap all keys with another root key",
	.help = "  --token LABEL         token with the new root key; initialise it first\n"
		"  --module PATH         its PKCS#11 module (default: as configured)\n"
		"  --softhsm2-conf FILE  configuration of the module, if it is SoftHSM2\n"
		"  --pin-file FILE       file with the user's PIN (default: as configured)\n"
		"  --root-key LABEL      the root key; made if there is none (default: as\n"
		"                        configured)\n"
		"  --new-key             make a new root key in the configured token\n"
		"  --help                show this text\n"
		"\n"
		"Stop evs-kmsd first. If it was interrupted, run the same command again. The old\n"
		"root key stays in its token: backups that were made before need it.\n",
	.run = run,
};
