// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The token that holds the root key. All that leaves it is wrapped CMKs on
 * their way to the database and, for the length of one operation, a CMK.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hsm/hsm.h"
#include "log.h"
#include "p11.h"
#include "pool.h"

#define ROOT_KEY_SIZE 32
#define PROOF_TEXT "evs-kmsd: the same root key as before"

struct kmsd_hsm {
	struct kmsd_conf conf;
	CK_FUNCTION_LIST *p11;
	CK_SESSION_HANDLE session;	/* replaced under the lock when it is lost */
	CK_OBJECT_HANDLE root;
	/* PROOF_TEXT by the root key that there was at first */
	unsigned char proof[KMSD_HSM_OVERHEAD + sizeof(PROOF_TEXT)];
	bool barred;		/* the PIN was refused: trying on would lock the token */
	pthread_mutex_t lock;	/* a session knows one operation at a time */
	atomic_uint_fast64_t errors;
};

static int login(struct kmsd_hsm *hsm, const struct kmsd_conf *conf, struct evs_error *err)
{
	struct evs_secret *pin = NULL;
	CK_SLOT_ID slot;
	CK_RV rv;
	int ret;

	ret = evs_p11_find_token(hsm->p11, conf->token, &slot, err);
	if (ret)
		return ret;
	ret = evs_secret_read(&pin, conf->pin_file, err);
	if (ret)
		return evs_error_prefix(err, "PIN file");
	rv = evs_p11_login(hsm->p11, slot, 0, pin, &hsm->session);
	evs_secret_free(pin);
	return rv == CKR_OK ? 0 : evs_p11_fail(err, rv, "logging in");
}

static int find_root(struct kmsd_hsm *hsm, const char *label, struct evs_error *err)
{
	CK_OBJECT_HANDLE found[2];
	CK_ULONG count;
	CK_RV rv;

	rv = evs_p11_find_keys(hsm->p11, hsm->session, label, found, 2, &count);
	if (rv != CKR_OK)
		return evs_p11_fail(err, rv, "looking for the root key");
	if (count != 1)
		return evs_error_set(err, count ? EEXIST : ENOKEY, "HSM: %s root key \"%s\"",
				     count ? "more than one" : "no", label);
	hsm->root = found[0];
	return 0;
}

/* A root key that could be read out, or that came from outside, protects nothing. */
static int check_root(struct kmsd_hsm *hsm, const char *label, struct evs_error *err)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		CK_BBOOL want;
		const char *complaint;
	} flags[] = {
		{ CKA_TOKEN, CK_TRUE, "does not stay in the token" },
		{ CKA_PRIVATE, CK_TRUE, "can be used without a PIN" },
		{ CKA_SENSITIVE, CK_TRUE, "is not sensitive" },
		{ CKA_ALWAYS_SENSITIVE, CK_TRUE, "has not always been sensitive" },
		{ CKA_EXTRACTABLE, CK_FALSE, "is extractable" },
		{ CKA_NEVER_EXTRACTABLE, CK_TRUE, "has been extractable" },
		{ CKA_LOCAL, CK_TRUE, "was not generated in the token" },
		{ CKA_ENCRYPT, CK_TRUE, "cannot encrypt" },
		{ CKA_DECRYPT, CK_TRUE, "cannot decrypt" },
	};
	CK_KEY_TYPE type = 0;
	CK_ULONG size = 0;
	CK_ATTRIBUTE kind[] = {
		{ CKA_KEY_TYPE, &type, sizeof(type) }, { CKA_VALUE_LEN, &size, sizeof(size) },
	};
	CK_RV rv;
	size_t i;

	rv = hsm->p11->C_GetAttributeValue(hsm->session, hsm->root, kind, 2);
	if (rv != CKR_OK)
		return evs_p11_fail(err, rv, "reading the root key's type");
	if (type != CKK_AES || size != ROOT_KEY_SIZE)
		return evs_error_set(err, EKEYREJECTED, "HSM: root key \"%s\" is not AES-256",
				     label);
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		CK_BBOOL value = !flags[i].want;
		CK_ATTRIBUTE attribute = { flags[i].type, &value, sizeof(value) };

		rv = hsm->p11->C_GetAttributeValue(hsm->session, hsm->root, &attribute, 1);
		if (rv != CKR_OK)
			return evs_p11_fail(err, rv, "reading the root key's attributes");
		if (value != flags[i].want)
			return evs_error_set(err, EKEYREJECTED, "HSM: root key \"%s\" %s", label,
					     flags[i].complaint);
	}
	return 0;
}

