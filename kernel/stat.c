// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: counters of disks
 *
 * Whatever the block layer knows is asked of it, so that requests need not count
 * anything: it adds up what has completed and finds what is in flight.
 */
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/part_stat.h>

#include "disk.h"
#include "stat.h"

/* Each CPU counts without a lock, while what they have counted is added up */
#define EVS_PART_STAT(part, field)	data_race(part_stat_read(part, field))

/* Called for each request that has been started, which does not go meanwhile */
static bool evs_stat_request(struct request *rq, void *priv)
{
	const struct evs_cmd *cmd = blk_mq_rq_to_pdu(rq);
	struct evs_stat *stat = priv;

	stat->in_flight++;
	/* It may complete meanwhile, so what it says may be of the past */
	stat->bounce_pages += data_race(req_op(rq) == REQ_OP_WRITE ?
						cmd->bounce.nr_pages : 0);

	return true;
}

/**
 * evs_stat_read() - read the counters of a disk
 * @evs: disk that has been added. It must not be freed meanwhile: be it by a
 *	reference, by evs_disks_lock while it is in evs_disks, or because its files
 *	in sysfs are in use.
 * @stat: the counters
 *
 * They are a picture of no one moment. What has completed is counted by the block
 * layer, unless told not to by /sys/block/evsN/queue/iostats.
 *
 * Context: process context. Neither sleeps for long nor waits for I/O.
 */
void evs_stat_read(struct evs_disk *evs, struct evs_stat *stat)
{
	struct block_device *part = evs->disk->part0;

	memset(stat, 0, sizeof(*stat));
	stat->reads = EVS_PART_STAT(part, ios[STAT_READ]);
	stat->writes = EVS_PART_STAT(part, ios[STAT_WRITE]);
	stat->bytes_read =
		(u64)EVS_PART_STAT(part, sectors[STAT_READ]) << SECTOR_SHIFT;
	stat->bytes_written =
		(u64)EVS_PART_STAT(part, sectors[STAT_WRITE]) << SECTOR_SHIFT;
	stat->errors = (u32)atomic_read(&evs->events.errors);

	/*
	 * The tag set goes with the disk in evs_free_disk(), after it has left
	 * evs_disks, and the block layer keeps requests until their tags are.
	 */
	blk_mq_tagset_busy_iter(&evs->queue.tag_set, evs_stat_request, stat);
}
