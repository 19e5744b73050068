// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attach POOL/DISK: the lock of the pool is held until the disk is attached, so that no
 * other verb removes or replaces what was looked at; but for the time that its KMS takes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach.h"
#include "block/backing.h"
#include "block/loop.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "detach.h"
#include "disk/dk.h"
#include "link.h"
#include "target.h"
#include "text.h"

#define PLAIN_BLOCK_SIZE 512

/* ---- encrypted ---- */

/* The path leads to the data that is held, and not to what has taken its place. */
static bool is_held(const struct backing *backing, const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return false;
	return S_ISBLK(st.st_mode) ? st.st_rdev == backing->claim.dev.number :
	       loop_covers(backing->claim.dev.fd, &st);
}

static int check_again(const struct attach_request *req, const struct backing *backing,
		       const struct evs_volume *vol, struct evs_error *err)
{
	struct target *disk = req->disk;
	struct evs_pool *pool = &disk->pool;
	struct evs_pool_entry now;
	char path[PATH_MAX];
	int ret;

	ret = evs_pool_find(pool, &disk->object, &now, err);
	if (!ret)
		ret = target_refuse_rollback(disk, &now.record, err);
	if (!ret)
		ret = detach_refuse_attached(disk, &now.record, err);
	if (!ret)
		ret = pool->ops->activate(pool, &disk->object, !req->what.read_only, path,
					  sizeof(path), err);
	if (ret)
		return ret;
	if (strcmp(now.record.id, req->record->id) || now.record.size != req->record->size ||
	    !is_held(backing, path))
		return evs_error_set(err, EBUSY,
				     "another evs-setup has changed the disk meanwhile; try again");
	return attach_check_same(backing, vol, err);
}

int attach_key_in_pool(struct attach_request *req, const struct backing *backing,
		       const struct evs_volume *vol, key_serial_t *key, struct evs_error *err)
{
	struct evs_error ignored = {};
	int ret, locked;

	evs_pool_unlock(&req->disk->pool);
	ret = dk_request(vol, backing->claim.dev.number, &req->pin, key, err);
	/* Without the key as well: the disk is deactivated under the lock. */
	locked = evs_pool_lock(&req->disk->pool, ret ? &ignored : err);
	if (ret)
		return ret;
	ret = locked ? locked : check_again(req, backing, vol, err);
	if (ret)
		dk_drop(*key);
	return ret;
}

static int attach_encrypted(struct attach_request *req, struct target *target,
			    const struct evs_pool_entry *entry, const char *path,
			    struct evs_error *err)
{
	char name[LINK_SIZE];
	struct evs_nl *nl;
	int ret;

	link_name(name, &target->pool, &target->object);
	req->what.name = name;
	req->disk = target;
	req->record = &entry->record;
	req->target = path;
	ret = evs_nl_open(&nl, err);
	if (ret)
		return ret;
	ret = attach_disk(nl, req, err);
	evs_nl_close(nl);
	return ret;
}

/* ---- plain ---- */