static struct evs_p11_gcm root_gcm(const struct kmsd_hsm *hsm, const char *aad, const void *iv)
{
	return (struct evs_p11_gcm){
		.p11 = hsm->p11, .session = hsm->session, .key = hsm->root, .iv = iv,
		.aad = aad, .aad_size = strlen(aad),
	};
}

static int make_proof(struct kmsd_hsm *hsm, struct evs_error *err)
{
	struct evs_p11_gcm gcm = root_gcm(hsm, "", hsm->proof);
	CK_RV rv = hsm->p11->C_GenerateRandom(hsm->session, hsm->proof, KMSD_HSM_IV_SIZE);

	if (rv == CKR_OK)
		rv = evs_p11_encrypt(&gcm, PROOF_TEXT, sizeof(PROOF_TEXT),
				     hsm->proof + KMSD_HSM_IV_SIZE);
	return rv == CKR_OK ? 0 : evs_p11_fail(err, rv, "encrypting with the root key");
}

/* Another token may have the names of the one that was lost. */
static int check_proof(struct kmsd_hsm *hsm, struct evs_error *err)
{
	struct evs_p11_gcm gcm = root_gcm(hsm, "", hsm->proof);
	unsigned char plain[sizeof(hsm->proof)];
	CK_RV rv;

	rv = evs_p11_decrypt(&gcm, hsm->proof + KMSD_HSM_IV_SIZE,
			     sizeof(hsm->proof) - KMSD_HSM_IV_SIZE, plain);
	return rv == CKR_OK ? 0 : evs_p11_fail(err, rv, "recognising the root key");
}

static int open_session(struct kmsd_hsm *hsm, struct evs_error *err)
{
	int ret = login(hsm, &hsm->conf, err);

	if (!ret)
		ret = find_root(hsm, hsm->conf.root_key, err);
	if (!ret)
		ret = check_root(hsm, hsm->conf.root_key, err);
	return ret;
}

/* Whether an operation that ended with @rv is worth another try; the lock is held. */
static bool reopened(struct kmsd_hsm *hsm, CK_RV rv, bool *tried)
{
	struct evs_error err = {};
	int ret;

	if (!evs_p11_is_lost(rv) || *tried || hsm->barred)
		return false;
	*tried = true;
	hsm->p11->C_CloseSession(hsm->session);
	ret = open_session(hsm, &err);
	if (!ret)
		ret = check_proof(hsm, &err);
	if (!ret) {
		kmsd_log("HSM: the session was lost, and is open again");
		return true;
	}
	hsm->p11->C_CloseSession(hsm->session);
	hsm->session = CK_INVALID_HANDLE;
	hsm->barred = ret == -EACCES;
	kmsd_log("HSM: the session was lost: %s%s", err.text,
		 hsm->barred ? "; start evs-kmsd again with the right PIN" : "");
	return false;
}

int kmsd_hsm_open(struct kmsd_hsm **out, const struct kmsd_conf *conf, struct evs_error *err)
{
	struct kmsd_hsm *hsm = calloc(1, sizeof(*hsm));
	int ret;

	if (!hsm)
		return evs_error_set(err, ENOMEM, "out of memory");
	hsm->conf = *conf;
	pthread_mutex_init(&hsm->lock, NULL);
	ret = evs_p11_load(&hsm->p11, conf->module, conf->softhsm2_conf, conf->module_args,
			   err);
	if (ret)
		goto err_free;
	ret = open_session(hsm, err);
	if (!ret)
		ret = make_proof(hsm, err);
	if (ret)
		goto err_unload;
	*out = hsm;
	return 0;

err_unload:
	evs_p11_unload(hsm->p11);	/* closes the session */
err_free:
	pthread_mutex_destroy(&hsm->lock);
	free(hsm);
	return ret;
}

