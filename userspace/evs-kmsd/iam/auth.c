// SPDX-License-Identifier: GPL-2.0-or-later
/* Tokens, signatures and root on the socket: who is it? */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "iam/auth.h"
#include "fail.h"
#include "hex.h"
#include "key/agency.h"
#include "pool.h"
#include "iam/sign.h"

#define SCRYPT_N 16384
#define SCRYPT_R 8

/* Of the four threads that answer on a socket, so many may be at this. */
#define LOGINS_MAX 2

int kmsd_token_hash(const char *token, unsigned char *hash)
{
	return EVP_Digest(token, strlen(token), hash, NULL, EVP_sha256(), NULL) ? 0 : -ENOMEM;
}

int kmsd_token_new(char *token, unsigned char *hash, struct evs_error *err)
{
	unsigned char random[KMSD_TOKEN_BYTES];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return evs_error_set(err, EIO, "getrandom: %m");
	evs_hex_encode(token, random, sizeof(random));
	explicit_bzero(random, sizeof(random));
	return kmsd_token_hash(token, hash) ? evs_error_set(err, ENOMEM, "SHA-256 failed") : 0;
}

int kmsd_password_hash(const unsigned char *salt, const void *password, size_t size,
		       unsigned char *hash, struct evs_error *err)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static atomic_int waiting;
	uint64_t n = SCRYPT_N;
	uint32_t r = SCRYPT_R, p = 1;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, (void *)password, size),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt,
						  KMSD_SALT_SIZE),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
		OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
		OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF_CTX *ctx = NULL;
	int done = 0;
	EVP_KDF *kdf;

	/* Who tries passwords takes turns with himself, and leaves threads for the others */
	if (atomic_fetch_add(&waiting, 1) >= LOGINS_MAX) {
		atomic_fetch_sub(&waiting, 1);
		return kmsd_fail(err, KMSD_IAM_BUSY, "too many logins at once: try again");
	}
	kdf = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
	if (kdf)
		ctx = EVP_KDF_CTX_new(kdf);
	pthread_mutex_lock(&lock);
	if (ctx)
		done = EVP_KDF_derive(ctx, hash, KMSD_HASH_SIZE, params) > 0;
	pthread_mutex_unlock(&lock);
	atomic_fetch_sub(&waiting, 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return done ? 0 : evs_error_set(err, ENOMEM, "scrypt failed");
}

static int add_role(void *arg, sqlite3_stmt *row)
{
	uint32_t *permissions = arg;
	const struct kmsd_role *role;
	char name[64];

	kmsd_db_text(row, 0, name, sizeof(name));
	role = kmsd_role_find(name);
	if (role)
		*permissions |= role->permissions;
	return 0;
}

int kmsd_user_roles(struct kmsd *kmsd, const char *user, const char *project,
		    uint32_t *permissions, struct evs_error *err)
{
	int ret;

	*permissions = 0;
	ret = kmsd_db_each(kmsd_store_reading(kmsd->store), err, add_role, permissions,
			   "SELECT role FROM iam_role WHERE user = ? AND project IN (?, '*')",
			   "ss", user, project);
	return ret < 0 ? ret : 0;
}

int kmsd_agency_roles(struct kmsd *kmsd, const char *agency, const char *project,
		      uint32_t *permissions, struct evs_error *err)
{
	int ret;

	*permissions = 0;
	ret = kmsd_db_each(kmsd_store_reading(kmsd->store), err, add_role, permissions,
			   "SELECT role FROM iam_agency_role WHERE agency = ? AND project = ?",
			   "ss", agency, project);
	return ret < 0 ? ret : 0;
}

struct token {
	char user[KMSD_USER_MAX + 1];
	char agency[KMSD_USER_MAX + 1];
	char project[EVS_KMS_PROJECT_MAX + 1];
	char name[KMSD_USER_MAX + 1];
	char domain[KMSD_USER_MAX + 1];
	int64_t expires;
};

static int take_token(void *arg, sqlite3_stmt *row)
{
	struct token *t = arg;

	kmsd_db_text(row, 0, t->user, sizeof(t->user));
	kmsd_db_text(row, 1, t->agency, sizeof(t->agency));
	kmsd_db_text(row, 2, t->project, sizeof(t->project));
	t->expires = sqlite3_column_int64(row, 3);
	kmsd_db_text(row, 4, t->name, sizeof(t->name));
	kmsd_db_text(row, 5, t->domain, sizeof(t->domain));
	return 0;
}

