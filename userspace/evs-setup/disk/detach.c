// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <libudev.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "block/node.h"
#include "block/unit.h"
#include "block/users.h"
#include "cli/cli.h"
#include "cmk-state.h"
#include "detach.h"
#include "disks.h"
#include "pool/detach.h"
#include "pool/link.h"
#include "pool/target.h"
#include "tab.h"

#define UDEV_RUNS "/run/udev/control"
#define UDEV_WAIT_MS 15000
#define UDEV_PAUSE_MS 20
#define PREFIX_MAX 512

static const struct verb_option options[] = {
	{ "force", 'f', NULL, WORD_NONE,
	  "detach the disk although it is open: its users get I/O\nerrors, and what is not written yet is lost" },
	{ "lazy", 'l', NULL, WORD_NONE, "detach the disk when its last user closes it" },
	{ "all", 'a', NULL, WORD_NONE,
	  "detach every evstab(5) entry that is attached, the last\none first" },
	{ "tab", VERB_LONG('t'), "NAME", WORD_ENTRY, "detach this evstab(5) entry if it is attached" },
	{},
};

/* Is udev not there, or has it nothing to do? */
static bool udev_is_idle(struct udev_queue *queue)
{
	return access(UDEV_RUNS, F_OK) || udev_queue_get_queue_is_empty(queue);
}

/*
 * udev looks what is on a disk whenever somebody has closed it after writing,
 * as umount does, and has it open for a moment then. So busy counts when udev
 * had nothing to do before and after.
 */
static int detach_idle(struct evs_nl *nl, uint32_t id, struct evs_error *err)
{
	const struct timespec pause = { .tv_nsec = UDEV_PAUSE_MS * 1000000 };
	struct udev *udev = udev_new();
	struct udev_queue *queue = udev ? udev_queue_new(udev) : NULL;
	int tries = UDEV_WAIT_MS / UDEV_PAUSE_MS, ret;
	bool idle;

	if (!queue) {
		udev_unref(udev);
		return evs_error_set(err, ENOMEM, "out of memory");
	}
	do {
		idle = udev_is_idle(queue);
		ret = evs_nl_detach(nl, id, EVS_DETACH_IDLE, err);
		if (ret != -EBUSY || (idle && udev_is_idle(queue)))
			break;
		nanosleep(&pause, NULL);
	} while (--tries);
	udev_queue_unref(queue);
	udev_unref(udev);
	return ret;
}

/* Somebody has it open: say who, and how to end that. */
static int refuse_busy(const struct evs_disk *disk, const char *ref, struct evs_error *err)
{
	bool works = disk->state == EVS_DEV_STATE_LIVE || disk->state == EVS_DEV_STATE_SUSPENDED;
	char prefix[PREFIX_MAX];
	struct users users;
	size_t count;

	snprintf(prefix, sizeof(prefix), "detach: %s", ref);
	users_find(&users, disk->disk_dev, works ? USERS_WORKS : USERS_FAILS);
	users_print(&users, prefix);
	count = users.count;
	users_free(&users);
	if (count)
		return evs_error_set(err, EBUSY,
				     "%s: the disk is in use: end the uses above, or give --lazy to detach it when the last one ends",
				     ref);
	return evs_error_set(err, EBUSY,
			     "%s: the disk is in use, but not by a mount, swap space, device or process that can be seen here: give --lazy to detach it when the last use ends",
			     ref);
}

/*
 * By force, or because the device below is gone: its users are left behind. They are
 * found only while the disk is there.
 */
static int detach_open(struct evs_nl *nl, const struct evs_disk *disk, const char *ref,
		       enum evs_detach how, struct evs_error *err)
{
	struct users users = {};
	char prefix[PREFIX_MAX];
	int ret;

	if (disk->openers && disk->state != EVS_DEV_STATE_DEAD)
		users_find(&users, disk->disk_dev, USERS_GONE);
	ret = evs_nl_detach(nl, disk->id, how, err);
	snprintf(prefix, sizeof(prefix), "detach: %s: left behind, with I/O errors", ref);
	if (!ret)
		users_print(&users, prefix);
	users_free(&users);
	return ret;
}

int detach_disk(struct evs_nl *nl, const struct evs_disk *disk, const char *ref,
		enum evs_detach how, struct evs_error *err)
{
	char path[32];
	int ret;

	if (how == EVS_DETACH_FORCE || disk->state == EVS_DEV_STATE_REMOVED)
		ret = detach_open(nl, disk, ref, how, err);
	else if (how == EVS_DETACH_IDLE)
		ret = detach_idle(nl, disk->id, err);
	else
		ret = evs_nl_detach(nl, disk->id, how, err);
	if (ret == -EBUSY)
		return refuse_busy(disk, ref, err);
	if (ret)
		return evs_error_prefix(err, "%s", ref);
	disks_path(disk, path, sizeof(path));
	/* udev removes its links; what is left is of a time when it did not run. */
	if (how != EVS_DETACH_LAZY)
		node_wait_gone(disk->name, path);
	link_remove(disk->name, path);
	unit_stop(disk->name);
	return 0;
}

/**
 * struct request - What is on the command line.
 * @all: all disks of evstab(5)
 * @tab: name of one of them, or NULL
 * @how: what to do with a disk that is open
 */
