// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: /sys/block/evsN/evs, one value a file
 *
 * The files are there as long as the disk is, from device_add_disk() to
 * del_gendisk(), which waits for those that are being read. So all that they
 * show is valid, but must not be read under a lock that is held across either.
 *
 * What /proc, lsblk and the like show of other disks anybody may read. What tells
 * of keys is for the administrator, as it is over netlink.
 */
#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/kdev_t.h>
#include <linux/mutex.h>
#include <linux/sysfs.h>

#include "disks.h"
#include "stat.h"
#include "sysfs.h"

static struct evs_disk *evs_sysfs_dev(struct device *dev)
{
	return dev_to_disk(dev)->private_data;
}

static struct evs_stat evs_sysfs_stat(struct evs_disk *evs)
{
	struct evs_stat stat;

	evs_stat_read(evs, &stat);
	return stat;
}

/* A file @_name that shows what the rest of the arguments says of the disk evs */
#define EVS_ATTR(_name, _mode, ...)					\
static ssize_t evs_##_name##_show(struct device *dev,			\
				  struct device_attribute *attr,	\
				  char *buf)				\
{									\
	struct evs_disk *evs = evs_sysfs_dev(dev);			\
									\
	return sysfs_emit(buf, __VA_ARGS__);				\
}									\
static struct device_attribute evs_attr_##_name =			\
	__ATTR(_name, _mode, evs_##_name##_show, NULL)

EVS_ATTR(name, 0444, "%s\n", evs->config.name);
EVS_ATTR(uuid, 0444, "%s\n", evs->config.uuid);
EVS_ATTR(state, 0444, "%s\n", evs_state_name(READ_ONCE(evs->slot.state)));
EVS_ATTR(backing_dev, 0444, "%u:%u\n", MAJOR(evs->config.backing_dev),
	 MINOR(evs->config.backing_dev));
EVS_ATTR(offset, 0444, "%llu\n", evs->config.offset);
EVS_ATTR(sector_size, 0444, "%u\n", evs->config.sector_size);
EVS_ATTR(read_only, 0444, "%d\n", evs->config.read_only);
EVS_ATTR(allow_discards, 0444, "%d\n", evs->config.allow_discards);
EVS_ATTR(no_partscan, 0444, "%d\n", evs->config.no_partscan);
EVS_ATTR(lazy, 0444, "%d\n", test_bit(EVS_LAZY, &evs->flags));
EVS_ATTR(openers, 0444, "%u\n", disk_openers(evs->disk));
EVS_ATTR(reads, 0444, "%llu\n", evs_sysfs_stat(evs).reads);
EVS_ATTR(writes, 0444, "%llu\n", evs_sysfs_stat(evs).writes);
EVS_ATTR(bytes_read, 0444, "%llu\n", evs_sysfs_stat(evs).bytes_read);
EVS_ATTR(bytes_written, 0444, "%llu\n", evs_sysfs_stat(evs).bytes_written);
EVS_ATTR(errors, 0444, "%llu\n", evs_sysfs_stat(evs).errors);
EVS_ATTR(in_flight, 0444, "%u\n", evs_sysfs_stat(evs).in_flight);
EVS_ATTR(bounce_pages, 0444, "%u\n", evs_sysfs_stat(evs).bounce_pages);

/*
 * None, if the disk has been resumed without one. Of a key that was taken away the
 * number may be another key's by now.
 */
static ssize_t evs_key_serial_show(struct device *dev,
				   struct device_attribute *attr, char *buf)
{
	struct evs_disk *evs = evs_sysfs_dev(dev);
	enum evs_dev_state state = READ_ONCE(evs->slot.state);
	key_serial_t serial = READ_ONCE(evs->slot.serial);

	if (!serial || (state != EVS_DEV_STATE_LIVE &&
			state != EVS_DEV_STATE_DETACHING))
		return sysfs_emit(buf, "\n");

	return sysfs_emit(buf, "%d\n", serial);
}

static struct device_attribute evs_attr_key_serial =
	__ATTR(key_serial, 0400, evs_key_serial_show, NULL);

/* Changes when somebody tells another one */
static ssize_t evs_cmk_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	struct evs_disk *evs = evs_sysfs_dev(dev);
	ssize_t len;

	mutex_lock(&evs_disks_lock);
	len = sysfs_emit(buf, "%s\n", evs->config.cmk);
	mutex_unlock(&evs_disks_lock);
	return len;
}

static struct device_attribute evs_attr_cmk =
	__ATTR(cmk, 0400, evs_cmk_show, NULL);

/* Changes when the disk is resumed with another implementation than it had */
static ssize_t evs_cipher_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	char driver[CRYPTO_MAX_ALG_NAME];

	evs_keyslot_driver(&evs_sysfs_dev(dev)->slot, driver);
	return sysfs_emit(buf, "%s\n", driver);
}

static struct device_attribute evs_attr_cipher =
	__ATTR(cipher, 0444, evs_cipher_show, NULL);

static struct attribute *evs_disk_attrs[] = {
	&evs_attr_name.attr,
	&evs_attr_uuid.attr,
	&evs_attr_state.attr,
	&evs_attr_backing_dev.attr,
	&evs_attr_offset.attr,
	&evs_attr_sector_size.attr,
	&evs_attr_key_serial.attr,
	&evs_attr_cmk.attr,
	&evs_attr_cipher.attr,
	&evs_attr_read_only.attr,
	&evs_attr_allow_discards.attr,
	&evs_attr_no_partscan.attr,
	&evs_attr_lazy.attr,
	&evs_attr_openers.attr,
	&evs_attr_reads.attr,
	&evs_attr_writes.attr,
	&evs_attr_bytes_read.attr,
	&evs_attr_bytes_written.attr,
	&evs_attr_errors.attr,
	&evs_attr_in_flight.attr,
	&evs_attr_bounce_pages.attr,
	NULL
};

static const struct attribute_group evs_disk_group = {
	.name	= "evs",
	.attrs	= evs_disk_attrs,
};

/* For device_add_disk(), which adds them before it tells udev of the disk */
const struct attribute_group *evs_disk_groups[] = {
	&evs_disk_group,
	NULL
};
