// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "date.h"
#include "http/tls.h"
#include "log.h"

#define WARN_SECONDS (30 * EVS_DAY_SECONDS)
#define CHAIN_MAX 8

/* Certificates, as a string. A private key is read by evs_secret_read_pem(). */
static int read_pem(const char *path, struct evs_secret **out, struct evs_error *err)
{
	struct evs_secret *pem = evs_secret_alloc(EVS_PEM_MAX + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret = 0;
	size_t used = 0;
	ssize_t n = 1;

	if (!pem || fd < 0) {
		ret = evs_error_set(err, errno, "%s: %m", path);
		goto out;
	}
	while (n > 0 && used < EVS_PEM_MAX) {
		n = read(fd, pem->data + used, EVS_PEM_MAX - used);
		used += n > 0 ? (size_t)n : 0;
	}
	if (n < 0)
		ret = evs_error_set(err, errno, "%s: %m", path);
	else if (!used || used == EVS_PEM_MAX)
		ret = evs_error_set(err, EINVAL, "%s: not a PEM file of up to %d bytes", path,
				    EVS_PEM_MAX);
out:
	if (fd >= 0)
		close(fd);
	if (ret)
		evs_secret_free(pem);
	else
		*out = pem;
	return ret;
}

/* Says now what the HTTP library would only say by not starting. */
static int check_pair(const struct kmsd_tls *tls, const struct kmsd_conf *conf,
		      struct evs_error *err)
{
	const gnutls_datum_t certificate = {
		tls->certificate->data, (unsigned int)strlen((char *)tls->certificate->data),
	};
	const gnutls_datum_t key = {
		tls->private_key->data, (unsigned int)strlen((char *)tls->private_key->data),
	};
	gnutls_certificate_credentials_t credentials;
	int rc = gnutls_certificate_allocate_credentials(&credentials);

	if (rc < 0)
		return evs_error_set(err, ENOMEM, "TLS: %s", gnutls_strerror(rc));
	rc = gnutls_certificate_set_x509_key_mem(credentials, &certificate, &key,
						 GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(credentials);
	return rc < 0 ? evs_error_set(err, EINVAL, "%s, %s: %s", conf->certificate,
				      conf->private_key, gnutls_strerror(rc)) : 0;
}

void kmsd_tls_warn(const char *whose, int64_t expires)
{
	time_t t = (time_t)expires;
	char date[16] = "";
	struct tm tm;

	if (expires - time(NULL) >= WARN_SECONDS)
		return;
	if (gmtime_r(&t, &tm))
		strftime(date, sizeof(date), "%Y-%m-%d", &tm);
	kmsd_log("%s: its certificate expires on %s", whose, date);
}

/* Of the first certificate, which is the daemon's own. */
static int64_t expiry(const struct kmsd_tls *tls)
{
	const gnutls_datum_t pem = {
		tls->certificate->data, (unsigned int)strlen((char *)tls->certificate->data),
	};
	gnutls_x509_crt_t crt;
	int64_t expires = 0;

	if (gnutls_x509_crt_init(&crt))
		return 0;
	if (!gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM))
		expires = gnutls_x509_crt_get_expiration_time(crt);
	gnutls_x509_crt_deinit(crt);
	return expires;
}

int kmsd_tls_load(struct kmsd_tls *tls, const struct kmsd_conf *conf, struct evs_error *err)
{
	int ret;

	*tls = (struct kmsd_tls){};
	/* GNUTLS_DEBUG_LEVEL, which it reads before main() runs, can print session keys. */
	gnutls_global_set_log_level(0);
	ret = read_pem(conf->certificate, &tls->certificate, err);
	if (!ret)
		ret = evs_secret_read_pem(&tls->private_key, conf->private_key, err);
	if (!ret)
		ret = check_pair(tls, conf, err);
	if (!ret)
		ret = kmsd_tls_load_trust(&tls->trust, conf, err);
	if (ret) {
		kmsd_tls_free(tls);
		return ret;
	}
	tls->expires = expiry(tls);
	kmsd_tls_warn("evs-kmsd", tls->expires);
	return 0;
}

void kmsd_tls_free(struct kmsd_tls *tls)
{
	evs_secret_free(tls->certificate);
	evs_secret_free(tls->private_key);
	if (tls->trust)
		gnutls_x509_trust_list_deinit(tls->trust, 1);
	*tls = (struct kmsd_tls){};
}

static int add_crl(gnutls_x509_trust_list_t trust, const char *path, struct evs_error *err)
{
	struct evs_secret *pem;
	gnutls_datum_t text;
	int ret;

	ret = read_pem(path, &pem, err);
	if (ret)
		return ret;
	text = (gnutls_datum_t){ pem->data, (unsigned int)strlen((char *)pem->data) };
	if (gnutls_x509_trust_list_add_trust_mem(trust, NULL, &text, GNUTLS_X509_FMT_PEM, 0,
						 GNUTLS_TL_VERIFY_CRL) <= 0)
		ret = evs_error_set(err, EINVAL,
				    "%s: not a list of certificates that [listen] client-ca has revoked",
				    path);
	evs_secret_free(pem);
	return ret;
}

int kmsd_tls_load_trust(gnutls_x509_trust_list_t *trust, const struct kmsd_conf *conf,
			struct evs_error *err)
{
	struct evs_secret *pem;
	gnutls_datum_t text;
	int ret;

	*trust = NULL;
	if (!conf->client_ca[0])
		return 0;
	ret = read_pem(conf->client_ca, &pem, err);
	if (ret)
		return ret;
	text = (gnutls_datum_t){ pem->data, (unsigned int)strlen((char *)pem->data) };
	if (gnutls_x509_trust_list_init(trust, 0))
		ret = evs_error_set(err, ENOMEM, "out of memory");
	else if (gnutls_x509_trust_list_add_trust_mem(*trust, &text, NULL, GNUTLS_X509_FMT_PEM, 0,
						      0) <= 0)
		ret = evs_error_set(err, EINVAL, "%s: no certificates in it", conf->client_ca);
	else if (conf->client_crl[0])
		ret = add_crl(*trust, conf->client_crl, err);
	evs_secret_free(pem);
	if (!ret || !*trust)
		return ret;
	gnutls_x509_trust_list_deinit(*trust, 1);
	*trust = NULL;
	return ret;
}

/* Imports the chain that the client has shown; returns how many certificates. */
static unsigned int get_chain(void *session, gnutls_x509_crt_t *chain, unsigned int max)
{
	unsigned int count = 0, n;
	const gnutls_datum_t *der = gnutls_certificate_get_peers(session, &count);

	for (n = 0; der && n < count && n < max; n++) {
		if (gnutls_x509_crt_init(&chain[n]))
			break;
		if (gnutls_x509_crt_import(chain[n], &der[n], GNUTLS_X509_FMT_DER)) {
			gnutls_x509_crt_deinit(chain[n]);
			break;
		}
	}
	return n;
}

bool kmsd_tls_trusts(const struct kmsd_tls *tls, void *session)
{
	gnutls_typed_vdata_st purpose = {
		.type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT,
	};
	gnutls_x509_crt_t chain[CHAIN_MAX];
	unsigned int status = 1, count, i;
	bool good;

	if (!tls->trust)
		return false;
	count = get_chain(session, chain, CHAIN_MAX);
	good = count && !gnutls_x509_trust_list_verify_crt2(tls->trust, chain, count, &purpose, 1, 0,
							    &status, NULL) && !status;
	for (i = 0; i < count; i++)
		gnutls_x509_crt_deinit(chain[i]);
	return good;
}
