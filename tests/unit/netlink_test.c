// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the client makes of the kernel's messages, the malformed ones included.
 * Sending and receiving needs the kernel: tests/system.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "nl/netlink.h"

static struct nl_msg *new_message(void)
{
	struct nl_msg *msg = nlmsg_alloc();

	assert_non_null(msg);
	assert_non_null(genlmsg_put(msg, 1, 1, 30, 0, 0, EVS_CMD_GET, EVS_FAMILY_VERSION));
	return msg;
}

/* A disk as the kernel describes it, without one attribute */
static struct nl_msg *new_disk(int without)
{
	struct nl_msg *msg = new_message();

#define PUT(attr, put) assert_true((attr) == without || (put) == 0)
	PUT(EVS_A_DEV_ID, nla_put_u32(msg, EVS_A_DEV_ID, 7));
	PUT(EVS_A_DEV_NAME, nla_put_string(msg, EVS_A_DEV_NAME, "data"));
	PUT(EVS_A_DEV_UUID, nla_put_string(msg, EVS_A_DEV_UUID, "c0ffee"));
	PUT(EVS_A_DEV_BACKING_DEV, nla_put_u32(msg, EVS_A_DEV_BACKING_DEV, 0x12345678));
	PUT(EVS_A_DEV_OFFSET, nla_put_u32(msg, EVS_A_DEV_OFFSET, 16 << 20));
	PUT(EVS_A_DEV_SIZE, nla_put_u64(msg, EVS_A_DEV_SIZE, UINT64_C(1) << 40));
	PUT(EVS_A_DEV_SECTOR_SIZE, nla_put_u32(msg, EVS_A_DEV_SECTOR_SIZE, 4096));
	PUT(EVS_A_DEV_KEY_SERIAL, nla_put_s32(msg, EVS_A_DEV_KEY_SERIAL, 123456789));
	PUT(EVS_A_DEV_READ_ONLY, nla_put_flag(msg, EVS_A_DEV_READ_ONLY));
	PUT(EVS_A_DEV_STATE, nla_put_u32(msg, EVS_A_DEV_STATE, EVS_DEV_STATE_DEAD));
	PUT(EVS_A_DEV_CIPHER, nla_put_string(msg, EVS_A_DEV_CIPHER, "xts-aes-aesni"));
	PUT(EVS_A_DEV_OPENERS, nla_put_u32(msg, EVS_A_DEV_OPENERS, 3));
	PUT(EVS_A_DEV_DISK_DEV, nla_put_u32(msg, EVS_A_DEV_DISK_DEV, 259 << 8 | 4));
	PUT(EVS_A_DEV_CMK, nla_put_string(msg, EVS_A_DEV_CMK, "a-cmk"));
	PUT(EVS_A_DEV_ALLOW_DISCARDS, nla_put_flag(msg, EVS_A_DEV_ALLOW_DISCARDS));
	PUT(EVS_A_DEV_NO_PARTSCAN, nla_put_flag(msg, EVS_A_DEV_NO_PARTSCAN));
	PUT(EVS_A_DEV_LAZY, nla_put_flag(msg, EVS_A_DEV_LAZY));
	PUT(EVS_A_DEV_READS, nla_put_u32(msg, EVS_A_DEV_READS, 11));
	PUT(EVS_A_DEV_WRITES, nla_put_u64(msg, EVS_A_DEV_WRITES, UINT64_C(12) << 32));
	PUT(EVS_A_DEV_BYTES_READ, nla_put_u64(msg, EVS_A_DEV_BYTES_READ, UINT64_MAX));
	PUT(EVS_A_DEV_BYTES_WRITTEN, nla_put_u32(msg, EVS_A_DEV_BYTES_WRITTEN, 14));
	PUT(EVS_A_DEV_ERRORS, nla_put_u32(msg, EVS_A_DEV_ERRORS, 15));
	PUT(EVS_A_DEV_IN_FLIGHT, nla_put_u32(msg, EVS_A_DEV_IN_FLIGHT, 16));
	PUT(EVS_A_DEV_BOUNCE_PAGES, nla_put_u32(msg, EVS_A_DEV_BOUNCE_PAGES, 17));
	return msg;
}

/* An event as the kernel sends it, without one attribute */
static struct nl_msg *new_event(int without)
{
	struct nl_msg *msg = nlmsg_alloc();

