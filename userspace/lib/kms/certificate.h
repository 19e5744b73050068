/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_CERTIFICATE_H
#define EVS_KMS_CERTIFICATE_H

#include <stdint.h>

#include "config.h"
#include "error.h"

/* A certificate that expires within so many seconds is worth a word. */
#define EVS_CERTIFICATE_SOON (30 * 24 * 3600)

/* Keys of a KMS's section that name certificates, NULL at the end */
extern const char *const evs_certificate_keys[];

/**
 * evs_certificate_dates() - Read from when until when a certificate is valid.
 * @path: file in PEM; of several certificates in it, the first one counts
 * @from: set, in seconds since 1970
 * @until: set, in seconds since 1970
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_certificate_dates(const char *path, int64_t *from, int64_t *until,
			  struct evs_error *err);

#endif /* EVS_KMS_CERTIFICATE_H */
