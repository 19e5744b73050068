// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <libudev.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "node.h"

#define UDEV_RUNS "/run/udev/control"
#define WAIT_MS 60000
#define POLL_MS 10

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

static bool udev_is_through(struct udev *udev, dev_t dev)
{
	struct udev_device *device = udev_device_new_from_devnum(udev, 'b', dev);
	bool through = device && udev_device_get_is_initialized(device) > 0;

	udev_device_unref(device);
	return through;
}

/*
 * The monitor listens before the first look, so that no event is missed. Any
 * event is a reason to look again; which one it was does not matter.
 */
static int wait_udev(struct udev *udev, struct udev_monitor *monitor, dev_t dev, long end)
{
	struct pollfd event = { .events = POLLIN };
	long left;

	if (udev_monitor_filter_add_match_subsystem_devtype(monitor, "block", "disk") < 0 ||
	    udev_monitor_enable_receiving(monitor) < 0)
		return -EIO;
	event.fd = udev_monitor_get_fd(monitor);
	while (!udev_is_through(udev, dev)) {
		left = end - now_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&event, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
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
		ret = monitor ? wait_udev(udev, monitor, dev, end) : -ENOMEM;
		udev_monitor_unref(monitor);
		udev_unref(udev);
		if (ret == -ETIMEDOUT)
			return evs_error_set(err, ETIMEDOUT,
					     "%s: udev has not dealt with it within %d s", path,
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
