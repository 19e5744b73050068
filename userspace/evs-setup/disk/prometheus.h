/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_PROMETHEUS_H
#define EVS_SETUP_PROMETHEUS_H

#include "cmk-state.h"
#include "config.h"

/**
 * prometheus_print() - Print disks in the text format of Prometheus.
 * @disks: attached disks
 * @count: how many
 * @states: states of their CMKs, after cmk_state_ask()
 */
void prometheus_print(const struct evs_disk *disks, size_t count,
		      const struct cmk_states *states);

/**
 * prometheus_print_kms() - Print until when certificates are valid.
 * @config: names them; one that cannot be read is printed as 0
 */
void prometheus_print_kms(const struct evs_config *config);

#endif /* EVS_SETUP_PROMETHEUS_H */
