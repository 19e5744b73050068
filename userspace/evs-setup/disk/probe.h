/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_PROBE_H
#define EVS_SETUP_PROBE_H

/**
 * probe_defuse() - Make a text one that udev keeps as a property.
 * @text: the text, in which what means something to udev or a shell becomes an underscore
 */
void probe_defuse(char *text);

#endif /* EVS_SETUP_PROBE_H */
