// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>

#include "environment.h"

/*
 * SSLKEYLOGFILE has OpenSSL (by libcurl) and GnuTLS write the session keys of every
 * TLS connection to a file: whoever reads it has the DKs. The others decide whom TLS
 * trusts, or what code it runs.
 */
static const char *const unwanted[] = {
	"SSLKEYLOGFILE",
	"GNUTLS_KEYLOGFILE",
	"SSL_CERT_FILE",
	"SSL_CERT_DIR",
	"OPENSSL_CONF",
	"OPENSSL_CONF_INCLUDE",
	"OPENSSL_ENGINES",
	"OPENSSL_MODULES",
};

void evs_environment_clean(void)
{
	size_t i;

	for (i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++)
		unsetenv(unwanted[i]);
}
