/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: key type "evs" and the keyring of attached disks
 */
#ifndef _EVS_KEY_H
#define _EVS_KEY_H

#include <linux/key.h>

#include "keywatch.h"

struct evs_cipher;
struct netlink_ext_ack;

#if IS_ENABLED(CONFIG_KUNIT)
extern struct key_type evs_key_type;
#endif

int evs_key_init(void);
void evs_key_exit(void);
struct key *evs_key_claim(key_serial_t serial);
int evs_key_consume(struct key *key, struct evs_cipher *cipher);
void evs_key_destroy(struct key *key);
void evs_key_disown(struct evs_key_owner *owner);
void evs_key_explain(int err, key_serial_t serial,
		     struct netlink_ext_ack *extack);

#endif /* _EVS_KEY_H */
