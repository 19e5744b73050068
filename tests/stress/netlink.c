// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages to the family evs that nobody in his senses would send.
 *
 * usage: netlink SEED COUNT WITNESS BACKING...
 *
 * Sends COUNT messages: good ones, and such with attributes that are missing, there
 * twice, of the wrong size or type, unterminated or truncated, with values that
 * nothing stands for, or of random bytes. They attach disks to the backing devices,
 * and do to them whatever can be done. The disk of number WITNESS they leave alone.
 *
 * Every message is answered. What cannot be right is refused, with an errno that
 * makes sense and a text. Else the program says so, with the message, and ends
 * with exit status 1. In the end no disk but the witness is attached.
 *
 * Prints how many messages of each operation were accepted and refused, then each
 * text that it was given.
 */
#include <ctype.h>
#include <errno.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "message.h"
#include "nl/netlink.h"
#include "nl/private.h"
#include "stress.h"

#define TEXTS		128

struct answer {
	unsigned int count;	/* of acknowledgements */
	int errnum;
	char text[256];
};

static struct evs_nl *nl;
static char *texts[TEXTS];
static unsigned int nr_texts;

/* ---- sending, and what comes back ---- */

static void transmit(const void *what, size_t len)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	if (sendto(nl_socket_get_fd(nl->sock), what, len, 0, (const struct sockaddr *)&kernel,
		   sizeof(kernel)) != (ssize_t)len)
		err(2, "sendto");
}

/* One datagram from the kernel; returns whether to expect another one */
static bool take(struct answer *answer, uint32_t seq, bool *dumping, bool *synced)
{
	static unsigned char buf[65536];
	struct pollfd pfd = { .fd = nl_socket_get_fd(nl->sock), .events = POLLIN };
	struct nlmsghdr *hdr;
	ssize_t got;

	if (poll(&pfd, 1, 120000) != 1)
		errx(1, "the kernel does not answer");
	got = recv(pfd.fd, buf, sizeof(buf), 0);
	if (got < 0)
		err(2, "recv");
	for (hdr = (struct nlmsghdr *)buf; NLMSG_OK(hdr, got); hdr = NLMSG_NEXT(hdr, got)) {
		if (hdr->nlmsg_seq != seq) {
			*synced = true;
			continue;
		}
		if (hdr->nlmsg_flags & NLM_F_MULTI)
			*dumping = hdr->nlmsg_type != NLMSG_DONE;
		if (hdr->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *ack = NLMSG_DATA(hdr);

			answer->count++;
			answer->errnum = -ack->error;
			evs_nl_parse_extack(hdr, answer->text, sizeof(answer->text));
		}
	}
	return !*synced || *dumping;
}

/* Send a message and one that does nothing, then read until that is acknowledged */
static void exchange(const struct message *msg, struct answer *answer)
{
	static unsigned char buf[MESSAGE_MAX];
	static uint32_t seq;
	bool dumping = false, synced = false;
	const struct nlmsghdr sync = {
		.nlmsg_len = NLMSG_HDRLEN,
		.nlmsg_type = NLMSG_NOOP,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		.nlmsg_seq = seq + 2,
	};

	seq += 2;
	transmit(buf, message_write(msg, buf, seq - 1));
	transmit(&sync, sizeof(sync));
	*answer = (struct answer){ 0 };
	while (take(answer, seq - 1, &dumping, &synced))
		;
}

/* ---- what to make of it ---- */