	assert_non_null(msg);
	assert_non_null(genlmsg_put(msg, 0, 0, 30, 0, 0, EVS_CMD_EVENT, EVS_FAMILY_VERSION));
	PUT(EVS_A_DEV_EVENT, nla_put_u32(msg, EVS_A_DEV_EVENT, EVS_EVENT_IO_ERROR));
	PUT(EVS_A_DEV_CAUSE, nla_put_u32(msg, EVS_A_DEV_CAUSE, EVS_CAUSE_FLUSH));
	PUT(EVS_A_DEV_ID, nla_put_u32(msg, EVS_A_DEV_ID, 7));
	PUT(EVS_A_DEV_NAME, nla_put_string(msg, EVS_A_DEV_NAME, "data"));
	PUT(EVS_A_DEV_UUID, nla_put_string(msg, EVS_A_DEV_UUID, "c0ffee"));
	PUT(EVS_A_DEV_BACKING_DEV, nla_put_u32(msg, EVS_A_DEV_BACKING_DEV, 7 << 8 | 3));
	PUT(EVS_A_DEV_SIZE, nla_put_u64(msg, EVS_A_DEV_SIZE, UINT64_C(1) << 40));
	PUT(EVS_A_DEV_KEY_SERIAL, nla_put_s32(msg, EVS_A_DEV_KEY_SERIAL, 123456789));
	PUT(EVS_A_DEV_STATE, nla_put_u32(msg, EVS_A_DEV_STATE, EVS_DEV_STATE_SUSPENDED));
	PUT(EVS_A_DEV_ERRORS, nla_put_u64(msg, EVS_A_DEV_ERRORS, UINT64_C(1) << 33));
	PUT(EVS_A_DEV_DISK_DEV, nla_put_u32(msg, EVS_A_DEV_DISK_DEV, 259 << 8 | 4));
	return msg;
}
#undef PUT

static void test_disk(void **state)
{
	struct nl_msg *msg = new_disk(0);
	struct evs_disk disk;

	(void)state;
	assert_int_equal(evs_nl_parse_disk(nlmsg_hdr(msg), &disk), 0);
	assert_int_equal(disk.id, 7);
	assert_string_equal(disk.name, "data");
	assert_string_equal(disk.uuid, "c0ffee");
	assert_int_equal(major(disk.backing_dev), 0x456);
	assert_int_equal(minor(disk.backing_dev), 0x12378);
	assert_int_equal(disk.offset, 16 << 20);
	assert_int_equal(disk.size, UINT64_C(1) << 40);
	assert_int_equal(disk.sector_size, 4096);
	assert_int_equal(disk.key_serial, 123456789);
	assert_true(disk.read_only);
	assert_int_equal(disk.state, EVS_DEV_STATE_DEAD);
	assert_string_equal(disk.cipher, "xts-aes-aesni");
	assert_int_equal(disk.openers, 3);
	assert_int_equal(disk.disk_dev, makedev(259, 4));
	assert_string_equal(disk.cmk, "a-cmk");
	assert_true(disk.allow_discards && disk.no_partscan && disk.lazy);
	assert_int_equal(disk.reads, 11);
	assert_int_equal(disk.writes, UINT64_C(12) << 32);
	assert_int_equal(disk.bytes_read, UINT64_MAX);
	assert_int_equal(disk.bytes_written, 14);
	assert_int_equal(disk.errors, 15);
	assert_int_equal(disk.in_flight, 16);
	assert_int_equal(disk.bounce_pages, 17);
	nlmsg_free(msg);
}

static void test_disk_optional(void **state)
{
	struct nl_msg *msg = new_disk(EVS_A_DEV_UUID);
	struct evs_disk disk;

	(void)state;
	memset(&disk, 0xff, sizeof(disk));
	assert_int_equal(evs_nl_parse_disk(nlmsg_hdr(msg), &disk), 0);
	assert_string_equal(disk.uuid, "");
	nlmsg_free(msg);

	msg = new_disk(EVS_A_DEV_READ_ONLY);
	assert_int_equal(evs_nl_parse_disk(nlmsg_hdr(msg), &disk), 0);
	assert_false(disk.read_only);
	nlmsg_free(msg);

	memset(&disk, 0xff, sizeof(disk));
	msg = new_disk(EVS_A_DEV_CMK);
	assert_int_equal(evs_nl_parse_disk(nlmsg_hdr(msg), &disk), 0);
	assert_string_equal(disk.cmk, "");
	nlmsg_free(msg);

	msg = new_disk(EVS_A_DEV_ERRORS);
	assert_int_equal(evs_nl_parse_disk(nlmsg_hdr(msg), &disk), 0);
	assert_int_equal(disk.errors, 0);
	nlmsg_free(msg);
}

