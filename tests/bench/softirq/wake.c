// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How late a task wakes up that sleeps for a millisecond at a time: prints the median, the
 * 99th percentile and the longest in nanoseconds
 *
 * usage: wake COUNT
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PERIOD	1000000

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Sleep until @when; how much later it is then, or -1 */
static int64_t late(int64_t when)
{
	struct timespec time = {
		.tv_sec = when / 1000000000,
		.tv_nsec = when % 1000000000,
	};

	errno = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
	if (errno) {
		perror("wake: clock_nanosleep");
		return -1;
	}
	return now() - when;
}

int main(int argc, char **argv)
{
	long count = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
	int64_t *times;

	if (count <= 0) {
		fprintf(stderr, "usage: wake COUNT\n");
		return 2;
	}
	times = calloc(count, sizeof(*times));
	if (!times) {
		perror("wake");
		return 1;
	}
	for (long i = 0; i < count; i++) {
		times[i] = late(now() + PERIOD);
		if (times[i] < 0)
			return 1;
	}
	qsort(times, count, sizeof(*times), compare);
	printf("%jd %jd %jd\n", (intmax_t)times[count / 2], (intmax_t)times[count * 99 / 100],
	       (intmax_t)times[count - 1]);
	free(times);
	return 0;
}
