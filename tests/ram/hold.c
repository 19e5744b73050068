// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stops the key helper in the moment before it hands the key to the kernel: to be
 * loaded with it (LD_PRELOAD).
 */
#include <dlfcn.h>
#include <keyutils.h>
#include <signal.h>
#include <stddef.h>

long keyctl_instantiate(key_serial_t id, const void *payload, size_t size, key_serial_t ring)
{
	long (*next)(key_serial_t, const void *, size_t, key_serial_t);

	raise(SIGSTOP);
	*(void **)&next = dlsym(RTLD_NEXT, "keyctl_instantiate");
	return next(id, payload, size, ring);
}
