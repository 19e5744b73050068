/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_CURL_H
#define EVS_KMS_CURL_H

#include "error.h"

/**
 * evs_curl_start() - Start libcurl, with memory that is wiped when it is freed.
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_curl_start(struct evs_error *err);

#endif /* EVS_KMS_CURL_H */
