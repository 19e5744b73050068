// SPDX-License-Identifier: GPL-2.0-or-later
/* What makes a remote host a client: a certificate, and a section on both sides. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf-edit.h"
#include "enroll.h"
#include "hex.h"
#include "newfile.h"

#define DAYS 730
#define HOST_DIR "/etc/evs"		/* where the files are on the client */

static X509 *make_certificate(const char *name, EVP_PKEY *key)
{
	X509 *crt = X509_new();
	X509_NAME *subject = X509_NAME_new();
	unsigned char serial[8];
	BIGNUM *number = NULL;
	bool good;

	if (getrandom(serial, sizeof(serial), 0) != sizeof(serial))
		goto err;
	serial[0] &= 0x7f;
	number = BN_bin2bn(serial, sizeof(serial), NULL);
	good = crt && subject && number && X509_set_version(crt, 2) &&
	       BN_to_ASN1_INTEGER(number, X509_get_serialNumber(crt)) &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
					  (const unsigned char *)name, -1, -1, 0) &&
	       X509_set_subject_name(crt, subject) && X509_set_issuer_name(crt, subject) &&
	       X509_gmtime_adj(X509_getm_notBefore(crt), -3600) &&
	       X509_time_adj_ex(X509_getm_notAfter(crt), DAYS, 0, NULL) &&
	       X509_set_pubkey(crt, key) && X509_sign(crt, key, EVP_sha256());
	if (good)
		goto out;
err:
	X509_free(crt);
	crt = NULL;
out:
	BN_free(number);
	X509_NAME_free(subject);
	return crt;
}

/* Makes a file of the client's directory, for root alone. */
static int put(const struct kmsd_enroll *e, const char *name, const void *data, size_t size,
	       struct evs_error *err)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/%s", e->dir, name);
	return kmsd_newfile_write(path, 0600, data, size, err);
}

/* What @bio holds; its memory is wiped when it is released. */
static int put_bio(const struct kmsd_enroll *e, const char *name, BIO *bio, struct evs_error *err)
{
	char *data;
	long size = BIO_get_mem_data(bio, &data);

	return put(e, name, data, (size_t)size, err);
}

/* Certificate, and its key behind it. */
static int write_pair(const struct kmsd_enroll *e, char fingerprint[KMSD_FINGERPRINT_SIZE],
		      struct evs_error *err)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	X509 *crt = key ? make_certificate(e->name, key) : NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int size;
	int ret;

	if (!crt || !bio || !X509_digest(crt, EVP_sha256(), hash, &size) ||
	    !PEM_write_bio_X509(bio, crt) ||
	    !PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)) {
		ret = evs_error_set(err, EIO, "OpenSSL makes no certificate");
	} else {
		evs_hex_encode(fingerprint, hash, size);
		ret = put_bio(e, "client.pem", bio, err);
	}
	BIO_free(bio);
	X509_free(crt);
	EVP_PKEY_free(key);
	return ret;
}

/* What the client is to trust: the daemon's certificate itself. */
static int copy_certificate(const struct kmsd_enroll *e, const struct kmsd_conf *conf,
			    struct evs_error *err)
{
	BIO *from = BIO_new_file(conf->certificate, "re"), *to = BIO_new(BIO_s_mem());
	X509 *crt = from ? PEM_read_bio_X509(from, NULL, NULL, NULL) : NULL;
	int ret;

	if (!crt || !to || !PEM_write_bio_X509(to, crt))
		ret = evs_error_set(err, EINVAL, "%s: no certificate can be read",
				    conf->certificate);
	else
		ret = put_bio(e, "kmsd.pem", to, err);
	X509_free(crt);
	BIO_free(to);
	BIO_free(from);
	return ret;
}

/* The address that is listened on; this host's name when that is any. */
static void print_url(FILE *file, const char *address)
{
	char host[256] = "";
	const char *port = strrchr(address, ':');

	if (strncmp(address, "0.0.0.0:", 8) && strncmp(address, "[::]:", 5))
		fprintf(file, "url = https://%s\n", address);
	else if (!gethostname(host, sizeof(host) - 1))
		fprintf(file, "url = https://%s%s\n", host, port);
}

