// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "keyring.h"
#include "text.h"
#include "token.h"

/*
 * How long a refused key stands, for nobody but the asker. One that has expired
 * when he looks at it gives ENOKEY instead of the reason: under emulation, on a busy
 * machine, he has come to it after three seconds and more.
 */
#define REJECT_SECONDS 60
#define ERROR_MAX 1800	/* the texts of a failure */
#define CLASS_BASE 'A'	/* in front of the text: EVS_CLASS_NONE, 'B' the next one... */
#define CALLOUT_KMS "kms="
#define CALLOUT_CMK "cmk="
#define CALLOUT_DEVICE "device="
#define DESCRIPTION_MAX 64

/* linux/keyctl.h has it, libkeyutils has not, and the two headers clash. */
#ifndef KEY_SPEC_REQUESTOR_KEYRING
#define KEY_SPEC_REQUESTOR_KEYRING -8
#endif

/*
 * An error of a call of the kernel's. EDQUOT is its own quota, of keys: what strerror()
 * has for it is about disks, and EVS_CLASS_QUOTA is what a KMS refuses.
 */
static int fail(struct evs_error *err, int errnum, const char *what)
{
	const char *user = geteuid() ? "" : "root_";

	if (errnum == EDQUOT)
		return evs_error_set(err, EDQUOT,
				     "%s: the kernel's quota of keys is used up (see /proc/key-users); raise the sysctls kernel.keys.%smaxkeys and kernel.keys.%smaxbytes",
				     what, user, user);
	evs_error_set(err, errnum, "%s: %s", what, strerror(errnum));
	err->class = evs_class_from_errno(errnum);
	return -errnum;
}

int evs_keyring_isolate(struct evs_error *err)
{
	if (keyctl_join_session_keyring(NULL) < 0)
		return fail(err, errno, "cannot make a session keyring");
	return 0;
}

/* The next text of those that lie one behind the other, each with its NUL */
static void take_text(char *text, size_t size, const char **from, const char *end)
{
	size_t len = strnlen(*from, (size_t)(end - *from));

	evs_text_copy(text, size, *from, len);
	*from += len + (*from + len < end);
}

/*
 * What the helper left, if it got as far. The key is looked for in the process keyring
 * only, which nobody but the helper can reach.
 */
static int find_text(const char *name, int errnum, struct evs_error *err)
{
	key_serial_t key = (key_serial_t)keyctl_search(KEY_SPEC_PROCESS_KEYRING, "user", name, 0);
	char raw[ERROR_MAX], text[sizeof(err->text)];
	const char *from = raw + 1, *end;
	long len;

	if (key < 0)
		return -errno;
	len = keyctl_read(key, raw, sizeof(raw));
	keyctl_unlink(key, KEY_SPEC_PROCESS_KEYRING);
	if (len <= 1 || raw[0] < CLASS_BASE || raw[0] >= CLASS_BASE + (int)EVS_CLASS_COUNT)
		return -ENOENT;
	end = raw + ((size_t)len < sizeof(raw) ? (size_t)len : sizeof(raw));
	take_text(text, sizeof(text), &from, end);
	evs_error_set(err, errnum, "%s", text);
	err->class = (enum evs_class)(raw[0] - CLASS_BASE);
	/* The helper's word: it did run, and had no answer */
	err->transient = errnum == EHOSTUNREACH;
	take_text(err->code, sizeof(err->code), &from, end);
	take_text(err->cmk, sizeof(err->cmk), &from, end);
	take_text(err->state, sizeof(err->state), &from, end);
	take_text(err->advice, sizeof(err->advice), &from, end);
	return 0;
}

