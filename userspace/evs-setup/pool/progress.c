// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "progress.h"

#define EVERY_MS 1000

static const int signals[PROGRESS_SIGNALS] = { SIGINT, SIGTERM, SIGHUP };
static volatile sig_atomic_t interrupted;

static void note_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void progress_begin(struct progress *progress, const char *what)
{
	struct sigaction action = { .sa_handler = note_signal, .sa_flags = SA_RESETHAND };
	int i;

	*progress = (struct progress){ .what = what, .start = now_ms() };
	interrupted = 0;
	for (i = 0; i < PROGRESS_SIGNALS; i++) {
		sigaction(signals[i], NULL, &progress->before[i]);
		/* What the caller is not to hear of stays so. */
		if (progress->before[i].sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
}

/* The name of an object needs no escapes. */
static void show_json(const struct progress *progress, uint64_t done, uint64_t total,
		      uint64_t rate)
{
	fprintf(stderr, "{\"name\":\"%s\",\"bytes\":%" PRIu64 ",\"total\":%" PRIu64
		",\"rate\":%" PRIu64 "}\n", progress->what, done, total, rate);
}

static void show_line(struct progress *progress, uint64_t done, uint64_t total, uint64_t rate)
{
	char have[16], all[16], speed[16], left[32] = "";
	uint64_t seconds = rate ? (total - done) / rate : 0;

	table_size(have, sizeof(have), done);
	table_size(all, sizeof(all), total);
	table_size(speed, sizeof(speed), rate);
	if (rate)
		snprintf(left, sizeof(left), ", %" PRIu64 ":%02u:%02u left", seconds / 3600,
			 (unsigned int)(seconds / 60 % 60), (unsigned int)(seconds % 60));
	fprintf(stderr, "\r\033[K%s: %s of %s, %s/s%s", progress->what, have, all, speed, left);
	fflush(stderr);
	progress->shown = true;
}

int progress_tell(void *arg, uint64_t done, uint64_t total, struct evs_error *err)
{
	struct progress *progress = arg;
	uint64_t ms = now_ms() - progress->start;
	uint64_t rate = ms ? (uint64_t)((double)done * 1000.0 / (double)ms) : 0;

	if (interrupted)
		return evs_error_set(err, ECANCELED, "%s: interrupted; nothing was made",
				     progress->what);
	if (cli_settings()->quiet || (done < total && ms < progress->next))
		return 0;
	progress->next = ms + EVERY_MS;
	if (isatty(STDERR_FILENO))
		show_line(progress, done, total, rate);
	else
		show_json(progress, done, total, rate);
	return 0;
}

void progress_end(struct progress *progress)
{
	int i;

	if (progress->shown)
		fputs("\r\033[K", stderr);
	for (i = 0; i < PROGRESS_SIGNALS; i++)
		sigaction(signals[i], &progress->before[i], NULL);
}
