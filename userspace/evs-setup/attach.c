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
#include "backing.h"
#include "cli.h"
#include "disks.h"
#include "dk.h"
#include "node.h"
#include "tab.h"
#include "text.h"
#include "users.h"
#include "volume/volume.h"

/**
 * struct options - What is on the command line.
 * @all: all disks of evstab(5)
 * @tab: name of one of them, or NULL
 * @disk: what to attach, where it is none of them
 */
struct options {
	bool all;
	const char *tab;
	struct attach_request disk;
};

static const struct option long_options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "tab", required_argument, NULL, 't' },
	{ "read-only", no_argument, NULL, 'r' },
	{ "name", required_argument, NULL, 'n' },
	{ "allow-discards", no_argument, NULL, 'd' },
	{ "no-partscan", no_argument, NULL, 'p' },
	{ "kms", required_argument, NULL, 'K' },
	{ "cmk", required_argument, NULL, 'C' },
	{ "raw", no_argument, NULL, 'R' },
	{ "key", required_argument, NULL, 'k' },
	{ "sector-size", required_argument, NULL, 's' },
	{ "offset", required_argument, NULL, 'o' },
	{ "size", required_argument, NULL, 'z' },
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
	if (opt == 'K' && !evs_kms_name_valid(value))
		return evs_error_set(err, EINVAL, "--kms %s: not the name of a KMS", value);
	if (opt == 'C' && !evs_cmk_ref_valid(value))
		return evs_error_set(err, EINVAL, "--cmk %s: not the id of a CMK", value);
	*(opt == 'K' ? &pin->kms : &pin->cmk) = value;
	return 0;
}

static int parse_option(struct options *options, int opt, struct evs_error *err)
{
	struct attach_request *req = &options->disk;
	int ret;

	switch (opt) {
	case 'a':
		options->all = true;
		return 0;
	case 't':
		options->tab = optarg;
		return 0;
	case 'r':
		req->what.read_only = true;
		return 0;
	case 'n':
		req->what.name = optarg;
		return check_name(optarg, err);
	case 'd':
		req->what.allow_discards = true;
		return 0;
	case 'p':
		req->what.no_partscan = true;
		return 0;
	case 'K':
	case 'C':
		return parse_pin(&req->pin, opt, optarg, err);
	case 'R':
		req->raw = true;
		return 0;
	case 'k':
		return cli_serial(optarg, &req->what.key_serial, err);
	case 's':
		return cli_sector_size(optarg, &req->what.sector_size, err);
	case 'o':
		return cli_bytes("--offset", optarg, &req->what.offset, err);
	default:
		ret = cli_bytes("--size", optarg, &req->what.size, err);
		if (!ret && !req->what.size)
			ret = evs_error_set(err, EINVAL, "--size 0: a disk has a size");
		return ret;
	}
}

static int parse(struct options *options, int argc, char *argv[], struct evs_error *err)
{
	struct attach_request *req = &options->disk;
	const struct evs_attach *what = &req->what;
	int opt, count = 0;

	for (; (opt = cli_option(argc, argv, long_options, err)) > 0; count++)
		if (parse_option(options, opt, err))
			return -err->errnum;
	if (opt < 0)
		return opt;
	if ((options->all || options->tab) && count > 1)
		return evs_error_set(err, EINVAL,
				     "--all and --tab stand alone: evstab has the options of a disk");
	if (options->all || options->tab)
		return cli_no_operand(argc, argv, err);
	if (cli_operand(argc, argv, "device or file", &req->target, err))
		return -err->errnum;
	if (req->raw && (!what->key_serial || !what->sector_size))
		return evs_error_set(err, EINVAL, "--raw needs --key and --sector-size");
	if (req->raw && (req->pin.kms || req->pin.cmk))
		return evs_error_set(err, EINVAL,
				     "--kms and --cmk are about the header, which --raw ignores");
	if (!req->raw &&
	    (what->key_serial || what->sector_size || what->offset || what->size))
		return evs_error_set(err, EINVAL,
				     "--key, --sector-size, --offset and --size need --raw: the header knows them");
	return 0;
}

