/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_VERB_H
#define KMSD_VERB_H

#include <stdbool.h>

#include "conf.h"
#include "error.h"

/* Exit statuses, beside 0. */
enum {
	KMSD_EXIT_USAGE = 1,
	KMSD_EXIT_BROKEN = 2,	/* an audit log, a backup or the database is damaged */
	KMSD_EXIT_FAILED = 3,
	KMSD_EXIT_BUSY = 5,	/* in use by another evs-kmsd, or there already */
	KMSD_EXIT_NOT_SET_UP = 6,
};

struct kmsd_verb;

typedef int kmsd_verb_fn(const struct kmsd_verb *verb, const char *config, int argc, char **argv);

/**
 * struct kmsd_verb - Something evs-kmsd does besides serving.
 * @run: does it: takes the path of the configuration, returns the exit status; NULL ends a list
 * @name: one or two words
 * @args: what follows them
 * @brief: what it does, in a few words
 * @help: its options but --help, and what else there is to know
 */
struct kmsd_verb {
	kmsd_verb_fn *run;
	const char *name, *args, *brief, *help;
};

extern const struct kmsd_verb kmsd_verbs[];

kmsd_verb_fn kmsd_verb_init, kmsd_verb_audit_show, kmsd_verb_audit_verify,
	kmsd_verb_audit_rotate, kmsd_verb_root_rewrap, kmsd_verb_backup, kmsd_verb_restore,
	kmsd_verb_client_add;

/**
 * struct kmsd_option - An option of a verb.
 * @name: its name; NULL ends a list
 * @text: where its value goes; NULL for one without a value
 * @flag: set for one without a value
 * @count: for one that may be given several times, up to @room: how many are at @text
 */
struct kmsd_option {
	const char *name;
	const char **text;
	bool *flag;
	size_t *count, room;
};

/*
 * Take the options of a verb. @argc: arguments, the verb's last word first. @argv: these; the
 * operands begin at optind. @options: what there is besides --help, or NULL. @operand: name of
 * the one operand, "" for none, NULL for any number. Returns -1, or the status with which the
 * verb has to end; what is wrong has been said then. kmsd_verb_begin() reads the configuration
 * as well.
 */
int kmsd_verb_parse(const struct kmsd_verb *verb, int argc, char **argv,
		    const struct kmsd_option *options, const char *operand);

int kmsd_verb_begin(const struct kmsd_verb *verb, int argc, char **argv,
		    const struct kmsd_option *options, const char *operand,
		    struct kmsd_conf *conf, const char *config);

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
