// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: the backing device, and what a disk takes over from it
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blkdev.h>
#include <linux/netlink.h>

#include "backing.h"
#include "bounce.h"
#include "compat.h"
#include "queue.h"

static void evs_backing_explain(int err, struct netlink_ext_ack *extack)
{
	switch (err) {
	case -EBUSY:
		NL_SET_ERR_MSG(extack, "the backing device is in use");
		break;
	case -EACCES:
	case -EROFS:
		NL_SET_ERR_MSG(extack, "the backing device is read-only");
		break;
	default:
		NL_SET_ERR_MSG(extack, "the backing device cannot be opened");
	}
}

/*
 * The holder operation that says that the backing device goes. If it goes in
 * order (not @surprise), it would still take what is dirty. But who has the disk
 * open is not told in time to write it.
 */
static void evs_backing_mark_dead(struct block_device *bdev, bool surprise)
{
	struct evs_backing *backing = bdev->bd_holder;

	lockdep_assert_held(&bdev->bd_holder_lock);

	/* The lock keeps the claim, and so the disk, from going */
	backing->gone(backing, EVS_CAUSE_BACKING_GONE);
	mutex_unlock(&bdev->bd_holder_lock);
}

static const struct blk_holder_ops evs_backing_ops = {
	.mark_dead	= evs_backing_mark_dead,
};

/**
 * evs_backing_open() - open the backing device for a disk's own use
 * @backing: backing device, whose @gone is set
 * @config: which it is
 * @extack: says why if it fails
 *
 * Return: 0 or a negative error code; -EBUSY if somebody else has it.
 */
int evs_backing_open(struct evs_backing *backing,
		     const struct evs_config *config,
		     struct netlink_ext_ack *extack)
{
	blk_mode_t mode = BLK_OPEN_READ;
	struct file *file;
	int err;

	if (!config->read_only)
		mode |= BLK_OPEN_WRITE;

	file = bdev_file_open_by_dev(config->backing_dev, mode, backing,
				     &evs_backing_ops);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		evs_backing_explain(err, extack);
		return err;
	}

	/* Opening by path refuses this, by number it does not */
	if (!config->read_only && bdev_read_only(file_bdev(file))) {
		bdev_fput(file);
		evs_backing_explain(-EROFS, extack);
		return -EROFS;
	}

	backing->file = file;
	return 0;
}

/**
 * evs_backing_close() - undo evs_backing_open()
 * @backing: backing device, to which no I/O is in flight
 */
void evs_backing_close(struct evs_backing *backing)
{
	bdev_fput(backing->file);
}

/**
 * evs_backing_link() - show in sysfs that a disk stands on its backing device
 * @backing: backing device
 * @disk: disk that has been added, and that no command can reach yet
 *
 * Makes slaves/X of the disk and holders/evsN of the backing device, which lsblk and
 * storage tools follow. A disk works without them, so failure is not an error: there
 * may be no memory, or the backing device may be gone already.
 *
 * Context: process context. May wait for who has the backing device's open_mutex.
 */
void evs_backing_link(struct evs_backing *backing, struct gendisk *disk)
{
	struct block_device *bdev = file_bdev(backing->file);
	int err;

	err = bd_link_disk_holder(bdev, disk);
	if (err)
		pr_warn("%s: no link to %pg in sysfs: error %d\n",
			disk->disk_name, bdev, err);
	else
		backing->linked = true;
}

/**
 * evs_backing_unlink() - undo evs_backing_link()
 * @backing: backing device; nothing happens if it is not linked (any more)
 * @disk: disk that del_gendisk() has not been called for
 */
void evs_backing_unlink(struct evs_backing *backing, struct gendisk *disk)
{
	if (backing->linked)
		bd_unlink_disk_holder(file_bdev(backing->file), disk);
	backing->linked = false;
}

/*
 * What all I/O of a disk is a multiple of, in bytes. A data unit may be smaller than a
 * logical block of the backing device: a disk made on a device with blocks of 512 bytes
 * can be used on one with 4096.
 */
static unsigned int evs_backing_block(const struct evs_backing *backing,
				      const struct evs_config *config)
{
	return max(bdev_logical_block_size(file_bdev(backing->file)),
		   config->sector_size);
}

/* How much there is for a disk, in bytes */
static u64 evs_backing_left(const struct evs_backing *backing,
			    const struct evs_config *config)
{
	u64 end = bdev_nr_bytes(file_bdev(backing->file));

	if (config->offset >= end)
		return 0;
	return round_down(end - config->offset,
			  evs_backing_block(backing, config));
}

/**
 * evs_backing_room() - tell how large a disk may be on its backing device
 * @backing: backing device
 * @config: where the disk is on it
 * @size: size that is asked for, in bytes; 0 becomes what there is
 * @now: size that the disk has, in bytes
 * @extack: says why if it fails
 *
 * Return: 0, -EINVAL if the disk would shrink or end within a data unit or block, or
 *	-ERANGE if there is no room for it.
 */
int evs_backing_room(const struct evs_backing *backing,
		     const struct evs_config *config, u64 *size, u64 now,
		     struct netlink_ext_ack *extack)
{
	unsigned int block = evs_backing_block(backing, config);
	u64 left = evs_backing_left(backing, config);

