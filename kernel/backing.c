// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: the backing device, and what a disk takes over from it
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

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

/*
 * The holder operation that says that the backing device goes. If it goes in
 * order (not @surprise), it would still take what is dirty. But who has the disk
 * open is not told in time to write it.
 *
 * Context: bd_holder_lock of @bdev is held, and let go of here.
 */
static void evs_backing_mark_dead(struct block_device *bdev, bool surprise)
{
	struct evs_device *evs = bdev->bd_holder;

	/* The lock keeps the claim, and so the disk, from going */
	evs_dev_backing_gone(evs, EVS_CAUSE_BACKING_GONE);
	mutex_unlock(&bdev->bd_holder_lock);
}

static const struct blk_holder_ops evs_backing_ops = {
	.mark_dead	= evs_backing_mark_dead,
};

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

	file = bdev_file_open_by_dev(evs->backing_dev, mode, evs,
				     &evs_backing_ops);
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
 * evs_backing_link() - show in sysfs that a disk stands on its backing device
 * @evs: disk that has been added, and that no command can reach yet
 *
 * Makes slaves/X of the disk and holders/evsN of the backing device, which lsblk and
 * storage tools follow. A disk works without them, so failure is not an error: there
 * may be no memory, or the backing device may be gone already.
 *
 * Context: process context. May wait for who has the backing device's open_mutex.
 */
void evs_backing_link(struct evs_device *evs)
{
	int err;

	err = bd_link_disk_holder(evs->bdev, evs->disk);
	if (err)
		pr_warn("%s: no link to %pg in sysfs: error %d\n",
			evs->disk->disk_name, evs->bdev, err);
	else
		set_bit(EVS_LINKED, &evs->flags);
}

/**
 * evs_backing_unlink() - undo evs_backing_link()
 * @evs: disk that del_gendisk() has not been called for; nothing happens if it has no
 *	links (any more)
 *
 * Context: process context. control_mutex is held.
 */
void evs_backing_unlink(struct evs_device *evs)
{
	lockdep_assert_held(&evs->control_mutex);

	if (test_and_clear_bit(EVS_LINKED, &evs->flags))
		bd_unlink_disk_holder(evs->bdev, evs->disk);
}

/* How much there is for a disk, in bytes */
static u64 evs_backing_room(const struct evs_device *evs)
{
	u64 end = bdev_nr_bytes(evs->bdev);

	if (evs->offset >= end)
		return 0;
	return round_down(end - evs->offset, evs->sector_size);
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
	u64 room = evs_backing_room(evs);

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
	if (evs->offset >= bdev_nr_bytes(evs->bdev)) {
		NL_SET_ERR_MSG(extack,
			       "the offset is beyond the end of the backing device");
		return -ERANGE;
	}
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

/**
 * evs_backing_check() - see whether the backing device still holds a disk
 * @evs: disk, I/O of which has failed
 *
 * A block device that shrinks does not tell its holder.
 *
 * Context: any. The backing device must not be closed meanwhile.
 */
void evs_backing_check(struct evs_device *evs)
{
	u64 end = evs->offset + READ_ONCE(evs->size);
	u64 size;

	/* A disk grows after its backing device; pairs with evs_backing_grow() */
	smp_rmb();
	size = bdev_nr_bytes(evs->bdev);

	/* One that is being deleted loses its size before it tells its holder */
	if (size < end)
		evs_dev_backing_gone(evs, size ? EVS_CAUSE_BACKING_SHRUNK :
						 EVS_CAUSE_BACKING_GONE);
}

/* Context: control_mutex is held */
static int evs_backing_grow(struct evs_device *evs, u64 size,
			    struct netlink_ext_ack *extack)
{
	u64 room = evs_backing_room(evs);

	if (!size)
		size = room;
	if (!IS_ALIGNED(size, evs->sector_size)) {
		NL_SET_ERR_MSG(extack,
			       "the size is not a multiple of the sector size");
		return -EINVAL;
	}
	if (size < evs->size) {
		NL_SET_ERR_MSG_FMT(extack,
				   "the disk has %llu bytes, and does not shrink",
				   evs->size);
		return -EINVAL;
	}
	if (size > room) {
		NL_SET_ERR_MSG_FMT(extack,
				   "the backing device has room for %llu bytes at this offset",
				   room);
		return -ERANGE;
	}
	if (size == evs->size)
		return -EALREADY;

	/* Who sees this size sees that of the backing device: evs_backing_check() */
	smp_mb();
	WRITE_ONCE(evs->size, size);
	set_capacity(evs->disk, size >> SECTOR_SHIFT);
	return 0;
}

/**
 * evs_dev_resize() - let a disk grow, be it in use or not
 * @evs: disk
 * @size: size in bytes, or 0 for what there is on the backing device
 * @extack: says why if it fails
 *
 * It is fine if the disk has that size already.
 *
 * Context: process context.
 * Return: 0, -EINVAL if the disk would shrink, -ERANGE if there is no room for
 *	it, or another negative error code from evs_state_next().
 */
int evs_dev_resize(struct evs_device *evs, u64 size,
		   struct netlink_ext_ack *extack)
{
	int err;

	mutex_lock(&evs->control_mutex);
	err = evs_state_change(evs, EVS_OP_RESIZE, NULL, extack);
	if (err >= 0)
		err = evs_backing_grow(evs, size, extack);
	mutex_unlock(&evs->control_mutex);
	if (err)
		return err == -EALREADY ? 0 : err;

	pr_info("%s: \"%s\" has grown to %llu bytes\n", evs->disk->disk_name,
		evs->name, READ_ONCE(evs->size));
	evs_event(evs, EVS_EVENT_RESIZED, EVS_CAUSE_COMMAND);
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
	/*
	 * A request becomes one bio, which is one range. With more, the block
	 * layer merges discards that are not adjacent.
	 */
	lim->max_discard_segments = 1;
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
	 * Discards tell which sectors are in use. Those two are stacked even
	 * onto a limit of 0; write zeroes, being no ciphertext, are not.
	 */
	if (evs->allow_discards)
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
