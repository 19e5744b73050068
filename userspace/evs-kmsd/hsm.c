// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The token that holds the root key. All that leaves it is wrapped CMKs on
 * their way to the database and, for the length of one operation, a CMK.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hsm.h"
#include "p11.h"
#include "pool.h"

#define ROOT_KEY_SIZE 32
#define PIN_MAX 255

struct kmsd_hsm {
	CK_FUNCTION_LIST *p11;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE root;
	pthread_mutex_t lock;	/* a session knows one operation at a time */
	atomic_uint_fast64_t errors;
};

/* The PIN without its newline, in locked memory. */
static int read_pin(const char *path, struct evs_secret **pin, struct evs_error *err)
{
	struct evs_secret *secret;
	struct stat st;
	ssize_t len;
	int fd, ret;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return evs_error_set(err, errno, "PIN file %s: %m", path);
	secret = kmsd_secret_get(PIN_MAX + 2);
	if (!secret) {
		ret = evs_error_set(err, errno, "locked memory: %m");
		goto out_close;
	}
	if (fstat(fd, &st)) {
		ret = evs_error_set(err, errno, "PIN file %s: %m", path);
		goto out_free;
	}
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077)) {
		ret = evs_error_set(err, EACCES,
				    "PIN file %s: must be a file that nobody else can read", path);
		goto out_free;
	}
	do
		len = read(fd, secret->data, PIN_MAX + 1);
	while (len < 0 && errno == EINTR);
	if (len < 0) {
		ret = evs_error_set(err, errno, "PIN file %s: %m", path);
		goto out_free;
	}
	secret->data[len] = '\0';
	secret->data[strcspn((char *)secret->data, "\n")] = '\0';
	if (!secret->data[0] || strlen((char *)secret->data) > PIN_MAX) {
		ret = evs_error_set(err, EINVAL, "PIN file %s: no PIN in the first line", path);
		goto out_free;
	}
	close(fd);
	*pin = secret;
	return 0;

out_free:
	kmsd_secret_put(secret);
out_close:
	close(fd);
	return ret;
}

static int login(struct kmsd_hsm *hsm, const struct kmsd_conf *conf, struct evs_error *err)
{
	struct evs_secret *pin = NULL;
	CK_SLOT_ID slot;
	CK_RV rv;
	int ret;

	ret = kmsd_p11_find_token(hsm->p11, conf->token, &slot, err);
	if (ret)
		return ret;
	rv = hsm->p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &hsm->session);
	if (rv != CKR_OK)
		return kmsd_p11_fail(err, rv, "opening a session");
	ret = read_pin(conf->pin_file, &pin, err);
	if (ret)
		return ret;
	rv = hsm->p11->C_Login(hsm->session, CKU_USER, pin->data, strlen((char *)pin->data));
	kmsd_secret_put(pin);
	return rv == CKR_OK ? 0 : kmsd_p11_fail(err, rv, "logging in");
}

static int find_root(struct kmsd_hsm *hsm, const char *label, struct evs_error *err)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_LABEL, (void *)label, strlen(label) },
	};
	CK_OBJECT_HANDLE found[2];
	CK_ULONG count = 0;
	CK_RV rv;

	rv = hsm->p11->C_FindObjectsInit(hsm->session, template, 2);
	if (rv == CKR_OK) {
		rv = hsm->p11->C_FindObjects(hsm->session, found, 2, &count);
		hsm->p11->C_FindObjectsFinal(hsm->session);
	}
	if (rv != CKR_OK)
		return kmsd_p11_fail(err, rv, "looking for the root key");
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
		return kmsd_p11_fail(err, rv, "reading the root key's type");
	if (type != CKK_AES || size != ROOT_KEY_SIZE)
		return evs_error_set(err, EKEYREJECTED, "HSM: root key \"%s\" is not AES-256",
				     label);
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		CK_BBOOL value = !flags[i].want;
		CK_ATTRIBUTE attribute = { flags[i].type, &value, sizeof(value) };

		rv = hsm->p11->C_GetAttributeValue(hsm->session, hsm->root, &attribute, 1);
		if (rv != CKR_OK)
			return kmsd_p11_fail(err, rv, "reading the root key's attributes");
		if (value != flags[i].want)
			return evs_error_set(err, EKEYREJECTED, "HSM: root key \"%s\" %s", label,
					     flags[i].complaint);
	}
	return 0;
}

