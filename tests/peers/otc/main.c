// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usage: otc EVS-KMSD.CONF CLOUD.CONF PORT
 *
 * Be the cloud on PORT of 127.0.0.1, with the token and the database that `evs-kmsd init`
 * has made. SIGHUP reads CLOUD.CONF again.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "cloud.h"

static int serve(struct otc_cloud *cloud, const char *path, unsigned int port,
		 struct evs_error *err)
{
	struct otc_server *server;
	sigset_t stop;
	int ret, sig;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGHUP);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	ret = otc_server_start(&server, cloud, &port, err);
	if (ret)
		return ret;
	fprintf(stderr, "otc: ready on 127.0.0.1:%u\n", port);
	while (!sigwait(&stop, &sig) && sig == SIGHUP)
		if (otc_reload(cloud, path, err))
			fprintf(stderr, "otc: %s\n", err->text);
	otc_server_stop(server);
	return 0;
}

int main(int argc, char **argv)
{
	static struct otc_cloud cloud;
	struct evs_error err = {};
	struct kmsd_conf conf;
	struct kmsd kmsd;
	int ret;

	if (argc != 4) {
		fputs("usage: otc EVS-KMSD.CONF CLOUD.CONF PORT\n", stderr);
		return 2;
	}
	ret = kmsd_conf_load(&conf, argv[1], &err);
	if (!ret)
		ret = kmsd_open(&kmsd, &conf, &err);
	if (!ret) {
		ret = otc_open(&cloud, &kmsd, argv[2], &err);
		if (!ret)
			ret = serve(&cloud, argv[2], (unsigned int)atoi(argv[3]), &err);
		otc_close(&cloud);
		kmsd_close(&kmsd);
	}
	if (ret)
		fprintf(stderr, "otc: %s\n", err.text);
	return !!ret;
}
