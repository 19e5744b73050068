/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_STRESS_H
#define EVS_STRESS_H

/*
 * What the programs of this folder share. They run as root in a guest, on their
 * own: a call that fails where nobody made it fail ends the program.
 */
#include <err.h>
#include <keyutils.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Size of a DK in bytes */
#define STRESS_DK_SIZE 64

/**
 * stress_below() - A random number, the same in every run from the same srandom().
 * @limit: it is below this, which is not 0
 */
static inline unsigned int stress_below(unsigned int limit)
{
	return (unsigned int)random() % limit;
}

/**
 * stress_key() - A new key of type evs in the session keyring.
 * @which: keys of the same number have the same DK
 *
 * Return: its serial number.
 */
static inline key_serial_t stress_key(unsigned int which)
{
	static _Atomic unsigned int count;
	unsigned char dk[STRESS_DK_SIZE];
	char name[32];
	key_serial_t key;

	for (size_t i = 0; i < sizeof(dk); i++)
		dk[i] = (unsigned char)(which + i);
	/* A second one of the same name would take the place of the first one */
	snprintf(name, sizeof(name), "stress:%u", count++);
	key = add_key("evs", name, dk, sizeof(dk), KEY_SPEC_SESSION_KEYRING);
	if (key < 0)
		err(2, "add_key");
	return key;
}

#endif /* EVS_STRESS_H */
