// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "kms/certificate.h"

const char *const evs_certificate_keys[] = { "ca-file", "client-cert-file", NULL };

static bool seconds_of(const ASN1_TIME *when, int64_t *seconds)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(when, &tm) != 1)
		return false;
	*seconds = timegm(&tm);
	return true;
}

int evs_certificate_dates(const char *path, int64_t *from, int64_t *until, struct evs_error *err)
{
	FILE *file = fopen(path, "re");
	X509 *cert;
	int ret = 0;

	if (!file)
		return evs_error_set(err, errno, "%s: %m", path);
	cert = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	if (!cert || !seconds_of(X509_get0_notBefore(cert), from) ||
	    !seconds_of(X509_get0_notAfter(cert), until))
		ret = evs_error_set(err, EINVAL, "%s: holds no certificate (PEM)", path);
	X509_free(cert);
	return ret;
}
