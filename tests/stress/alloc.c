// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What becomes of each operation when it does not get memory.
 *
 * usage: alloc BACKING FIRST STEP [OPERATION...]
 *
 * Has the kernel fail the FIRST allocation of a system call (from 1), then the one
 * STEP after it, and so on until there are no more: for each of the commands to the driver, for
 * making a key, and for I/O. Each time the call succeeds, or says ENOMEM (ENOBUFS)
 * and has done nothing. In either case the disk works, the operation succeeds with
 * memory, and all that is taken is given back in the end. Else the program says
 * so, and ends with exit status 1.
 *
 * Needs failslab and fail_page_alloc set up for all allocations. Prints how many
 * allocations of each operation have failed, and how often it got over that.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nl/netlink.h"
#include "nl/private.h"
#include "stress.h"

#define DISK_SIZE	(4 << 20)
#define IO_SIZE		(256 << 10)
#define SECTOR_SIZE	4096

/* What an operation needs beforehand */
enum before { NOTHING, ATTACHED, OPENED, SUSPENDED };

struct op {
	const char *name;
	enum before before;
	int (*call)(void);	/* 0 or a negative errno, made with failures */
	void (*check)(int ret);	/* what it has done */
};

/* The answer of the kernel got lost for want of memory: nobody knows */
#define LOST	(-ENOBUFS)

static struct evs_nl *nl;	/* to see what there is */
static struct evs_nl *faulty;	/* to send what does not get memory */
static const char *backing;
static dev_t backing_dev;
static int fail_nth = -1;
static bool armed;		/* calls of begin() are to have an effect */
static unsigned int nth;	/* which allocation is to fail, from 1 */
static bool hit;		/* it has failed */
static struct evs_disk disk;
static int fd = -1;
static void *buffer;

/* ---- failures ---- */

static void begin(void)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", armed ? nth : 0);

	if (pwrite(fail_nth, text, (size_t)len, 0) != len)
		err(2, "fail-nth");
}

static void end(void)
{
	char text[16] = "";

	if (pread(fail_nth, text, sizeof(text) - 1, 0) < 0 || pwrite(fail_nth, "0", 1, 0) != 1)
		err(2, "fail-nth");
	hit = armed && strtoul(text, NULL, 10) == 0;
}

/* ---- commands to the driver ---- */

/* The error in a datagram from the kernel, or 1 if it has none */
static int answer_of(unsigned char *buf, ssize_t got)
{
	struct nlmsghdr *hdr;

	for (hdr = (struct nlmsghdr *)buf; NLMSG_OK(hdr, got); hdr = NLMSG_NEXT(hdr, got)) {
		if (hdr->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(hdr))->error;
		/* What a dump ends with */
		if (hdr->nlmsg_type == NLMSG_DONE)
			return *(const int *)NLMSG_DATA(hdr);
	}
	return 1;
}

/* Send a message, which is consumed, with failures, and take the answer without */
static int exchange(struct nl_msg *msg)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	static unsigned char buf[65536];
	int sock = nl_socket_get_fd(faulty->sock), ret;
	struct pollfd pfd = { .fd = sock, .events = POLLIN };
	ssize_t got;

	/* What came after an answer that got lost */
	while (recv(sock, buf, sizeof(buf), MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		;
	nl_complete_msg(faulty->sock, msg);
	begin();
	ret = sendto(sock, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len, 0,
		     (const struct sockaddr *)&kernel, sizeof(kernel)) < 0 ? -errno : 0;
	end();
	nlmsg_free(msg);
	if (ret)
		return ret == -ENOBUFS ? -ENOMEM : ret;
	do {
		if (poll(&pfd, 1, 60000) != 1)
			errx(1, "the kernel does not answer");
		got = recv(sock, buf, sizeof(buf), 0);
		ret = got < 0 ? -errno : answer_of(buf, got);
	} while (ret > 0);
	return ret;
}

static struct nl_msg *message(int cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, faulty->family, 0, flags | NLM_F_ACK,
				 cmd, EVS_FAMILY_VERSION))
		errx(2, "out of memory");
	return msg;
}

