// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "mountinfo.h"

bool mount_namespaces_add(struct mount_namespaces *seen, const char *pid)
{
	char path[64];
	struct stat st;
	size_t i;

	snprintf(path, sizeof(path), "/proc/%.16s/ns/mnt", pid);
	if (seen->count == MOUNT_NAMESPACES_MAX || stat(path, &st))
		return false;
	for (i = 0; i < seen->count; i++)
		if (seen->inode[i] == st.st_ino)
			return false;
	seen->inode[seen->count++] = st.st_ino;
	return true;
}

dev_t mount_device(struct libmnt_fs *fs)
{
	const char *source = mnt_fs_get_srcpath(fs);
	dev_t dev = mnt_fs_get_devno(fs);
	struct stat st;

	if (major(dev))
		return dev;
	/* Other paths may be slow to look at. */
	return source && !strncmp(source, "/dev/", strlen("/dev/")) && !stat(source, &st) &&
	       S_ISBLK(st.st_mode) ? st.st_rdev : 0;
}