int evs_keyring_request(const char *uuid, const char *device, const struct evs_pin *pin,
			key_serial_t *key, struct evs_error *err)
{
	char name[DESCRIPTION_MAX], callout[EVS_CALLOUT_SIZE];
	char text[EVS_UUID_SIZE + 32];
	int len, errnum;

	if (!evs_uuid_valid(uuid))
		return evs_error_set(err, EINVAL, "bad UUID: \"%s\"", uuid);
	len = snprintf(callout, sizeof(callout), "%s%s%s%s%s%s" CALLOUT_DEVICE "%s",
		       pin->kms ? CALLOUT_KMS : "", pin->kms ? pin->kms : "", pin->kms ? " " : "",
		       pin->cmk ? CALLOUT_CMK : "", pin->cmk ? pin->cmk : "", pin->cmk ? " " : "",
		       device);
	if (*device != '/' || len < 0 || (size_t)len >= sizeof(callout))
		return evs_error_set(err, EINVAL, "%s: no absolute path of a device", device);

	snprintf(name, sizeof(name), EVS_KEY_PREFIX "%s", uuid);
	*key = request_key(EVS_KEY_TYPE, name, callout, KEY_SPEC_PROCESS_KEYRING);
	if (*key > 0)
		return 0;
	errnum = errno;

	snprintf(name, sizeof(name), EVS_KEY_ERROR_PREFIX "%s", uuid);
	if (!find_text(name, errnum, err))
		return -errnum;
	if (errnum == ENOKEY)
		/* Not what the helper says of a CMK that is gone: it leaves a text */
		return evs_error_set_class(err, EVS_CLASS_KMS_UNREACHABLE,
					   "no key for disk %s: the helper did not run; is evs.ko loaded, is request-key(8) installed and is /etc/request-key.d/evs.conf there?",
					   uuid);
	snprintf(text, sizeof(text), "no key for disk %s", uuid);
	return fail(err, errnum, text);
}

void evs_keyring_drop(key_serial_t key)
{
	keyctl_unlink(key, KEY_SPEC_PROCESS_KEYRING);
}

int evs_keyring_assume(key_serial_t key, char *callout, size_t size, struct evs_error *err)
{
	long len;

	if (keyctl_assume_authority(key) < 0)
		return evs_error_set(err, errno, "key %d: no authority over it: %m", key);
	len = keyctl_read(KEY_SPEC_REQKEY_AUTH_KEY, callout, size - 1);
	if (len < 0)
		return evs_error_set(err, errno, "key %d: cannot read the call-out: %m", key);
	if ((size_t)len > size - 1)
		return evs_error_set(err, EMSGSIZE, "key %d: the call-out is too long", key);
	callout[len] = '\0';
	return 0;
}

/* The value of a word at the beginning of the text, which it is cut off */
static const char *take_word(char **text, const char *name)
{
	size_t len = strlen(name);
	char *value = *text + len;

	if (strncmp(*text, name, len) || !strchr(value, ' '))
		return NULL;
	*text = strchr(value, ' ');
	*(*text)++ = '\0';
	return value;
}

int evs_keyring_parse(char *callout, struct evs_pin *pin, const char **device,
		      struct evs_error *err)
{
	pin->kms = take_word(&callout, CALLOUT_KMS);
	pin->cmk = take_word(&callout, CALLOUT_CMK);
	*device = callout + strlen(CALLOUT_DEVICE);
	if (strncmp(callout, CALLOUT_DEVICE "/", strlen(CALLOUT_DEVICE) + 1))
		return evs_error_set(err, EINVAL, "the call-out names no device");
	return 0;
}

int evs_keyring_instantiate(key_serial_t key, const struct evs_secret *dk, struct evs_error *err)
{
	if (keyctl_instantiate(key, dk->data, dk->size, 0) == 0)
		return 0;
	return fail(err, errno, "the kernel does not take the key");
}

static size_t put_text(char *to, const char *text, size_t max)
{
	size_t len = strnlen(text, max - 1);

	memcpy(to, text, len);
	to[len] = '\0';
	return len + 1;
}

void evs_keyring_reject(key_serial_t key, const char *uuid, const struct evs_error *err)
{
	char name[DESCRIPTION_MAX], said[ERROR_MAX] = { (char)(CLASS_BASE + err->class) };
	int saved = errno;
	size_t used = 1;

	_Static_assert(1 + sizeof(err->text) + sizeof(err->code) + sizeof(err->cmk) +
		       sizeof(err->state) + sizeof(err->advice) <= ERROR_MAX, "all texts fit");
	if (uuid && strlen(uuid) < EVS_UUID_SIZE) {
		strcpy(stpcpy(name, EVS_KEY_ERROR_PREFIX), uuid);
		used += put_text(said + used, err->text, sizeof(err->text));
		used += put_text(said + used, err->code, sizeof(err->code));
		used += put_text(said + used, err->cmk, sizeof(err->cmk));
		used += put_text(said + used, err->state, sizeof(err->state));
		used += put_text(said + used, err->advice, sizeof(err->advice));
		add_key("user", name, said, used, KEY_SPEC_REQUESTOR_KEYRING);
	}
	keyctl_reject(key, REJECT_SECONDS, (unsigned int)err->errnum, 0);
	errno = saved;
}
