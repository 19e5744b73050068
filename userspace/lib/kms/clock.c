// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "kms/clock.h"

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static int64_t wall(void)
{
	return time(NULL);
}

static void sleep_ms(long ms)
{
	struct timespec rest = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&rest, &rest) && errno == EINTR)
		;
}

/* Only spreads load: where the kernel has no number, the clock does as well. */
static uint32_t any_number(void)
{
	uint32_t number;

	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number))
		number = (uint32_t)now_ms() * 2654435761U;
	return number;
}

struct evs_clock evs_clock = {
	.now_ms = now_ms,
	.wall = wall,
	.sleep_ms = sleep_ms,
	.random = any_number,
};
