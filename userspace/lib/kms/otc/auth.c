// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tokens and access keys. Every secret stays in locked memory: what is sent is
 * put together there, what comes is taken out of the answer before anything is
 * parsed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kms/clock.h"
#include "kms/otc/iam.h"
#include "kms/otc/auth.h"
#include "kms/sign.h"
#include "text.h"

#define RENEW_BEFORE 120	/* seconds before a token or key expires */
#define TOKEN_HEADER "X-Auth-Token: "
#define SECURITY_HEADER "X-Security-Token: "
#define SIGNED_MAX 4

enum kind {
	NONE,
	PASSWORD,
	AK_SK,
	METADATA,
	CREDENTIAL,
	KINDS
};

static const char *const kind_name[KINDS] = {
	[NONE] = "none",
	[PASSWORD] = "password",
	[AK_SK] = "ak-sk",
	[METADATA] = "metadata",
	[CREDENTIAL] = "application-credential",
};

/* Which keys go with which kind; the first ones of a kind must be there. */
static const struct {
	const char *key;
	enum kind kind;
	bool required;
} keys[] = {
	{ "user", PASSWORD, true },	  { "domain", PASSWORD, true },
	{ "password-file", PASSWORD, true }, { "agency", PASSWORD, false },
	{ "agency-domain", PASSWORD, false }, { "access-key", AK_SK, true },
	{ "secret-key-file", AK_SK, true },
	{ "metadata-url", METADATA, false }, { "credential", CREDENTIAL, true },
	{ "credential-secret-file", CREDENTIAL, true },
};

/**
 * struct evs_otc_auth - Who asks.
 * @kind: how it is shown
 * @cfg: the section
 * @peer: IAM or the metadata service, NULL while neither was asked
 * @secret: password, secret access key or secret of the application credential
 * @access: access key id
 * @line: header line with the token, of either kind; NULL while there is none
 * @account: id of the account that is acted in, "" for the project
 * @expires: when token or access key do, seconds since 1970; 0 when not known
 * @lines: header lines of the running request
 * @headers: all header lines of the running request
 */
struct evs_otc_auth {
	enum kind kind;
	const struct evs_config_kms *cfg;
	struct evs_http *peer;
	struct evs_secret *secret;
	char access[EVS_IAM_ACCESS_MAX];
	struct evs_secret *line;
	char account[72];
	int64_t expires;
	struct {
		char host[EVS_CONFIG_VALUE_MAX + 8];
		char date[16 + EVS_SIGN_DATE_SIZE];
		char scope[96];
		char authorization[EVS_SIGN_LINE_MAX];
	} lines;
	const char *headers[10];
};

static enum kind kind_of(const struct evs_config_kms *cfg)
{
	const char *name = evs_config_get(cfg, "auth");
	enum kind kind;

	for (kind = NONE; name && kind < KINDS; kind++)
		if (!strcmp(kind_name[kind], name))
			return kind;
	return NONE;
}

bool evs_otc_is_auth(const char *value)
{
	enum kind kind;

	/* The clouds have no application credentials, Keystone has. */
	for (kind = NONE; kind < CREDENTIAL; kind++)
		if (!strcmp(kind_name[kind], value))
			return true;
	return false;
}

/* Does it take a token or key that has to be got, and renewed? */
static bool has_line(enum kind kind)
{
	return kind == PASSWORD || kind == METADATA || kind == CREDENTIAL;
}

static bool has_token(enum kind kind)
{
	return kind == PASSWORD || kind == CREDENTIAL;
}

int evs_otc_auth_check(const struct evs_config_kms *cfg, struct evs_error *err)
{
	enum kind kind = kind_of(cfg);
	bool set;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		set = evs_config_get(cfg, keys[i].key);
		if (set && kind != keys[i].kind)
			return evs_error_set(err, EINVAL, "%s goes with auth = %s, not %s",
					     keys[i].key, kind_name[keys[i].kind],
					     kind_name[kind]);
		if (!set && kind == keys[i].kind && keys[i].required)
			return evs_error_set(err, EINVAL, "auth = %s needs %s", kind_name[kind],
					     keys[i].key);
	}
	if (!evs_config_get(cfg, "agency") != !evs_config_get(cfg, "agency-domain"))
		return evs_error_set(err, EINVAL, "agency and agency-domain go together");
	if (kind != NONE && !evs_config_get(cfg, "project"))
		return evs_error_set(err, EINVAL, "auth = %s needs project", kind_name[kind]);
	return 0;
}

