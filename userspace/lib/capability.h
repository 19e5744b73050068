/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_CAPABILITY_H
#define EVS_CAPABILITY_H

#include <linux/capability.h>
#include <stdbool.h>

/**
 * evs_capable() - Does this process have a capability, as capabilities(7) has it?
 * @capability: such as CAP_SYS_ADMIN
 */
bool evs_capable(int capability);

#endif /* EVS_CAPABILITY_H */
