// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

void program_run(const char *const argv[])
{
	posix_spawn_file_actions_t actions;
	pid_t child;
	int ret;

	if (posix_spawn_file_actions_init(&actions))
		return;
	ret = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (!ret)
		ret = posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
	/* posix_spawn() does not change the arguments, but its type is from before const. */
	if (!ret)
		ret = posix_spawn(&child, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	while (!ret && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}
