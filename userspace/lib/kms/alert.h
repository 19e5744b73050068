/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_ALERT_H
#define EVS_KMS_ALERT_H

#include <curl/curl.h>
#include <stdbool.h>

#include "error.h"

/**
 * evs_alert_watch() - Have OpenSSL behind curl say what a server objects to.
 * @curl: before it connects
 * @alert: set to the number of a fatal alert when one comes; lives as long as @curl
 *
 * Also has OpenSSL wipe what it has decrypted and handed on.
 *
 * Return: CURLE_OK or why not.
 */
CURLcode evs_alert_watch(CURL *curl, int *alert);

/**
 * evs_alert_refused() - Is it who asks that the server does not accept?
 * @alert: number of the alert, 0 for none
 * @err: filled when it is: EVS_CLASS_BAD_CREDENTIALS
 *
 * Return: whether it is.
 */
bool evs_alert_refused(int alert, struct evs_error *err);

/**
 * evs_curl_transient() - May the same call succeed a moment later?
 * @code: why it failed
 *
 * What is wrong with a URL, a certificate or the library stays wrong.
 */
bool evs_curl_transient(CURLcode code);

#endif /* EVS_KMS_ALERT_H */
