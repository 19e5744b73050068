// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

static const int class_errno[EVS_CLASS_COUNT] = {
	[EVS_CLASS_NONE] = EIO,
	[EVS_CLASS_CMK_DISABLED] = EKEYREVOKED,
	[EVS_CLASS_CMK_PENDING_DELETION] = EKEYEXPIRED,
	[EVS_CLASS_CMK_DELETED] = ENOKEY,
	[EVS_CLASS_CMK_NO_MATERIAL] = ENODATA,
	[EVS_CLASS_NO_PERMISSION] = EACCES,
	[EVS_CLASS_BAD_CREDENTIALS] = EPERM,
	[EVS_CLASS_KMS_UNREACHABLE] = EHOSTUNREACH,
	[EVS_CLASS_KMS_BUSY] = EAGAIN,
	[EVS_CLASS_WRONG_KEY] = EKEYREJECTED,
	[EVS_CLASS_TAMPERED] = EBADMSG,
	[EVS_CLASS_DEFAULT_KEY_FORBIDDEN] = EOPNOTSUPP,
	[EVS_CLASS_ALIAS_EXISTS] = EEXIST,
	[EVS_CLASS_QUOTA] = EDQUOT,
	[EVS_CLASS_BAD_REQUEST] = EINVAL,
	[EVS_CLASS_PROTOCOL] = EPROTO,
};

static const char *const class_name[EVS_CLASS_COUNT] = {
	[EVS_CLASS_NONE] = "none",
	[EVS_CLASS_CMK_DISABLED] = "cmk-disabled",
	[EVS_CLASS_CMK_PENDING_DELETION] = "cmk-pending-deletion",
	[EVS_CLASS_CMK_DELETED] = "cmk-deleted",
	[EVS_CLASS_CMK_NO_MATERIAL] = "cmk-no-material",
	[EVS_CLASS_NO_PERMISSION] = "no-permission",
	[EVS_CLASS_BAD_CREDENTIALS] = "bad-credentials",
	[EVS_CLASS_KMS_UNREACHABLE] = "kms-unreachable",
	[EVS_CLASS_KMS_BUSY] = "kms-busy",
	[EVS_CLASS_WRONG_KEY] = "wrong-key",
	[EVS_CLASS_TAMPERED] = "tampered",
	[EVS_CLASS_DEFAULT_KEY_FORBIDDEN] = "default-key-forbidden",
	[EVS_CLASS_ALIAS_EXISTS] = "alias-exists",
	[EVS_CLASS_QUOTA] = "quota",
	[EVS_CLASS_BAD_REQUEST] = "bad-request",
	[EVS_CLASS_PROTOCOL] = "protocol",
};

int evs_class_errno(enum evs_class class)
{
	return class < EVS_CLASS_COUNT ? class_errno[class] : EIO;
}

const char *evs_class_name(enum evs_class class)
{
	return class_name[class < EVS_CLASS_COUNT ? class : EVS_CLASS_NONE];
}

enum evs_class evs_class_from_errno(int errnum)
{
	enum evs_class class;

	for (class = EVS_CLASS_NONE + 1; class < EVS_CLASS_COUNT; class++)
		if (class_errno[class] == errnum)
			return class;
	return EVS_CLASS_NONE;
}

/* The old text may be among the arguments: build the new one beside it. */
static void set_text(struct evs_error *err, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
static void set_text(struct evs_error *err, const char *fmt, va_list ap)
{
	char text[sizeof(err->text)];

	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	memcpy(err->text, text, sizeof(text));
}

int evs_error_set(struct evs_error *err, int errnum, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_text(err, fmt, ap);
	va_end(ap);
	err->errnum = errnum;
	err->class = EVS_CLASS_NONE;
	err->transient = false;
	err->code[0] = '\0';
	err->request_id[0] = '\0';
	err->cmk[0] = '\0';
	err->state[0] = '\0';
	err->advice[0] = '\0';
	return -errnum;
}

int evs_error_set_class(struct evs_error *err, enum evs_class class, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_text(err, fmt, ap);
	va_end(ap);
	err->errnum = evs_class_errno(class);
	err->class = class;
	err->transient = class == EVS_CLASS_KMS_BUSY;
	return -err->errnum;
}

int evs_error_prefix(struct evs_error *err, const char *fmt, ...)
{
	char old[sizeof(err->text)];
	size_t used;
	va_list ap;

	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	set_text(err, fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s", old);
	return -err->errnum;
}
