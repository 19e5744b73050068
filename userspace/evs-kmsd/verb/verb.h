/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_VERB_H
#define KMSD_VERB_H

#include <getopt.h>

#include "conf.h"
#include "error.h"

/* Exit statuses, beside 0. */
enum {
	KMSD_EXIT_USAGE = 1,
	KMSD_EXIT_BROKEN = 2,	/* an audit log or a backup is not what it should be */
	KMSD_EXIT_FAILED = 3,
	KMSD_EXIT_BUSY = 5,	/* in use by another evs-kmsd, or set up already */
	KMSD_EXIT_NOT_SET_UP = 6,
};

/**
 * struct kmsd_verb - Something evs-kmsd does besides serving.
 * @name: one or two words
 * @args: what follows them
 * @brief: what it does, in a few words
 * @help: the options, and what is worth knowing
 * @run: does it: @config is the path of the configuration, getopt_long() goes
 *	 on at the verb's first option; returns the exit status
 */
struct kmsd_verb {
	const char *name;
	const char *args;
	const char *brief;
	const char *help;
	int (*run)(const struct kmsd_verb *verb, const char *config, int argc, char **argv);
};

extern const struct kmsd_verb kmsd_verb_init, kmsd_verb_audit_show, kmsd_verb_audit_verify,
	kmsd_verb_audit_rotate, kmsd_verb_root_rewrap, kmsd_verb_backup, kmsd_verb_restore,
	kmsd_verb_client_add;

/*
 * Take the next option of a verb. @argc: arguments, the verb's last word first. @argv: these.
 * @options: the options, ended by an empty one; the first is --help, 'h'. @status: set when
 * the verb has to end. --help is answered here. Returns the option's value, -1 when there are
 * no more, or -2 when the verb has to end with *@status.
 */
int kmsd_verb_option(const struct kmsd_verb *verb, int argc, char **argv,
		     const struct option *options, int *status);

/*
 * Say what is wrong with a command line. @verb: the verb, or NULL. @fmt: what is wrong.
 * Returns KMSD_EXIT_USAGE.
 */
int kmsd_verb_usage(const struct kmsd_verb *verb, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Read the configuration. Returns 0, or the exit status; what is wrong has been said then. */
int kmsd_verb_conf(struct kmsd_conf *conf, const char *config);

/* Say why something failed. @err: why. Returns the exit status that stands for it. */
int kmsd_verb_fail(const struct evs_error *err);

#endif /* KMSD_VERB_H */
