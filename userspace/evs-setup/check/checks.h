/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_CHECKS_H
#define EVS_SETUP_CHECKS_H

#include "config.h"
#include "error.h"

/**
 * struct findings - What was found.
 * @checks: how many checks were made
 * @bad: how many of them found something that keeps disks from being attached
 */
struct findings {
	unsigned int checks;
	unsigned int bad;
};

/*
 * Each prints a line, or adds to the array "checks" of JSON: what was looked at, and
 * what there is to say.
 */
void check_good(struct findings *f, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void check_note(struct findings *f, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void check_bad(struct findings *f, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * check_result() - What a verb returns that has made checks.
 * @f: what was found
 * @err: filled when something is bad
 *
 * Return: 0 or -EPERM.
 */
int check_result(const struct findings *f, struct evs_error *err);

/**
 * check_config() - Read the configuration.
 * @f: counts it
 * @cfg: filled; release with evs_config_free()
 *
 * Return: 0 or a negative errno.
 */
int check_config(struct findings *f, struct evs_config *cfg);

/**
 * check_certificates() - Look at the certificates that a KMS's section names.
 * @f: counts them
 * @cfg: the section
 */
void check_certificates(struct findings *f, const struct evs_config_kms *cfg);

/**
 * check_signer() - With Secure Boot, look whether the kernel would load the module.
 * @f: counts it
 */
void check_signer(struct findings *f);

/**
 * check_repo_memory() - Reckon what a repository takes of the memory of this host, from the
 * sizes of the disks that it has backups of.
 * @f: counts it, unless that does not grow with its engine
 * @cfg: the configuration, for its pools
 * @config: section of the repository, whose backups are listed
 */
void check_repo_memory(struct findings *f, const struct evs_config *cfg,
		       const struct evs_config_repo *config);

/**
 * check_sentence() - A message without the name of the KMS, which its line begins with.
 * @err: the message
 * @what: the name
 */
const char *check_sentence(const struct evs_error *err, const char *what);

#endif /* EVS_SETUP_CHECKS_H */
