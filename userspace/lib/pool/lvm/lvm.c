// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool/lvm/lvm.h"
#include "run.h"

#define UDEV_CONTROL "/run/udev/control"

/* LVM's own rule; what else it refuses it says itself */
static bool is_name(const char *value)
{
	return evs_word_valid(value, LVM_NAME_SIZE - 1) && *value != '-' && *value != '.';
}

static const struct evs_config_key keys[] = {
	{ "vg", is_name, "be the name of a volume group", true },
	{ "thinpool", is_name, "be the name of a thin pool", true },
	{},
};

/*
 * A suspended disk does not answer, so that a command that looks for volume groups on
 * it would hang. The administrator's own filter is kept behind ours.
 */
static int make_config(struct evs_lvm *lvm, struct evs_error *err)
{
	static const char *const argv[] = { "lvmconfig", "devices/global_filter", NULL };
	char *output = NULL, *filter = NULL, *end;
	int len, ret;

	ret = evs_run(argv, &output, err);
	/* It fails where there is none. */
	if (ret == -EIO) {
		*err = (struct evs_error){};
		ret = 0;
	}
	if (ret)
		return ret;
	filter = output ? strchr(output, '=') : NULL;
	if (filter) {
		filter += 1 + (filter[1] == '[');
		filter[strcspn(filter, "\n")] = '\0';
		/* A pattern may have brackets of its own. */
		end = filter + strlen(filter);
		if (filter[-1] == '[' && end > filter && end[-1] == ']')
			end[-1] = '\0';
	}
	len = snprintf(lvm->config, sizeof(lvm->config),
		       "devices{global_filter=[\"r|^/dev/evs[0-9/]|\"%s%s]}%s",
		       filter && *filter ? "," : "", filter ? filter : "",
		       access(UDEV_CONTROL, F_OK) ? " activation{udev_sync=0 udev_rules=0}" : "");
	free(output);
	if (len < 0 || (size_t)len >= sizeof(lvm->config))
		return evs_error_set(err, E2BIG, "lvm.conf: global_filter is too long");
	return 0;
}

/**
 * struct report - What LVM tells of a thin pool.
 * @size: its bytes
 * @data: per cent of them that are taken
 * @metadata: per cent of the metadata
 * @thin: it is a thin pool
 * @active: it is active
 * @zeroes: a new block of it is zeroed
 */
struct report {
	uint64_t size;
	double data;
	double metadata;
	bool thin;
	bool active;
	bool zeroes;
};

static void read_report(const struct evs_lvm *lvm, struct json_object *lvs,
			struct report *report)
{
	struct json_object *lv = NULL;
	const char *attr;
	size_t i;

	for (i = 0; !lv && i < json_object_array_length(lvs); i++)
		if (!strcmp(evs_lvm_field(json_object_array_get_idx(lvs, i), "lv_name"),
			    lvm->thinpool))
			lv = json_object_array_get_idx(lvs, i);
	attr = evs_lvm_field(lv, "lv_attr");
	*report = (struct report){
		.size = strtoull(evs_lvm_field(lv, "lv_size"), NULL, 10),
		.data = strtod(evs_lvm_field(lv, "data_percent"), NULL),
		.metadata = strtod(evs_lvm_field(lv, "metadata_percent"), NULL),
		.thin = attr[0] == 't',
		.active = strlen(attr) > 4 && attr[4] == 'a',
		.zeroes = !strcmp(evs_lvm_field(lv, "zero"), "zero"),
	};
}

/* What a plain disk has never written must read as zeros, not as another's old data. */
int evs_lvm_check_pool(struct evs_pool *pool, struct json_object *lvs, struct evs_error *err)
{
	const struct evs_lvm *lvm = pool->engine;
	struct evs_lvm_args args;
	struct report report;

	read_report(lvm, lvs, &report);
	if (!report.thin)
		return evs_error_set(err, EOPNOTSUPP, "%s/%s: is no thin pool", lvm->vg,
				     lvm->thinpool);
	if (!report.zeroes)
		return evs_error_set(err, EOPNOTSUPP,
				     "%s/%s: does not zero new blocks; have it do so: lvchange -Zy %s/%s",
				     lvm->vg, lvm->thinpool, lvm->vg, lvm->thinpool);
	if (report.active)
		return 0;
	evs_lvm_begin(&args, "lvchange", lvm->config);
	snprintf(args.lv, sizeof(args.lv), "%s/%s", lvm->vg, lvm->thinpool);
	evs_lvm_add(&args, "-ay", args.lv, NULL);
	return evs_lvm_run(pool, &args, err) ? -err->errnum : 1;
}

static void lvm_close(struct evs_pool *pool)
{
	evs_lvm_forget(pool);
	free(pool->engine);
	pool->engine = NULL;
}

static int lvm_open(struct evs_pool *pool, struct evs_error *err)
{
	struct evs_lvm *lvm = calloc(1, sizeof(*lvm));
	int ret;

	if (!lvm)
		return evs_error_set(err, ENOMEM, "out of memory");
	lvm->vg = evs_config_pool_get(pool->config, "vg");
	lvm->thinpool = evs_config_pool_get(pool->config, "thinpool");
	/* A report comes first in all that is done, and tells whether the pool is there. */
	pool->engine = lvm;
	ret = make_config(lvm, err);
	if (ret)
		lvm_close(pool);
	return ret;
}

static int lvm_usage(struct evs_pool *pool, struct evs_pool_usage *usage, struct evs_error *err)
{
	const struct evs_lvm *lvm = pool->engine;
	struct json_object *lvs;
	struct report report;
	int ret = evs_lvm_report(pool, lvm->thinpool, &lvs, err);

	if (ret)
		return ret;
	read_report(lvm, lvs, &report);
	json_object_put(lvs);
	*usage = (struct evs_pool_usage){
		.size = report.size,
		.used = (uint64_t)(report.data / 100 * (double)report.size),
		.metadata_used = (unsigned int)(report.metadata + 0.5),
	};
	return 0;
}

const struct evs_pool_ops evs_pool_lvm_ops = {
	.name = "lvm",
	.name_decides = true,
	.keys = keys,
	.open = lvm_open,
	.close = lvm_close,
	.usage = lvm_usage,
	.list = evs_lvm_list,
	.create = evs_lvm_create,
	.remove = evs_lvm_remove,
	.rename = evs_lvm_rename,
	.replace = evs_lvm_replace,
	.grow = evs_lvm_grow,
	.snapshot = evs_lvm_snapshot,
	.clone = evs_lvm_clone,
	.activate = evs_lvm_activate,
	.deactivate = evs_lvm_deactivate,
	.save = evs_lvm_save,
	.allocated = evs_lvm_allocated,
	.changed = evs_lvm_changed,
};
