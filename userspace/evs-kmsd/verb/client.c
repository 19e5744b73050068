// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <unistd.h>

#include "enroll.h"
#include "text.h"
#include "verb/verb.h"

static int run(const struct kmsd_verb *verb, const char *config, int argc, char **argv)
{
	struct kmsd_enroll enroll = { .config = config, .role = "user", .project = "default" };
	const struct kmsd_option options[] = {
		{ "role", .text = &enroll.role }, { "project", .text = &enroll.project }, {},
	};
	struct evs_error err = {};
	struct kmsd_conf conf;
	int status = kmsd_verb_begin(verb, argc, argv, options, "NAME", &conf, config), ret;

	if (status >= 0)
		return status;
	enroll.name = argv[optind];
	ret = kmsd_enroll(&enroll, &conf, &err);
	kmsd_conf_free(&conf);
	if (ret)
		return kmsd_verb_fail(&err);
	evs_text_line(stdout, "%s is a client now, role %s in project %s. Next:", enroll.name,
		      enroll.role, enroll.project);
	evs_text_line(stdout, "  systemctl reload evs-kmsd");
	evs_text_line(stdout, "  scp -p %s/{client.pem,kmsd.pem,evs.conf} root@%s:/etc/evs/",
		      enroll.dir, enroll.name);
	evs_text_line(stdout, "Then delete %s: it holds the client's private key.", enroll.dir);
	return 0;
}

const struct kmsd_verb kmsd_verb_client_add = {
	.name = "client add",
	.args = "[--role ROLE] [--project ID] NAME",
	.brief = "make a remote host a client of the KMS",
	.help = "  --role ROLE     administrator, user or auditor (default: user)\n"
		"  --project ID    project whose keys it uses (default: default)\n"
		"\n"
		"Makes a private key and a certificate for two years, adds the section [client NAME]\n"
		"to the configuration, and puts what the host needs (client.pem, kmsd.pem, evs.conf)\n"
		"into the directory client-NAME beside it. Prints the two commands to run next.\n",
	.run = run,
};
