/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_PIN_H
#define EVS_PIN_H

#include <stdbool.h>

#include "error.h"
#include "token.h"

struct evs_volume;

/**
 * struct evs_pin - The KMS and the CMK that a disk must have to be accepted.
 * @kms: name of the KMS, or NULL for any
 * @cmk: id of the CMK, or NULL for any
 *
 * Anybody may write a header with any UUID. Who made a disk is known by the CMK
 * that wraps its key: only its users can make one.
 */
struct evs_pin {
	const char *kms;
	const char *cmk;
};

/**
 * evs_pin_allows() - May the key that this token gives be used?
 * @pin: what is accepted
 * @token: a token of the disk
 */
bool evs_pin_allows(const struct evs_pin *pin, const struct evs_token *token);

/**
 * evs_pin_check() - Does a disk have a token whose key may be used?
 * @pin: what is accepted
 * @vol: the header of the disk
 * @device: what messages call it
 * @err: filled when there is none
 *
 * Return: 0, or -EPERM.
 */
int evs_pin_check(const struct evs_pin *pin, const struct evs_volume *vol, const char *device,
		  struct evs_error *err);

#endif /* EVS_PIN_H */
