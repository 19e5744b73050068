// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evs-probe: what udev runs for each device with a LUKS2 header. Prints what evs-setup
 * probe --export does, without the libraries that evs-setup is linked with: loading
 * them takes more time than reading the header.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "block.h"
#include "stdfd.h"
#include "version.h"
#include "volume/export.h"

/* The exit statuses of evs-setup, as far as they can occur here. */
#define EXIT_USAGE 1
#define EXIT_NO_DISK 4

static int probe(const char *path, struct evs_error *err)
{
	char node[PATH_MAX], disk[NAME_MAX + 1] = "";
	struct evs_volume *vol;
	struct stat st;
	dev_t dev;
	int ret;

	/* Rules know a device below a disk by its number only: evs/backing_dev */
	if (evs_block_number(path, &dev)) {
		evs_block_node(dev, node, sizeof(node));
		path = node;
	}
	ret = evs_volume_read(&vol, path, 0, err);
	if (ret)
		return ret;
	if (!stat(path, &st) && S_ISBLK(st.st_mode))
		evs_block_disk(st.st_rdev, disk, sizeof(disk));
	ret = evs_export(vol, disk, err);
	evs_volume_close(vol);
	if (!ret && fflush(stdout))
		ret = evs_error_set(err, errno, "standard output: %m");
	return ret;
}

int main(int argc, char *argv[])
{
	struct evs_error err = {};

	if (evs_stdfd_open())
		return EXIT_USAGE;
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts("evs-probe " EVS_VERSION);
		return fflush(stdout) ? EXIT_USAGE : EXIT_SUCCESS;
	}
	if (argc != 2 || *argv[1] == '-') {
		fputs("Usage: evs-probe DEVICE|MAJOR:MINOR\n"
		      "Prints what evs-setup probe --export does; for udev rules.\n", stderr);
		return EXIT_USAGE;
	}
	if (!probe(argv[1], &err))
		return EXIT_SUCCESS;
	fprintf(stderr, "evs-probe: %s\n", err.text);
	return EXIT_NO_DISK;
}
