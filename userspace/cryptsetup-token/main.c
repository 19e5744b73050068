// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plug-in of libcryptsetup for tokens of type "evs-kms": a host without the driver
 * opens an EVS disk with `cryptsetup open`. The KMS unwraps the DK, and the DK is
 * the passphrase of the token's key slot.
 *
 * It runs in a process that is not ours, and changes nothing that belongs to the
 * process: the KMS is asked by another one, see process.h. What libevs does with
 * libcryptsetup itself (lib/volume*.c) has no place here either: it turns plug-ins off.
 */
#include <errno.h>
#include <libcryptsetup.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "process.h"
#include "secret.h"
#include "text.h"
#include "token.h"
#include "version.h"

/* libcryptsetup looks the functions up by name and declares none of them. */
int cryptsetup_token_open(struct crypt_device *cd, int id, char **buffer, size_t *buffer_len,
			  void *usrptr);
void cryptsetup_token_buffer_free(void *buffer, size_t buffer_len);
int cryptsetup_token_validate(struct crypt_device *cd, const char *json);
void cryptsetup_token_dump(struct crypt_device *cd, const char *json);
const char *cryptsetup_token_version(void);

static void report(struct crypt_device *cd, const struct evs_error *err)
{
	char shown[EVS_TEXT_SHOWN_MAX(sizeof(err->text))], line[sizeof(shown) + 16];

	evs_text_show(shown, sizeof(shown), err->text);
	snprintf(line, sizeof(line), "evs-kms: %s\n", shown);
	crypt_log(cd, CRYPT_LOG_ERROR, line);
}

static int get_dk(struct crypt_device *cd, int id, struct evs_secret **dk,
		  struct evs_error *err)
{
	struct evs_token token;
	const char *json;
	int ret;

	if (crypt_token_json_get(cd, id, &json) < 0)
		return evs_error_set(err, EBADMSG, "cannot read token %d", id);
	ret = evs_token_from_json(&token, json, err);
	return ret ? ret : process_unwrap(json, dk, err);
}

/**
 * cryptsetup_token_open() - Get the passphrase of a token's key slots.
 * @cd: the disk
 * @id: number of the token
 * @buffer: set to the passphrase, for cryptsetup_token_buffer_free()
 * @buffer_len: set to its bytes
 * @usrptr: not used
 *
 * Return: 0, or -EAGAIN with the reason in the log, so that another token, of
 * which there are two after a rewrap that was cut short, gets its turn.
 */
int cryptsetup_token_open(struct crypt_device *cd, int id, char **buffer, size_t *buffer_len,
			  void *usrptr)
{
	struct evs_error err = {};
	struct evs_secret *dk;

	(void)usrptr;
	if (get_dk(cd, id, &dk, &err)) {
		report(cd, &err);
		return -EAGAIN;
	}
	*buffer = (char *)dk->data;
	*buffer_len = dk->size;
	return 0;
}

/**
 * cryptsetup_token_buffer_free() - Wipe and release a passphrase.
 * @buffer: as cryptsetup_token_open() set it
 * @buffer_len: not used: the memory knows its size
 */
void cryptsetup_token_buffer_free(void *buffer, size_t buffer_len)
{
	(void)buffer_len;
	evs_secret_free((struct evs_secret *)((char *)buffer - offsetof(struct evs_secret, data)));
}

/**
 * cryptsetup_token_validate() - Is this a token that can be opened?
 * @cd: the disk
 * @json: the token
 *
 * Return: 0, or -EINVAL with the reason in the log.
 */
int cryptsetup_token_validate(struct crypt_device *cd, const char *json)
{
	struct evs_error err = {};
	struct evs_token token;

	if (!evs_token_from_json(&token, json, &err))
		return 0;
	report(cd, &err);
	return -EINVAL;
}

static void dump_line(struct crypt_device *cd, const char *name, const char *value)
{
	char shown[EVS_WRAPPED_HEX_MAX + 64], line[sizeof(shown) + 64];

	evs_text_show(shown, sizeof(shown), value);
	snprintf(line, sizeof(line), "\t%-13s%s\n", name, shown);
	crypt_log(cd, CRYPT_LOG_NORMAL, line);
}

/**
 * cryptsetup_token_dump() - Print what is in a token, for `cryptsetup luksDump`.
 * @cd: the disk
 * @json: the token, which was validated
 */
void cryptsetup_token_dump(struct crypt_device *cd, const char *json)
{
	char pair[sizeof(((struct evs_context *)0)->pair[0]) + 1];
	struct evs_error err = {};
	struct evs_token token;
	size_t i;

	if (evs_token_from_json(&token, json, &err)) {
		report(cd, &err);
		return;
	}
	dump_line(cd, "KMS:", token.kms);
	dump_line(cd, "CMK:", token.cmk);
	for (i = 0; i < token.context.count; i++) {
		snprintf(pair, sizeof(pair), "%s=%s", token.context.pair[i].name,
			 token.context.pair[i].value);
		dump_line(cd, "Context:", pair);
	}
	dump_line(cd, "Wrapped DK:", token.wrapped_dk);
	/* Nobody asks cryptsetup_token_open() then: this is the only place to say so */
	if (!token.keyslots)
		dump_line(cd, "Key slot:",
			  "none, so cryptsetup cannot open the disk by this token; evs-setup attach can");
}

/**
 * cryptsetup_token_version() - Version of the plug-in.
 *
 * Return: a string for the reader of `cryptsetup --debug`.
 */
const char *cryptsetup_token_version(void)
{
	return "evs " EVS_VERSION;
}
