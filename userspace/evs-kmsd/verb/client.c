// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <unistd.h>

#include "enroll.h"
#include "text.h"
#include "verb/verb.h"

int kmsd_verb_client_add(const struct kmsd_verb *verb, const char *config, int argc, char **argv)
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
