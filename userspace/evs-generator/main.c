// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evs-generator: what systemd-cryptsetup-generator is to crypttab(5), this is
 * to evstab(5). systemd runs it early at boot and at each reload.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stdfd.h"
#include "units.h"
#include "version.h"

/* The kernel takes no longer record; the rest of the text is cut off. */
#define RECORD_MAX 960

/*
 * systemd runs it before there is a journal: the kernel's log keeps what it says.
 * One write(2) makes one record. dprintf(3) seeks first, which the log refuses.
 */
static void __attribute__((format(printf, 1, 2))) complain(const char *fmt, ...)
{
	static const char level[] = "<3>";
	char record[RECORD_MAX];
	size_t len, start;
	va_list ap;
	int fd;

	start = (size_t)sprintf(record, "%sevs-generator: ", level);
	va_start(ap, fmt);
	vsnprintf(record + start, sizeof(record) - start - 1, fmt, ap);
	va_end(ap);
	len = strlen(record);
	record[len++] = '\n';
	fd = getenv("SYSTEMD_SCOPE") ? open("/dev/kmsg", O_WRONLY | O_CLOEXEC) : -1;
	if (fd < 0 || write(fd, record, len) != (ssize_t)len)
		fwrite(record + strlen(level), 1, len - strlen(level), stderr);
	if (fd >= 0)
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
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts("evs-generator " EVS_VERSION);
		return fflush(stdout) ? 1 : 0;
	}
	if (argc != 2 && argc != 4) {
		fputs("Usage: evs-generator NORMAL-DIR [EARLY-DIR LATE-DIR]\n"
		      "       evs-generator --version\n", stderr);
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
