/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_EVENT_H
#define KMSD_EVENT_H

#include <stdbool.h>
#include <stdint.h>

/* Room for each text of an event, with the NUL; what is longer is cut. */
#define KMSD_EVENT_TEXT 128

/**
 * enum kmsd_event_text - The texts of an event; all are optional but the name.
 * @KMSD_EV_NAME: what was asked for, as the cloud's trace service calls it
 * @KMSD_EV_PROJECT: in which project
 * @KMSD_EV_CLIENT: the client who asked
 * @KMSD_EV_CLAIMED: whom a caller who is no client claimed to be
 * @KMSD_EV_FINGERPRINT: SHA-256 of the caller's certificate
 * @KMSD_EV_SOURCE: from where: `unix:uid=N`, an address, or `evs-kmsd`
 * @KMSD_EV_CMK: id of the CMK
 * @KMSD_EV_ASKED: what the request calls a CMK that was not found
 * @KMSD_EV_VOLUME: UUID of the volume, from the encryption context
 * @KMSD_EV_GRANT: id of the grant
 * @KMSD_EV_CODE: KMS code of the refusal
 * @KMSD_EV_REQUEST: X-Request-Id
 * @KMSD_EVENT_TEXTS: how many there are
 */
enum kmsd_event_text {
	KMSD_EV_NAME,
	KMSD_EV_PROJECT,
	KMSD_EV_CLIENT,
	KMSD_EV_CLAIMED,
	KMSD_EV_FINGERPRINT,
	KMSD_EV_SOURCE,
	KMSD_EV_CMK,
	KMSD_EV_ASKED,
	KMSD_EV_VOLUME,
	KMSD_EV_GRANT,
	KMSD_EV_CODE,
	KMSD_EV_REQUEST,
	KMSD_EVENT_TEXTS,
};

/**
 * struct kmsd_event - What an audit record says.
 * @time: milliseconds since 1970
 * @text: NULL or "" for what there is not
 * @local: @uid is the caller's user id
 * @uid: it
 * @status: HTTP status of the answer
 * @refused: it was refused: beyond a few a minute of one caller, such are counted
 * @count: it stands for so many refusals; 0 for a record of its own
 * @since: time of the first of them
 */
struct kmsd_event {
	int64_t time;
	const char *text[KMSD_EVENT_TEXTS];
	bool local;
	long uid;
	unsigned int status;
	bool refused;
	int64_t count;
	int64_t since;
};

/*
 * An event as the text of a record. @seq: number of the record. Returns the JSON text, for
 * free(), or NULL when there is no memory.
 */
char *kmsd_event_json(const struct kmsd_event *event, int64_t seq);

#endif /* KMSD_EVENT_H */