static int write_config(const struct kmsd_enroll *e, const struct kmsd_conf *conf,
			struct evs_error *err)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	int ret;

	if (file) {
		fputs("[kms local]\nbackend = evs\n", file);
		print_url(file, conf->address);
		fprintf(file, "project = %s\nca-file = " HOST_DIR "/kmsd.pem\n"
			"client-cert-file = " HOST_DIR "/client.pem\n", e->project);
	}
	ret = !file || fclose(file) ? evs_error_set(err, ENOMEM, "out of memory")
				    : put(e, "evs.conf", text, size, err);
	free(text);
	return ret;
}

/* The configuration is exchanged whole: one at a time, or one would undo the other's. */
static int add_section(const struct kmsd_enroll *e, const char *fingerprint, struct evs_error *err)
{
	char text[KMSD_FINGERPRINT_SIZE + 256], dir[PATH_MAX];
	int fd, ret;

	snprintf(text, sizeof(text), "\n[client %s]\nfingerprint = %s\nproject = %s\nrole = %s\n",
		 e->name, fingerprint, e->project, e->role);
	snprintf(dir, sizeof(dir), "%s", e->config);
	fd = open(dirname(dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX)) {
		ret = evs_error_set(err, errno, "%s: %m", dir);
	} else {
		ret = kmsd_conf_append(e->config, text, err);
		if (!ret)
			ret = kmsd_conf_replace(e->config, err);
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

static int check(const struct kmsd_enroll *e, const struct kmsd_conf *conf, struct evs_error *err)
{
	struct kmsd_clients one = {};
	const char *wrong;
	int ret;

	if (!conf->address[0])
		return evs_error_set(err, EINVAL,
				     "%s: [listen] has no address, certificate and private-key, by which hosts reach the KMS",
				     e->config);
	ret = kmsd_clients_section(&one, e->name, err);
	if (!ret && kmsd_clients_by_name(&conf->clients, e->name))
		ret = evs_error_set(err, EEXIST, "%s: there is a [client %s] already", e->config,
				    e->name);
	if (!ret) {
		wrong = kmsd_clients_set(&one, e->name, "project", e->project);
		if (!wrong)
			wrong = kmsd_clients_set(&one, e->name, "role", e->role);
		ret = wrong ? evs_error_set(err, EINVAL, "%s, %s: %s", e->project, e->role, wrong) : 0;
	}
	kmsd_clients_free(&one);
	return ret;
}

/* A part of it would be in the way of the next try. */
static void remove_files(const struct kmsd_enroll *e)
{
	static const char *const names[] = { "client.pem", "kmsd.pem", "evs.conf" };
	char path[PATH_MAX + 16];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", e->dir, names[i]);
		unlink(path);
	}
	rmdir(e->dir);
}

int kmsd_enroll(struct kmsd_enroll *e, const struct kmsd_conf *conf, struct evs_error *err)
{
	char fingerprint[KMSD_FINGERPRINT_SIZE], config[PATH_MAX];
	int ret;

	ret = check(e, conf, err);
	if (ret)
		return ret;
	snprintf(config, sizeof(config), "%s", e->config);
	if (snprintf(e->dir, sizeof(e->dir), "%s/client-%s", dirname(config), e->name) >=
	    (int)sizeof(e->dir))
		return evs_error_set(err, ENAMETOOLONG, "%s: name too long", e->config);
	if (mkdir(e->dir, 0700))
		return evs_error_set(err, errno, "%s: %m", e->dir);
	ret = write_pair(e, fingerprint, err);
	if (!ret)
		ret = copy_certificate(e, conf, err);
	if (!ret)
		ret = write_config(e, conf, err);
	/* Last: until then the client is nobody */
	if (!ret)
		ret = add_section(e, fingerprint, err);
	if (ret)
		remove_files(e);
	return ret;
}
