/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon in a process of its own, with one client of the administrator's. */
#ifndef KMSD_API_TEST_H
#define KMSD_API_TEST_H

#include "kmsd_fixture.h"

static struct fixture f;

static int setup(void **state)
{
	if (root_only(state))
		return -1;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	fixture_init(&f);
	daemon_start(&f);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (!f.pid)
		return -1;
	if (daemon_stop(&f, SIGTERM))	/* exit status 0, under ASAN without a leak */
		return -1;
	remove_tree(f.dir);
	return 0;
}

#endif /* KMSD_API_TEST_H */
