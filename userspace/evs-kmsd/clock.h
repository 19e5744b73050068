/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_CLOCK_H
#define KMSD_CLOCK_H

#include <stdint.h>

#include "date.h"

#define KMSD_SECOND_MS INT64_C(1000)
#define KMSD_DAY_MS (EVS_DAY_SECONDS * KMSD_SECOND_MS)

/**
 * struct kmsd_clock - Where the KMS takes the time from.
 * @now: milliseconds since 1970; the wall clock's where it is NULL
 * @arg: given to @now
 *
 * Everything that has a date - deletion, rotation, expiry, the audit log - asks this one.
 */
struct kmsd_clock {
	int64_t (*now)(void *arg);
	void *arg;
};

/* What time is it? @clock: the clock. Returns milliseconds since 1970. */
int64_t kmsd_clock_now(const struct kmsd_clock *clock);

#endif /* KMSD_CLOCK_H */