/* Print the path, or take the disk away again. */
static int announce(struct evs_nl *nl, const struct evs_disk *disk, struct evs_error *err)
{
	struct evs_error ignored = {};
	char path[32];
	int ret;

	disks_path(disk, path, sizeof(path));
	ret = node_wait(path, disk->disk_dev, err);
	/* Whatever the errno, it is none that a disk or a KMS has. */
	if (!ret && (puts(path) == EOF || fflush(stdout)))
		ret = evs_error_set(err, EPIPE, "standard output: %m: the disk is detached again");
	if (ret)
		evs_nl_detach(nl, disk->id, EVS_DETACH_FORCE, &ignored);
	return ret;
}

/*
 * Until the driver claimed the device, another program could have written to it.
 * The key that the disk has got is that of the header that was read before.
 */
static int check_same(const struct backing *backing, const struct evs_volume *vol,
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
	       evs_volume_sector_size(now) == evs_volume_sector_size(vol);
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
	ret = vol && backing->given ? check_same(backing, vol, err) : 0;
	if (!ret)
		return announce(nl, &disk, err);
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
	evs_text_line(stderr,
		      "evs-setup: attach: %s: note: this is disk %s, but its data key was made for %s%s",
		      target, evs_volume_uuid(vol), made_for ? "disk " : "no disk in particular",
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
		evs_text_line(stderr, "evs-setup: %s: note: %s; it has been repaired", req->target,
			      damage);
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
	check_context(vol, req->target);
	what->uuid = evs_volume_uuid(vol);
	what->cmk = evs_volume_token(vol)->cmk;
	what->allow_discards |= evs_volume_allow_discards(vol);
	what->offset = evs_volume_data_offset(vol);
	what->size = evs_volume_data_size(vol);
	what->sector_size = evs_volume_sector_size(vol);
	ret = backing_loop(backing, what->sector_size, err);
	if (ret)
		return ret;
	ret = dk_request(vol, backing->claim.dev.number, &req->pin, &key, err);
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
	struct options options = {};
	struct evs_nl *nl;
	int ret;

	ret = parse(&options, argc, argv, err);
	if (ret)
		return ret;
	ret = evs_nl_open(&nl, err);
	if (ret)
		return ret;
	if (options.all || options.tab)
		ret = tab_attach(nl, options.tab, err);
	else
		ret = attach_disk(nl, &options.disk, err);
	evs_nl_close(nl);
	return ret;
}

const struct verb verb_attach = {
	.name = "attach",
	.args = "[OPTION...] DEVICE|FILE\n"
		"       evs-setup attach --raw --key SERIAL --sector-size 512|4096\n"
		"                        [--offset BYTES] [--size BYTES] [OPTION...] DEVICE|FILE\n"
		"       evs-setup attach --all|--tab NAME",
	.brief = "make a disk /dev/evsN over a device or file and print its path",
	.help = "  --read-only         the disk refuses writes\n"
		"  --name NAME         how to call the disk, by default evsN\n"
		"  --allow-discards    pass discards to the device below, which tells it, and who\n"
		"                      sees it, where the disk is in use: see evs-setup(8)\n"
		"  --no-partscan       do not look for partitions on the disk\n"
		"  --kms NAME          refuse the disk unless its header names this KMS\n"
		"  --cmk ID            refuse the disk unless its header names this CMK\n"
		"\n"
		"The key of the disk comes from the KMS that the header on the device names. A\n"
		"file gets a loop device, which goes away with the disk.\n"
		"\n"
		"  --raw               there is no header, or it does not count: the rest says it\n"
		"  --key SERIAL        key of type \"evs\" with the data key; attaching uses it up\n"
		"  --sector-size SIZE  crypto sector, 512 or 4096\n"
		"  --offset BYTES      where the data starts, by default 0\n"
		"  --size BYTES        how long it is, by default up to the end\n"
		"\n"
		"BYTES may end in K, M, G or T.\n"
		"\n"
		"  --all               attach the disks of evstab(5) that are not yet, but for\n"
		"                      those marked noauto\n"
		"  --tab NAME          attach this disk of evstab(5) unless it is\n",
	.needs = VERB_NEEDS_ROOT,
	.run = run,
};
