/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For the tests of a back end: a client of a KMS in a directory of its own, and a
 * DK on its way there and back.
 */
#ifndef KMS_FIXTURE_H
#define KMS_FIXTURE_H

#include "kms/backend.h"
#include "kms/kms.h"
#include "server.h"

#define UUID "11111111-2222-3333-4444-555555555555"

struct fixture {
	char dir[32];
	unsigned int port;
	pid_t server;		/* 0: none */
	struct evs_config_kms cfg;
	struct evs_kms *kms;
	struct evs_secret *dk;
	struct evs_secret *back;
	struct evs_token token;
	struct evs_error err;
};

/* The section @name of evs.conf for @backend, with nothing but its timeout. */
UNUSED static struct fixture *fixture_new(const char *backend, const char *name,
					  unsigned int timeout)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/evs-%s-XXXXXX", backend);
	assert_non_null(mkdtemp(f->dir));
	strcpy(f->cfg.name, name);
	f->cfg.ops = evs_kms_backend(backend);
	assert_non_null(f->cfg.ops);
	f->cfg.timeout = timeout;
	f->dk = evs_secret_alloc(EVS_DK_SIZE);
	f->back = evs_secret_alloc(EVS_DK_SIZE);
	assert_true(f->dk && f->back);
	return f;
}

UNUSED static void fixture_free(struct fixture *f)
{
	evs_kms_close(f->kms);
	stop_server(f->server);
	remove_tree(f->dir);
	evs_secret_free(f->dk);
	evs_secret_free(f->back);
	free(f);
}

UNUSED static void set(struct fixture *f, const char *key, const char *value)
{
	assert_int_equal(evs_config_set(&f->cfg, key, value), 0);
}

/* To a file of the fixture's directory */
UNUSED static void set_file(struct fixture *f, const char *key, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	set(f, key, path);
}

UNUSED static void reopen(struct fixture *f)
{
	evs_kms_close(f->kms);
	f->kms = NULL;
	check_ok(&f->err, evs_kms_open(&f->kms, &f->cfg, &f->err));
}

UNUSED static void make_cmk(struct fixture *f, const char *name, struct evs_cmk *cmk)
{
	check_ok(&f->err, evs_kms_create_key(f->kms, name, NULL, cmk, &f->err));
}

UNUSED static void wrap_new(struct fixture *f, const char *id)
{
	check_ok(&f->err, evs_token_init(&f->token, f->cfg.name, id, UUID, &f->err));
	check_ok(&f->err, evs_kms_create_datakey(f->kms, &f->token, f->dk, &f->err));
}

UNUSED static int unwrap(struct fixture *f)
{
	memset(f->back->data, 0xff, EVS_DK_SIZE);
	return evs_kms_decrypt_datakey(f->kms, &f->token, f->back, &f->err);
}

UNUSED static void assert_unwraps(struct fixture *f)
{
	check_ok(&f->err, unwrap(f));
	assert_memory_equal(f->back->data, f->dk->data, EVS_DK_SIZE);
}

UNUSED static void assert_refused(struct fixture *f, enum evs_class class)
{
	check_fails(&f->err, unwrap(f), class);
	assert_wiped(f->back);
}

#endif /* KMS_FIXTURE_H */
