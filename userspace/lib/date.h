/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_DATE_H
#define EVS_DATE_H

#include <stdint.h>

#include "error.h"

#define EVS_DATE_SIZE 24
#define EVS_DAY_SECONDS 86400

/**
 * evs_date_time() - Write a time as 2026-11-30T06:00:00Z.
 * @text: filled; "-" for a time that no calendar has
 * @seconds: since 1970
 *
 * Return: @text.
 */
char *evs_date_time(char text[EVS_DATE_SIZE], int64_t seconds);

/**
 * evs_date_day() - Write a day as 2026-11-30, in UTC.
 * @text: filled; "-" for a day that no calendar has
 * @seconds: since 1970
 *
 * Return: @text.
 */
char *evs_date_day(char text[EVS_DATE_SIZE], int64_t seconds);

/**
 * evs_date_parse() - Read a time, or a day that stands for its first second.
 * @text: as evs_date_time() or evs_date_day() writes it
 * @seconds: set, since 1970
 * @err: filled when it is neither
 *
 * Return: 0 or -EINVAL.
 */
int evs_date_parse(const char *text, int64_t *seconds, struct evs_error *err);

/**
 * evs_date_read() - Read a time that a KMS has written, in UTC.
 * @text: as evs_date_time() writes it, with fractions of a second or without Z as well
 *
 * Return: seconds since 1970, 0 for what is no time.
 */
int64_t evs_date_read(const char *text);

#endif /* EVS_DATE_H */
