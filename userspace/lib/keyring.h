/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KEYRING_H
#define EVS_KEYRING_H

#include <keyutils.h>
#include <stddef.h>

#include "error.h"
#include "pin.h"
#include "secret.h"

#define EVS_KEY_TYPE "evs"
#define EVS_KEY_PREFIX "evs:"			/* key of a disk: evs:<UUID> */
#define EVS_KEY_ERROR_PREFIX "evs-error:"	/* user key: evs-error:<UUID> */
#define EVS_CALLOUT_SIZE 4352			/* a device, a KMS and a CMK */

/* ---- the side that asks: evs-setup ---- */

/**
 * evs_keyring_isolate() - Enter a session keyring of our own.
 * @err: filled on failure
 *
 * request_key(2) finds keys that exist before it asks anybody; in an empty
 * session no stale or planted key is ever found.
 *
 * Return: 0 or a negative errno.
 */
int evs_keyring_isolate(struct evs_error *err);

/**
 * evs_keyring_request() - Ask the kernel for the key of a disk.
 * @uuid: UUID of the disk
 * @device: absolute path of the backing block device, for the helper
 * @pin: what the helper shall accept
 * @key: set to the serial of the key, which sits in the process keyring
 * @err: filled on failure with the helper's own sentence where it left one
 *
 * Call evs_keyring_isolate() first. Blocks until the helper has answered. That the
 * helper has asked the KMS and got no answer is told as transient.
 *
 * Return: 0 or a negative errno, that of the class of the failure if it has one.
 */
int evs_keyring_request(const char *uuid, const char *device, const struct evs_pin *pin,
			key_serial_t *key, struct evs_error *err);

/**
 * evs_keyring_drop() - Unlink a key from the process keyring.
 * @key: serial that evs_keyring_request() gave
 *
 * For the path where ATTACH fails after the key came: without it the key
 * would live as long as this process.
 */
void evs_keyring_drop(key_serial_t key);

/* ---- the side that answers: evs-request-key ---- */

/**
 * evs_keyring_assume() - Take authority over a key under construction.
 * @key: serial given by request-key(8)
 * @callout: filled with the call-out text, NUL-terminated
 * @size: room there
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_keyring_assume(key_serial_t key, char *callout, size_t size, struct evs_error *err);

/**
 * evs_keyring_parse() - Read what evs_keyring_request() wrote for the helper.
 * @callout: the call-out text, which is cut into pieces
 * @pin: filled; points into @callout
 * @device: set to the absolute path of the backing block device, in @callout
 * @err: filled on failure
 *
 * Return: 0 or -EINVAL.
 */
int evs_keyring_parse(char *callout, struct evs_pin *pin, const char **device,
		      struct evs_error *err);

/**
 * evs_keyring_instantiate() - Give a key under construction its payload.
 * @key: serial
 * @dk: the DK; the kernel copies it
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_keyring_instantiate(key_serial_t key, const struct evs_secret *dk, struct evs_error *err);

/**
 * evs_keyring_reject() - Refuse a key, leaving the reason for the asker.
 * @key: serial
 * @uuid: UUID of the disk, or NULL when it is not known: no text is left then
 * @err: the failure, whose errno the asker gets for a minute
 *
 * Makes system calls only, so a signal handler may call it. Nothing can be
 * done about a failure: the kernel then negates the key itself when the
 * helper exits.
 */
void evs_keyring_reject(key_serial_t key, const char *uuid, const struct evs_error *err);

#endif /* EVS_KEYRING_H */
