/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_ENROLL_H
#define KMSD_ENROLL_H

#include "conf.h"

/**
 * struct kmsd_enroll - A remote host that is to become a client.
 * @config: the configuration file, to which a section is added
 * @name: the client's name
 * @role: its role, as evs-kmsd.conf(5) spells it
 * @project: its project
 * @dir: where the files for the host go; filled
 */
struct kmsd_enroll {
	const char *config;
	const char *name, *role, *project;
	char dir[PATH_MAX];
};

/*
 * Make certificate, key and evs.conf of a client, and its section. @conf: what is configured.
 * Returns 0 or a negative errno; -EEXIST when there is such a client.
 */
int kmsd_enroll(struct kmsd_enroll *enroll, const struct kmsd_conf *conf, struct evs_error *err);

#endif /* KMSD_ENROLL_H */