struct request {
	bool all;
	const char *tab;
	enum evs_detach how;
};

static int parse_option(struct request *request, int opt, struct evs_error *err)
{
	enum evs_detach how = opt == 'f' ? EVS_DETACH_FORCE : EVS_DETACH_LAZY;

	if (opt == 'a') {
		request->all = true;
	} else if (opt == VERB_LONG('t')) {
		request->tab = optarg;
	} else if (request->how != EVS_DETACH_IDLE && request->how != how) {
		return evs_error_set(err, EINVAL,
				     "give --force or --lazy, not both");
	} else {
		request->how = how;
	}
	if (request->all && request->tab)
		return evs_error_set(err, EINVAL, "give --all or --tab, not both");
	return 0;
}

static int run_one(struct evs_nl *nl, const struct evs_disk *disk, const char *ref,
		   enum evs_detach how, struct evs_error *err)
{
	struct cmk_states states;
	int ret;

	cmk_state_start(&states, disk, !cli_settings()->quiet, CMK_WAIT_PERSON);
	ret = detach_disk(nl, disk, ref, how, err);
	if (!ret) {
		cmk_state_ask(&states);
		cmk_state_tell(&states, 0);
	}
	cmk_state_free(&states);
	return ret;
}

static bool is_attached(const struct evs_disk *disk, const struct evs_disk *disks, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (disks[i].id == disk->id && !disks[i].lazy &&
		    disks[i].state != EVS_DEV_STATE_DEAD && !strcmp(disks[i].uuid, disk->uuid))
			return true;
	return false;
}

/* Of the disks that there were, tells about those that have gone; asks if there are any. */
static void tell_gone(struct evs_nl *nl, struct cmk_states *states)
{
	const struct evs_disk *disks = states->disks;
	struct evs_error ignored = {};
	struct evs_disk *now;
	bool asked = false;
	size_t i, count;

	if (evs_nl_dump(nl, &now, &count, &ignored))
		return;
	for (i = 0; i < states->count; i++) {
		if (!is_attached(&disks[i], &disks[i], 1) || is_attached(&disks[i], now, count))
			continue;
		if (!asked)
			cmk_state_ask(states);
		asked = true;
		cmk_state_tell(states, i);
	}
	free(now);
}

/* With a name, the disk of this name alone */
static void start_named(struct cmk_states *states, const struct evs_disk *disks, size_t count,
			const char *name)
{
	size_t i;

	if (cli_settings()->quiet)
		count = 0;
	for (i = 0; name && i < count; i++) {
		if (!strcmp(disks[i].name, name)) {
			cmk_state_start(states, &disks[i], 1, CMK_WAIT_PERSON);
			return;
		}
	}
	cmk_state_start(states, disks, name ? 0 : count, CMK_WAIT_PERSON);
}

static int run_tab(struct evs_nl *nl, const char *name, enum evs_detach how,
		   struct evs_error *err)
{
	struct cmk_states states;
	struct evs_disk *disks;
	size_t count;
	int ret;

	ret = evs_nl_dump(nl, &disks, &count, err);
	if (ret)
		return ret;
	start_named(&states, disks, count, name);
	ret = tab_detach(nl, name, how, err);
	tell_gone(nl, &states);
	cmk_state_free(&states);
	free(disks);
	return ret;
}

/* A plain disk of a pool is not the kernel's; what is below an encrypted one is let go. */
static int run_disk(const char *ref, enum evs_detach how, struct evs_error *err)
{
	struct evs_error ignored = {};
	struct evs_disk disk;
	struct evs_nl *nl;
	int pool = target_is_pool(ref, &ignored) > 0, ret;

	ret = disks_open(&nl, ref, &disk, err);
	if (ret)
		return pool ? detach_plain(ref, how, err) : ret;
	ret = run_one(nl, &disk, ref, how, err);
	evs_nl_close(nl);
	if (!ret && pool)
		detach_release(ref);
	return ret;
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct request request = { .how = EVS_DETACH_IDLE };
	struct evs_nl *nl;
	const char *ref;
	int opt, ret;

	while ((opt = cli_option(argc, argv, err)) > 0)
		if (parse_option(&request, opt, err))
			return -err->errnum;
	if (opt < 0)
		return opt;
	if (!request.all && !request.tab) {
		ret = cli_operand(argc, argv, "disk", &ref, err);
		return ret ? ret : run_disk(ref, request.how, err);
	}
	ret = cli_no_operand(argc, argv, err);
	if (!ret)
		ret = evs_nl_open(&nl, err);
	if (ret)
		return ret;
	ret = run_tab(nl, request.tab, request.how, err);
	evs_nl_close(nl);
	return ret;
}

const struct verb verb_detach = {
	.name = "detach",
	.args = "[--force|--lazy] DISK\n"
		"       evs-setup detach [--force|--lazy] --all|--tab NAME",
	.brief = "remove a disk and wipe its key",
	.options = options,
	.notes = "Without --force or --lazy, a disk that is open is refused, and its mount points,\n"
		 "swap space, devices and processes are printed.\n"
		 "\n"
		 DISKS_HELP
		 "\n"
		 CMK_STATE_HELP,
	.operands = { WORD_DISK },
	.needs = VERB_NEEDS_ADMIN,
	.run = run,
};
