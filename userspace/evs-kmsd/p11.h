/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_P11_H
#define KMSD_P11_H

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>

#include "error.h"

/**
 * kmsd_p11_load() - Load and initialise a PKCS#11 module.
 * @p11: set; release with kmsd_p11_unload()
 * @module: absolute path
 * @softhsm2_conf: exported as SOFTHSM2_CONF first, unless ""
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int kmsd_p11_load(CK_FUNCTION_LIST **p11, const char *module, const char *softhsm2_conf,
		  struct evs_error *err);

/**
 * kmsd_p11_unload() - Finalize and release a module.
 * @p11: the module
 */
void kmsd_p11_unload(CK_FUNCTION_LIST *p11);

/**
 * kmsd_p11_fail() - Say that a PKCS#11 call failed.
 * @err: error to fill
 * @rv: what the call returned
 * @what: what was being done
 *
 * Return: -ENXIO when the token is gone, -EACCES for a wrong PIN, -ENOMEM, else -EIO.
 */
int kmsd_p11_fail(struct evs_error *err, CK_RV rv, const char *what);

/**
 * kmsd_p11_find_token() - The slot of the token with a label.
 * @p11: the module
 * @label: label; NULL for the first token that is not initialised
 * @slot: set
 * @err: filled on failure
 *
 * Return: 0, -ENODEV when there is none, -EEXIST when several have the label,
 * or another negative errno.
 */
int kmsd_p11_find_token(CK_FUNCTION_LIST *p11, const char *label, CK_SLOT_ID *slot,
			struct evs_error *err);

#endif /* KMSD_P11_H */