static bool sane(int errnum)
{
	static const int known[] = {
		EINVAL, ERANGE, ENODEV, ENXIO, ENOKEY, EKEYREJECTED, EKEYREVOKED, EKEYEXPIRED,
		EEXIST, EBUSY, EALREADY, EACCES, EOPNOTSUPP, ENOENT,
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (errnum == known[i])
			return true;
	return false;
}

/* What is wrong with an answer, or NULL */
static const char *judge(const struct message *msg, const struct answer *answer)
{
	if (msg->ignored)
		return answer->count ? "answered, although it has no end" : NULL;
	if (answer->count > 1)
		return "answered more than once";
	if (!answer->count)
		return msg->foreign ? NULL : "not answered";
	if (!answer->errnum)
		return msg->bad ? "accepted" : NULL;
	if (!sane(answer->errnum))
		return "an errno that makes no sense";
	for (const char *c = answer->text; *c; c++)
		if (!isprint((unsigned char)*c))
			return "a reason that cannot be printed";
	if (!answer->text[0] && !msg->foreign)
		return "no reason";
	return NULL;
}

static void note(const struct message *msg, struct answer *answer)
{
	char *to = answer->text;

	if (!answer->errnum)
		msg->op->accepted++;
	else
		msg->op->refused++;
	if (!answer->text[0])
		return;
	/* Numbers are nothing new */
	for (const char *from = to; *from; from++)
		if (!isdigit((unsigned char)*from))
			*to++ = *from;
		else if (to == answer->text || to[-1] != '#')
			*to++ = '#';
	*to = '\0';
	for (unsigned int i = 0; i < nr_texts; i++)
		if (!strcmp(texts[i], answer->text))
			return;
	if (nr_texts == TEXTS)
		return;
	texts[nr_texts] = strdup(answer->text);
	if (!texts[nr_texts++])
		err(2, "strdup");
}

static void show(unsigned long number, const struct message *msg, const struct answer *answer,
		 const char *complaint)
{
	printf("message %lu, %s: %s: errno %d (%s), text \"%s\"\n", number, msg->op->name,
	       complaint, answer->errnum, strerror(answer->errnum), answer->text);
	printf("netlink type %u flags 0x%x claim %d cut %u, cmd %u version %u reserved %u\n",
	       msg->type, msg->flags, msg->claim, msg->cut, msg->genl.cmd, msg->genl.version,
	       msg->genl.reserved);
	for (unsigned int i = 0; i < msg->count; i++) {
		const struct attr *attr = &msg->attrs[i];

		printf("attribute type 0x%x length %u claim %d:", attr->type, attr->len,
		       attr->claim);
		for (unsigned int j = 0; j < attr->len && j < 80; j++)
			printf(" %02x", attr->data[j]);
		putchar('\n');
	}
}

/* The ones on top of others have the higher numbers */
static void detach_all(void)
{
	struct evs_disk *disks;
	struct evs_error error;
	size_t count;

	if (evs_nl_dump(nl, &disks, &count, &error))
		errx(1, "dump: %s", error.text);
	while (count--)
		if (disks[count].id != stuff.witness &&
		    evs_nl_detach(nl, disks[count].id, EVS_DETACH_FORCE, &error) &&
		    error.errnum != ENODEV)
			errx(1, "detach %u: %s", disks[count].id, error.text);
	free(disks);
}

static void set_up(char **paths)
{
	struct evs_error error;
	struct stat st;

	if (evs_nl_open(&nl, &error))
		errx(2, "%s", error.text);
	stuff.family = nl->family;
	for (; *paths && stuff.nr_backings < MAX_BACKINGS; paths++) {
		if (stat(*paths, &st))
			err(2, "%s", *paths);
		stuff.backings[stuff.nr_backings++] = (uint32_t)st.st_rdev;
	}
	message_init();
}

int main(int argc, char **argv)
{
	static struct message msg;
	struct answer answer;
	unsigned long count, i;

	if (argc < 5)
		errx(2, "usage: netlink SEED COUNT WITNESS BACKING...");
	srandom((unsigned int)strtoul(argv[1], NULL, 10));
	count = strtoul(argv[2], NULL, 10);
	stuff.witness = (uint32_t)strtoul(argv[3], NULL, 10);
	set_up(argv + 4);

	for (i = 0; i < count; i++) {
		const char *complaint;

		message_good(&msg);
		message_mutate(&msg);
		exchange(&msg, &answer);
		complaint = judge(&msg, &answer);
		if (complaint) {
			show(i, &msg, &answer, complaint);
			return 1;
		}
		note(&msg, &answer);
	}
	detach_all();
	for (i = 0; i < OPS; i++)
		printf("%s %lu %lu\n", ops[i].name, ops[i].accepted, ops[i].refused);
	for (i = 0; i < nr_texts; i++)
		printf("text %s\n", texts[i]);
	return 0;
}
