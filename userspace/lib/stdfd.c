// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "stdfd.h"

int evs_stdfd_open(void)
{
	int fd;

	/* open() returns the lowest number that is free: all below are taken */
	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
			return -errno;
	return 0;
}

int evs_stdout_close(struct evs_error *err)
{
	bool lost = ferror(stdout);

	/* Whatever the errno, it is none that a disk or a KMS has. */
	if (fclose(stdout))
		return evs_error_set(err, EPIPE, "standard output: %m");
	if (lost)
		return evs_error_set(err, EPIPE, "standard output: cannot be written");
	return 0;
}