/* The loop device over a file: one that an attach which was cut short left is as good. */
static int have_loop(const struct attach_request *req, const char *file, char *node, size_t size,
		     struct evs_error *err)
{
	int fd = open(file, (req->what.read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	int loop, ret;

	if (fd < 0 || fstat(fd, &st)) {
		ret = evs_error_set(err, errno, "%s: %m", file);
	} else {
		ret = loop_find(&st, node, size, err);
		if (!ret) {
			loop = loop_attach(fd, PLAIN_BLOCK_SIZE, node, size, err);
			ret = loop < 0 ? loop : loop_keep(loop, !req->what.no_partscan, err);
			if (loop >= 0)
				close(loop);
		}
	}
	if (fd >= 0)
		close(fd);
	return ret < 0 ? ret : 0;
}

/* The device of the engine is as writable as the object, and may be active already. */
static int set_read_only(const char *node, int read_only, struct evs_error *err)
{
	int fd = open(node, O_RDONLY | O_CLOEXEC), ret = 0;

	if (fd < 0 || ioctl(fd, BLKROSET, &read_only))
		ret = evs_error_set(err, errno, "%s: cannot be made %s: %m", node,
				    read_only ? "read-only" : "writable");
	if (fd >= 0)
		close(fd);
	return ret;
}

static int print_plain(const struct target *target, const struct evs_pool_entry *entry,
		       const char *node, const char *path, struct evs_error *err)
{
	char name[LINK_SIZE];

	link_name(name, &target->pool, &target->object);
	if (!cli_settings()->json)
		return puts(node) == EOF || fflush(stdout) ?
		       evs_error_set(err, EPIPE, "standard output: %m") : 0;
	return out_texts("disks", err, "device", node, "name", name, "uuid", entry->record.id,
			 "backing", path, NULL);
}

static int attach_plain(const struct attach_request *req, const struct target *target,
			const struct evs_pool_entry *entry, const char *path,
			struct evs_error *err)
{
	char node[PATH_MAX], name[LINK_SIZE], mark[LINK_SIZE];
	struct evs_error ignored = {};
	struct stat st;
	int ret;

	link_name(name, &target->pool, &target->object);
	if (req->pin.kms || req->pin.cmk)
		return evs_error_set(err, EPERM,
				     "is plain: it has neither the KMS nor the CMK that --kms and --cmk ask for");
	if (stat(path, &st))
		return evs_error_set(err, errno, "%s: %m", path);
	if (S_ISREG(st.st_mode))
		ret = have_loop(req, path, node, sizeof(node), err);
	else
		ret = snprintf(node, sizeof(node), "%s", path) < 0 ? -EINVAL :
		      set_read_only(node, req->what.read_only, err);
	if (ret)
		return ret;
	ret = link_make_plain(name, node, err);
	if (!ret)
		ret = print_plain(target, entry, node, path, err);
	if (!ret)
		return 0;
	if (!link_mark(mark, node))
		unlink(mark);
	link_remove(name, node);
	if (S_ISREG(st.st_mode))
		loop_detach(node, &ignored);
	return ret;
}

/* ---- both ---- */

/* It may be attached by the path of its data, with another name. */
static bool has_link(const struct target *target, const char *path)
{
	char name[LINK_SIZE], node[PATH_MAX];

	link_name(name, &target->pool, &target->object);
	return !link_read(name, node, sizeof(node)) && !strcmp(node, path);
}

static int attach_found(struct attach_request *req, struct target *target, struct evs_error *err)
{
	struct evs_pool *pool = &target->pool;
	struct evs_error ignored = {};
	struct evs_pool_entry entry;
	char path[PATH_MAX];
	int ret;

	ret = target_find(target, &entry, err);
	if (ret)
		return ret;
	if (detach_where(target, &entry.record, path, sizeof(path)))
		return req->again && has_link(target, path) ? 0 :
		       evs_error_set(err, EEXIST, "%s: is attached already, as %s", target->text,
				     path);
	ret = pool->ops->activate(pool, &target->object, !req->what.read_only, path, sizeof(path),
				  err);
	if (!ret)
		ret = entry.record.encrypted ? attach_encrypted(req, target, &entry, path, err) :
		      attach_plain(req, target, &entry, path, err);
	if (!ret)
		return 0;
	pool->ops->deactivate(pool, &target->object, &ignored);
	return target_explain(target->text, EVS_KIND_DISK, err);
}

int attach_in_pool(struct attach_request *req, struct evs_error *err)
{
	struct target target;
	int ret;

	if (req->raw || req->what.name)
		return evs_error_set(err, EINVAL,
				     "%s: a disk of a pool has its own name and header: it takes neither --name nor --raw",
				     req->target);
	ret = target_open(&target, req->target, EVS_KIND_DISK, err);
	if (ret)
		return ret;
	ret = evs_pool_lock(&target.pool, err);
	if (!ret)
		ret = attach_found(req, &target, err);
	target_close(&target);
	return ret;
}
