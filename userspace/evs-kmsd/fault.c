// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>

#include "fault.h"

void (*kmsd_fault_hook)(const char *point);

const char *const kmsd_fault_points[] = {
	"db-before-commit",	/* all of a change has been done, nothing of it holds */
	"db-after-commit",	/* the change holds, its audit record is not in the file */
	"audit-half-written",	/* the record's line is in the file in part */
	"audit-written",	/* the line is there, nobody has been answered */
	"rotate-renamed",	/* the log has another name, and no new one is begun */
	"rotate-written",	/* the new one is written, but not under its name */
	"rotate-named",		/* it has its name, its record is not known to the database */
	"root-made",		/* the new root key is there, and wraps nothing */
	"root-committed",	/* it wraps everything, and is not configured */
	"root-configured",	/* it is configured, traces of the old wrapping are left */
	"scrub-begin",		/* material is deleted, copies of it may be in the file */
	"scrub-vacuumed",	/* the file is written anew, the old pages are in the log */
	"scrub-checkpointed",	/* no copy is left, but the note to look for some is */
	NULL,
};
