// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "capability.h"
#include "secret.h"

/*
 * Memory that the kernel itself does not see, and zeroes when it is given back:
 * it is the one kind of which nothing is left if the process is killed. Locked and
 * left out of dumps as it is. NULL where the kernel has none.
 */
static void *map_hidden(size_t size)
{
	int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
	void *mem = MAP_FAILED;

	if (fd < 0)
		return NULL;
	if (!ftruncate(fd, (off_t)size))
		mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (mem == MAP_FAILED)
		return NULL;
	if (madvise(mem, size, MADV_DONTFORK)) {
		munmap(mem, size);
		return NULL;
	}
	return mem;
}

static void *map_locked(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int errnum;

	if (mem == MAP_FAILED)
		return NULL;
	if (mlock(mem, size) || madvise(mem, size, MADV_DONTDUMP) ||
	    madvise(mem, size, MADV_DONTFORK)) {
		errnum = errno;
		munmap(mem, size);
		errno = errnum;
		return NULL;
	}
	return mem;
}

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

	if (!size || size > SIZE_MAX - sizeof(*secret) - page) {
		errno = EINVAL;
		return NULL;
	}
	mapped = (sizeof(*secret) + size + page - 1) / page * page;
	secret = map_hidden(mapped);
	if (!secret)
		secret = map_locked(mapped);
	if (!secret)
		return NULL;
	secret->size = size;
	secret->mapped = mapped;
	return secret;
}

static void *map_shared(int fd, size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int errnum;

	if (mem == MAP_FAILED)
		return NULL;
	if (madvise(mem, size, MADV_DONTDUMP) || madvise(mem, size, MADV_DONTFORK)) {
		errnum = errno;
		munmap(mem, size);
		errno = errnum;
		return NULL;
	}
	return mem;
}

/* Memory behind a descriptor. Of memfd_secret(2) it is locked as it is. */
static void *map_new(int fd, size_t size, bool lock)
{
	void *mem = NULL;
	int errnum;

	if (fd >= 0 && !ftruncate(fd, (off_t)size))
		mem = map_shared(fd, size);
	if (mem && lock && mlock(mem, size)) {
		errnum = errno;
		munmap(mem, size);
		errno = errnum;
		mem = NULL;
	}
	errnum = errno;
	if (!mem && fd >= 0)
		close(fd);
	errno = errnum;
	return mem;
}

struct evs_secret *evs_secret_alloc_shared(size_t size, int *fd)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct evs_secret *secret;
	size_t mapped;

	mapped = (sizeof(*secret) + size + page - 1) / page * page;
	*fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
	secret = map_new(*fd, mapped, false);
	if (!secret) {
		*fd = memfd_create("evs-secret", MFD_CLOEXEC);
		secret = map_new(*fd, mapped, true);
	}
	if (!secret)
		return NULL;
	secret->size = size;
	secret->mapped = mapped;
	return secret;
}

/* Who made the memory has locked it: there are no pages but those. */
struct evs_secret *evs_secret_map(int fd)
{
	struct evs_secret *secret;
	struct stat st;
	size_t mapped;

	if (fstat(fd, &st))
		return NULL;
	mapped = (size_t)st.st_size;
	if (!S_ISREG(st.st_mode) || mapped < sizeof(*secret)) {
		errno = EINVAL;
		return NULL;
	}
	secret = map_shared(fd, mapped);
	if (secret && (secret->mapped != mapped || secret->size > mapped - sizeof(*secret))) {
		munmap(secret, mapped);
		errno = EINVAL;
		return NULL;
	}
	return secret;
}

/*
 * What memcpy() and the like have moved stays in vector registers until these are used
 * again. The kernel saves them whenever it switches to another task.
 */
#if __has_attribute(zero_call_used_regs)
__attribute__((zero_call_used_regs("all")))
#endif
static void __attribute__((noinline)) forget_registers(void)
{
	__asm__ volatile("");
}

void evs_secret_wipe_used(struct evs_secret *secret, size_t used)
{
	explicit_bzero(secret->data, used);
	forget_registers();
}

void evs_secret_wipe(struct evs_secret *secret)
{
	if (secret)
		evs_secret_wipe_used(secret, secret->size);
}

void evs_secret_free(struct evs_secret *secret)
{
	static const struct timespec moment = { .tv_nsec = 1 };
	int errnum = errno;

	if (!secret)
		return;
	evs_secret_wipe(secret);
	munmap(secret, secret->mapped);
	/* What was saved before is not wiped when the process ends: have it saved over. */
	nanosleep(&moment, NULL);
	errno = errnum;
}

int evs_process_harden(struct evs_error *err)
{
	const struct rlimit none = {};
	struct rlimit locked;

	if (setrlimit(RLIMIT_CORE, &none))
		return evs_error_set(err, errno, "cannot turn core dumps off: %m");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return evs_error_set(err, errno, "cannot make the process undumpable: %m");
	/*
	 * Secrets have locked memory of their own. This is for what libraries
	 * keep for a moment. Below a limit, memory would run out at it.
	 */
	if (evs_capable(CAP_IPC_LOCK) ||
	    (!getrlimit(RLIMIT_MEMLOCK, &locked) && locked.rlim_cur == RLIM_INFINITY))
		mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	return 0;
}
