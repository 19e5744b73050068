/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_EXPORT_FILE_H
#define EVS_SETUP_POOL_EXPORT_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "device.h"
#include "cli/verb.h"

#define EXPORT_OPTIONS \
	{ "format", VERB_LONG('f'), "raw|qcow2", WORD_CHOICE, \
	  "write the file in this format, by default raw" }, \
	{ "dry-run", VERB_LONG('n'), NULL, WORD_NONE, "check everything, make nothing" }

/**
 * struct export_options - What the user has said.
 * @qcow2: the file shall be qcow2
 * @dry_run: make nothing
 */
struct export_options {
	bool qcow2;
	bool dry_run;
};

typedef int export_fill_fn(void *arg, const struct evs_device *file, struct evs_error *err);

/**
 * export_parse() - Take the options and the two operands of a verb that exports.
 * @argc: as main() got it
 * @argv: likewise
 * @what: what is exported, for messages
 * @options: filled
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int export_parse(int argc, char *argv[], const char *what, struct export_options *options,
		 struct evs_error *err);

/**
 * export_folder() - Tell which folder a path is in.
 * @path: of a file
 * @folder: filled, PATH_MAX bytes
 */
void export_folder(const char *path, char *folder);

/**
 * export_look() - Check whether export_file() may make its file, and make nothing.
 * @path: as there
 * @verb: what the user is told that was not done
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int export_look(const char *path, const char *verb, struct evs_error *err);

/**
 * export_file() - Write a new file, which only its owner may read.
 * @path: the file, which must not exist; it is removed when it does not become whole
 * @bytes: so many bytes it may take
 * @fill: writes it
 * @arg: for @fill
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int export_file(const char *path, uint64_t bytes, export_fill_fn *fill, void *arg,
		struct evs_error *err);

#endif /* EVS_SETUP_POOL_EXPORT_FILE_H */