int evs_otc_auth_open(struct evs_otc_auth **auth, const struct evs_config_kms *cfg,
		      struct evs_error *err)
{
	struct evs_otc_auth *new = calloc(1, sizeof(*new));
	const char *access = evs_config_get(cfg, "access-key");
	int ret = 0;

	if (!new)
		return evs_error_set(err, ENOMEM, "out of memory");
	new->kind = kind_of(cfg);
	new->cfg = cfg;
	if (access)
		evs_text_copy(new->access, sizeof(new->access), access, strlen(access));
	if (new->kind == PASSWORD)
		ret = evs_secret_read(&new->secret, evs_config_get(cfg, "password-file"), err);
	else if (new->kind == AK_SK)
		ret = evs_secret_read(&new->secret, evs_config_get(cfg, "secret-key-file"), err);
	else if (new->kind == CREDENTIAL)
		ret = evs_secret_read(&new->secret, evs_config_get(cfg, "credential-secret-file"),
				      err);
	if (ret) {
		evs_otc_auth_close(new);
		return ret;
	}
	*auth = new;
	return 0;
}

void evs_otc_auth_close(struct evs_otc_auth *auth)
{
	if (!auth)
		return;
	evs_http_close(auth->peer);
	evs_secret_free(auth->secret);
	evs_secret_free(auth->line);
	free(auth);
}

void evs_otc_auth_account(struct evs_otc_auth *auth, const char *account)
{
	snprintf(auth->account, sizeof(auth->account), "%s", account);
	if (auth->kind == PASSWORD)
		evs_otc_auth_renew(auth);
}

bool evs_otc_auth_renew(struct evs_otc_auth *auth)
{
	if (!has_line(auth->kind))
		return false;
	evs_secret_free(auth->line);
	auth->line = NULL;
	return true;
}

/* ---- getting tokens and keys ---- */

static int open_peer(struct evs_otc_auth *auth, struct evs_error *err)
{
	struct evs_http_peer peer = {
		.url = evs_config_get(auth->cfg, "iam-url"),
		.ca_file = evs_config_get(auth->cfg, "ca-file"),
		.cert_file = evs_config_get(auth->cfg, "client-cert-file"),
		.key_file = evs_config_get(auth->cfg, "client-key-file"),
	};

	if (auth->peer)
		return 0;
	if (auth->kind == METADATA) {
		peer.url = evs_config_get(auth->cfg, "metadata-url");
		if (!peer.url)
			peer.url = EVS_METADATA_URL;
		peer.cert_file = peer.key_file = NULL;
	} else if (!peer.url) {
		peer.url = evs_config_get(auth->cfg, "url");
	}
	return evs_http_open(&auth->peer, &peer, err);
}

/* A token of the user's own, and of the agency with it where one is configured */
static int get_token(struct evs_otc_auth *auth, struct evs_kms *kms, struct evs_error *err)
{
	const struct evs_iam_agency agency = {
		.name = evs_config_get(auth->cfg, "agency"),
		.domain = evs_config_get(auth->cfg, "agency-domain"),
		.project = evs_config_get(auth->cfg, "project"),
	};
	/* The project is in the account of whoever delegates: one's own token is not for it. */
	const struct evs_iam_user user = {
		.name = evs_config_get(auth->cfg, "user"),
		.domain = evs_config_get(auth->cfg, "domain"),
		.password = auth->secret,
		.project = agency.name || *auth->account ? NULL : agency.project,
	};
	struct evs_secret *own;
	int ret;

	ret = evs_iam_password(kms, auth->peer, &user, auth->line, &auth->expires, err);
	if (ret || !agency.name || *auth->account)
		return ret;
	own = evs_secret_alloc(auth->line->size);
	if (!own)
		return evs_error_set(err, errno, "cannot lock memory (ulimit -l): %m");
	memcpy(own->data, auth->line->data, own->size);
	ret = evs_iam_agency(kms, auth->peer, &agency, own, auth->line, &auth->expires, err);
	evs_secret_free(own);
	return ret;
}

static int get_key(struct evs_otc_auth *auth, struct evs_kms *kms, struct evs_error *err)
{
	if (!auth->secret)
		auth->secret = evs_secret_alloc(EVS_IAM_SECRET_MAX);
	if (!auth->secret)
		return evs_error_set(err, errno, "cannot lock memory (ulimit -l): %m");
	return evs_iam_metadata(kms, auth->peer, auth->access, auth->secret, auth->line,
				&auth->expires, err);
}

