/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_CLOCK_H
#define EVS_KMS_CLOCK_H

#include <stdint.h>

/**
 * struct evs_clock - All that the KMS client knows of time and chance.
 * @now_ms: milliseconds that only grow (CLOCK_MONOTONIC)
 * @wall: seconds since 1970
 * @sleep_ms: wait so many milliseconds
 * @random: any of 2^32 numbers, to spread what many hosts repeat
 */
struct evs_clock {
	int64_t (*now_ms)(void);
	int64_t (*wall)(void);
	void (*sleep_ms)(long ms);
	uint32_t (*random)(void);
};

/* The system's; a test puts its own in the place. */
extern struct evs_clock evs_clock;

#endif /* EVS_KMS_CLOCK_H */
