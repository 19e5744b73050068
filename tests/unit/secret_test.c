// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "secret.h"

/* The kernel's flags of the mapping at @addr, "" when there is none. */
static void mapping_flags(const void *addr, char *flags, size_t size)
{
	unsigned long start, end;
	bool inside = false;
	char line[512];
	FILE *smaps;

	*flags = '\0';
	smaps = fopen("/proc/self/smaps", "re");
	assert_non_null(smaps);
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (unsigned long)addr && (unsigned long)addr < end;
		else if (inside && !strncmp(line, "VmFlags:", 8))
			snprintf(flags, size, "%.200s", line + 8);
	}
	fclose(smaps);
}

static void test_alloc_is_zero(void **state)
{
	static const unsigned char zeros[EVS_DK_SIZE];
	struct evs_secret *secret = evs_secret_alloc(EVS_DK_SIZE);

	(void)state;
	assert_non_null(secret);
	assert_int_equal(secret->size, EVS_DK_SIZE);
	assert_memory_equal(secret->data, zeros, EVS_DK_SIZE);
	evs_secret_free(secret);
}

/* What was last moved through a vector register is not there any more. */
static void test_registers(void **state)
{
#if defined(__x86_64__) && __has_attribute(zero_call_used_regs)
	static const unsigned char zeros[16];
	struct evs_secret *secret = evs_secret_alloc(16);
	unsigned char left[16];

	(void)state;
	assert_non_null(secret);
	memset(secret->data, 0x5a, 16);
	__asm__ volatile("movdqu (%1), %%xmm7\n\t"
			 "mov %%rsp, %%r12\n\t"
			 "and $-16, %%rsp\n\t"
			 "call *%2\n\t"
			 "mov %%r12, %%rsp\n\t"
			 "movdqu %%xmm7, %0"
			 : "=m"(left)
			 : "b"(secret->data), "r"(evs_secret_wipe), "D"(secret)
			 : "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "memory",
			   "cc", "xmm7");
	assert_memory_equal(left, zeros, sizeof(left));
	evs_secret_free(secret);
#else
	(void)state;
	skip();
#endif
}

static void test_locked_and_undumpable(void **state)
{
	struct evs_secret *secret = evs_secret_alloc(EVS_DK_SIZE);
	char flags[256];

	(void)state;
	assert_non_null(secret);
	mapping_flags(secret, flags, sizeof(flags));
	if (!*flags)
		skip();		/* a kernel without VmFlags in smaps */
#ifndef __SANITIZE_ADDRESS__	/* its run-time library turns mlock() into nothing */
	assert_non_null(strstr(flags, " lo"));
#endif
	assert_non_null(strstr(flags, " dd"));
	assert_non_null(strstr(flags, " dc"));
	evs_secret_free(secret);
}

static void test_child_has_none(void **state)
{
	struct evs_secret *secret = evs_secret_alloc(EVS_DK_SIZE);
	unsigned char vec;
	int status;
	pid_t pid;

	(void)state;
	assert_non_null(secret);
	memset(secret->data, 0x5a, secret->size);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)	/* is anything mapped there? */
		_exit(!mincore(secret, 1, &vec) || errno != ENOMEM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	evs_secret_free(secret);
}

static void test_wipe(void **state)
{
	static const unsigned char zeros[100];
	struct evs_secret *secret = evs_secret_alloc(sizeof(zeros));

	(void)state;
	assert_non_null(secret);
	memset(secret->data, 0xff, secret->size);
	evs_secret_wipe(secret);
	assert_memory_equal(secret->data, zeros, sizeof(zeros));
	evs_secret_free(secret);
	evs_secret_wipe(NULL);
	evs_secret_free(NULL);
}

static void test_bad_sizes(void **state)
{
	(void)state;
	assert_null(evs_secret_alloc(0));
	assert_int_equal(errno, EINVAL);
	assert_null(evs_secret_alloc(SIZE_MAX));
	assert_int_equal(errno, EINVAL);
}

/* One process makes the memory, another one fills it. */
static void test_shared(void **state)
{
	struct evs_secret *secret, *other;
	int fd, status, zero;
	pid_t pid;

	(void)state;
	secret = evs_secret_alloc_shared(EVS_DK_SIZE, &fd);
	assert_non_null(secret);
	assert_int_equal(secret->size, EVS_DK_SIZE);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		other = evs_secret_map(fd);
		if (!other || other->size != EVS_DK_SIZE)
			_exit(1);
		memset(other->data, 0x5a, other->size);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(secret->data[0], 0x5a);
	assert_int_equal(secret->data[EVS_DK_SIZE - 1], 0x5a);

	/* Nothing else is taken for such memory. */
	secret->size = secret->mapped;
	assert_null(evs_secret_map(fd));
	assert_int_equal(errno, EINVAL);
	secret->size = EVS_DK_SIZE;
	close(fd);
	assert_null(evs_secret_map(fd));
	assert_int_equal(errno, EBADF);
	zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
	assert_null(evs_secret_map(zero));
	assert_int_equal(errno, EINVAL);
	close(zero);
	evs_secret_free(secret);
}

/* In a child: the test program itself should stay debuggable. */
static void test_harden(void **state)
{
	struct evs_error err = {};
	struct rlimit core;
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		if (evs_process_harden(&err) || getrlimit(RLIMIT_CORE, &core))
			_exit(1);
		_exit(core.rlim_max || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) ? 2 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Whoever may not lock memory without limit must not run out of it for that. */
static void test_harden_limited(void **state)
{
	const struct rlimit limit = { 256 << 20, 256 << 20 };
	struct evs_error err = {};
	int status;
	pid_t pid;
	void *mem;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		/* Nothing to see with less than the program has mapped from the start */
		setrlimit(RLIMIT_MEMLOCK, &limit);
		if (!geteuid() && setresuid(65534, 65534, 65534))
			_exit(1);
		if (evs_process_harden(&err))
			_exit(2);
		mem = mmap(NULL, 512 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		_exit(mem == MAP_FAILED ? 3 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alloc_is_zero),
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_locked_and_undumpable),
		cmocka_unit_test(test_child_has_none),
		cmocka_unit_test(test_wipe),
		cmocka_unit_test(test_bad_sizes),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_harden),
		cmocka_unit_test(test_harden_limited),
	};

	return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