static void test_disk_incomplete(void **state)
{
	static const int required[] = { EVS_A_DEV_ID, EVS_A_DEV_NAME, EVS_A_DEV_SIZE,
					EVS_A_DEV_SECTOR_SIZE, EVS_A_DEV_DISK_DEV };
	struct evs_disk disk;
	struct nl_msg *msg;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		msg = new_disk(required[i]);
		assert_int_equal(evs_nl_parse_disk(nlmsg_hdr(msg), &disk), -EPROTO);
		nlmsg_free(msg);
	}
}

static void test_disk_malformed(void **state)
{
	struct evs_disk disk;
	struct nl_msg *msg;
	char name[EVS_NAME_MAX + 2];

	(void)state;
	/* Longer than any name */
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	msg = new_disk(EVS_A_DEV_NAME);
	assert_int_equal(nla_put_string(msg, EVS_A_DEV_NAME, name), 0);
	assert_int_not_equal(evs_nl_parse_disk(nlmsg_hdr(msg), &disk), 0);
	nlmsg_free(msg);
	/* Without its final NUL */
	msg = new_disk(EVS_A_DEV_NAME);
	assert_int_equal(nla_put(msg, EVS_A_DEV_NAME, 4, "data"), 0);
	assert_int_not_equal(evs_nl_parse_disk(nlmsg_hdr(msg), &disk), 0);
	nlmsg_free(msg);
	/* A number of two bytes */
	msg = new_disk(EVS_A_DEV_ID);
	assert_int_equal(nla_put_u16(msg, EVS_A_DEV_ID, 7), 0);
	assert_int_not_equal(evs_nl_parse_disk(nlmsg_hdr(msg), &disk), 0);
	nlmsg_free(msg);
	/* What a terminal would take for a command */
	msg = new_disk(EVS_A_DEV_NAME);
	assert_int_equal(nla_put_string(msg, EVS_A_DEV_NAME, "a\033[2Jb"), 0);
	assert_int_equal(evs_nl_parse_disk(nlmsg_hdr(msg), &disk), 0);
	assert_string_equal(disk.name, "a [2Jb");
	nlmsg_free(msg);
}

/* Of two values of one attribute, which is it? */
static void test_disk_doubled(void **state)
{
	static const int attrs[] = { EVS_A_DEV_ID, EVS_A_DEV_STATE, EVS_A_DEV_OPENERS };
	struct evs_disk disk;
	struct nl_msg *msg;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++) {
		msg = new_disk(0);
		assert_int_equal(nla_put_u32(msg, attrs[i], 1), 0);
		assert_int_equal(evs_nl_parse_disk(nlmsg_hdr(msg), &disk), -EPROTO);
		nlmsg_free(msg);
	}
	/* What this program does not know does not matter, however often. */
	msg = new_disk(0);
	assert_int_equal(nla_put_u32(msg, EVS_A_DEV_MAX + 1, 1), 0);
	assert_int_equal(nla_put_u32(msg, EVS_A_DEV_MAX + 1, 1), 0);
	assert_int_equal(evs_nl_parse_disk(nlmsg_hdr(msg), &disk), 0);
	nlmsg_free(msg);
}

static void test_event(void **state)
{
	struct nl_msg *msg = new_event(0);
	struct evs_event_msg event;

	(void)state;
	assert_int_equal(evs_nl_parse_event(nlmsg_hdr(msg), &event), 0);
	assert_int_equal(event.event, EVS_EVENT_IO_ERROR);
	assert_int_equal(event.cause, EVS_CAUSE_FLUSH);
	assert_int_equal(event.id, 7);
	assert_string_equal(event.name, "data");
	assert_string_equal(event.uuid, "c0ffee");
	assert_int_equal(event.backing_dev, makedev(7, 3));
	assert_int_equal(event.size, UINT64_C(1) << 40);
	assert_int_equal(event.key_serial, 123456789);
	assert_int_equal(event.state, EVS_DEV_STATE_SUSPENDED);
	assert_int_equal(event.errors, UINT64_C(1) << 33);
	assert_int_equal(event.disk_dev, makedev(259, 4));
	nlmsg_free(msg);
}