/* Makes sure that there is a token, and that it lives for a while yet. */
static int prepare(struct evs_otc_auth *auth, struct evs_kms *kms, struct evs_error *err)
{
	int ret;

	if (!has_line(auth->kind))
		return 0;
	if (auth->line && (!auth->expires || evs_clock.wall() < auth->expires - RENEW_BEFORE))
		return 0;
	ret = open_peer(auth, err);
	if (ret)
		return ret;
	evs_secret_free(auth->line);
	auth->line = evs_secret_alloc(EVS_IAM_LINE_MAX);
	if (!auth->line)
		return evs_error_set(err, errno, "cannot lock memory (ulimit -l): %m");
	strcpy((char *)auth->line->data, has_token(auth->kind) ? TOKEN_HEADER : SECURITY_HEADER);
	if (auth->kind == PASSWORD)
		ret = get_token(auth, kms, err);
	else if (auth->kind == CREDENTIAL)
		ret = evs_iam_credential(kms, auth->peer, evs_config_get(auth->cfg, "credential"),
					 auth->secret, auth->line, &auth->expires, err);
	else
		ret = get_key(auth, kms, err);
	if (ret) {
		evs_secret_free(auth->line);
		auth->line = NULL;
	}
	return ret;
}

/* ---- headers ---- */

/* What curl would send as Host, and the path that is in the URL already */
static const char *split_url(const char *url, char *host, size_t size)
{
	const char *begin = strstr(url, "://"), *path;

	if (!begin) {
		snprintf(host, size, "Host: localhost");
		return "";
	}
	begin += strlen("://");
	path = begin + strcspn(begin, "/");
	snprintf(host, size, "Host: %.*s", (int)(path - begin), begin);
	return strcmp(path, "/") ? path : "";
}

static int sign(struct evs_otc_auth *auth, const char *url, const struct evs_sign_pair *query,
		size_t pairs, const struct evs_http_request *request, const char **headers,
		struct evs_error *err)
{
	const char *prefix = split_url(url, auth->lines.host, sizeof(auth->lines.host));
	const char *lines[SIGNED_MAX + 1] = { auth->lines.host, auth->lines.date,
					      auth->lines.scope };
	char path[1024], date[EVS_SIGN_DATE_SIZE];
	struct evs_sign what = {
		.access = auth->access, .key = auth->secret, .method = request->method,
		.path = path, .query = query, .pairs = pairs, .headers = lines,
		.body = request->body, .len = request->len,
	};
	size_t i;
	int ret;

	evs_sign_date(evs_clock.wall(), date);
	snprintf(auth->lines.date, sizeof(auth->lines.date), "X-Sdk-Date: %s", date);
	snprintf(auth->lines.scope, sizeof(auth->lines.scope), "X-%s-Id: %s",
		 *auth->account ? "Domain" : "Project",
		 *auth->account ? auth->account : evs_config_get(auth->cfg, "project"));
	if (auth->line)
		lines[3] = (const char *)auth->line->data;
	ret = snprintf(path, sizeof(path), "%s%.*s", prefix, (int)strcspn(request->path, "?"),
		       request->path);
	if (ret < 0 || (size_t)ret >= sizeof(path))
		return evs_error_set(err, ENAMETOOLONG, "request path is too long");
	ret = evs_sign(&what, auth->lines.authorization, err);
	if (ret)
		return ret;
	for (i = 0; lines[i]; i++)
		headers[i] = lines[i];
	headers[i++] = auth->lines.authorization;
	headers[i] = NULL;
	return 0;
}

int evs_otc_auth_headers(struct evs_otc_auth *auth, struct evs_kms *kms, const char *url,
			 const struct evs_sign_pair *query, size_t pairs,
			 struct evs_http_request *request, struct evs_error *err)
{
	const char **next = auth->headers;
	int ret;

	ret = prepare(auth, kms, err);
	if (ret)
		return ret;
	*next++ = "Content-Type: application/json";
	*next++ = "X-Language: en-us";
	*next = NULL;
	request->headers = auth->headers;
	if (auth->kind == AK_SK || auth->kind == METADATA)
		return sign(auth, url, query, pairs, request, next, err);
	if (has_token(auth->kind)) {
		*next++ = (const char *)auth->line->data;
		*next = NULL;
	}
	return 0;
}
