// SPDX-License-Identifier: GPL-2.0-or-later
/* The file that image export and backup export write. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "export-file.h"

int export_parse(int argc, char *argv[], const char *what, struct export_options *options,
		 struct evs_error *err)
{
	int opt;

	while ((opt = cli_option(argc, argv, err)) > 0) {
		if (opt == VERB_LONG('n')) {
			options->dry_run = true;
			continue;
		}
		if (strcmp(optarg, "raw") && strcmp(optarg, "qcow2"))
			return evs_error_set(err, EINVAL, "--format %s: is neither raw nor qcow2",
					     optarg);
		options->qcow2 = !strcmp(optarg, "qcow2");
	}
	if (opt < 0)
		return opt;
	return argc - optind == 2 ? 0 :
	       evs_error_set(err, EINVAL, "two operands are needed: the %s, and the file", what);
}

static int refuse_existing(const char *path, struct evs_error *err)
{
	return evs_error_set(err, EEXIST, "%s: exists already", path);
}

void export_folder(const char *path, char *folder)
{
	const char *slash = strrchr(path, '/');

	snprintf(folder, PATH_MAX, "%.*s", slash ? (int)(slash - path + 1) : 2,
		 slash ? path : "./");
}

int export_look(const char *path, const char *verb, struct evs_error *err)
{
	char folder[PATH_MAX];
	struct stat st;

	if (!lstat(path, &st))
		return refuse_existing(path, err);
	if (errno != ENOENT)
		return evs_error_set(err, errno, "%s: %m", path);
	export_folder(path, folder);
	if (access(folder, W_OK | X_OK))
		return evs_error_set(err, errno, "%s: %m", path);
	cli_note("%s: nothing was made, as --dry-run is given", verb);
	return 0;
}

static int finish(const struct evs_device *file, int ret, uint64_t bytes, struct evs_error *err)
{
	struct evs_error why;

	if (!ret && fsync(file->fd))
		ret = evs_error_set(err, errno, "%s: %m", file->path);
	if (close(file->fd) && !ret)
		ret = evs_error_set(err, errno, "%s: %m", file->path);
	if (!ret)
		return 0;
	unlink(file->path);
	why = *err;
	if (ret == -ENOSPC || ret == -EDQUOT || ret == -EFBIG)
		evs_error_set(err, -ret,
			      "%.600s; the file is removed: give one where there is room for up to %" PRIu64 " bytes",
			      why.text, bytes);
	return ret;
}

int export_file(const char *path, uint64_t bytes, export_fill_fn *fill, void *arg,
		struct evs_error *err)
{
	struct evs_device file = { .path = path, .is_file = true };

	file.fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file.fd < 0)
		return errno == EEXIST ? refuse_existing(path, err) :
		       evs_error_set(err, errno, "%s: %m", path);
	return finish(&file, fill(arg, &file, err), bytes, err);
}
