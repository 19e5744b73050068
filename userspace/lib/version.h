/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_LIB_VERSION_H
#define EVS_LIB_VERSION_H

/* The programs have the version of the driver they come with. */
#include "../../kernel/version.h"

#endif /* EVS_LIB_VERSION_H */
