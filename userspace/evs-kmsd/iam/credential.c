// SPDX-License-Identifier: GPL-2.0-or-later
/* Access keys: those that a user keeps, and temporary ones with a security token. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "fail.h"
#include "iam/iam.h"
#include "pool.h"

#define ACCESS_SIZE 20
#define SECRET_SIZE 40
#define WRAPPED_SIZE (SECRET_SIZE + KMSD_HSM_OVERHEAD)
#define REPLY_SIZE 512

/* How long a temporary key is good, in seconds. */
#define DURATION_MIN 900
#define DURATION_MAX 86400

/**
 * struct access_key - One being made.
 * @access: its id
 * @secret: the secret, NUL-terminated
 * @wrapped: the secret as the root key wraps it
 */
struct access_key {
	char access[ACCESS_SIZE + 1];
	struct evs_secret *secret;
	unsigned char wrapped[WRAPPED_SIZE];
};

static struct kmsd_db *writing(struct kmsd_call *call)
{
	return kmsd_store_writing(call->kmsd->store);
}

/* Letters and digits at random, NUL-terminated. */
static int random_text(char *text, size_t len, const char *alphabet, size_t letters,
		       struct evs_error *err)
{
	unsigned char c;
	size_t i;

	for (i = 0; i < len;) {
		if (getrandom(&c, 1, 0) != 1)
			return evs_error_set(err, EIO, "getrandom: %m");
		if (c < 256 / letters * letters)	/* each one as likely as the others */
			text[i++] = alphabet[c % letters];
	}
	text[len] = '\0';
	return 0;
}