static int roles_in(struct kmsd *kmsd, const struct kmsd_identity *who, const char *project,
		    uint32_t *permissions, struct evs_error *err)
{
	return who->service ? kmsd_agency_roles(kmsd, who->id, project, permissions, err)
			    : kmsd_user_roles(kmsd, who->id, project, permissions, err);
}

/* What a token or an access key that is for one project is good for: @project, and who it is. */
static int enter_project(struct kmsd *kmsd, const char *project, struct kmsd_identity *who,
			 struct evs_error *err)
{
	uint32_t everywhere;
	int ret;

	if (project[0] && who->project[0] && strcmp(project, who->project))
		return kmsd_fail(err, KMSD_E_OTHER_PROJECT,
				 "the token is for project %s, the URL names %s", who->project,
				 project);
	ret = roles_in(kmsd, who, project[0] ? project : who->project, &who->permissions, err);
	if (ret || project[0])
		return ret;
	/* Users and agencies are the account's: a role in one project does not reach them */
	ret = roles_in(kmsd, who, "", &everywhere, err);
	if (!ret)
		who->permissions &= everywhere | ~(uint32_t)KMSD_P_IAM;
	return ret;
}

static int by_token(struct kmsd *kmsd, const char *text, const char *project,
		    struct kmsd_identity *who, struct evs_error *err)
{
	static const char sql[] =
		"SELECT t.user, t.agency, t.project, t.expires, coalesce(a.name, u.name),"
		" coalesce(a.trust_domain, u.domain) FROM iam_token t"
		" LEFT JOIN iam_user u ON u.id = t.user"
		" LEFT JOIN iam_agency a ON a.id = t.agency WHERE t.hash = ?";
	unsigned char hash[KMSD_HASH_SIZE];
	struct token t = {};
	int ret;

	if (kmsd_token_hash(text, hash))
		return evs_error_set(err, ENOMEM, "SHA-256 failed");
	ret = kmsd_db_each(kmsd_store_reading(kmsd->store), err, take_token, &t, sql, "b", hash,
			   sizeof(hash));
	if (ret < 0)
		return ret;
	if (!ret)
		return kmsd_fail(err, KMSD_E_TOKEN, "X-Auth-Token: no such token");
	if (t.expires <= kmsd_clock_now(&kmsd->clock))
		return kmsd_fail(err, KMSD_E_TOKEN_EXPIRED, "X-Auth-Token: the token has expired");
	snprintf(who->id, sizeof(who->id), "%s", t.agency[0] ? t.agency : t.user);
	snprintf(who->name, sizeof(who->name), "%s", t.name);
	snprintf(who->domain, sizeof(who->domain), "%s", t.domain);
	snprintf(who->project, sizeof(who->project), "%s", t.project);
	who->service = t.agency[0];
	return enter_project(kmsd, project, who, err);
}

struct credential {
	unsigned char wrapped[KMSD_WRAPPED_MAX];
	size_t size;
	int64_t expires;	/* 0: never */
	struct kmsd_identity *who;
};

static int take_credential(void *arg, sqlite3_stmt *row)
{
	struct credential *c = arg;

	kmsd_db_text(row, 1, c->who->id, sizeof(c->who->id));
	kmsd_db_text(row, 2, c->who->name, sizeof(c->who->name));
	kmsd_db_text(row, 3, c->who->domain, sizeof(c->who->domain));
	kmsd_db_text(row, 4, c->who->project, sizeof(c->who->project));
	c->who->service = sqlite3_column_int(row, 5);
	c->expires = sqlite3_column_int64(row, 6);
	return kmsd_db_blob(row, 0, c->wrapped, sizeof(c->wrapped), &c->size);
}

/* A temporary access key is known together with its security token, another one without. */
static int find_credential(struct kmsd *kmsd, const char *access, const char *token,
			   struct credential *c, struct evs_error *err)
{
	static const char lasting[] =
		"SELECT c.wrapped, u.id, u.name, u.domain, '', 0, 0 FROM iam_credential c"
		" JOIN iam_user u ON u.id = c.user WHERE c.access = ?";
	static const char temporary[] =
		"SELECT t.wrapped, coalesce(a.id, u.id), coalesce(a.name, u.name),"
		" coalesce(a.trust_domain, u.domain), t.project, a.id IS NOT NULL, t.expires"
		" FROM iam_temporary t LEFT JOIN iam_user u ON u.id = t.user"
		" LEFT JOIN iam_agency a ON a.id = t.agency WHERE t.access = ? AND t.token = ?";
	struct kmsd_db *db = kmsd_store_reading(kmsd->store);
	unsigned char hash[KMSD_HASH_SIZE];
	int ret;

