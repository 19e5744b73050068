// SPDX-License-Identifier: GPL-2.0-or-later
#include <time.h>

#include "clock.h"

int64_t kmsd_clock_now(const struct kmsd_clock *clock)
{
	struct timespec now;

	if (clock->now)
		return clock->now(clock->arg);
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * KMSD_SECOND_MS + now.tv_nsec / 1000000;
}