void kmsd_hsm_close(struct kmsd_hsm *hsm)
{
	if (!hsm)
		return;
	hsm->p11->C_CloseSession(hsm->session);
	evs_p11_unload(hsm->p11);
	pthread_mutex_destroy(&hsm->lock);
	free(hsm);
}

uint64_t kmsd_hsm_errors(struct kmsd_hsm *hsm)
{
	return atomic_load(&hsm->errors);
}

static int hsm_fail(struct kmsd_hsm *hsm, struct evs_error *err, CK_RV rv, const char *what)
{
	atomic_fetch_add(&hsm->errors, 1);
	return evs_p11_fail(err, rv, what);
}

int kmsd_hsm_random(struct kmsd_hsm *hsm, void *data, size_t size, struct evs_error *err)
{
	bool tried = false;
	CK_RV rv;

	pthread_mutex_lock(&hsm->lock);
	do
		rv = hsm->p11->C_GenerateRandom(hsm->session, data, size);
	while (reopened(hsm, rv, &tried));
	pthread_mutex_unlock(&hsm->lock);
	return rv == CKR_OK ? 0 : hsm_fail(hsm, err, rv, "random bytes");
}

typedef CK_RV (*gcm_op)(const struct evs_p11_gcm *gcm, const void *from, size_t size, void *to);

static CK_RV run(struct kmsd_hsm *hsm, gcm_op op, const char *aad, const void *iv,
		 const void *from, size_t size, void *to)
{
	struct evs_p11_gcm gcm;
	bool tried = false;
	CK_RV rv;

	pthread_mutex_lock(&hsm->lock);
	do {
		gcm = root_gcm(hsm, aad, iv);
		rv = op(&gcm, from, size, to);
	} while (reopened(hsm, rv, &tried));
	pthread_mutex_unlock(&hsm->lock);
	return rv;
}

int kmsd_hsm_wrap(struct kmsd_hsm *hsm, const char *aad, const void *plain, size_t size,
		  void *wrapped, struct evs_error *err)
{
	CK_BYTE *iv = wrapped;
	CK_RV rv;
	int ret;

	ret = kmsd_hsm_random(hsm, iv, KMSD_HSM_IV_SIZE, err);
	if (ret)
		return ret;
	rv = run(hsm, evs_p11_encrypt, aad, iv, plain, size, iv + KMSD_HSM_IV_SIZE);
	return rv == CKR_OK ? 0 : hsm_fail(hsm, err, rv, "wrapping with the root key");
}

int kmsd_hsm_unwrap(struct kmsd_hsm *hsm, const char *aad, const void *wrapped, size_t size,
		    void *plain, struct evs_error *err)
{
	const CK_BYTE *iv = wrapped;
	struct evs_secret *room;
	CK_RV rv;

	if (size <= KMSD_HSM_OVERHEAD)
		return evs_error_set(err, EBADMSG, "HSM: wrapped key is too short");
	room = kmsd_secret_get(size - KMSD_HSM_IV_SIZE);
	if (!room)
		return evs_error_set(err, errno, "locked memory: %m");
	rv = run(hsm, evs_p11_decrypt, aad, iv, iv + KMSD_HSM_IV_SIZE, size - KMSD_HSM_IV_SIZE,
		 room->data);
	if (rv == CKR_OK)
		memcpy(plain, room->data, size - KMSD_HSM_OVERHEAD);
	kmsd_secret_put(room);
	if (evs_p11_is_tampered(rv))
		return evs_error_set(err, EBADMSG,
				     "HSM: wrapped key is damaged, or another root key's");
	return rv == CKR_OK ? 0 : hsm_fail(hsm, err, rv, "unwrapping with the root key");
}
