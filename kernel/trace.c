// SPDX-License-Identifier: GPL-2.0-only
/*
 * EVS: the code of the trace events
 */
#define CREATE_TRACE_POINTS
#include "trace.h"