static void test_event_incomplete(void **state)
{
	static const int optional[] = { EVS_A_DEV_UUID, EVS_A_DEV_KEY_SERIAL, EVS_A_DEV_ERRORS };
	static const int required[] = {
		EVS_A_DEV_EVENT, EVS_A_DEV_CAUSE,	EVS_A_DEV_ID,	EVS_A_DEV_NAME,
		EVS_A_DEV_STATE, EVS_A_DEV_BACKING_DEV, EVS_A_DEV_SIZE, EVS_A_DEV_DISK_DEV,
	};
	struct evs_event_msg event;
	struct nl_msg *msg;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(optional) / sizeof(optional[0]); i++) {
		memset(&event, 0xff, sizeof(event));
		msg = new_event(optional[i]);
		assert_int_equal(evs_nl_parse_event(nlmsg_hdr(msg), &event), 0);
		assert_string_equal(event.uuid, optional[i] == EVS_A_DEV_UUID ? "" : "c0ffee");
		assert_int_equal(event.key_serial,
				 optional[i] == EVS_A_DEV_KEY_SERIAL ? 0 : 123456789);
		assert_int_equal(event.errors,
				 optional[i] == EVS_A_DEV_ERRORS ? 0 : UINT64_C(1) << 33);
		nlmsg_free(msg);
	}
	for (i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		msg = new_event(required[i]);
		assert_int_equal(evs_nl_parse_event(nlmsg_hdr(msg), &event), -EPROTO);
		nlmsg_free(msg);
	}
}

static void test_event_malformed(void **state)
{
	char name[EVS_NAME_MAX + 2];
	struct evs_event_msg event;
	struct nl_msg *msg;

	(void)state;
	/* The answer to a request, which may describe a disk as well */
	msg = new_disk(0);
	assert_int_equal(nla_put_u32(msg, EVS_A_DEV_EVENT, EVS_EVENT_ATTACHED), 0);
	assert_int_equal(nla_put_u32(msg, EVS_A_DEV_CAUSE, EVS_CAUSE_COMMAND), 0);
	assert_int_equal(evs_nl_parse_event(nlmsg_hdr(msg), &event), -EPROTO);
	nlmsg_free(msg);
	/* An attribute twice */
	msg = new_event(0);
	assert_int_equal(nla_put_u32(msg, EVS_A_DEV_CAUSE, EVS_CAUSE_COMMAND), 0);
	assert_int_equal(evs_nl_parse_event(nlmsg_hdr(msg), &event), -EPROTO);
	nlmsg_free(msg);
	/* Longer than any name */
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	msg = new_event(EVS_A_DEV_NAME);
	assert_int_equal(nla_put_string(msg, EVS_A_DEV_NAME, name), 0);
	assert_int_equal(evs_nl_parse_event(nlmsg_hdr(msg), &event), -EPROTO);
	nlmsg_free(msg);
	/* Numbers of sizes that they do not have */
	msg = new_event(EVS_A_DEV_EVENT);
	assert_int_equal(nla_put_u16(msg, EVS_A_DEV_EVENT, 0), 0);
	assert_int_equal(evs_nl_parse_event(nlmsg_hdr(msg), &event), -EPROTO);
	nlmsg_free(msg);
	msg = new_event(EVS_A_DEV_SIZE);
	assert_int_equal(nla_put(msg, EVS_A_DEV_SIZE, sizeof(name), name), 0);
	assert_int_equal(evs_nl_parse_event(nlmsg_hdr(msg), &event), -EPROTO);
	nlmsg_free(msg);
	/* Shorter than the header of the family */
	msg = new_event(0);
	nlmsg_hdr(msg)->nlmsg_len = NLMSG_HDRLEN + 2;
	assert_int_equal(evs_nl_parse_event(nlmsg_hdr(msg), &event), -EPROTO);
	nlmsg_free(msg);
	/* What a terminal would take for a command */
	msg = new_event(EVS_A_DEV_NAME);
	assert_int_equal(nla_put_string(msg, EVS_A_DEV_NAME, "a\nb\xff\xc2\x9b"), 0);
	assert_int_equal(evs_nl_parse_event(nlmsg_hdr(msg), &event), 0);
	assert_string_equal(event.name, "a b\xef\xbf\xbd\xef\xbf\xbd");
	nlmsg_free(msg);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(evs_nl_event_name(EVS_EVENT_ATTACHED), "attached");
	assert_string_equal(evs_nl_event_name(EVS_EVENT_IO_ERROR), "io-error");
	assert_string_equal(evs_nl_event_name(EVS_EVENT_IO_ERROR + 1), "unknown");
	assert_string_equal(evs_nl_cause_name(EVS_CAUSE_COMMAND), "command");
	assert_string_equal(evs_nl_cause_name(EVS_CAUSE_DISCARD), "discard");
	assert_string_equal(evs_nl_cause_name(EVS_CAUSE_DISCARD + 1), "unknown");
	assert_string_equal(evs_nl_state_name(EVS_DEV_STATE_LIVE), "live");
	assert_string_equal(evs_nl_state_name(EVS_DEV_STATE_DEAD), "dead");
	assert_string_equal(evs_nl_state_name((enum evs_dev_state)-1), "unknown");
}

