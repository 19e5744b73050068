/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_CALLS_H
#define EVS_SETUP_CALLS_H

/**
 * calls_watch() - Show what is asked of KMSs, as the settings say.
 *
 * With --verbose, prints a line for each request that has ended. With it, or at a terminal
 * without --quiet, prints one when a request takes longer than a second.
 */
void calls_watch(void);

#endif /* EVS_SETUP_CALLS_H */
