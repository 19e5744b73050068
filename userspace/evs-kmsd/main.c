// SPDX-License-Identifier: GPL-2.0-or-later
/* evs-kmsd: the local key management service. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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
#include "verb/verb.h"
#include "version.h"

static void print_help(void)
{
	fputs("Usage: evs-kmsd [--config FILE] [VERB [OPTION...]]\n"
	      "Without a verb, serve the local key management service (KMS) in the foreground.\n"
	      "\n"
	      "Verbs:\n", stdout);
	for (const struct kmsd_verb *verb = kmsd_verbs; verb->run; verb++)
		printf("  %-14s %s\n", verb->name, verb->brief);
	fputs("\n"
	      "  --config FILE  configuration (default: " KMSD_CONFIG_PATH ")\n"
	      "  --help         show this text; after a verb, show its options\n"
	      "  --version      show the version\n"
	      "\n"
	      "Set it up once with: evs-kmsd init\n", stdout);
}

/* Returns -1 to go on behind the options, else the exit status. */
static int parse_options(int argc, char **argv, const char **config)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{},
	};
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			*config = optarg;
			break;
		case 'h':
			print_help();
			return 0;
		case 'V':
			puts("evs-kmsd " EVS_VERSION);
			return 0;
		default:
			return kmsd_verb_usage(NULL, "%s: unknown option, or without its argument",
					       argv[optind - 1]);
		}
	}
	return -1;
}

/* How many of the arguments are the verb's name; 0 when they are another. */
static int match(const struct kmsd_verb *verb, int argc, char **argv)
{
	const char *second = strchr(verb->name, ' ');
	size_t len = second ? (size_t)(second - verb->name) : strlen(verb->name);

	if (strlen(argv[0]) != len || strncmp(argv[0], verb->name, len))
		return 0;
	if (!second)
		return 1;
	return argc > 1 && !strcmp(argv[1], second + 1) ? 2 : 0;
}

static int run_verb(const char *config, int argc, char **argv)
{
	for (const struct kmsd_verb *verb = kmsd_verbs; verb->run; verb++) {
		int words = match(verb, argc, argv);

		if (!words)
			continue;
		optind = 0;	/* getopt_long() begins anew */
		return verb->run(verb, config, argc - words + 1, argv + words - 1);
	}
	return kmsd_verb_usage(NULL, "%s: unexpected argument", argv[0]);
}

/* What is wrong with the new configuration is told; the old one goes on. */
static void reload(struct kmsd_server *server, const char *config)
{
	struct evs_error err = {};
	struct kmsd_conf conf;
	size_t count;
	int ret;

	ret = kmsd_conf_load(&conf, config, &err);
	if (!ret) {
		count = conf.clients.count;
		ret = kmsd_server_reload(server, &conf, &err);
		kmsd_conf_free(&conf);
	}
	if (ret)
		kmsd_log("SIGHUP: nothing changed: %s", err.text);
	else
		kmsd_log("SIGHUP: clients and what client-ca has revoked: read again, %zu clients",
			 count);
}

static int serve(const struct kmsd_conf *conf, const char *config, struct evs_error *err)
{
	struct kmsd_server *server;
	struct kmsd kmsd;
	sigset_t stop;
	int ret, sig;

	/* Blocked before there are threads, which inherit it: main alone waits */
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGHUP);
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
	while (!sigwait(&stop, &sig) && sig == SIGHUP)
		reload(server, config);
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
	const char *config = KMSD_CONFIG_PATH;
	struct evs_error err = {};
	struct kmsd_conf conf;
	int ret;

	evs_environment_clean();
	ret = parse_options(argc, argv, &config);
	if (ret >= 0)
		return ret;
	umask(077);

	if (evs_process_harden(&err))
		return kmsd_verb_fail(&err);
	if (optind < argc)
		return run_verb(config, argc - optind, argv + optind);
	ret = kmsd_verb_conf(&conf, config);
	if (ret)
		return ret;
	return serve(&conf, config, &err) ? kmsd_verb_fail(&err) : 0;
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