static void put_u32(struct nl_msg *msg, int attr, uint32_t value)
{
	if (nla_put_u32(msg, attr, value))
		errx(2, "out of memory");
}

static struct nl_msg *message_on_disk(int cmd)
{
	struct nl_msg *msg = message(cmd, 0);

	put_u32(msg, EVS_A_DEV_ID, disk.id);
	return msg;
}

static int call_attach(void)
{
	struct nl_msg *msg = message(EVS_CMD_ATTACH, 0);

	put_u32(msg, EVS_A_DEV_BACKING_DEV, (uint32_t)backing_dev);
	put_u32(msg, EVS_A_DEV_SECTOR_SIZE, SECTOR_SIZE);
	put_u32(msg, EVS_A_DEV_SIZE, DISK_SIZE);
	put_u32(msg, EVS_A_DEV_KEY_SERIAL, (uint32_t)stress_key(0));
	return exchange(msg);
}

static int call_detach(void)
{
	return exchange(message_on_disk(EVS_CMD_DETACH));
}

static int call_detach_flag(int attr)
{
	struct nl_msg *msg = message_on_disk(EVS_CMD_DETACH);

	if (nla_put_flag(msg, attr))
		errx(2, "out of memory");
	return exchange(msg);
}

static int call_detach_force(void)
{
	return call_detach_flag(EVS_A_DEV_FORCE);
}

static int call_detach_lazy(void)
{
	return call_detach_flag(EVS_A_DEV_LAZY);
}

static int call_revoke(void)
{
	return exchange(message_on_disk(EVS_CMD_REVOKE));
}

static int call_suspend(void)
{
	return exchange(message_on_disk(EVS_CMD_SUSPEND));
}

static int call_resume(void)
{
	struct nl_msg *msg = message_on_disk(EVS_CMD_RESUME);

	put_u32(msg, EVS_A_DEV_KEY_SERIAL, (uint32_t)stress_key(0));
	return exchange(msg);
}

static int call_resize(void)
{
	return exchange(message_on_disk(EVS_CMD_RESIZE));
}

static int call_get(void)
{
	return exchange(message_on_disk(EVS_CMD_GET));
}

static int call_dump(void)
{
	return exchange(message(EVS_CMD_GET, NLM_F_DUMP));
}

/* ---- other calls ---- */

static int call_key(void)
{
	const char dk[STRESS_DK_SIZE] = "not much of a key";
	key_serial_t key;
	int ret = 0;

	begin();
	key = add_key("evs", "alloc", dk, sizeof(dk), KEY_SPEC_SESSION_KEYRING);
	if (key < 0)
		ret = -errno;
	end();
	if (key >= 0 && keyctl_unlink(key, KEY_SPEC_SESSION_KEYRING))
		err(2, "keyctl_unlink");
	return ret;
}

/* A disk that is open is closed, and the other way round */
static int call_open(void)
{
	char path[32];
	int ret;

	snprintf(path, sizeof(path), "/dev/evs%u", disk.id);
	begin();
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	ret = fd < 0 ? -errno : 0;
	end();
	return ret;
}

static int io_result(ssize_t done)
{
	if (done < 0)
		return -errno;
	return done == IO_SIZE ? 0 : -EIO;
}

static int call_write(void)
{
	int ret;

	memset(buffer, 'w', IO_SIZE);
	begin();
	ret = io_result(pwrite(fd, buffer, IO_SIZE, 0));
	end();
	return ret;
}

static int call_read(void)
{
	int ret;

	memset(buffer, 0, IO_SIZE);
	begin();
	ret = io_result(pread(fd, buffer, IO_SIZE, 0));
	end();
	for (size_t i = 0; !ret && i < IO_SIZE; i++)
		if (((const char *)buffer)[i] != 'w')
			ret = -EBADMSG;
	return ret;
}

