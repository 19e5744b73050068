// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "evstab.h"
#include "program.h"
#include "unit-name.h"
#include "unit.h"

#define SYSTEMD_RUNS "/run/systemd/system" /* see sd_booted(3) */
#define SYSTEMCTL "/bin/systemctl"

static bool is_in_evstab(const char *name)
{
	struct evs_error ignored = {};
	struct evstab tab;
	bool found;

	if (evstab_load(&tab, &ignored))
		return false;
	found = evstab_find(&tab, name, &ignored);
	evstab_free(&tab);
	return found;
}

void unit_stop(const char *name)
{
	/* It conflicts with no other job: where the unit is to be restarted, that stands. */
	const char *argv[] = {
		SYSTEMCTL, "--no-block", "--job-mode=fail", "--quiet", "stop", NULL, NULL
	};
	char instance[UNIT_NAME_MAX + 1], unit[UNIT_NAME_MAX + sizeof("evs-attach@.service")];

	/* The variable is set for ExecStop=, see systemd.exec(5). */
	if (access(SYSTEMD_RUNS, F_OK) || getenv("SERVICE_RESULT") || !is_in_evstab(name) ||
	    unit_escape(name, instance, sizeof(instance)))
		return;
	snprintf(unit, sizeof(unit), "evs-attach@%s.service", instance);
	argv[5] = unit;
	program_run(argv);
}
