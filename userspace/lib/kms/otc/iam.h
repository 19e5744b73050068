/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_IAM_H
#define EVS_KMS_IAM_H

#include "kms/backend.h"

#define EVS_IAM_LINE_MAX (EVS_HTTP_HEADER_MAX + 64)
#define EVS_IAM_ACCESS_MAX 128
#define EVS_IAM_SECRET_MAX 256

/* Where every instance of the cloud finds out about itself */
#define EVS_METADATA_URL "http://169.254.169.254"

/**
 * struct evs_iam_user - Who wants a token.
 * @name: name of the user
 * @domain: name of the account
 * @password: a text and a NUL
 * @project: id of the project that the token is for, NULL for the whole account
 */
struct evs_iam_user {
	const char *name;
	const char *domain;
	const struct evs_secret *password;
	const char *project;
};

/**
 * struct evs_iam_agency - On whose behalf.
 * @name: name of the agency
 * @domain: name of the account that made it
 * @project: id of the project that the token is for
 */
struct evs_iam_agency {
	const char *name;
	const char *domain;
	const char *project;
};

/**
 * evs_iam_password() - Get a token with a password.
 * @kms: the client, whose time it takes
 * @iam: connection to the identity service
 * @user: who wants it
 * @line: the token is put behind what is there already
 * @expires: set to when it expires, seconds since 1970; 0 when not told
 * @err: filled on failure: EVS_CLASS_BAD_CREDENTIALS when it is refused
 *
 * Return: 0 or a negative errno.
 */
int evs_iam_password(struct evs_kms *kms, struct evs_http *iam, const struct evs_iam_user *user,
		     struct evs_secret *line, int64_t *expires, struct evs_error *err);

/**
 * evs_iam_credential() - Get a token of Keystone with an application credential.
 * @kms: the client, whose time it takes
 * @iam: connection to Keystone
 * @id: the credential
 * @secret: its secret, a text and a NUL
 * @line: the token is put behind what is there already
 * @expires: set to when it expires, seconds since 1970; 0 when not told
 * @err: filled on failure: EVS_CLASS_BAD_CREDENTIALS when it is refused
 *
 * Return: 0 or a negative errno.
 */
int evs_iam_credential(struct evs_kms *kms, struct evs_http *iam, const char *id,
		       const struct evs_secret *secret, struct evs_secret *line,
		       int64_t *expires, struct evs_error *err);

/**
 * evs_iam_agency() - Get the token of an agency with one's own.
 * @kms: the client, whose time it takes
 * @iam: connection to the identity service
 * @agency: on whose behalf
 * @own: header line with one's own token
 * @line: overwritten with the header line of the new one
 * @expires: set to when it expires, seconds since 1970; 0 when not told
 * @err: filled on failure: EVS_CLASS_BAD_CREDENTIALS when it is refused
 *
 * Return: 0 or a negative errno.
 */
int evs_iam_agency(struct evs_kms *kms, struct evs_http *iam,
		   const struct evs_iam_agency *agency, const struct evs_secret *own,
		   struct evs_secret *line, int64_t *expires, struct evs_error *err);

/**
 * evs_iam_metadata() - Get the temporary access key of this instance.
 * @kms: the client, whose time it takes
 * @metadata: connection to the metadata service
 * @access: filled with the access key id
 * @secret: filled with the secret access key; EVS_IAM_SECRET_MAX bytes
 * @line: the security token is put behind what is there already
 * @expires: set to when they expire, seconds since 1970; 0 when not told
 * @err: filled on failure: EVS_CLASS_BAD_CREDENTIALS when there is none
 *
 * Return: 0 or a negative errno.
 */
int evs_iam_metadata(struct evs_kms *kms, struct evs_http *metadata,
		     char access[EVS_IAM_ACCESS_MAX], struct evs_secret *secret,
		     struct evs_secret *line, int64_t *expires, struct evs_error *err);

#endif /* EVS_KMS_IAM_H */
