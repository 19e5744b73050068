// SPDX-License-Identifier: GPL-2.0-or-later
/* evs-kmsd: the local key management service. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "audit/audit.h"
#include "conf.h"
#include "environment.h"
#include "kmsd.h"
#include "log.h"
#include "notify.h"
#include "secret.h"
#include "http/server.h"
#include "stdfd.h"
#include "sweep.h"
#include "text.h"

#define VERSION "1.0"

static const char usage[] =
	"Usage: evs-kmsd [--config FILE]\n"
	"       evs-kmsd [--config FILE] audit verify|show\n"
	"Serve the local key management service (KMS) in the foreground, or check or\n"
	"print its audit log.\n"
	"\n"
	"  --config FILE  configuration (default: " KMSD_CONFIG_PATH ")\n"
	"  --help         show this text\n"
	"  --version      show the version\n"
	"\n"
	"Set it up once with: evs-setup kms init\n";

/* Returns -1 to go on, else the exit status. */
static int parse_args(int argc, char **argv, const char **config, const char **audit)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{},
	};
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			*config = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'V':
			puts("evs-kmsd " VERSION);
			return 0;
		default:
			evs_text_line(stderr, "evs-kmsd: %s: unknown option, or without its argument",
				      argv[optind - 1]);
			fputs("Try: evs-kmsd --help\n", stderr);
			return 1;
		}
	}
	if (optind == argc)
		return -1;
	if (!strcmp(argv[optind], "audit") && optind + 2 == argc &&
	    (!strcmp(argv[optind + 1], "verify") || !strcmp(argv[optind + 1], "show"))) {
		*audit = argv[optind + 1];
		return -1;
	}
	evs_text_line(stderr, "evs-kmsd: %s: unexpected argument", argv[optind]);
	fputs("Try: evs-kmsd --help\n", stderr);
	return 1;
}

/* Returns the exit status. */
static int audit_log(const struct kmsd_conf *conf, const char *verb)
{
	struct evs_error err = {};
	int64_t count = 0;
	int ret;

	ret = !strcmp(verb, "show") ? kmsd_audit_show(conf->audit, &err)
				    : kmsd_audit_verify(conf->audit, conf->database, &count, &err);
	if (ret) {
		kmsd_log("audit log: %s", err.text);
		return ret == -EBADMSG ? 2 : 3;
	}
	if (!strcmp(verb, "verify"))
		evs_text_line(stdout, "%s: %lld records, the chain is whole", conf->audit,
			      (long long)count);
	return 0;
}

static int serve(const struct kmsd_conf *conf, struct evs_error *err)
{
	struct kmsd_server *server;
	struct kmsd kmsd;
	sigset_t stop;
	int ret, sig;

	/* Blocked before there are threads, which inherit it: main alone waits */
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);

	ret = kmsd_open(&kmsd, conf, err);
	if (ret)
		return ret;
	ret = kmsd_server_start(&server, &kmsd, err);
	if (ret)
		goto out_close;
	ret = kmsd_sweep_start(&kmsd, err);
	if (ret)
		goto out_server;
	kmsd_log("ready on %s%s%s", conf->socket, conf->address[0] ? " and " : "", conf->address);
	if (kmsd_notify("READY=1"))
		kmsd_log("cannot tell the service manager: %s", strerror(errno));
	sigwait(&stop, &sig);
	kmsd_log("stopping: %s", strsignal(sig));
	kmsd_sweep_stop();
out_server:
	kmsd_server_stop(server);
out_close:
	kmsd_close(&kmsd);
	return ret;
}

static int run(int argc, char **argv)
{
	const char *config = KMSD_CONFIG_PATH, *audit = NULL;
	struct evs_error err = {};
	struct kmsd_conf conf;
	int ret;

	evs_environment_clean();
	ret = parse_args(argc, argv, &config, &audit);
	if (ret >= 0)
		return ret;
	umask(077);

	ret = evs_process_harden(&err);
	if (!ret)
		ret = kmsd_conf_load(&conf, config, &err);
	if (ret == -ENOENT) {
		kmsd_log("%s", err.text);
		return 6;
	}
	if (!ret && audit)
		return audit_log(&conf, audit);
	if (!ret)
		ret = serve(&conf, &err);
	if (ret) {
		kmsd_log("%s", err.text);
		return ret == -EBUSY || ret == -EADDRINUSE ? 5 : 3;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct evs_error err = {};
	int status;

	if (evs_stdfd_open())
		return 3;
	evs_text_locale();
	status = run(argc, argv);
	if (!evs_stdout_close(&err))
		return status;
	kmsd_log("%s", err.text);
	return 3;
}
