// SPDX-License-Identifier: GPL-2.0-or-later
/* evs.conf, of whatever kinds of KMS. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct evs_config cfg;
	struct evs_error err = {};
	static int fd = -1;
	char path[64];

	if (fd < 0) {
		fd = memfd_create("evs.conf", 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (fd < 0 || setenv("EVS_CONF", path, 1))
			abort();
	}
	if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	if (!evs_config_load(&cfg, &err)) {
		if (!evs_config_kms(&cfg, EVS_KMS_LOCAL, &err))
			abort();
		evs_config_free(&cfg);
	} else if (!err.errnum || !err.text[0]) {
		abort();
	}
	return 0;
}
