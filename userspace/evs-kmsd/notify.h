/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMSD_NOTIFY_H
#define EVS_KMSD_NOTIFY_H

/*
 * Tell the service manager something, as sd_notify(3) does. @state: such as "READY=1". Does
 * nothing where nobody asked to be told. Returns 0 or a negative errno, with errno set.
 */
int kmsd_notify(const char *state);

#endif /* EVS_KMSD_NOTIFY_H */
