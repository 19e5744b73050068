// SPDX-License-Identifier: GPL-2.0-or-later
/* backup export: the object as it was, with the newest token in its header. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/out.h"
#include "pool/create.h"
#include "pool/progress.h"
#include "ref.h"

/**
 * struct export - A backup on its way out.
 * @ref: the backup
 * @backup: the same, open
 * @file: the file, which is new
 * @progress: how far it is
 */
struct export {
	struct ref ref;
	struct evs_backup backup;
	struct evs_device file;
	struct progress progress;
};

static int cannot_write(const struct export *export, uint64_t offset, int ret,
			struct evs_error *err)
{
	return evs_error_set(err, -ret,
			     "%s: cannot be written at byte %" PRIu64 ": %s; it is removed: give a file where there is room for up to %" PRIu64 " bytes",
			     export->file.path, offset, strerror(-ret),
			     export->backup.manifest.bytes);
}

/* Of what was loaded with the header, memory has what counts. */
static int take_loaded(const struct export *export, char *data, uint64_t offset, size_t length,
		       struct evs_error *err)
{
	int ret;

	ret = evs_device_read(&export->backup.dev, data, length, offset);
	if (!ret)
		ret = evs_device_write(&export->file, data, length, offset);
	return ret ? cannot_write(export, offset, ret, err) : 0;
}

static int write_block(void *arg, uint64_t offset, const void *data, size_t length,
		       struct evs_error *err)
{
	static char buffer[EVS_BLOCK];
	struct export *export = arg;
	const struct evs_manifest *manifest = &export->backup.manifest;
	size_t at, part;
	int ret;

	ret = evs_manifest_check(manifest, (size_t)(offset / EVS_BLOCK), data, err);
	if (!ret)
		ret = progress_tell(&export->progress, offset + length, manifest->bytes, err);
	if (ret)
		return ret;
	if (export->backup.vol && offset < EVS_DATA_OFFSET)
		return take_loaded(export, buffer, offset, length, err);
	for (at = 0; data && at < length; at += part) {
		part = length - at < EVS_CHUNK ? length - at : EVS_CHUNK;
		if (evs_is_zero((const char *)data + at, part))
			continue;
		ret = evs_device_write(&export->file, (const char *)data + at, part, offset + at);
		if (ret)
			return cannot_write(export, offset + at, ret, err);
	}
	return 0;
}

static int fill(struct export *export, struct evs_error *err)
{
	struct evs_repo *repo = &export->ref.repo;
	int ret;

	if (ftruncate(export->file.fd, (off_t)export->backup.manifest.bytes))
		return evs_error_set(err, errno, "%s: %m", export->file.path);
	progress_begin(&export->progress, export->ref.text);
	ret = repo->ops->read(repo, &export->backup.manifest, write_block, export, err);
	progress_end(&export->progress);
	if (!ret && fsync(export->file.fd))
		ret = evs_error_set(err, errno, "%s: %m", export->file.path);
	return ret;
}

/* The file is new and only its owner may read it; it goes when it does not become whole. */
static int write_file(struct export *export, const char *path, struct evs_error *err)
{
	int ret;

	export->file = (struct evs_device){ .path = path, .is_file = true };
	export->file.fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (export->file.fd < 0)
		return errno == EEXIST ? evs_error_set(err, EEXIST, "%s: exists already", path) :
		       evs_error_set(err, errno, "%s: %m", path);
	ret = fill(export, err);
	if (close(export->file.fd) && !ret)
		ret = evs_error_set(err, errno, "%s: %m", path);
	if (ret)
		unlink(path);
	return ret;
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct export export = {};
	int ret;

	if (cli_option(argc, argv, err) < 0)
		return -err->errnum;
	if (argc - optind != 2)
		return evs_error_set(err, EINVAL, "two operands are needed: the backup, and the file");
	ret = ref_open(&export.ref, argv[optind], REF_BACKUP, err);
	if (ret)
		return ret;
	ret = evs_backup_open(&export.backup, &export.ref.repo, export.ref.name, err);
	if (!ret) {
		ret = write_file(&export, argv[optind + 1], err);
		if (!ret)
			ret = create_print(argv[optind + 1], &export.backup.manifest.record, err);
		evs_backup_close(&export.backup);
	}
	ref_close(&export.ref);
	return ret;
}

const struct verb verb_backup_export = {
	.name = "backup export",
	.args = "[OPTION...] REPO::BACKUP FILE",
	.brief = "write a backup to a new file",
	.notes = "What is encrypted stays so, and has its header in the file, which can be attached.\n"
		 "Prints the file, the UUID, and the id of the CMK, or \"plain\".\n",
	.operands = { WORD_REPO, WORD_FILE },
	.needs = VERB_NEEDS_ROOT,
	.run = run,
};
