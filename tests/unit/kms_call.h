/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A KMS that is a thread with a script: one answer for each connection. */
#ifndef KMS_CALL_TEST_H
#define KMS_CALL_TEST_H

#include "peer.h"

#include <errno.h>

#include "hex.h"
#include "kms/backend.h"

#define CMK "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
#define OTHER "bb6a3d22-dc93-47ac-b5bd-88df7ad35f1e"
#define UUID "11111111-2222-3333-4444-555555555555"

#define ZEROS_16 "00000000000000000000000000000000"
#define ZEROS_64 ZEROS_16 ZEROS_16 ZEROS_16 ZEROS_16
/* SHA-256 of 64 zero bytes, from the API's documentation. */
#define ZEROS_DIGEST "F5A5FD42D16A20302798EF6ED309979B43003D2320D9F0E8EA9831A92759FB4B"
#define KEY_64 ZEROS_16 ZEROS_16 "01" "000000000000000000000000000000" ZEROS_16

#define KEY_INFO(alias, state) HTTP("200", "{\"key_info\":{\"key_id\":\"" CMK "\"," \
	"\"key_alias\":\"" alias "\",\"key_state\":" state "," \
	"\"default_key_flag\":\"0\",\"creation_date\":\"1638806642000\"," \
	"\"scheduled_deletion_date\":\"1796083200\"}}")

struct fixture {
	struct peer peer;
	struct evs_config_kms cfg;
	struct evs_kms *kms;
	struct evs_secret *dk;
	struct evs_token token;
	struct evs_error err;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f || peer_open(&f->peer))
		return -1;
	strcpy(f->cfg.name, "local");
	f->cfg.ops = evs_kms_backend("otc");
	if (evs_config_set(&f->cfg, "url", f->peer.url) || evs_config_set(&f->cfg, "project", "p1"))
		return -1;
	f->cfg.timeout = 5;
	f->dk = evs_secret_alloc(EVS_DK_SIZE);
	if (!f->dk || evs_kms_open(&f->kms, &f->cfg, &f->err) ||
	    evs_token_init(&f->token, "local", CMK, UUID, &f->err))
		return -1;
	*state = f;
	return 0;
}

static void script(struct fixture *f, const char *answer)
{
	peer_script(&f->peer, answer);
}

static void start(struct fixture *f)
{
	peer_start(&f->peer);
}

static void finish(struct fixture *f)
{
	peer_finish(&f->peer);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	peer_close(&f->peer);
	evs_kms_close(f->kms);
	evs_secret_free(f->dk);
	free(f);
	return 0;
}

static void assert_wiped(const struct evs_secret *dk)
{
	static const unsigned char zeros[EVS_DK_SIZE];

	assert_memory_equal(dk->data, zeros, EVS_DK_SIZE);
}

#define kms_test(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif /* KMS_CALL_TEST_H */
