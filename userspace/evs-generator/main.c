// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evs-generator: what systemd-cryptsetup-generator is to crypttab(5), this is
 * to evstab(5). systemd runs it early at boot and at each reload.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "stdfd.h"
#include "units.h"

/* systemd runs it before there is a journal: the kernel keeps what it says. */
static void __attribute__((format(printf, 1, 2))) complain(const char *fmt, ...)
{
	int fd = getenv("SYSTEMD_SCOPE") ? open("/dev/kmsg", O_WRONLY | O_CLOEXEC) : -1;
	char text[1200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (fd < 0) {
		fprintf(stderr, "evs-generator: %s\n", text);
		return;
	}
	dprintf(fd, "<3>evs-generator: %s\n", text);
	close(fd);
}

int main(int argc, char *argv[])
{
	const struct evstab_entry *entry;
	struct evs_error err = {};
	struct evstab tab;
	int bad = 0;
	size_t i;

	if (evs_stdfd_open())
		return 1;
	if (argc != 2 && argc != 4) {
		fputs("Usage: evs-generator NORMAL-DIR [EARLY-DIR LATE-DIR]\n", stderr);
		return 1;
	}
	if (evstab_load(&tab, &err)) {
		complain("%s", err.text);
		return 1;
	}
	for (i = 0; i < tab.count; i++) {
		entry = &tab.entries[i];
		if (!entry->bad && !units_write(argv[1], &tab, entry, &err))
			continue;
		if (entry->bad)
			complain("%s", entry->bad);
		else
			complain("%s:%u: %s", tab.path, entry->line, err.text);
		bad = 1;
	}
	evstab_free(&tab);
	return bad;
}
