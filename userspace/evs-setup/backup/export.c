// SPDX-License-Identifier: GPL-2.0-or-later
/* backup export: the object as it was, with the newest token in its header. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/out.h"
#include "pool/create.h"
#include "pool/export-file.h"
#include "pool/progress.h"
#include "pool/qemu-img.h"
#include "ref.h"

/**
 * struct export - A backup on its way out.
 * @ref: the backup
 * @backup: the same, open
 * @file: the file that is being written
 * @progress: how far it is
 */
struct export {
	struct ref ref;
	struct evs_backup backup;
	const struct evs_device *file;
	struct progress progress;
};

static int cannot_write(const struct export *export, uint64_t offset, int ret,
			struct evs_error *err)
{
	return evs_error_set(err, -ret, "%s: cannot be written at byte %" PRIu64 ": %s",
			     export->file->path, offset, strerror(-ret));
}

static int write_block(void *arg, uint64_t offset, const void *data, size_t length,
		       struct evs_error *err)
{
	struct export *export = arg;
	const struct evs_manifest *manifest = &export->backup.manifest;
	size_t at, part;
	int ret;

	ret = progress_tell(&export->progress, offset + length, manifest->bytes, err);
	if (ret)
		return ret;
	for (at = 0; data && at < length; at += part) {
		part = length - at < EVS_CHUNK ? length - at : EVS_CHUNK;
		if (evs_is_zero((const char *)data + at, part))
			continue;
		ret = evs_device_write(export->file, (const char *)data + at, part, offset + at);
		if (ret)
			return cannot_write(export, offset + at, ret, err);
	}
	return 0;
}

static int fill(void *arg, const struct evs_device *file, struct evs_error *err)
{
	struct export *export = arg;
	struct evs_repo *repo = &export->ref.repo;
	int ret;

	export->file = file;
	if (ftruncate(file->fd, (off_t)export->backup.manifest.bytes))
		return evs_error_set(err, errno, "%s: %m", file->path);
	progress_begin(&export->progress, export->ref.text);
	ret = evs_backup_read(&export->backup, repo, write_block, export, err);
	progress_end(&export->progress);
	return ret;
}

/* Beside the file, as large as it, and gone with this process */
static int open_unnamed(struct evs_device *raw, const char *path, struct evs_error *err)
{
	char folder[PATH_MAX];

	export_folder(path, folder);
	raw->fd = open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (raw->fd >= 0)
		return 0;
	return errno != EOPNOTSUPP ? evs_error_set(err, errno, "%s: %m", folder) :
	       evs_error_set(err, EOPNOTSUPP,
			     "%s: its file system has no unnamed files, which qcow2 needs here; leave out --format, and make an image of the file by qemu-img convert",
			     folder);
}

/* qemu-img reads here and there: it gets a file with all of it. */
static int fill_qcow2(void *arg, const struct evs_device *file, struct evs_error *err)
{
	struct evs_device raw = { .path = file->path, .is_file = true };
	struct export *export = arg;
	uint64_t bytes = export->backup.manifest.bytes;
	int ret;

	ret = open_unnamed(&raw, file->path, err);
	if (ret)
		return ret;
	ret = fill(export, &raw, err);
	if (!ret) {
		progress_begin(&export->progress, file->path);
		ret = qemu_img_write(&raw, file->path, bytes, &export->progress, err);
		progress_end(&export->progress);
	}
	close(raw.fd);
	return ret;
}

static int write_file(struct export *export, const char *path, bool qcow2, struct evs_error *err)
{
	uint64_t bytes = export->backup.manifest.bytes;

	return qcow2 ? export_file(path, 2 * bytes, fill_qcow2, export, err) :
	       export_file(path, bytes, fill, export, err);
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct export export = {};
	struct export_options options = {};
	int ret;

	ret = export_parse(argc, argv, "backup", &options, err);
	if (!ret)
		ret = ref_open(&export.ref, argv[optind], REF_BACKUP, err);
	if (ret)
		return ret;
	ret = evs_backup_open(&export.backup, &export.ref.repo, export.ref.name,
			      !options.dry_run, err);
	if (!ret) {
		ret = options.dry_run ? export_look(argv[optind + 1], "backup export", err) :
		      write_file(&export, argv[optind + 1], options.qcow2, err);
		if (!ret)
			ret = create_print(argv[optind + 1], &export.backup.manifest.record, err);
		evs_backup_close(&export.backup);
	}
	ref_close(&export.ref);
	return ret;
}

static const struct verb_option options[] = {
	EXPORT_OPTIONS,
	{},
};

const struct verb verb_backup_export = {
	.name = "backup export",
	.args = "[OPTION...] REPO::BACKUP FILE",
	.brief = "write a backup to a new file",
	.options = options,
	.notes = "What is encrypted stays so, and has its header in the file, which can be attached.\n"
		 "Prints the file, the UUID, and the id of the CMK, or \"plain\".\n",
	.operands = { WORD_BACKUP, WORD_FILE },
	.needs = VERB_NEEDS_ROOT,
	.run = run,
};
