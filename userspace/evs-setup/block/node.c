// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <libudev.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "node.h"

#define UDEV_RUNS "/run/udev/control"
#define WAIT_MS 60000
#define POLL_MS 10
#define GONE_MS 10000
#define UDEV_POLL_MS 100

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool node_is_there(const char *path, dev_t dev)
{
	struct stat st;

	return !stat(path, &st) && S_ISBLK(st.st_mode) && st.st_rdev == dev;
}

/*
 * Is what udev knows about a disk that had this number before? Its rules keep the
 * sequence number of the disk that they were run for.
 */
static bool is_stale(struct udev_device *device)
{
	const char *seen = udev_device_get_property_value(device, "EVS_DISKSEQ");
	const char *now = udev_device_get_property_value(device, "DISKSEQ");

	return seen && now && strcmp(seen, now);
}

static bool udev_is_through(struct udev *udev, dev_t dev)
{
	struct udev_device *device = udev_device_new_from_devnum(udev, 'b', dev);
	bool through = device && udev_device_get_is_initialized(device) > 0 && !is_stale(device);

	udev_device_unref(device);
	return through;
}

/* A descriptor that becomes readable at an event of udev, or -1 */
static int listen_to(struct udev_monitor *monitor)
{
	if (!monitor ||
	    udev_monitor_filter_add_match_subsystem_devtype(monitor, "block", "disk") < 0 ||
	    udev_monitor_enable_receiving(monitor) < 0)
		return -1;
	return udev_monitor_get_fd(monitor);
}

/*
 * An event only ends a pause early. It may never come: udev's events stay in the
 * network namespace that udevd runs in, and a full socket loses them.
 */
static int wait_udev(struct udev *udev, struct udev_monitor *monitor, dev_t dev, long end)
{
	struct pollfd event = { .fd = listen_to(monitor), .events = POLLIN };

	while (!udev_is_through(udev, dev)) {
		if (now_ms() >= end)
			return -ETIMEDOUT;
		if (poll(&event, 1, UDEV_POLL_MS) < 0 && errno != EINTR)
			return -errno;
		if (event.revents)
			udev_device_unref(udev_monitor_receive_device(monitor));
	}
	return 0;
}

static int wait_node(const char *path, dev_t dev, long end)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000 };

	while (!node_is_there(path, dev)) {
		if (now_ms() >= end)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
	return 0;
}

int node_wait(const char *path, dev_t dev, struct evs_error *err)
{
	long end = now_ms() + WAIT_MS;
	struct udev_monitor *monitor;
	struct udev *udev;
	int ret = 0;

	if (!access(UDEV_RUNS, F_OK)) {
		udev = udev_new();
		monitor = udev ? udev_monitor_new_from_netlink(udev, "udev") : NULL;
		ret = udev ? wait_udev(udev, monitor, dev, end) : -ENOMEM;
		udev_monitor_unref(monitor);
		udev_unref(udev);
		if (ret == -ETIMEDOUT)
			return evs_error_set(err, ETIMEDOUT,
					     "%s: udev has not processed it within %d s", path,
					     WAIT_MS / 1000);
		if (ret)
			return evs_error_set(err, -ret, "%s: cannot wait for udev", path);
	}
	ret = wait_node(path, dev, end);
	if (ret)
		return evs_error_set(err, -ret, "%s: the node has not appeared within %d s", path,
				     WAIT_MS / 1000);
	return 0;
}

/* Does the link lead to the node, whether that is still there or not? */
static bool leads_to(const char *link, const char *path)
{
	char target[PATH_MAX];
	const char *base;
	ssize_t len;

	len = readlink(link, target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = '\0';
	base = strrchr(target, '/');
	return !strcmp(base ? base + 1 : target, path + strlen("/dev/"));
}

void node_wait_gone(const char *name, const char *path)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000 };
	char link[PATH_MAX];
	long end = now_ms() + GONE_MS;

	snprintf(link, sizeof(link), "/dev/evs/%s", name);
	while (!access(UDEV_RUNS, F_OK) && leads_to(link, path) && now_ms() < end)
		nanosleep(&pause, NULL);
}
