// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attach: the kernel gets a device, where the data lies on it, and the serial
 * number of a key. With a header the key is asked for here and brought by
 * evs-request-key; with --raw it is there already.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "attach.h"
#include "block/backing.h"
#include "block/node.h"
#include "block/users.h"
#include "cli/cli.h"
#include "cli/out.h"
#include "disks.h"
#include "dk.h"
#include "pool/attach.h"
#include "pool/link.h"
#include "pool/target.h"
#include "tab.h"
#include "text.h"
#include "volume/volume.h"

/**
 * struct request - What is on the command line.
 * @all: all disks of evstab(5)
 * @tab: name of one of them, or NULL
 * @disk: what to attach, where it is none of them
 */
struct request {
	bool all;
	const char *tab;
	struct attach_request disk;
};

static const struct verb_option options[] = {
	{ "read-only", 'r', NULL, WORD_NONE, "refuse writes to the disk" },
	{ "name", VERB_LONG('n'), "NAME", WORD_TEXT, "set the name of the disk, by default evsN" },
	{ "allow-discards", VERB_LONG('d'), NULL, WORD_NONE,
	  "pass discards to the device below; they show where\nthe disk is in use, see evs-setup(8)" },
	{ "no-partscan", VERB_LONG('p'), NULL, WORD_NONE, "do not look for partitions on the disk" },
	{ "kms", VERB_LONG('K'), "NAME", WORD_KMS, "refuse the disk unless its header names this KMS" },
	{ "cmk", VERB_LONG('C'), "ID", WORD_CMK, "refuse the disk unless its header names this CMK" },
	{ "all", 'a', NULL, WORD_NONE,
	  "attach every evstab(5) entry that is not attached yet,\nexcept noauto ones" },
	{ "tab", VERB_LONG('t'), "NAME", WORD_ENTRY,
	  "attach this evstab(5) entry unless it is attached" },
	{ "raw", VERB_LONG('R'), NULL, WORD_NONE,
	  "ignore any header; take the geometry from the next\noptions" },
	{ "key", VERB_LONG('k'), "SERIAL", WORD_TEXT,
	  "use this key of type \"evs\", which attaching consumes" },
	{ "sector-size", VERB_LONG('s'), "512|4096", WORD_CHOICE, "set the size of a crypto sector" },
	{ "offset", VERB_LONG('o'), "BYTES", WORD_TEXT, "set where the data starts, by default 0" },
	{ "size", VERB_LONG('z'), "BYTES", WORD_TEXT,
	  "set the size of the data, by default up to the end" },
	{},
};

/* The kernel checks the same, in words of its own. */
static int check_name(const char *name, struct evs_error *err)
{
	if (!*name || strlen(name) > EVS_NAME_MAX)
		return evs_error_set(err, EINVAL, "--name %s: a name has 1 to %d bytes", name,
				     EVS_NAME_MAX);
	if (!evs_text_valid(name) || strchr(name, '/'))
		return evs_error_set(err, EINVAL,
				     "--name %s: a name is UTF-8 without slashes and control characters",
				     name);
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return evs_error_set(err, EINVAL, "--name %s: a name is neither . nor ..", name);
	return 0;
}

static int parse_pin(struct evs_pin *pin, int opt, const char *value, struct evs_error *err)
{
	if (opt == VERB_LONG('K') && !evs_kms_name_valid(value))
		return evs_error_set(err, EINVAL, "--kms %s: not the name of a KMS", value);
	if (opt == VERB_LONG('C') && !evs_cmk_ref_valid(value))
		return evs_error_set(err, EINVAL, "--cmk %s: not the id of a CMK", value);
	*(opt == VERB_LONG('K') ? &pin->kms : &pin->cmk) = value;
	return 0;
}

static int parse_option(struct request *request, int opt, struct evs_error *err)
{
	struct attach_request *req = &request->disk;
	int ret;

	switch (opt) {
	case 'a':
		request->all = true;
		return 0;
	case VERB_LONG('t'):
		request->tab = optarg;
		return 0;
	case 'r':
		req->what.read_only = true;
		return 0;
	case VERB_LONG('n'):
		req->what.name = optarg;
		return check_name(optarg, err);
	case VERB_LONG('d'):
		req->what.allow_discards = true;
		return 0;
	case VERB_LONG('p'):
		req->what.no_partscan = true;
		return 0;
	case VERB_LONG('K'):
	case VERB_LONG('C'):
		return parse_pin(&req->pin, opt, optarg, err);
	case VERB_LONG('R'):
		req->raw = true;
		return 0;
	case VERB_LONG('k'):
		return cli_serial(optarg, &req->what.key_serial, err);
	case VERB_LONG('s'):
		return cli_sector_size(optarg, &req->what.sector_size, err);
	case VERB_LONG('o'):
		return cli_bytes("--offset", optarg, &req->what.offset, err);
	default:
		ret = cli_bytes("--size", optarg, &req->what.size, err);
		if (!ret && !req->what.size)
			ret = evs_error_set(err, EINVAL, "--size 0: must be larger than 0");
		return ret;
	}
}

