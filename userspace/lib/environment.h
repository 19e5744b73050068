/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_ENVIRONMENT_H
#define EVS_ENVIRONMENT_H

/**
 * evs_environment_clean() - Remove variables that would weaken TLS.
 *
 * The libraries read them at their first use: call it first in main(). A library
 * must not call it, since the environment belongs to the process.
 */
void evs_environment_clean(void);

#endif /* EVS_ENVIRONMENT_H */