	if (!*size)
		*size = left;
	if (!IS_ALIGNED(*size, block)) {
		NL_SET_ERR_MSG_FMT(extack,
				   "the size is not a multiple of %u bytes",
				   block);
		return -EINVAL;
	}
	if (*size < now) {
		NL_SET_ERR_MSG_FMT(extack,
				   "the disk has %llu bytes, and does not shrink",
				   now);
		return -EINVAL;
	}
	if (!left || *size > left) {
		NL_SET_ERR_MSG_FMT(extack,
				   "the backing device has room for %llu bytes at this offset",
				   left);
		return -ERANGE;
	}

	return 0;
}

/**
 * evs_backing_fit() - see that a new disk fits on its backing device
 * @backing: backing device
 * @config: what was asked for
 * @size: size of the disk, in bytes
 * @extack: says why if it does not
 *
 * Return: 0, -ERANGE if there is no room, -EINVAL for any other misfit.
 */
int evs_backing_fit(const struct evs_backing *backing,
		    const struct evs_config *config, u64 *size,
		    struct netlink_ext_ack *extack)
{
	struct block_device *bdev = file_bdev(backing->file);
	unsigned int block = evs_backing_block(backing, config);

	if (bdev_is_zoned(bdev)) {
		NL_SET_ERR_MSG(extack,
			       "zoned backing devices are not supported");
		return -EINVAL;
	}
	if (!IS_ALIGNED(config->offset, block)) {
		NL_SET_ERR_MSG_FMT(extack,
				   "the offset is not a multiple of %u bytes",
				   block);
		return -EINVAL;
	}
	if (config->offset >= bdev_nr_bytes(bdev)) {
		NL_SET_ERR_MSG(extack,
			       "the offset is beyond the end of the backing device");
		return -ERANGE;
	}

	*size = config->size;
	return evs_backing_room(backing, config, size, 0, extack);
}

/**
 * evs_backing_check() - see whether the backing device still holds a disk
 * @backing: backing device, I/O to which has failed
 * @end: where the disk ends on it, in bytes
 *
 * A block device that shrinks does not tell its holder.
 *
 * Context: any. The backing device must not be closed meanwhile.
 */
void evs_backing_check(struct evs_backing *backing, u64 end)
{
	u64 size;

	/* A disk grows after its backing device; pairs with evs_disk_resize() */
	smp_rmb();
	size = bdev_nr_bytes(file_bdev(backing->file));

	/* One that is being deleted loses its size before it tells its holder */
	if (size < end)
		backing->gone(backing, size ? EVS_CAUSE_BACKING_SHRUNK :
					      EVS_CAUSE_BACKING_GONE);
}

/*
 * The size of requests does not depend on the backing device: submit_bio()
 * splits what is too large for it or has too many segments, and at its
 * boundaries. It can always do so, since it may do it between any two logical
 * blocks of the backing device: a request consists of whole ones. If it cannot
 * do with a single block, say because of gaps inside of it, it cannot with a
 * request of that block only.
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
	lim->chunk_sectors = 0;
	/*
	 * A request becomes one bio, which is one range. With more, the block
	 * layer merges discards that are not adjacent.
	 */
	lim->max_discard_segments = 1;
}

/*
 * Writes that are done as a whole or not at all, as far as the backing device can do that
 * with one bio, and none larger than the reserve of bounce pages: such a write is not done
 * in parts if memory is short. Merged ones become one bio, too. Set by hand, as 6.12 does
 * not stack these limits.
 */
static void evs_backing_atomic(struct queue_limits *lim,
			       struct block_device *bdev, sector_t start)
{
	const struct queue_limits *below = &bdev_get_queue(bdev)->limits;
	unsigned int boundary = below->atomic_write_hw_boundary;
	unsigned int min = max(below->atomic_write_unit_min,
			       lim->logical_block_size);
	unsigned int max = min_t(unsigned int, below->atomic_write_unit_max,
				 EVS_RESERVE_BYTES);

	if (!bdev_can_atomic_write(bdev) || min > max ||
	    !IS_ALIGNED(start, max(min, boundary) >> SECTOR_SHIFT)) {
		min = 0;
		max = 0;
		boundary = 0;
	} else {
		lim->features |= EVS_COMPAT_FEAT_ATOMIC_WRITES;
	}
	lim->atomic_write_hw_unit_min = min;
	lim->atomic_write_hw_unit_max = max;
	lim->atomic_write_hw_max = max;
	lim->atomic_write_hw_boundary = boundary;
}

/**
 * evs_backing_limits() - derive the limits of a disk from its backing device
 * @backing: backing device
 * @config: what was asked for
 *
 * Return: the limits.
 */
struct queue_limits evs_backing_limits(const struct evs_backing *backing,
				       const struct evs_config *config)
{
	struct queue_limits lim = {
		.logical_block_size	= config->sector_size,
		.physical_block_size	= config->sector_size,
		.io_min			= config->sector_size,
		/* Keeps data units in one piece, which ciphers do faster */
		.dma_alignment		= config->sector_size - 1,
	};

	queue_limits_stack_bdev(&lim, file_bdev(backing->file),
				config->offset >> SECTOR_SHIFT, KBUILD_MODNAME);

	evs_backing_own_size(&lim);
	evs_backing_atomic(&lim, file_bdev(backing->file),
			   config->offset >> SECTOR_SHIFT);

	/*
	 * Discards tell which sectors are in use. Those two are stacked even
	 * onto a limit of 0; write zeroes, being no ciphertext, are not.
	 */
	if (config->allow_discards)
		lim.max_user_discard_sectors = UINT_MAX;
	else
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