static int parse(struct request *request, int argc, char *argv[], struct evs_error *err)
{
	struct attach_request *req = &request->disk;
	const struct evs_attach *what = &req->what;
	int opt, count = 0;

	for (; (opt = cli_option(argc, argv, err)) > 0; count++)
		if (parse_option(request, opt, err))
			return -err->errnum;
	if (opt < 0)
		return opt;
	if ((request->all || request->tab) && count > 1)
		return evs_error_set(err, EINVAL,
				     "--all and --tab take no other option: evstab has those of a disk");
	if (request->all || request->tab)
		return cli_no_operand(argc, argv, err);
	if (cli_operand(argc, argv, "device or file", &req->target, err))
		return -err->errnum;
	if (req->raw && (!what->key_serial || !what->sector_size))
		return evs_error_set(err, EINVAL, "--raw needs --key and --sector-size");
	if (req->raw && (req->pin.kms || req->pin.cmk))
		return evs_error_set(err, EINVAL,
				     "--kms and --cmk check the header, which --raw ignores");
	if (!req->raw &&
	    (what->key_serial || what->sector_size || what->offset || what->size))
		return evs_error_set(err, EINVAL,
				     "--key, --sector-size, --offset and --size need --raw: otherwise the header has them");
	return 0;
}

/*
 * With --json, an object of one disk is complete; that of --all is printed when all
 * disks are attached, and stays attached whose line is lost.
 */
static int print_disk(const struct evs_disk *disk, const char *path, const char *target, bool all,
		      struct evs_error *err)
{
	if (!cli_settings()->json)
		return puts(path) == EOF || fflush(stdout) ?
		       evs_error_set(err, EPIPE, "standard output: %m") : 0;
	if (out_texts("disks", err, "device", path, "name", disk->name, "uuid", disk->uuid,
		      "backing", target, NULL))
		return -err->errnum;
	return all ? 0 : out_flush(err);
}

/* Print the path, or take the disk away again. */
static int announce(struct evs_nl *nl, const struct attach_request *req,
		    const struct evs_disk *disk, struct evs_error *err)
{
	struct evs_error ignored = {};
	char path[32];
	int ret;

	disks_path(disk, path, sizeof(path));
	ret = node_wait(path, disk->disk_dev, err);
	if (!ret && req->record)
		ret = link_make(disk->name, path, err);
	if (!ret && print_disk(disk, path, req->target, req->several, err))
		/* Whatever the errno, it is none that a disk or a KMS has. */
		ret = evs_error_set(err, EPIPE, "%s: the disk is detached again", err->text);
	if (ret) {
		link_remove(disk->name, path);
		evs_nl_detach(nl, disk->id, EVS_DETACH_FORCE, &ignored);
	}
	return ret;
}

int attach_check_same(const struct backing *backing, const struct evs_volume *vol,
		      struct evs_error *err)
{
	struct evs_volume *now;
	bool same;
	int ret;

	ret = evs_volume_open(&now, &backing->claim.dev, 0, err);
	if (ret)
		return ret;
	same = !strcmp(evs_volume_uuid(now), evs_volume_uuid(vol)) &&
	       evs_volume_data_offset(now) == evs_volume_data_offset(vol) &&
	       evs_volume_sector_size(now) == evs_volume_sector_size(vol) &&
	       evs_volume_same_dk(now, vol);
	evs_volume_close(now);
	return same ? 0 : evs_error_set(err, EBUSY,
					"%s: another program has changed the header meanwhile; try again",
					backing->path);
}

static int attach_backing(struct evs_nl *nl, struct attach_request *req,
			  const struct backing *backing, const struct evs_volume *vol,
			  struct evs_error *err)
{
	struct evs_error ignored = {};
	struct evs_disk disk;
	char prefix[512];
	sigset_t all;
	int ret;

	/* Killed now, this process could leave a disk of which nobody knows. */
	sigfillset(&all);
	if (sigprocmask(SIG_BLOCK, &all, NULL))
		return evs_error_set(err, errno, "cannot block signals: %m");
	req->what.backing_dev = backing->claim.dev.number;
	ret = evs_nl_attach(nl, &req->what, &disk, err);
	if (ret == -EBUSY) {
		snprintf(prefix, sizeof(prefix), "attach: %s", req->target);
		users_tell(backing->claim.dev.number, prefix);
	}
	if (ret)
		return evs_error_prefix(err, "%s", req->target);
	/*
	 * Until the driver claimed the device, another program could have written to it.
	 * The key that the disk has got is that of the header that was read before.
	 */
	ret = vol && backing->given ? attach_check_same(backing, vol, err) : 0;
	if (!ret)
		return announce(nl, req, &disk, err);
	evs_nl_detach(nl, disk.id, EVS_DETACH_FORCE, &ignored);
	return ret;
}

static int attach_raw(struct evs_nl *nl, struct attach_request *req, struct backing *backing,
		      struct evs_error *err)
{
	int ret;

	ret = backing_loop(backing, req->what.sector_size, err);
	if (ret)
		return ret;
	return attach_backing(nl, req, backing, NULL, err);
}

