/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_FAULT_H
#define KMSD_FAULT_H

/*
 * Moments at which a crash would be worst. The daemon does nothing there; a
 * test sets the hook and ends the process at one of them.
 */
extern void (*kmsd_fault_hook)(const char *point);

/* The names of all points, ended by NULL. */
extern const char *const kmsd_fault_points[];

/* Pass a point. @point: one of kmsd_fault_points. */
static inline void kmsd_fault(const char *point)
{
	if (kmsd_fault_hook)
		kmsd_fault_hook(point);
}

#endif /* KMSD_FAULT_H */
