// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "secret.h"

/*
 * One mapping per secret: OpenSSL's secure heap would do the same, but its
 * size has to be fixed when the process starts and it falls back to ordinary
 * memory without a word when it is full.
 */
struct evs_secret *evs_secret_alloc(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct evs_secret *secret;
	size_t mapped;
	int errnum;

	if (!size || size > SIZE_MAX - sizeof(*secret) - page) {
		errno = EINVAL;
		return NULL;
	}
	mapped = (sizeof(*secret) + size + page - 1) / page * page;
	secret = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (secret == MAP_FAILED)
		return NULL;
	if (mlock(secret, mapped) || madvise(secret, mapped, MADV_DONTDUMP) ||
	    madvise(secret, mapped, MADV_WIPEONFORK)) {
		errnum = errno;
		munmap(secret, mapped);
		errno = errnum;
		return NULL;
	}
	secret->size = size;
	secret->mapped = mapped;
	return secret;
}

void evs_secret_wipe(struct evs_secret *secret)
{
	if (secret)
		explicit_bzero(secret->data, secret->size);
}

void evs_secret_free(struct evs_secret *secret)
{
	if (!secret)
		return;
	evs_secret_wipe(secret);
	munmap(secret, secret->mapped);
}

int evs_process_harden(struct evs_error *err)
{
	const struct rlimit none = {};

	if (setrlimit(RLIMIT_CORE, &none))
		return evs_error_set(err, errno, "cannot turn core dumps off: %m");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return evs_error_set(err, errno, "cannot make the process undumpable: %m");
	/*
	 * Secrets have locked memory of their own. This is for what libraries
	 * keep for a moment, so whoever may not lock that much goes without.
	 */
	mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	return 0;
}