static int call_flush(void)
{
	int ret;

	begin();
	ret = fsync(fd) ? -errno : 0;
	end();
	return ret;
}

/* ---- what there is afterwards ---- */

/* Look for the disk: is it attached? */
static bool look(void)
{
	struct evs_error error;
	struct evs_disk *disks;
	size_t count;

	if (evs_nl_dump(nl, &disks, &count, &error))
		errx(1, "dump: %s", error.text);
	if (count > 1)
		errx(1, "%zu disks", count);
	if (count)
		disk = disks[0];
	free(disks);
	return count;
}

static void must_be_free(void)
{
	int excl = open(backing, O_RDWR | O_EXCL | O_CLOEXEC);

	if (excl < 0)
		err(1, "%s", backing);
	close(excl);
}

static void must_work(void)
{
	int ret;

	if (fd < 0 && call_open())
		err(1, "the disk cannot be opened");
	ret = call_write();
	if (!ret)
		ret = call_read();
	if (!ret)
		ret = call_flush();
	if (ret)
		errx(1, "the disk does not work: %s", strerror(-ret));
}

static void must_be(bool right, const char *what)
{
	if (!right)
		errx(1, "%s", what);
}

static void check_attach(int ret)
{
	bool there = look();

	must_be(ret == LOST || there == !ret, there ? "it is attached" : "it is not attached");
	if (!there) {
		must_be_free();
		ret = call_attach();
		if (ret)
			errx(1, "cannot be attached with memory: %s", strerror(-ret));
		must_be(look(), "it is not attached then");
	}
	must_work();
}

static void check_detach(int ret)
{
	bool there = look();

	must_be(ret == LOST || there == !!ret, there ? "it is attached" : "it is not attached");
	if (!there)
		return;
	must_work();
	close(fd);
	fd = -1;
	ret = call_detach();
	if (ret)
		errx(1, "cannot be detached with memory: %s", strerror(-ret));
}

/* Closed, it goes; or it does not know of the detach */
static void check_detach_open(int ret)
{
	bool there;

	close(fd);
	fd = -1;
	for (int tries = 0; (there = look()) && ret != -ENOMEM && tries < 500; tries++)
		usleep(20000);
	must_be(ret == LOST || there == !!ret, there ? "it is attached" : "it is not attached");
}

/* Has an operation that leads to a state been done, or else can be? */
static void check_state(int ret, enum evs_dev_state state, int (*call)(void))
{
	must_be(look(), "it is not attached");
	must_be(ret == LOST || (disk.state == state) == !ret, "it is in the wrong state");
	if (disk.state != state && (call() || !look() || disk.state != state))
		errx(1, "it cannot be done with memory");
}

static void check_revoke(int ret)
{
	check_state(ret, EVS_DEV_STATE_REVOKED, call_revoke);
}

static void check_suspend(int ret)
{
	check_state(ret, EVS_DEV_STATE_SUSPENDED, call_suspend);
	ret = call_resume();
	if (ret)
		errx(1, "cannot be resumed: %s", strerror(-ret));
	must_work();
}

static void check_resume(int ret)
{
	check_state(ret, EVS_DEV_STATE_LIVE, call_resume);
	must_work();
}

static void check_resize(int ret)
{
	must_be(look(), "it is not attached");
	must_be(ret == LOST || (disk.size > DISK_SIZE) == !ret, "it has the wrong size");
	if (disk.size == DISK_SIZE && (call_resize() || !look() || disk.size == DISK_SIZE))
		errx(1, "it cannot be resized with memory");
	must_work();
}

/* Of what changes nothing */
static void check_works(int ret)
{
	(void)ret;
	must_be(look(), "it is not attached");
	must_work();
}

static void check_nothing(int ret)
{
	(void)ret;
	must_be(!look(), "it is attached");
	ret = call_key();
	if (ret)
		errx(1, "cannot be made with memory: %s", strerror(-ret));
}