	if (token && kmsd_token_hash(token, hash))
		return evs_error_set(err, ENOMEM, "SHA-256 failed");
	ret = token ? kmsd_db_each(db, err, take_credential, c, temporary, "sb", access, hash,
				   sizeof(hash))
		    : kmsd_db_each(db, err, take_credential, c, lasting, "s", access);
	if (!ret)
		return kmsd_fail(err, KMSD_E_SIGNATURE, "Authorization: no such access key%s",
				 token ? " with this X-Security-Token" : "");
	if (ret > 0 && c->expires && c->expires <= kmsd_clock_now(&kmsd->clock))
		return kmsd_fail(err, KMSD_E_SIGNATURE,
				 "X-Security-Token: the temporary access key has expired");
	return ret < 0 ? ret : 0;
}

static int by_signature(struct kmsd *kmsd, const struct kmsd_http *http, const char *project,
			struct kmsd_identity *who, struct evs_error *err)
{
	struct credential c = { .who = who };
	struct evs_secret *secret;
	struct kmsd_signature sig;
	char aad[KMSD_ACCESS_MAX + 16];
	int ret;

	ret = kmsd_sign_parse(http->header(http->arg, "Authorization"), &sig, err);
	if (!ret)
		ret = find_credential(kmsd, sig.access,
				      http->header(http->arg, "X-Security-Token"), &c, err);
	if (ret)
		return ret;
	who->temporary = c.expires;
	secret = kmsd_secret_get(KMSD_WRAPPED_MAX);
	if (!secret)
		return evs_error_set(err, errno, "locked memory: %m");
	snprintf(aad, sizeof(aad), "credential/%s", sig.access);
	ret = kmsd_hsm_unwrap(kmsd->hsm, aad, c.wrapped, c.size, secret->data, err);
	if (!ret)
		ret = kmsd_sign_check(http, &sig, secret->data, c.size - KMSD_HSM_OVERHEAD,
				      kmsd_clock_now(&kmsd->clock), err);
	kmsd_secret_put(secret);
	return ret ? ret : enter_project(kmsd, project, who, err);
}

/* A client that the connection vouches for: what its role allows in its project. */
static int by_client(struct kmsd *kmsd, const struct kmsd_client *c, const char *project,
		     struct kmsd_identity *who, struct evs_error *err)
{
	struct kmsd_agency agency;
	int ret;
	bool root = c == &kmsd_client_root || !strcmp(c->name, kmsd_client_root.name);

	strcpy(who->id, c->name);
	strcpy(who->name, c->name);
	strcpy(who->domain, KMSD_DOMAIN);
	strcpy(who->project, c->project);
	if (project[0] && c->project[0] && strcmp(project, c->project))
		return kmsd_fail(err, KMSD_E_OTHER_PROJECT,
				 "client %s is for project %s, the URL names %s", c->name,
				 c->project, project);
	who->permissions = root ? UINT32_MAX : kmsd_role_permissions(c->role);
	if (c->role != KMSD_ROLE_USER)
		return 0;
	ret = kmsd_agency_find(kmsd, project, &agency, err);
	who->service = !ret && !agency.creator[0];
	if (who->service)
		who->permissions = KMSD_P_NONE;
	return ret;
}

int kmsd_auth(struct kmsd *kmsd, const struct kmsd_http *http, const char *project,
	      struct kmsd_identity *who, struct evs_error *err)
{
	const char *token = http->header(http->arg, "X-Auth-Token");
	const char *authorization = http->header(http->arg, "Authorization");

	*who = (struct kmsd_identity){};
	if (token)
		return by_token(kmsd, token, project, who, err);
	if (authorization && !strncmp(authorization, KMSD_SIGN_SCHEME, strlen(KMSD_SIGN_SCHEME)))
		return by_signature(kmsd, http, project, who, err);
	if (!http->client) {
		*err = *http->unknown;
		return -err->errnum;
	}
	return by_client(kmsd, http->client, project, who, err);
}