/* An acknowledgement with a reason, as the kernel puts it together */
struct ack {
	struct nlmsghdr hdr;
	struct nlmsgerr err;
	char rest[128];
};

static void put_reason(struct ack *ack, void *at, const char *text)
{
	struct nlattr *attr = at;
	size_t len = strlen(text) + 1;

	attr->nla_type = NLMSGERR_ATTR_MSG;
	attr->nla_len = (uint16_t)(NLA_HDRLEN + len);
	memcpy((char *)at + NLA_HDRLEN, text, len);
	ack->hdr.nlmsg_len = (uint32_t)((char *)at - (char *)ack + NLA_ALIGN(attr->nla_len));
}

static void test_extack_capped(void **state)
{
	struct ack ack = {
		.hdr = { .nlmsg_type = NLMSG_ERROR, .nlmsg_flags = NLM_F_ACK_TLVS | NLM_F_CAPPED },
		/* The request was longer than what is quoted of it. */
		.err = { .error = -EBUSY, .msg.nlmsg_len = 4000 },
	};
	char text[64];

	(void)state;
	put_reason(&ack, ack.rest, "the disk is in use");
	evs_nl_parse_extack(&ack.hdr, text, sizeof(text));
	assert_string_equal(text, "the disk is in use");
	evs_nl_parse_extack(&ack.hdr, text, 9);
	assert_string_equal(text, "the disk");
}

static void test_extack_whole_request(void **state)
{
	struct ack ack = {
		.hdr = { .nlmsg_type = NLMSG_ERROR, .nlmsg_flags = NLM_F_ACK_TLVS },
		.err = { .error = -EBUSY, .msg.nlmsg_len = NLMSG_HDRLEN + 10 },
	};
	char text[64];

	(void)state;
	put_reason(&ack, ack.rest + 12, "why");
	evs_nl_parse_extack(&ack.hdr, text, sizeof(text));
	assert_string_equal(text, "why");
	/* A quoted request longer than the message is no reason to read on. */
	ack.err.msg.nlmsg_len = 4000;
	evs_nl_parse_extack(&ack.hdr, text, sizeof(text));
	assert_string_equal(text, "");
	ack.err.msg.nlmsg_len = 3;
	evs_nl_parse_extack(&ack.hdr, text, sizeof(text));
	assert_string_equal(text, "");
}

static void test_extack_done(void **state)
{
	struct ack ack = {
		.hdr = { .nlmsg_type = NLMSG_DONE, .nlmsg_flags = NLM_F_ACK_TLVS },
	};
	char text[64];

	(void)state;
	put_reason(&ack, (char *)&ack + NLMSG_HDRLEN + sizeof(int), "not allowed");
	evs_nl_parse_extack(&ack.hdr, text, sizeof(text));
	assert_string_equal(text, "not allowed");
}

static void test_extack_none(void **state)
{
	struct ack ack = {
		.hdr = { .nlmsg_type = NLMSG_ERROR, .nlmsg_flags = NLM_F_CAPPED },
		.err = { .error = -EBUSY },
	};
	char text[64];
	uint32_t len;

	(void)state;
	put_reason(&ack, ack.rest, "not a reason");
	evs_nl_parse_extack(&ack.hdr, text, sizeof(text));
	assert_string_equal(text, "");
	/* Cut off anywhere, there is nothing to be read. */
	ack.hdr.nlmsg_flags |= NLM_F_ACK_TLVS;
	len = (uint32_t)offsetof(struct ack, rest) + NLA_HDRLEN + sizeof("not a reason");
	while (--len >= NLMSG_HDRLEN) {
		ack.hdr.nlmsg_len = len;
		evs_nl_parse_extack(&ack.hdr, text, sizeof(text));
		assert_string_equal(text, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disk),
		cmocka_unit_test(test_disk_optional),
		cmocka_unit_test(test_disk_incomplete),
		cmocka_unit_test(test_disk_malformed),
		cmocka_unit_test(test_disk_doubled),
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_event_incomplete),
		cmocka_unit_test(test_event_malformed),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_extack_capped),
		cmocka_unit_test(test_extack_whole_request),
		cmocka_unit_test(test_extack_done),
		cmocka_unit_test(test_extack_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