/* Makes a key; its secret is for the caller to put back. */
static int make_key(struct kmsd_call *call, struct access_key *key, struct evs_error *err)
{
	static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	static const char any[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	char aad[ACCESS_SIZE + 16];
	int ret;

	key->secret = kmsd_secret_get(SECRET_SIZE + 1);
	if (!key->secret)
		return evs_error_set(err, errno, "locked memory: %m");
	ret = random_text(key->access, ACCESS_SIZE, upper, strlen(upper), err);
	if (!ret)
		ret = random_text((char *)key->secret->data, SECRET_SIZE, any, strlen(any), err);
	if (ret)
		return ret;
	/* Wrapped, not hashed: to check a signature, one needs the key itself */
	snprintf(aad, sizeof(aad), "credential/%s", key->access);
	return kmsd_hsm_wrap(call->kmsd->hsm, aad, key->secret->data, SECRET_SIZE, key->wrapped,
			     err);
}

/* Answers with the key; @rest: more members, as JSON. */
static int reply_key(struct kmsd_call *call, const struct access_key *key, const char *rest,
		     struct evs_error *err)
{
	struct evs_secret *body = kmsd_secret_get(REPLY_SIZE);

	if (!body)
		return evs_error_set(err, errno, "locked memory: %m");
	snprintf((char *)body->data, REPLY_SIZE,
		 "{\"credential\":{\"access\":\"%s\",\"secret\":\"%s\",%s}}", key->access,
		 (const char *)key->secret->data, rest);
	call->reply->secret = body;
	call->reply->body = (char *)body->data;
	call->reply->size = strlen(call->reply->body);
	call->reply->status = 201;
	return 0;
}

static int add_credential(struct kmsd_call *call, const char *user, const char *description,
			  struct evs_error *err)
{
	struct access_key key = {};
	char rest[128];
	int ret;

	ret = make_key(call, &key, err);
	if (!ret)
		ret = kmsd_db_run(writing(call), err,
				  "INSERT INTO iam_credential VALUES (?, ?, ?, ?)", "sssb",
				  key.access, user, description, key.wrapped,
				  sizeof(key.wrapped));
	snprintf(rest, sizeof(rest), "\"user_id\":\"%s\",\"status\":\"active\"", user);
	if (ret >= 0)
		ret = reply_key(call, &key, rest, err);
	kmsd_secret_put(key.secret);
	return ret;
}

int kmsd_iam_credential_create(struct kmsd_call *call, struct evs_error *err)
{
	struct json_object *credential = kmsd_iam_object(call->req.json, "credential");
	const char *user = kmsd_iam_text(credential, "user_id");
	const char *description = kmsd_iam_text(credential, "description");
	int64_t there = 0;
	int ret;

	ret = kmsd_db_number(writing(call), err, &there, "SELECT 1 FROM iam_user WHERE id = ?", "s",
			     user ? user : "");
	if (ret < 0)
		return ret;
	if (!there)
		return kmsd_fail(err, KMSD_IAM_NOT_FOUND, "credential: user_id: no such user");
	return add_credential(call, user, description ? description : "", err);
}

int kmsd_iam_credential_delete(struct kmsd_call *call, struct evs_error *err)
{
	return kmsd_iam_removed(call, kmsd_db_run(writing(call), err,
						  "DELETE FROM iam_credential WHERE access = ?",
						  "s", call->parts[0]), "access key", err);
}

/* Stores a key for @s, and answers with it and its security token. */
static int issue(struct kmsd_call *call, const struct kmsd_subject *s, const char *project,
		 int64_t seconds, struct evs_error *err)
{
	int64_t expires = kmsd_clock_now(&call->kmsd->clock) + seconds * KMSD_SECOND_MS;
	unsigned char hash[KMSD_HASH_SIZE];
	char token[2 * KMSD_TOKEN_BYTES + 1], when[KMSD_IAM_TIME_SIZE], rest[256];
	struct access_key key = {};
	int ret;

	ret = kmsd_token_new(token, hash, err);
	if (ret)
		return ret;
	ret = make_key(call, &key, err);
	if (!ret)
		ret = kmsd_db_run(writing(call), err,
				  "INSERT INTO iam_temporary (access, token, user, agency, project,"
				  " wrapped, expires) VALUES (?, ?, ?, ?, ?, ?, ?)", "sbSSsbi",
				  key.access, hash, sizeof(hash), s->user, s->agency,
				  project, key.wrapped, sizeof(key.wrapped), expires);
	kmsd_iam_time(expires, when);
	snprintf(rest, sizeof(rest), "\"securitytoken\":\"%s\",\"expires_at\":\"%s\"", token,
		 when);
	if (ret >= 0)
		ret = reply_key(call, &key, rest, err);
	explicit_bzero(rest, sizeof(rest));
	explicit_bzero(token, sizeof(token));
	kmsd_secret_put(key.secret);
	return ret;
}

/* The method token: a key for whom the request's token is for. */
static int by_token(struct kmsd_call *call, struct kmsd_subject *s, struct evs_error *err)
{
	int ret = kmsd_auth(call->kmsd, call->http, "", &call->who, err);

	if (ret)
		return err->code[0] ? kmsd_fail(err, KMSD_IAM_AUTH, "The token must be updated.")
				    : ret;
	call->known = true;
	memcpy(call->who.service ? s->agency : s->user, call->who.id, sizeof(call->who.id));
	return 0;
}

static int get_duration(struct json_object *how, int64_t *seconds, struct evs_error *err)
{
	struct kmsd_request req = { .json = how };
	int ret = kmsd_request_number(&req, "duration_seconds", KMSD_IAM_BAD, seconds, err);

	if (ret < 0)
		return ret;
	if (*seconds < DURATION_MIN || *seconds > DURATION_MAX)
		return kmsd_fail(err, KMSD_IAM_BAD, "auth: duration_seconds: not %d to %d",
				 DURATION_MIN, DURATION_MAX);
	return 0;
}

int kmsd_iam_temporary_create(struct kmsd_call *call, struct evs_error *err)
{
	struct json_object *auth = kmsd_iam_object(call->req.json, "auth");
	struct json_object *identity = kmsd_iam_object(auth, "identity");
	bool agency = kmsd_iam_has_method(identity, "assume_role");
	int64_t seconds = DURATION_MIN;
	struct kmsd_subject s = {};
	int ret;

	if (!agency && !kmsd_iam_has_method(identity, "token"))
		return kmsd_fail(err, KMSD_IAM_BAD,
				 "auth: methods: neither token nor assume_role");
	/* Neither root nor an access key, which would renew itself for ever */
	if (!call->http->header(call->http->arg, "X-Auth-Token"))
		return kmsd_fail(err, KMSD_IAM_AUTH, "X-Auth-Token is missing");
	ret = get_duration(kmsd_iam_object(identity, agency ? "assume_role" : "token"), &seconds,
			   err);
	if (ret)
		return ret;
	if (!agency)
		ret = by_token(call, &s, err);
	else
		ret = kmsd_iam_by_agency(call, identity, "", &s, err);
	/* The key of an agency is for every project that has given the agency a role */
	return ret ? ret : issue(call, &s, agency ? "" : call->who.project, seconds, err);
}
