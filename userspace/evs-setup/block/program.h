/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_PROGRAM_H
#define EVS_SETUP_PROGRAM_H

/**
 * program_run() - Run a program, without output, and wait for it.
 * @argv: its path and arguments, with NULL at the end
 *
 * For what may fail: whether it could be run, and how it ended, is not told.
 */
void program_run(const char *const argv[]);

#endif /* EVS_SETUP_PROGRAM_H */
