// SPDX-License-Identifier: GPL-2.0-or-later
/* image export: what is encrypted leaves the pool encrypted, with its header. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "cli/cli.h"
#include "create.h"
#include "export-file.h"
#include "pool/copy.h"
#include "progress.h"
#include "proof.h"
#include "qemu-img.h"
#include "temporary.h"

static const struct verb_option options[] = {
	EXPORT_OPTIONS,
	{},
};

/**
 * struct export - An image on its way out.
 * @target: the image
 * @entry: the same, as it was found
 * @path: the file, which must not exist
 * @options: what the user has said
 * @ranges: what there is to copy, header and all
 * @source: its data
 */
struct export {
	struct target target;
	struct evs_pool_entry entry;
	const char *path;
	struct export_options options;
	struct evs_ranges ranges;
	struct evs_device source;
};

static int write_data(void *arg, const struct evs_device *file, struct evs_error *err)
{
	const struct export *export = arg;
	struct progress progress;
	const struct evs_copy copying = {
		.source = &export->source,
		.target = file,
		.ranges = &export->ranges,
		.progress = progress_tell,
		.arg = &progress,
	};
	int ret;

	progress_begin(&progress, export->target.text);
	if (export->options.qcow2)
		ret = qemu_img_write(&export->source, file->path, export->ranges.size, &progress,
				     err);
	else if (ftruncate(file->fd, (off_t)export->ranges.size))
		ret = evs_error_set(err, errno, "%s: %m", file->path);
	else
		ret = evs_copy(&copying, err);
	progress_end(&progress);
	return ret;
}

static int write_file(struct export *export, const char *path, struct evs_error *err)
{
	int ret = evs_device_open(&export->source, path, O_RDONLY, err);

	if (ret)
		return ret;
	ret = export_file(export->path, export->ranges.size, write_data, export, err);
	evs_device_close(&export->source);
	return ret;
}

/* With the lock of the pool, but for the writing itself */
static int copy_out(struct export *export, struct evs_error *err)
{
	struct evs_object *object = &export->entry.object;
	struct evs_pool *pool = &export->target.pool;
	struct evs_error ignored = {};
	char path[PATH_MAX];
	int ret;

	export->ranges.size = export->entry.bytes;
	ret = pool->ops->allocated(pool, object, evs_ranges_add, &export->ranges, err);
	if (!ret)
		ret = pool->ops->activate(pool, object, false, path, sizeof(path), err);
	evs_pool_unlock(pool);
	if (!ret) {
		ret = write_file(export, path, err);
		temporary_release(pool, object, &ignored);
	}
	evs_ranges_free(&export->ranges);
	return ret;
}

static int export_image(struct export *export, struct evs_error *err)
{
	int ret;

	ret = evs_pool_lock(&export->target.pool, err);
	if (!ret)
		ret = target_find(&export->target, &export->entry, err);
	if (ret)
		return ret;
	ret = export->options.dry_run ? export_look(export->path, "image export", err) :
	      copy_out(export, err);
	return ret ? ret : create_print(export->path, &export->entry.record, err);
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct export export = {};
	int ret;

	ret = export_parse(argc, argv, "image", &export.options, err);
	if (ret)
		return ret;
	export.path = argv[optind + 1];
	ret = target_open(&export.target, argv[optind], EVS_KIND_IMAGE, err);
	if (ret)
		return ret;
	ret = export_image(&export, err);
	target_close(&export.target);
	return ret;
}

const struct verb verb_image_export = {
	.name = "image export",
	.args = "[OPTION...] POOL/image:NAME FILE",
	.brief = "write an image to a new file",
	.options = options,
	.notes = "An encrypted image stays encrypted; the file begins with its header. To export it in\n"
		 "plain, make a plain image first by image copy --plain. Prints the file, the UUID, and\n"
		 "the id of the CMK, or \"plain\".\n",
	.operands = { WORD_POOL_DISK, WORD_FILE },
	.needs = VERB_NEEDS_ROOT,
	.run = run,
};
