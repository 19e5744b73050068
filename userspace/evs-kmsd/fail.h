/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_FAIL_H
#define KMSD_FAIL_H

#include "error.h"

/*
 * Codes of the KMS API that the daemon answers with. A failure of the daemon's
 * own (database, token, memory) is an evs_error without a code; the API layer
 * turns it into KMSD_E_INTERNAL or KMSD_E_UNAVAILABLE.
 */
#define KMSD_E_INTERNAL		"KMS.0100"
#define KMSD_E_UNAVAILABLE	"KMS.0104"
#define KMSD_E_URL		"KMS.0201"
#define KMSD_E_JSON		"KMS.0202"
#define KMSD_E_TOO_LONG		"KMS.0203"
#define KMSD_E_MISSING		"KMS.0204"
#define KMSD_E_KEY_ID		"KMS.0205"
#define KMSD_E_NO_KEY		"KMS.0207"
#define KMSD_E_CONTEXT		"KMS.0208"
#define KMSD_E_DISABLED		"KMS.0209"
#define KMSD_E_PENDING_DELETION	"KMS.0210"
#define KMSD_E_DEFAULT_KEY	"KMS.0211"
#define KMSD_E_FORMAT		"KMS.0214"
#define KMSD_E_METHOD		"KMS.0215"
#define KMSD_E_NO_CERTIFICATE	"KMS.0301"
#define KMSD_E_CERTIFICATE	"KMS.0302"
#define KMSD_E_PROJECT		"KMS.0305"
#define KMSD_E_PERMISSION	"KMS.0306"
#define KMSD_E_PARAMETER	"KMS.0308"
#define KMSD_E_NOT_EXTERNAL	"KMS.0309"
#define KMSD_E_NOT_PENDING_IMPORT	"KMS.0310"
#define KMSD_E_NO_ROTATION	"KMS.0312"
#define KMSD_E_ROTATION_OFF	"KMS.0313"
#define KMSD_E_OTHER_PROJECT	"KMS.0321"
#define KMSD_E_ALIAS		"KMS.1101"
#define KMSD_E_DESCRIPTION	"KMS.1103"
#define KMSD_E_ALIAS_EXISTS	"KMS.1104"
#define KMSD_E_TOO_MANY		"KMS.1105"
#define KMSD_E_NOT_DISABLED	"KMS.1201"
#define KMSD_E_NOT_ENABLED	"KMS.1301"
#define KMSD_E_DAYS		"KMS.1401"
#define KMSD_E_PENDING_ALREADY	"KMS.1402"
#define KMSD_E_NOT_PENDING	"KMS.1501"
#define KMSD_E_LIMIT		"KMS.1601"
#define KMSD_E_MARKER		"KMS.1602"
#define KMSD_E_DK_LENGTH	"KMS.2001"
#define KMSD_E_PLAIN		"KMS.2101"
#define KMSD_E_PLAIN_LENGTH	"KMS.2102"
#define KMSD_E_PLAIN_HASH	"KMS.2103"
#define KMSD_E_PLAIN_MISMATCH	"KMS.2104"
#define KMSD_E_CIPHER		"KMS.2201"
#define KMSD_E_CIPHER_LENGTH	"KMS.2202"
#define KMSD_E_CIPHER_HASH	"KMS.2203"
#define KMSD_E_CIPHER_MISMATCH	"KMS.2204"
#define KMSD_E_GRANT_ONLY	"KMS.2401"
#define KMSD_E_GRANTEE		"KMS.2402"
#define KMSD_E_GRANTS		"KMS.2404"
#define KMSD_E_GRANT_ID		"KMS.2501"
#define KMSD_E_GRANT_MISMATCH	"KMS.2502"
#define KMSD_E_IMPORT_EXPIRED	"KMS.2601"
#define KMSD_E_IMPORT_PAST	"KMS.2602"
#define KMSD_E_IMPORT_TOKEN	"KMS.2603"
#define KMSD_E_IMPORT_SIZE	"KMS.2604"
#define KMSD_E_IMPORT_OTHER	"KMS.2605"
#define KMSD_E_REIMPORT		"KMS.2606"
#define KMSD_E_NOT_DELETABLE	"KMS.2701"
#define KMSD_E_ROTATION_ON	"KMS.2901"
#define KMSD_E_INTERVAL		"KMS.3001"

/*
 * Refuse a request with a code of the KMS API. @err: error to fill. @code: one of KMSD_E_*.
 * @fmt: printf format of the message for the client. Returns -EINVAL, so that `return
 * kmsd_fail(...)` reads well.
 */
int kmsd_fail(struct evs_error *err, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The HTTP status that goes with a code. @code: one of KMSD_E_*. */
unsigned int kmsd_http_status(const char *code);

#endif /* KMSD_FAIL_H */