static const struct op ops[] = {
	{ "key", NOTHING, call_key, check_nothing },
	{ "attach", NOTHING, call_attach, check_attach },
	{ "detach", ATTACHED, call_detach, check_detach },
	{ "detach-force", OPENED, call_detach_force, check_detach_open },
	{ "detach-lazy", OPENED, call_detach_lazy, check_detach_open },
	{ "revoke", OPENED, call_revoke, check_revoke },
	{ "suspend", OPENED, call_suspend, check_suspend },
	{ "resume", SUSPENDED, call_resume, check_resume },
	{ "resize", OPENED, call_resize, check_resize },
	{ "get", ATTACHED, call_get, check_works },
	{ "dump", ATTACHED, call_dump, check_works },
	{ "open", ATTACHED, call_open, check_works },
	{ "write", OPENED, call_write, check_works },
	{ "read", OPENED, call_read, check_works },
	{ "flush", OPENED, call_flush, check_works },
};

/* ---- all of it ---- */

static void prepare(enum before before)
{
	int ret = 0;

	if (before == NOTHING)
		return;
	/* With data to be read, and nothing of it in the page cache */
	ret = call_attach();
	if (ret || !look())
		errx(1, "cannot be attached: %s", strerror(-ret));
	must_work();
	if (before == ATTACHED) {
		close(fd);
		fd = -1;
	}
	if (before == SUSPENDED && (call_suspend() || !look()))
		errx(1, "cannot be suspended");
}

static void tidy_up(void)
{
	int ret;

	if (fd >= 0)
		close(fd);
	fd = -1;
	while (look()) {
		ret = call_detach();
		/* Somebody may have opened it to see what it is */
		if (ret && ret != -EBUSY)
			errx(1, "cannot be detached: %s", strerror(-ret));
	}
	must_be_free();
	if (keyctl_clear(KEY_SPEC_SESSION_KEYRING))
		err(2, "keyctl_clear");
}

/* Once with the allocation failed; returns false if there are not that many */
static bool once(const struct op *op, unsigned int *survived)
{
	int ret;
	bool was_hit;

	prepare(op->before);
	armed = true;
	ret = op->call();
	armed = false;
	was_hit = hit;
	if (ret && !was_hit)
		errx(1, "%s: %s without a failure", op->name, strerror(-ret));
	/* add_disk() takes a name that there was no memory for to be a bad one */
	if (ret && ret != -ENOMEM && ret != LOST && !(ret == -EINVAL && op->call == call_attach))
		errx(1, "%s: %s after failure of allocation %u", op->name, strerror(-ret), nth);
	*survived += was_hit && !ret;
	op->check(ret);
	tidy_up();
	return was_hit;
}

static bool wanted(const char *name, char **names)
{
	if (!*names)
		return true;
	while (*names)
		if (!strcmp(*names++, name))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	unsigned int first, step;
	struct evs_error error;
	struct stat st;

	if (argc < 4 || !(first = (unsigned int)strtoul(argv[2], NULL, 10)) ||
	    !(step = (unsigned int)strtoul(argv[3], NULL, 10)))
		errx(2, "usage: alloc BACKING FIRST STEP [OPERATION...]");
	backing = argv[1];
	if (stat(backing, &st))
		err(2, "%s", backing);
	backing_dev = st.st_rdev;
	if (evs_nl_open(&nl, &error) || evs_nl_open(&faulty, &error))
		errx(2, "%s", error.text);
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fail_nth < 0)
		err(2, "/proc/thread-self/fail-nth");
	buffer = aligned_alloc(SECTOR_SIZE, IO_SIZE);
	if (!buffer)
		err(2, "aligned_alloc");
	setlinebuf(stdout);

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		unsigned int failed = 0, survived = 0;

		if (!wanted(ops[i].name, argv + 4))
			continue;
		for (nth = first; once(&ops[i], &survived); nth += step)
			failed++;
		printf("%s %u %u\n", ops[i].name, failed, survived);
	}
	return 0;
}
