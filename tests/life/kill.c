// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kills the program that has it loaded (LD_PRELOAD) before its call number KILL_AT of
 * those that change something, or that wait for a program that does. It costs nothing,
 * where a tracer would stop the program at each call.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_long left;

__attribute__((constructor)) static void begin(void)
{
	const char *when = getenv("KILL_AT");

	left = when ? atol(when) : 0;
	/* It is not for what this program starts. */
	unsetenv("LD_PRELOAD");
}

static void count(void)
{
	if (atomic_fetch_sub(&left, 1) == 1)
		raise(SIGKILL);
}

/* Not a file in memory, such as the image of a header, and not what the user sees */
static void count_file(int fd)
{
	char link[64], target[16] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (fd > STDERR_FILENO && (readlink(link, target, sizeof(target) - 1) <= 0 ||
				   strncmp(target, "/memfd:", 7)))
		count();
}

ssize_t write(int fd, const void *data, size_t size)
{
	count_file(fd);
	return syscall(SYS_write, fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
	count_file(fd);
	return syscall(SYS_pwrite64, fd, data, size, offset);
}

int fsync(int fd)
{
	count();
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	count();
	return (int)syscall(SYS_fdatasync, fd);
}

int ftruncate(int fd, off_t size)
{
	count_file(fd);
	return (int)syscall(SYS_ftruncate, fd, size);
}

int fallocate(int fd, int mode, off_t offset, off_t size)
{
	count_file(fd);
	return (int)syscall(SYS_fallocate, fd, mode, offset, size);
}

int unlink(const char *path)
{
	count();
	return (int)syscall(SYS_unlink, path);
}

int unlinkat(int dir, const char *path, int flags)
{
	count();
	return (int)syscall(SYS_unlinkat, dir, path, flags);
}

int mkdir(const char *path, mode_t mode)
{
	count();
	return (int)syscall(SYS_mkdir, path, mode);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
	count();
	return (int)syscall(SYS_mkdirat, dir, path, mode);
}

int rename(const char *from, const char *to)
{
	count();
	return (int)syscall(SYS_rename, from, to);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	count();
	return (int)syscall(SYS_renameat, from_dir, from, to_dir, to);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to,
	      unsigned int flags)
{
	count();
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
	count();
	return syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	count();
	return syscall(SYS_sendmsg, fd, message, flags);
}

pid_t waitpid(pid_t pid, int *status, int options)
{
	count();
	return (pid_t)syscall(SYS_wait4, pid, status, options, NULL);
}

/* Opening is a change where it makes a file. */
int openat(int dir, const char *path, int flags, ...)
{
	mode_t mode;
	va_list list;

	va_start(list, flags);
	mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
	va_end(list);
	if (flags & O_CREAT)
		count();
	return (int)syscall(SYS_openat, dir, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list list;

	va_start(list, flags);
	mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
	va_end(list);
	return openat(AT_FDCWD, path, flags, mode);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	void *data;

	va_start(list, request);
	data = va_arg(list, void *);
	va_end(list);
	if (fd > STDERR_FILENO)
		count();
	return (int)syscall(SYS_ioctl, fd, request, data);
}
