// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attach and detach with --all or --tab, and other verbs with --all: the disks of
 * evstab(5).
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach.h"
#include "cli/cli.h"
#include "detach.h"
#include "disks.h"
#include "evstab.h"
#include "pool/attach.h"
#include "pool/detach.h"
#include "pool/target.h"
#include "tab.h"
#include "text.h"

#define UUID_TAG "UUID="

/* ---- what is attached ---- */

/* Is there a disk of this name that has not been detached? 1, 0 or -errno */
static int find_name(struct evs_nl *nl, const char *name, struct evs_disk *disk,
		     struct evs_error *err)
{
	struct evs_disk *disks;
	size_t i, count;
	int ret;

	ret = evs_nl_dump(nl, &disks, &count, err);
	if (ret)
		return ret;
	for (i = 0; i < count && !ret; i++) {
		/* A dead disk has its name no more. */
		if (disks[i].state == EVS_DEV_STATE_DEAD || strcmp(disks[i].name, name))
			continue;
		*disk = disks[i];
		ret = 1;
	}
	free(disks);
	return ret;
}

/* Is it detached, but for somebody who has to close it first? */
static bool is_going(const struct evs_disk *disk)
{
	return disk->lazy || disk->state == EVS_DEV_STATE_DETACHING;
}

/* It need not be attached if it is, but it has to be of use. */
static int check_use(const struct evs_disk *disk, struct evs_error *err)
{
	char path[32];

	disks_path(disk, path, sizeof(path));
	if (is_going(disk))
		return evs_error_set(err, EBUSY, "%s is detached when it is closed: close it first", path);
	if (disk->state == EVS_DEV_STATE_LIVE || disk->state == EVS_DEV_STATE_SUSPENDED)
		return 0;
	return evs_error_set(err, EBUSY,
			     "%s has no key any more (see evs-setup status): detach it first",
			     path);
}

/* And it has to be this one. */
static int check_attached(const struct evs_disk *disk, const char *device, struct evs_error *err)
{
	char path[32];

	disks_path(disk, path, sizeof(path));
	if (!disks_is_over(disk, device))
		return evs_error_set(err, EEXIST, "%s has this name, but is not over %s", path,
				     device);
	return check_use(disk, err);
}

/* ---- one line ---- */

static struct evs_pin pin_of(const struct evstab_entry *entry)
{
	return (struct evs_pin){
		.kms = *entry->kms ? entry->kms : NULL,
		.cmk = *entry->cmk ? entry->cmk : NULL,
	};
}

/* Attached already, it is the disk of the pool, but the key of an encrypted one may be gone. */
static int attach_in_tab(struct evs_nl *nl, const struct evstab_entry *entry,
			 struct attach_request *req, struct evs_error *err)
{
	struct evs_disk disk;
	int ret;

	req->target = entry->device;
	req->again = true;
	ret = attach_in_pool(req, err);
	if (!ret)
		ret = find_name(nl, entry->name, &disk, err);
	return ret > 0 ? check_use(&disk, err) : ret;
}

static int attach_device(struct evs_nl *nl, const struct evstab_entry *entry,
			 struct attach_request *req, struct evs_error *err)
{
	struct evs_disk disk;
	char *device;
	int ret;

	ret = evstab_resolve(entry, &device, err);
	if (ret)
		return ret;
	req->what.name = entry->name;
	ret = find_name(nl, entry->name, &disk, err);
	if (ret > 0) {
		ret = check_attached(&disk, device, err);
	} else if (!ret) {
		req->target = device;
		ret = attach_disk(nl, req, err);
	}
	free(device);
	return ret;
}

static int attach_entry(struct evs_nl *nl, const struct evstab_entry *entry, bool several,
			struct evs_error *err)
{
	struct attach_request req = {
		.several = several,
		.what.read_only = entry->read_only,
		.what.allow_discards = entry->discard,
		.what.no_partscan = entry->no_partscan,
		.pin = pin_of(entry),
	};
	int ret = entry->in_pool ? attach_in_tab(nl, entry, &req, err) :
		  attach_device(nl, entry, &req, err);

	return ret ? evs_error_prefix(err, "%s", entry->name) : 0;
}