int kmsd_hsm_open(struct kmsd_hsm **out, const struct kmsd_conf *conf, struct evs_error *err)
{
	struct kmsd_hsm *hsm = calloc(1, sizeof(*hsm));
	int ret;

	if (!hsm)
		return evs_error_set(err, ENOMEM, "out of memory");
	pthread_mutex_init(&hsm->lock, NULL);
	ret = kmsd_p11_load(&hsm->p11, conf->module, conf->softhsm2_conf, err);
	if (ret)
		goto err_free;
	ret = login(hsm, conf, err);
	if (!ret)
		ret = find_root(hsm, conf->root_key, err);
	if (!ret)
		ret = check_root(hsm, conf->root_key, err);
	if (ret)
		goto err_unload;
	*out = hsm;
	return 0;

err_unload:
	kmsd_p11_unload(hsm->p11);	/* closes the session */
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
	kmsd_p11_unload(hsm->p11);
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
	return kmsd_p11_fail(err, rv, what);
}

int kmsd_hsm_random(struct kmsd_hsm *hsm, void *data, size_t size, struct evs_error *err)
{
	CK_RV rv;

	pthread_mutex_lock(&hsm->lock);
	rv = hsm->p11->C_GenerateRandom(hsm->session, data, size);
	pthread_mutex_unlock(&hsm->lock);
	return rv == CKR_OK ? 0 : hsm_fail(hsm, err, rv, "random bytes");
}

/* One AES-256-GCM call with the root key; @out has @room bytes, @out_size are expected. */
static CK_RV root_crypt(struct kmsd_hsm *hsm, bool encrypt, const char *aad, const CK_BYTE *iv,
			const void *in, size_t in_size, void *out, size_t room, size_t out_size)
{
	CK_GCM_PARAMS gcm = {
		.pIv = (CK_BYTE *)iv,
		.ulIvLen = KMSD_HSM_IV_SIZE,
		.ulIvBits = 8 * KMSD_HSM_IV_SIZE,
		.pAAD = (CK_BYTE *)aad,
		.ulAADLen = strlen(aad),
		.ulTagBits = 8 * KMSD_HSM_TAG_SIZE,
	};
	CK_MECHANISM mechanism = { CKM_AES_GCM, &gcm, sizeof(gcm) };
	CK_FUNCTION_LIST *p11 = hsm->p11;
	CK_ULONG len = room;
	CK_RV rv;

	pthread_mutex_lock(&hsm->lock);
	rv = encrypt ? p11->C_EncryptInit(hsm->session, &mechanism, hsm->root)
		     : p11->C_DecryptInit(hsm->session, &mechanism, hsm->root);
	if (rv == CKR_OK)
		rv = encrypt ? p11->C_Encrypt(hsm->session, (CK_BYTE *)in, in_size, out, &len)
			     : p11->C_Decrypt(hsm->session, (CK_BYTE *)in, in_size, out, &len);
	pthread_mutex_unlock(&hsm->lock);
	if (rv == CKR_OK && len != out_size)
		rv = CKR_DATA_LEN_RANGE;
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
	rv = root_crypt(hsm, true, aad, iv, plain, size, iv + KMSD_HSM_IV_SIZE,
			size + KMSD_HSM_TAG_SIZE, size + KMSD_HSM_TAG_SIZE);
	return rv == CKR_OK ? 0 : hsm_fail(hsm, err, rv, "wrapping with the root key");
}

int kmsd_hsm_unwrap(struct kmsd_hsm *hsm, const char *aad, const void *wrapped, size_t size,
		    void *plain, struct evs_error *err)
{
	const CK_BYTE *iv = wrapped;
	struct evs_secret *out;
	CK_RV rv;

	if (size <= KMSD_HSM_OVERHEAD)
		return evs_error_set(err, EBADMSG, "HSM: wrapped key is too short");
	/* SoftHSM wants room for the tag as well, though it does not write it */
	out = kmsd_secret_get(size);
	if (!out)
		return evs_error_set(err, errno, "locked memory: %m");
	rv = root_crypt(hsm, false, aad, iv, iv + KMSD_HSM_IV_SIZE, size - KMSD_HSM_IV_SIZE,
			out->data, size, size - KMSD_HSM_OVERHEAD);
	if (rv == CKR_OK)
		memcpy(plain, out->data, size - KMSD_HSM_OVERHEAD);
	kmsd_secret_put(out);
	switch (rv) {
	case CKR_OK:
		return 0;
	case CKR_GENERAL_ERROR:		/* SoftHSM's word for a tag that does not fit */
	case CKR_ENCRYPTED_DATA_INVALID:
	case CKR_ENCRYPTED_DATA_LEN_RANGE:
		return evs_error_set(err, EBADMSG,
				     "HSM: wrapped key is damaged, or another root key's");
	default:
		return hsm_fail(hsm, err, rv, "unwrapping with the root key");
	}
}
