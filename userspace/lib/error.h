/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_ERROR_H
#define EVS_ERROR_H

#include <stdbool.h>

#include "names.h"

/**
 * enum evs_class - What went wrong, as far as the reader's next step differs.
 *
 * Every class has one fixed errno (evs_class_errno()), so that a tool can test
 * either, and so that the class survives the trip through the kernel when a
 * key is rejected with that errno.
 *
 * @EVS_CLASS_NONE: A local error (file, memory, usage): only the errno counts.
 * @EVS_CLASS_CMK_DISABLED: The CMK is disabled. EKEYREVOKED
 * @EVS_CLASS_CMK_PENDING_DELETION: The CMK awaits deletion. EKEYEXPIRED
 * @EVS_CLASS_CMK_DELETED: The CMK is gone or never existed. ENOKEY
 * @EVS_CLASS_CMK_NO_MATERIAL: The CMK is not active or not imported. ENODATA
 * @EVS_CLASS_NO_PERMISSION: The KMS knows who asks and says no. EACCES
 * @EVS_CLASS_BAD_CREDENTIALS: The KMS does not accept who asks. EPERM
 * @EVS_CLASS_KMS_UNREACHABLE: No answer: connect, TLS, timeout. EHOSTUNREACH
 * @EVS_CLASS_KMS_BUSY: The KMS answers that it cannot now. EAGAIN
 * @EVS_CLASS_WRONG_KEY: Not the key of this disk. EKEYREJECTED
 * @EVS_CLASS_TAMPERED: Wrapped DK or context was altered. EBADMSG
 * @EVS_CLASS_DEFAULT_KEY_FORBIDDEN: Not allowed on evs/default. EOPNOTSUPP
 * @EVS_CLASS_ALIAS_EXISTS: Another CMK has this alias. EEXIST
 * @EVS_CLASS_QUOTA: Too many CMKs or grants. EDQUOT; of the kernel's quota of keys it is
 *	without a class
 * @EVS_CLASS_BAD_REQUEST: The KMS refuses what was asked. EINVAL
 * @EVS_CLASS_PROTOCOL: The answer is none the protocol knows. EPROTO
 */
enum evs_class {
	EVS_CLASS_NONE,
	EVS_CLASS_CMK_DISABLED,
	EVS_CLASS_CMK_PENDING_DELETION,
	EVS_CLASS_CMK_DELETED,
	EVS_CLASS_CMK_NO_MATERIAL,
	EVS_CLASS_NO_PERMISSION,
	EVS_CLASS_BAD_CREDENTIALS,
	EVS_CLASS_KMS_UNREACHABLE,
	EVS_CLASS_KMS_BUSY,
	EVS_CLASS_WRONG_KEY,
	EVS_CLASS_TAMPERED,
	EVS_CLASS_DEFAULT_KEY_FORBIDDEN,
	EVS_CLASS_ALIAS_EXISTS,
	EVS_CLASS_QUOTA,
	EVS_CLASS_BAD_REQUEST,
	EVS_CLASS_PROTOCOL,
	EVS_CLASS_COUNT,
};

/**
 * struct evs_error - Why a call of the library failed.
 * @errnum: positive errno; 0 while nothing has failed
 * @class: class of a KMS or key failure, EVS_CLASS_NONE for a local one
 * @transient: the same call may succeed a moment later; always so for
 *	       EVS_CLASS_KMS_BUSY
 * @code: the KMS's own code, such as "KMS.0209"; "" when it gave none
 * @request_id: X-Request-Id of the KMS's answer; "" when it gave none
 * @cmk: id of the CMK that it is about, or what it was called; "" for none
 * @state: state of this CMK; "" when it is not known
 * @advice: the part of @text that says what to do; "" for none
 * @text: the whole sentence for the user, with @code in it; no program name,
 *        no newline
 *
 * One object is passed down a call; whoever fails fills it. The library never
 * prints. Start with `struct evs_error err = {};`.
 */
struct evs_error {
	int errnum;
	enum evs_class class;
	bool transient;
	char code[40];
	char request_id[64];
	char cmk[EVS_CMK_REF_SIZE];
	char state[24];
	char advice[512];
	char text[1024];
};

/**
 * evs_error_set() - Say that a local thing failed.
 * @err: error to fill; all that a KMS has told is cleared
 * @errnum: positive errno
 * @fmt: printf format of the whole sentence; put the errno's text in yourself
 *       (%m or strerror()) where it helps the reader
 *
 * Return: -@errnum, so that `return evs_error_set(...)` reads well.
 */
int evs_error_set(struct evs_error *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * evs_error_set_class() - Say that something of a class failed.
 * @err: error to fill; what a KMS has told is left as it is
 * @class: the class, which gives the errno
 * @fmt: printf format of the whole sentence
 *
 * Return: the negative errno of @class.
 */
int evs_error_set_class(struct evs_error *err, enum evs_class class, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * evs_error_prefix() - Put "what: " in front of the text, keeping the rest.
 * @err: error that is set
 * @fmt: printf format of what was being done or to what, without the colon
 *
 * Return: -@err->errnum.
 */
int evs_error_prefix(struct evs_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * evs_class_errno() - The fixed errno of a class.
 * @class: the class
 *
 * Return: positive errno; EIO for EVS_CLASS_NONE, which has none of its own.
 */
int evs_class_errno(enum evs_class class);

/**
 * evs_class_name() - The name of a class, for programs.
 * @class: the class
 *
 * Return: such as "cmk-disabled"; "none" for EVS_CLASS_NONE.
 */
const char *evs_class_name(enum evs_class class);

/**
 * evs_class_from_errno() - The class that an errno from the keyring stands for.
 * @errnum: positive errno
 *
 * Return: the class, EVS_CLASS_NONE where no class has this errno.
 */
enum evs_class evs_class_from_errno(int errnum);

#endif /* EVS_ERROR_H */
