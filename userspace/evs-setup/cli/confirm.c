// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "confirm.h"

bool cli_can_ask(void)
{
	return isatty(STDIN_FILENO);
}

int cli_confirm(const char *question, const char *what, struct evs_error *err)
{
	char answer[8];

	fprintf(stderr, "%s Type yes: ", question);
	if (!fgets(answer, sizeof(answer), stdin) || strcmp(answer, "yes\n"))
		return evs_error_set(err, ECANCELED, "%s: kept as it is", what);
	return 0;
}
