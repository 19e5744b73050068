/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A peer that is the identity service and the KMS in one. */
#ifndef KMS_AUTH_TEST_H
#define KMS_AUTH_TEST_H

#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "kms/clock.h"
#include "kms/backend.h"

#define CMK "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
#define NOON 1764072000		/* 2025-11-25T12:00:00Z */
#define SECRET "p\"w\\d \xc3\xa4\t/1"
#define SECRET_JSON "p\\\"w\\\\d \xc3\xa4\\u0009/1"

#define KEY_INFO HTTP("200", "{\"key_info\":{\"key_id\":\"" CMK "\",\"key_state\":\"2\"}}")
#define TOKEN(token, expires) "HTTP/1.1 201 X\r\nx-subject-token: " token "\r\n" \
	"Connection: close\r\n\r\n{\"token\":{\"expires_at\":\"" expires "\"}}"
#define TOKEN_REQUEST(identity) "POST /v3/auth/tokens?nocatalog=1 {\"auth\":{\"identity\":{" \
	identity "},\"scope\":{\"project\":{\"id\":\"p1\"}}}}"
#define IAM_ERROR(status, message) HTTP(status, "{\"error\":{\"code\":" status "," \
	"\"message\":\"" message "\",\"title\":\"T\"}}")
#define KEY(access, expires) HTTP("200", "{\"credential\":{\"access\":\"" access "\"," \
	"\"secret\":\"sk\\/1\",\"securitytoken\":\"st+\\/=\",\"expires_at\":\"" expires "\"}}")

struct fixture {
	struct peer peer;
	struct evs_config_kms cfg;
	struct evs_kms *kms;
	struct evs_error err;
	char secret[64];
};

static int64_t wall = NOON;

static int64_t fake_wall(void)
{
	return wall;
}

static void fake_sleep(long ms)
{
	(void)ms;
}

static int write_secret(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool bad = fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
		   fchmod(fd, mode);

	close(fd);
	return bad ? -1 : 0;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f || peer_open(&f->peer))
		return -1;
	wall = NOON;
	snprintf(f->secret, sizeof(f->secret), "/tmp/evs-kms-test-%d.secret", getpid());
	if (write_secret(f->secret, SECRET "\n", 0600))
		return -1;
	strcpy(f->cfg.name, "cloud");
	f->cfg.ops = evs_kms_backend("otc");
	f->cfg.timeout = 5;
	*state = f;
	return evs_config_set(&f->cfg, "url", f->peer.url) ||
	       evs_config_set(&f->cfg, "project", "p1") ? -1 : 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	evs_kms_close(f->kms);
	peer_close(&f->peer);
	unlink(f->secret);
	free(f);
	return 0;
}

static void set(struct fixture *f, const char *name, const char *value)
{
	assert_int_equal(evs_config_set(&f->cfg, name, value), 0);
}

static void open_kms(struct fixture *f)
{
	if (f->cfg.ops->check(&f->cfg, &f->err) || evs_kms_open(&f->kms, &f->cfg, &f->err))
		fail_msg("%s", f->err.text);
}

static int describe(struct fixture *f)
{
	struct evs_cmk cmk;

	return evs_kms_describe_key(f->kms, CMK, &cmk, &f->err);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif /* KMS_AUTH_TEST_H */
