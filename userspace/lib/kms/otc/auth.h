/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_OTC_AUTH_H
#define EVS_KMS_OTC_AUTH_H

#include "kms/backend.h"

/*
 * Who a client of the REST API is, by the key `auth` of its section: nobody
 * (`none`, for a daemon that goes by the socket's peer), a user with a
 * password (`password`), perhaps on behalf of an agency, an access key
 * (`ak-sk`), or whatever the cloud's metadata service says that this host is
 * (`metadata`).
 */
struct evs_otc_auth;

/* The keys that decide about it, for struct evs_kms_ops. */
bool evs_otc_is_auth(const char *value);
#define EVS_OTC_AUTH_KEYS								\
	{ "auth", evs_otc_is_auth, "be none, password, ak-sk or metadata", false },	\
	{ "user", evs_config_is_text, "be the name of a user", false },			\
	{ "domain", evs_config_is_text, "be the name of an account", false },		\
	{ "password-file", evs_config_is_path, "be an absolute path", false },		\
	{ "agency", evs_config_is_text, "be the name of an agency", false },		\
	{ "agency-domain", evs_config_is_text, "be the name of an account", false },	\
	{ "access-key", evs_config_is_word, "be an access key id", false },		\
	{ "secret-key-file", evs_config_is_path, "be an absolute path", false },	\
	{ "iam-url", evs_config_is_url, EVS_CONFIG_URL_MUST, false },			\
	{ "metadata-url", evs_config_is_url, EVS_CONFIG_URL_MUST, false }

/**
 * evs_otc_auth_check() - Do these keys of a section fit each other?
 * @cfg: the section
 * @err: filled when they do not
 *
 * Return: 0 or -EINVAL.
 */
int evs_otc_auth_check(const struct evs_config_kms *cfg, struct evs_error *err);

/**
 * evs_otc_auth_open() - Begin; reads the files, asks nobody yet.
 * @auth: set to it
 * @cfg: the section, which must outlive it
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_otc_auth_open(struct evs_otc_auth **auth, const struct evs_config_kms *cfg,
		      struct evs_error *err);

/**
 * evs_otc_auth_close() - Wipe and release all of it.
 * @auth: what was opened, or NULL
 */
void evs_otc_auth_close(struct evs_otc_auth *auth);

/**
 * evs_otc_auth_headers() - The headers that a request needs.
 * @auth: who asks
 * @kms: the client, whose time it may take to get or renew a token
 * @url: the peer that is asked, without @request->path
 * @query: parameters of the query, which evs_sign_query() has put in
 *	   @request->path behind a "?"; NULL for none
 * @pairs: how many
 * @request: the request; its headers are set, and are valid until the next call
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
struct evs_sign_pair;
int evs_otc_auth_headers(struct evs_otc_auth *auth, struct evs_kms *kms, const char *url,
			 const struct evs_sign_pair *query, size_t pairs,
			 struct evs_http_request *request, struct evs_error *err);

/**
 * evs_otc_auth_account() - From now on, act in an account and not in a project.
 * @auth: who asks
 * @account: id of the account
 */
void evs_otc_auth_account(struct evs_otc_auth *auth, const char *account);

/**
 * evs_otc_auth_renew() - Forget what was refused.
 * @auth: who asks
 *
 * Return: whether evs_otc_auth_headers() will now get something new.
 */
bool evs_otc_auth_renew(struct evs_otc_auth *auth);

#endif /* EVS_KMS_OTC_AUTH_H */
