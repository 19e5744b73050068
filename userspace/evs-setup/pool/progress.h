/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_PROGRESS_H
#define EVS_SETUP_POOL_PROGRESS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"

#define PROGRESS_SIGNALS 3

/**
 * struct progress - What is told of a long copy.
 * @what: what is copied or made
 * @start: when that began, in milliseconds
 * @next: when to tell again, in milliseconds from @start
 * @shown: there is a line on the terminal that the next one replaces
 * @before: what the signals did that end it
 */
struct progress {
	const char *what;
	uint64_t start;
	uint64_t next;
	bool shown;
	struct sigaction before[PROGRESS_SIGNALS];
};

/**
 * progress_begin() - Begin to tell of a long copy.
 * @progress: filled; end it with progress_end()
 * @what: what is copied or made, which lives as long
 *
 * SIGINT, SIGTERM and SIGHUP make progress_tell() fail from now on, so that the caller
 * removes what was begun; a second one ends the process.
 */
void progress_begin(struct progress *progress, const char *what);

/**
 * progress_tell() - Print how far it is: an evs_pool_progress_fn.
 * @arg: the progress
 * @done: bytes that are done
 * @total: bytes in all
 * @err: filled when it is to end
 *
 * On standard error, once a second and at both ends: on a terminal one line that is
 * replaced, else a line of JSON.
 *
 * Return: 0, or -ECANCELED when one of the signals has come.
 */
int progress_tell(void *arg, uint64_t done, uint64_t total, struct evs_error *err);

/** progress_end() - End it, and take the signals as before. @progress: it */
void progress_end(struct progress *progress);

#endif /* EVS_SETUP_POOL_PROGRESS_H */