/* The disk of a pool that has this name; is there such a pool? */
static bool name_in_pool(const char *name, char ref[EVSTAB_NAME_MAX + 1])
{
	struct evs_error ignored = {};
	char *colon;

	snprintf(ref, EVSTAB_NAME_MAX + 1, "%s", name);
	colon = strchr(ref, ':');
	if (!colon)
		return false;
	*colon = '/';
	return target_is_pool(ref, &ignored) > 0;
}

/* One that is plain is not the kernel's. It cannot be taken away from its users. */
static int detach_if_plain(const char *ref, struct evs_error *err)
{
	struct evs_error why = {};
	int ret = detach_plain(ref, EVS_DETACH_IDLE, &why);

	if (!ret || ret == -ENODEV || ret == -ENOENT)
		return 0;
	*err = why;
	return ret;
}

static int detach_name(struct evs_nl *nl, const char *name, enum evs_detach how,
		       struct evs_error *err)
{
	char ref[EVSTAB_NAME_MAX + 1];
	bool in_pool = name_in_pool(name, ref);
	struct evs_disk disk;
	int ret;

	ret = find_name(nl, name, &disk, err);
	if (ret < 0)
		return evs_error_prefix(err, "%s", name);
	if (!ret)
		return in_pool ? detach_if_plain(ref, err) : 0;
	/* One that goes when it is closed is as good as gone, unless it is urgent. */
	if (is_going(&disk) && how != EVS_DETACH_FORCE)
		return 0;
	ret = detach_disk(nl, &disk, name, how, err);
	if (!ret && in_pool)
		detach_release(ref);
	return ret;
}

/* ---- all of them ---- */

/**
 * struct tally - What has become of the lines.
 * @verb: what is done to them
 * @nl: connection to the driver
 * @how: for detach, what to do with disks that are open
 * @fn: for others, what to do with each device
 * @arg: argument of @fn
 * @failed: how many have failed
 * @worst: the failure with the highest exit status
 */
struct tally {
	const char *verb;
	struct evs_nl *nl;
	enum evs_detach how;
	tab_fn *fn;
	void *arg;
	size_t failed;
	struct evs_error worst;
};

static void tally_add(struct tally *tally, const struct evs_error *err)
{
	evs_text_line(stderr, "evs-setup: %s: %s", tally->verb, err->text);
	if (err->request_id[0])
		evs_text_line(stderr, "evs-setup: the KMS knows this request as %s",
			      err->request_id);
	if (!tally->failed++ || cli_exit_status(err) > cli_exit_status(&tally->worst))
		tally->worst = *err;
}

/* The errno and class of the worst; all has been said but how many there are. */
static int tally_result(const struct tally *tally, const struct evstab *tab,
			struct evs_error *err)
{
	if (!tally->failed)
		return 0;
	*err = tally->worst;
	err->request_id[0] = '\0';
	snprintf(err->text, sizeof(err->text), "%zu of %zu lines of %s failed", tally->failed,
		 tab->count, tab->path);
	return -err->errnum;
}

static void attach_line(struct tally *tally, const struct evstab_entry *entry)
{
	struct evs_error err = {};
	sigset_t mask;
	int ret;

	if (entry->bad) {
		evs_error_set(&err, EINVAL, "%s", entry->bad);
		tally_add(tally, &err);
		return;
	}
	if (entry->noauto || entry->initrd)
		return;
	/* Attaching blocks signals; between two disks it can be interrupted. */
	sigprocmask(SIG_SETMASK, NULL, &mask);
	ret = attach_entry(tally->nl, entry, true, &err);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	if (!ret)
		return;
	if (entry->nofail)
		cli_note("%s: warning: %s", tally->verb, err.text);
	else
		tally_add(tally, &err);
}

static void detach_line(struct tally *tally, const struct evstab_entry *entry)
{
	struct evs_error err = {};

	if (entry->bad)
		evs_error_set(&err, EINVAL, "%s", entry->bad);
	else if (entry->initrd || !detach_name(tally->nl, entry->name, tally->how, &err))
		return;
	tally_add(tally, &err);
}

/* 1 where there is no such device now, and the line says that there need not be */
static int find_device(const struct evstab_entry *entry, char **device, struct evs_error *err)
{
	bool optional = entry->nofail || entry->noauto;
	int ret;

	if (entry->bad)
		return evs_error_set(err, EINVAL, "%s", entry->bad);
	ret = evstab_resolve(entry, device, err);
	if (ret)
		return optional && ret == -ENODEV ? 1 : ret;
	if (!optional || entry->in_pool || !access(*device, F_OK) || errno != ENOENT)
		return 0;
	free(*device);
	return 1;
}

