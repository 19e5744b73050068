// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is asked of KMSs, on standard error. That one takes its time is said by a thread
 * that a timer starts: libraries wait for the answer, and not all of them call back.
 */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "cli.h"
#include "kms/trace.h"
#include "text.h"

#define PATIENCE_SECONDS 1
#define STACK_SIZE (128 * 1024)	/* all memory of this process may be locked */

static timer_t timer;
static bool has_timer;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char waiting_for[1024];

static void on_timer(union sigval value)
{
	(void)value;
	pthread_mutex_lock(&lock);
	if (*waiting_for)
		evs_text_line(stderr, "evs-setup: waiting for %s", waiting_for);
	pthread_mutex_unlock(&lock);
}

static void set_timer(time_t seconds)
{
	const struct itimerspec when = { .it_value.tv_sec = seconds };

	if (has_timer)
		timer_settime(timer, 0, &when, NULL);
}

static void begin(const struct evs_trace *trace)
{
	pthread_mutex_lock(&lock);
	snprintf(waiting_for, sizeof(waiting_for), "%s", trace->url);
	pthread_mutex_unlock(&lock);
	set_timer(PATIENCE_SECONDS);
}

static void end(const struct evs_trace *trace)
{
	char status[16] = "";

	set_timer(0);
	pthread_mutex_lock(&lock);
	*waiting_for = '\0';
	pthread_mutex_unlock(&lock);
	if (!cli_settings()->verbose)
		return;
	if (trace->status)
		snprintf(status, sizeof(status), "%ld", trace->status);
	evs_text_line(stderr, "evs-setup: %s %s: %s, %ld ms", trace->method, trace->url,
		      trace->failure ? trace->failure : *status ? status : "ok", trace->ms);
}

/* Without a thread, nothing is said of a KMS that takes its time. */
static void make_timer(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD,
				  .sigev_notify_function = on_timer };
	pthread_attr_t attributes;

	if (pthread_attr_init(&attributes))
		return;
	if (!pthread_attr_setstacksize(&attributes, STACK_SIZE)) {
		event.sigev_notify_attributes = &attributes;
		has_timer = !timer_create(CLOCK_MONOTONIC, &event, &timer);
	}
	pthread_attr_destroy(&attributes);
}

/* The timer's thread is made at the first request: most verbs ask no KMS. */
static void begin_first(const struct evs_trace *trace)
{
	static const struct evs_trace_ops ops = { .begin = begin, .end = end };

	/* The line is for people, and no script expects it. */
	if (cli_settings()->verbose || (isatty(STDERR_FILENO) && !cli_settings()->quiet))
		make_timer();
	evs_trace_set(&ops);
	begin(trace);
}

void calls_watch(void)
{
	static const struct evs_trace_ops ops = { .begin = begin_first, .end = end };

	evs_trace_set(&ops);
}
