// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Alerts of TLS. The server of TLS 1.3 judges the certificate of a client only
 * after the client is done with the handshake, and then all that curl knows is
 * that reading failed.
 */
#include <openssl/ssl.h>
#include <stdio.h>

#include "kms/alert.h"

static void take_alert(const SSL *ssl, int where, int code)
{
	int *alert = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && code >> 8 == SSL3_AL_FATAL)
		*alert = code & 0xff;
}

static CURLcode prepare_ssl(CURL *curl, void *ctx, void *user)
{
	(void)curl;
	/* What was received must not stay in OpenSSL's buffers. */
	SSL_CTX_set_options(ctx, SSL_OP_CLEANSE_PLAINTEXT);
	SSL_CTX_set_app_data((SSL_CTX *)ctx, user);
	SSL_CTX_set_info_callback(ctx, take_alert);
	return CURLE_OK;
}

CURLcode evs_alert_watch(CURL *curl, int *alert)
{
	CURLcode ret = curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, prepare_ssl);

	return ret ? ret : curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, alert);
}

bool evs_alert_refused(int alert, struct evs_error *err)
{
	switch (alert) {
	case SSL_AD_HANDSHAKE_FAILURE:	/* TLS 1.2: no certificate at all */
	case SSL_AD_BAD_CERTIFICATE:
	case SSL_AD_UNSUPPORTED_CERTIFICATE:
	case SSL_AD_CERTIFICATE_REVOKED:
	case SSL_AD_CERTIFICATE_EXPIRED:
	case SSL_AD_CERTIFICATE_UNKNOWN:
	case SSL_AD_UNKNOWN_CA:
	case SSL_AD_ACCESS_DENIED:
	case SSL_AD_DECRYPT_ERROR:
	case SSL_AD_CERTIFICATE_REQUIRED:
		break;
	default:
		return false;
	}
	snprintf(err->code, sizeof(err->code), "TLS alert %d", alert);
	/* OpenSSL 3.0 has no words for the last of them. */
	evs_error_set_class(err, EVS_CLASS_BAD_CREDENTIALS, "%s, about client-cert-file",
			    alert == SSL_AD_CERTIFICATE_REQUIRED ? "certificate required" :
			    SSL_alert_desc_string_long(alert));
	return true;
}

bool evs_curl_transient(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
	case CURLE_AGAIN:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return true;
	default:
		return false;
	}
}
