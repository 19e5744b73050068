// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: the backing device, and what a disk takes over from it
 */
#include <linux/blkdev.h>
#include <linux/netlink.h>

#include "evs.h"

static void evs_backing_explain(const struct evs_device *evs, int err,
				struct netlink_ext_ack *extack)
{
	struct evs_device *other;
	unsigned long i;

	switch (err) {
	case -EBUSY:
		NL_SET_ERR_MSG(extack, "the backing device is in use");
		mutex_lock(&evs_devs_lock);
		xa_for_each(&evs_devs, i, other) {
			if (other != evs &&
			    other->backing_dev == evs->backing_dev)
				NL_SET_ERR_MSG_FMT(extack,
						   "the backing device is in use by evs%u",
						   other->id);
		}
		mutex_unlock(&evs_devs_lock);
		break;
	case -EACCES:
	case -EROFS:
		NL_SET_ERR_MSG(extack, "the backing device is read-only");
		break;
	default:
		NL_SET_ERR_MSG(extack, "the backing device cannot be opened");
	}
}

/**
 * evs_backing_open() - open the backing device for a disk's own use
 * @evs: disk, of which backing_dev and read_only are set
 * @extack: says why if it fails
 *
 * Return: 0 or a negative error code; -EBUSY if somebody else has it.
 */
int evs_backing_open(struct evs_device *evs, struct netlink_ext_ack *extack)
{
	blk_mode_t mode = BLK_OPEN_READ;
	struct file *file;
	int err;

	if (!evs->read_only)
		mode |= BLK_OPEN_WRITE;

	file = bdev_file_open_by_dev(evs->backing_dev, mode, evs, NULL);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		evs_backing_explain(evs, err, extack);
		return err;
	}

	/* Opening by path refuses this, by number it does not */
	if (!evs->read_only && bdev_read_only(file_bdev(file))) {
		bdev_fput(file);
		evs_backing_explain(evs, -EROFS, extack);
		return -EROFS;
	}

	evs->bdev_file = file;
	evs->bdev = file_bdev(file);
	return 0;
}

/**
 * evs_backing_fit() - see that a disk fits on its backing device
 * @evs: disk; a size of 0 becomes what is left of the backing device
 * @extack: says why if it does not
 *
 * Return: 0, -ERANGE if there is no room, -EINVAL for any other misfit.
 */
int evs_backing_fit(struct evs_device *evs, struct netlink_ext_ack *extack)
{
	u64 room = bdev_nr_bytes(evs->bdev);

	if (bdev_is_zoned(evs->bdev)) {
		NL_SET_ERR_MSG(extack,
			       "zoned backing devices are not supported");
		return -EINVAL;
	}
	if (bdev_logical_block_size(evs->bdev) > evs->sector_size) {
		NL_SET_ERR_MSG_FMT(extack,
				   "the backing device needs a sector size of %u at least",
				   bdev_logical_block_size(evs->bdev));
		return -EINVAL;
	}
	if (!IS_ALIGNED(evs->offset, evs->sector_size)) {
		NL_SET_ERR_MSG(extack,
			       "the offset is not a multiple of the sector size");
		return -EINVAL;
	}
	if (!IS_ALIGNED(evs->size, evs->sector_size)) {
		NL_SET_ERR_MSG(extack,
			       "the size is not a multiple of the sector size");
		return -EINVAL;
	}
	if (evs->offset >= room) {
		NL_SET_ERR_MSG(extack,
			       "the offset is beyond the end of the backing device");
		return -ERANGE;
	}
	room = round_down(room - evs->offset, evs->sector_size);
	if (!room || evs->size > room) {
		NL_SET_ERR_MSG_FMT(extack,
				   "the backing device has room for %llu bytes at this offset",
				   room);
		return -ERANGE;
	}
	if (!evs->size)
		evs->size = room;

	return 0;
}

/*
 * The size of requests does not depend on the backing device: submit_bio()
 * splits what is too large for it or has too many segments, and at its
 * boundaries. It can always do so, since it may do it between any two data
 * units, if not more often: a unit is no smaller than a logical block of the
 * backing device. If it cannot do with a single unit, say because of gaps
 * inside of it, it cannot with a request of that unit only.
 *
 * Splitting here in addition would mean more requests, and those that must not
 * wait (REQ_NOWAIT) cannot be split: io_uring hands them to another task.
 */
static void evs_backing_own_size(struct queue_limits *lim)
{
	lim->max_hw_sectors = EVS_MAX_BYTES >> SECTOR_SHIFT;
	lim->max_dev_sectors = UINT_MAX;
	lim->max_user_sectors = 0;
	lim->max_segments = EVS_MAX_SEGMENTS;
	lim->max_segment_size = UINT_MAX;
	lim->seg_boundary_mask = 0;	/* that is, the default */
	lim->virt_boundary_mask = 0;
}

/**
 * evs_backing_limits() - derive the limits of a disk from its backing device
 * @evs: disk
 *
 * Return: the limits.
 */
struct queue_limits evs_backing_limits(const struct evs_device *evs)
{
	struct queue_limits lim = {
		.logical_block_size	= evs->sector_size,
		.physical_block_size	= evs->sector_size,
		.io_min			= evs->sector_size,
		/* Keeps data units in one piece, which ciphers do faster */
		.dma_alignment		= evs->sector_size - 1,
	};

	queue_limits_stack_bdev(&lim, evs->bdev, evs->offset >> SECTOR_SHIFT,
				KBUILD_MODNAME);

	evs_backing_own_size(&lim);

	/*
	 * Discards would tell which sectors are in use. Those two are stacked
	 * even onto a limit of 0; write zeroes, being no ciphertext, are not.
	 */
	lim.max_hw_discard_sectors = 0;
	lim.max_secure_erase_sectors = 0;

	/*
	 * The backing device may need pages that do not change under I/O, say
	 * for its checksums. Those are the bounce pages, and they do not. A
	 * page of the caller that changes while it is encrypted is torn, as on
	 * any disk.
	 */
	lim.features &= ~BLK_FEAT_STABLE_WRITES;

	return lim;
}