/*
 * The KMS vouches for the context. Who may use the CMK can have made any; but a
 * header that was copied and given another UUID shows by it.
 */
static void check_context(const struct evs_volume *vol, const char *target)
{
	const struct evs_context *context = &evs_volume_token(vol)->context;
	const char *made_for = NULL;
	size_t i;

	for (i = 0; i < context->count; i++)
		if (!strcmp(context->pair[i].name, EVS_CONTEXT_VOLUME))
			made_for = context->pair[i].value;
	if (made_for && !strcmp(made_for, evs_volume_uuid(vol)))
		return;
	cli_note("attach: %s: note: this is disk %s, but its data key was made for %s%s", target,
		 evs_volume_uuid(vol), made_for ? "disk " : "no disk in particular",
		 made_for ? made_for : "");
}

/* That a copy of the header cannot be repaired is no obstacle: the other one is intact. */
static void mend_header(const struct attach_request *req, const struct backing *backing,
			struct evs_volume *vol)
{
	char damage[256];
	struct evs_error err = {};

	if (!*evs_volume_damage(vol))
		return;
	snprintf(damage, sizeof(damage), "%s", evs_volume_damage(vol));
	if (req->what.read_only || evs_volume_repair(vol, &backing->claim.dev, &err))
		disks_warn_damage(req->target, vol);
	else
		cli_note("%s: note: %s; it has been repaired", req->target, damage);
}

static int attach_volume(struct evs_nl *nl, struct attach_request *req, struct backing *backing,
			 struct evs_volume *vol, struct evs_error *err)
{
	struct evs_attach *what = &req->what;
	key_serial_t key;
	int ret;

	ret = evs_pin_check(&req->pin, vol, req->target, err);
	if (ret)
		return ret;
	if (req->record && strcmp(req->record->id, evs_volume_uuid(vol)))
		return evs_error_set(err, EBADMSG,
				     "%s: holds the header of disk %s, not of %s", req->target,
				     evs_volume_uuid(vol), req->record->id);
	check_context(vol, req->target);
	what->uuid = evs_volume_uuid(vol);
	what->cmk = evs_volume_token(vol)->cmk;
	what->allow_discards |= evs_volume_allow_discards(vol);
	what->offset = evs_volume_data_offset(vol);
	what->size = evs_volume_data_size(vol);
	/* The engine may have rounded it up. */
	if (req->record && req->record->size < what->size)
		what->size = req->record->size;
	what->sector_size = evs_volume_sector_size(vol);
	ret = backing_loop(backing, what->sector_size, err);
	if (ret)
		return ret;
	ret = req->disk ? attach_key_in_pool(req, backing, vol, &key, err) :
	      dk_request(vol, backing->claim.dev.number, &req->pin, &key, err);
	if (ret)
		return ret;
	what->key_serial = key;
	mend_header(req, backing, vol);
	ret = attach_backing(nl, req, backing, vol, err);
	dk_drop(key);
	return ret;
}

int attach_disk(struct evs_nl *nl, struct attach_request *req, struct evs_error *err)
{
	struct backing backing;
	struct evs_volume *vol;
	int ret;

	ret = backing_open(&backing, req->target, req->what.read_only, err);
	if (ret)
		return ret;
	if (req->raw) {
		ret = attach_raw(nl, req, &backing, err);
	} else {
		ret = evs_volume_open(&vol, &backing.claim.dev, 0, err);
		if (!ret) {
			ret = attach_volume(nl, req, &backing, vol, err);
			evs_volume_close(vol);
		}
	}
	backing_close(&backing);
	return ret;
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct request request = {};
	struct evs_nl *nl;
	int ret;

	ret = parse(&request, argc, argv, err);
	if (ret)
		return ret;
	ret = request.disk.target ? target_is_pool(request.disk.target, err) : 0;
	if (ret)
		return ret < 0 ? ret : attach_in_pool(&request.disk, err);
	ret = evs_nl_open(&nl, err);
	if (ret)
		return ret;
	if (request.all || request.tab)
		ret = tab_attach(nl, request.tab, err);
	else
		ret = attach_disk(nl, &request.disk, err);
	evs_nl_close(nl);
	return ret;
}

const struct verb verb_attach = {
	.name = "attach",
	.args = "[OPTION...] DEVICE|FILE\n"
		"       evs-setup attach [OPTION...] POOL/DISK\n"
		"       evs-setup attach --all|--tab NAME\n"
		"       evs-setup attach --raw --key SERIAL --sector-size 512|4096\n"
		"                        [OPTION...] DEVICE|FILE",
	.brief = "attach a device or file as a disk /dev/evsN and print its path",
	.options = options,
	.notes = "The KMS that the header names unwraps the key of the disk. A file gets a loop\n"
		 "device, which is removed when the disk is detached. A disk of a pool is named\n"
		 "POOL:DISK and has a link /dev/evs/POOL/DISK; a plain one has the link, but no evsN.\n"
		 "\n"
		 "BYTES may end in K, M, G or T.\n",
	.operands = { WORD_FILE },
	.needs = VERB_NEEDS_ROOT,
	.run = run,
};
