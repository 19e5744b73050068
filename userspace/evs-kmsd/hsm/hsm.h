/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_HSM_H
#define KMSD_HSM_H

#include <stddef.h>
#include <stdint.h>

#include "conf.h"
#include "error.h"
#include "p11.h"
#include "secret.h"

#define KMSD_HSM_IV_SIZE EVS_P11_IV_SIZE
#define KMSD_HSM_TAG_SIZE EVS_P11_TAG_SIZE

/* What wrapping with the root key adds to the plaintext: IV in front, tag behind. */
#define KMSD_HSM_OVERHEAD (KMSD_HSM_IV_SIZE + KMSD_HSM_TAG_SIZE)

struct kmsd_hsm;

/* Unless said otherwise, these return 0, or a negative errno with @err filled. */

/*
 * Load the module, log in, find and check the root key. @hsm: release with kmsd_hsm_close().
 * @conf: [hsm] section is read. Refuses a root key that is not an AES-256 key generated in the
 * token, sensitive and not extractable since its birth. A session that is lost later is opened
 * anew, with the PIN from its file, by the call that finds it so. Sets SOFTHSM2_CONF in the
 * environment when configured: call it before there are threads.
 */
int kmsd_hsm_open(struct kmsd_hsm **hsm, const struct kmsd_conf *conf, struct evs_error *err);

/* Log out and unload. */
void kmsd_hsm_close(struct kmsd_hsm *hsm);

/* How many calls has the token failed? */
uint64_t kmsd_hsm_errors(struct kmsd_hsm *hsm);

/* Random bytes from the token's generator. @size: bytes wanted. */
int kmsd_hsm_random(struct kmsd_hsm *hsm, void *data, size_t size, struct evs_error *err);

/*
 * Encrypt with the root key (AES-256-GCM inside the token). @aad: text the result is bound to.
 * @plain: the bytes. @wrapped: @size + KMSD_HSM_OVERHEAD bytes. Context: any thread; the token
 * does one operation at a time.
 */
int kmsd_hsm_wrap(struct kmsd_hsm *hsm, const char *aad, const void *plain, size_t size,
		  void *wrapped, struct evs_error *err);

/*
 * Undo kmsd_hsm_wrap(). @aad: the text given to kmsd_hsm_wrap(). @wrapped: the result of
 * kmsd_hsm_wrap(). @plain: @size - KMSD_HSM_OVERHEAD bytes. Returns 0, -EBADMSG when @wrapped
 * or @aad is not what was wrapped with this root key, -ENXIO when the token does not answer,
 * or another negative errno.
 */
int kmsd_hsm_unwrap(struct kmsd_hsm *hsm, const char *aad, const void *wrapped, size_t size,
		    void *plain, struct evs_error *err);

/**
 * struct kmsd_hsm_new - A token to be made.
 * @module: path of the PKCS#11 module
 * @softhsm2_conf: its configuration, "" when it is not SoftHSM
 * @token: label
 * @root_key: label of the root key
 * @pin: user PIN
 * @so_pin: security officer's PIN
 */
struct kmsd_hsm_new {
	const char *module;
	const char *softhsm2_conf;
	const char *token;
	const char *root_key;
	const struct evs_secret *pin;
	const struct evs_secret *so_pin;
};

/*
 * Initialise a blank token and generate the root key in it. @new: what to make. Takes the
 * first slot whose token is not initialised; never touches another. Returns 0 or a negative
 * errno; -ENODEV when there is no blank token.
 */
int kmsd_hsm_init(const struct kmsd_hsm_new *new, struct evs_error *err);

/*
 * Generate a root key in a token, unless it has one of that name. @conf: its [hsm] section is
 * read.
 */
int kmsd_hsm_make_root(const struct kmsd_conf *conf, struct evs_error *err);

#endif /* KMSD_HSM_H */