static void each_line(struct tally *tally, const struct evstab_entry *entry)
{
	struct evs_error err = {};
	char *device;
	int ret;

	ret = find_device(entry, &device, &err);
	if (ret > 0) {
		cli_note("%s: warning: %s: %s is not there: left out", tally->verb, entry->name,
			 entry->device);
		return;
	}
	if (!ret) {
		ret = tally->fn(tally->arg, device, &err);
		free(device);
	}
	if (!ret)
		return;
	if (ret == -ENOENT && entry->in_pool && (entry->nofail || entry->noauto)) {
		cli_note("%s: warning: %s: left out", tally->verb, err.text);
		return;
	}
	if (!entry->bad)
		evs_error_prefix(&err, "%s", entry->name);
	tally_add(tally, &err);
}

/* All lines in order, or from the last one up: a disk may stand on one of a line before it. */
static int all_lines(struct tally *tally,
		     void (*line)(struct tally *tally, const struct evstab_entry *entry),
		     bool upwards, struct evs_error *err)
{
	struct evstab tab;
	size_t i;
	int ret;

	ret = evstab_load(&tab, err);
	if (ret)
		return ret;
	for (i = 0; i < tab.count; i++)
		line(tally, &tab.entries[upwards ? tab.count - 1 - i : i]);
	ret = tally_result(tally, &tab, err);
	evstab_free(&tab);
	return ret;
}

static int attach_name(struct evs_nl *nl, const char *name, struct evs_error *err)
{
	const struct evstab_entry *entry;
	struct evstab tab;
	int ret;

	ret = evstab_load(&tab, err);
	if (ret)
		return ret;
	entry = evstab_find(&tab, name, err);
	ret = entry ? attach_entry(nl, entry, false, err) : -err->errnum;
	evstab_free(&tab);
	return ret;
}

int tab_attach(struct evs_nl *nl, const char *name, struct evs_error *err)
{
	struct tally tally = { .verb = "attach", .nl = nl };

	return name ? attach_name(nl, name, err) : all_lines(&tally, attach_line, false, err);
}

int tab_detach(struct evs_nl *nl, const char *name, enum evs_detach how, struct evs_error *err)
{
	struct tally tally = { .verb = "detach", .nl = nl, .how = how };

	return name ? detach_name(nl, name, how, err) : all_lines(&tally, detach_line, true, err);
}

int tab_each(const char *verb, tab_fn *fn, void *arg, struct evs_error *err)
{
	struct tally tally = { .verb = verb, .fn = fn, .arg = arg };

	return all_lines(&tally, each_line, false, err);
}

/* ---- lines that a new header makes stale ---- */

/* Is the line about this disk? */
static bool is_about(const struct evstab_entry *entry, const char *ref, const struct stat *target,
		     const char *uuid)
{
	struct evs_error ignored = {};
	struct stat st;
	char *path;
	bool same;

	if (entry->in_pool)
		return !strcmp(entry->device, ref);
	if (!strncmp(entry->device, UUID_TAG, strlen(UUID_TAG)))
		return !strcmp(entry->device + strlen(UUID_TAG), uuid);
	if (evstab_resolve(entry, &path, &ignored))
		return false;
	same = !stat(path, &st) && (S_ISBLK(st.st_mode) ? st.st_rdev == target->st_rdev :
				    st.st_dev == target->st_dev && st.st_ino == target->st_ino);
	free(path);
	return same;
}

void tab_warn_stale(const char *verb, const char *ref, const char *target, const char *uuid,
		    const struct evs_token *token)
{
	const struct evstab_entry *entry;
	struct evs_error ignored = {};
	struct evs_pin pin;
	struct evstab tab;
	struct stat st;
	size_t i;

	if (stat(target, &st) || evstab_load(&tab, &ignored))
		return;
	for (i = 0; i < tab.count; i++) {
		entry = &tab.entries[i];
		pin = pin_of(entry);
		if (entry->bad || evs_pin_allows(&pin, token) || !is_about(entry, ref, &st, uuid))
			continue;
		cli_note("%s: %s:%u: %s cannot be attached by this line any more: change it to kms=%s,cmk=%s",
			 verb, tab.path, entry->line, entry->name, token->kms, token->cmk);
	}
	evstab_free(&tab);
}
