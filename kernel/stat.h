/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: counters of disks
 */
#ifndef _EVS_STAT_H
#define _EVS_STAT_H

#include <linux/types.h>

struct evs_disk;

/**
 * struct evs_stat - counters of a disk since it was attached
 * @reads: reads that have completed, or failed
 * @writes: writes that have completed, or failed
 * @bytes_read: how much was read, in bytes
 * @bytes_written: how much was written, in bytes
 * @errors: requests that have failed
 * @in_flight: requests that have been started and have not completed
 * @bounce_pages: bounce pages that writes in flight have
 */
struct evs_stat {
	u64 reads;
	u64 writes;
	u64 bytes_read;
	u64 bytes_written;
	u64 errors;
	u32 in_flight;
	u32 bounce_pages;
};

void evs_stat_read(struct evs_disk *evs, struct evs_stat *stat);

#endif /* _EVS_STAT_H */
