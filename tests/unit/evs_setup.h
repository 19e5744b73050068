/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What evs-setup is made of, but for the system around it. */
#ifndef EVS_SETUP_TEST_H
#define EVS_SETUP_TEST_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../userspace/evs-setup/block/backing.c"
#include "../../userspace/evs-setup/block/claim.c"
#include "../../userspace/evs-setup/cli/cli.c"
#include "../../userspace/evs-setup/disk/disks.c"
#include "../../userspace/evs-setup/block/loop.c"
#include "../../userspace/evs-setup/block/mountinfo.c"
#include "../../userspace/evs-setup/cli/out.c"
#include "../../userspace/evs-setup/block/program.c"
#include "../../userspace/evs-setup/block/stack.c"
#include "../../userspace/evs-setup/cli/table.c"
#include "../../userspace/evs-setup/block/users.c"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct verb_option options[] = {
	{ "flag", 'f', NULL, WORD_NONE, "" },
	{ "value", VERB_LONG('v'), "TEXT", WORD_TEXT, "" },
	{},
};
static const struct table_column some_columns[] = { { "NAME", NULL, TABLE_TEXT, true } };
static const struct verb verb = { .name = "verb", .options = options },
	table_verb = { .name = "verb", .options = options, VERB_COLUMNS(some_columns) };

static const struct table_column columns[] = {
	{ "NAME", NULL, TABLE_TEXT, true },
	{ "RO", "read-only", TABLE_BOOL, false },
	{ "N", NULL, TABLE_NUMBER, true },
	{ "SIZE", NULL, TABLE_SIZE, true },
};

#endif /* EVS_SETUP_TEST_H */
