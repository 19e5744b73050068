// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages to the family evs as they should not be.
 */
#include <string.h>

#include "message.h"
#include "stress.h"

static const struct field *field_of(const struct message *msg, unsigned int type)
{
	for (unsigned int i = 0; i < msg->op->count; i++)
		if (msg->op->fields[i].type == (int)type)
			return &msg->op->fields[i];
	return NULL;
}

static struct attr *some_attr(struct message *msg)
{
	return msg->count ? &msg->attrs[stress_below(msg->count)] : NULL;
}

/* An attribute of that kind, which is added if it is not there; NULL if it cannot be */
static struct attr *attr_of_kind(struct message *msg, enum kind kind)
{
	const struct field *field = &msg->op->fields[stress_below(msg->op->count)];
	struct attr *attr;

	if (field->kind != kind)
		return NULL;
	for (unsigned int i = 0; i < msg->count; i++)
		if (msg->attrs[i].type == (unsigned int)field->type)
			return &msg->attrs[i];
	attr = message_add(msg, (unsigned int)field->type);
	if (kind != KIND_FLAG)
		message_value(attr);
	return attr;
}

static void random_bytes(unsigned char *to, unsigned int len)
{
	for (unsigned int i = 0; i < len; i++)
		to[i] = stress_below(4) ? (unsigned char)random() : 0;
}

/* One that has to be there makes the message bad */
static void drop(struct message *msg)
{
	struct attr *attr = some_attr(msg);
	const struct field *field;

	if (!attr)
		return;
	field = field_of(msg, attr->type);
	msg->bad = field && field->required;
	*attr = msg->attrs[--msg->count];
}

static void twice(struct message *msg)
{
	struct attr *attr = some_attr(msg);

	if (attr && msg->count < MAX_ATTRS)
		msg->attrs[msg->count++] = *attr;
}

static void wrong_size(struct message *msg)
{
	struct attr *attr = some_attr(msg);
	const struct field *field = attr ? field_of(msg, attr->type) : NULL;
	unsigned int len = stress_below(4) ? stress_below(20) : stress_below(MAX_DATA);

	if (!field || field->kind == KIND_STRING || len == attr->len ||
	    (field->kind == KIND_UINT && (len == 4 || len == 8)))
		return;
	random_bytes(attr->data, len);
	attr->len = len;
	msg->bad = true;
}

static void unterminated(struct message *msg)
{
	struct attr *attr = attr_of_kind(msg, KIND_STRING);

	if (!attr)
		return;
	attr->len = stress_below(EVS_NAME_MAX);
	memset(attr->data, 'x', attr->len);
	msg->bad = true;
}

static void too_long(struct message *msg)
{
	struct attr *attr = attr_of_kind(msg, KIND_STRING);

	if (!attr)
		return;
	attr->len = field_of(msg, attr->type)->max + 2 + stress_below(4) * stress_below(900);
	memset(attr->data, 'x', attr->len);
	attr->data[attr->len - 1] = '\0';
	msg->bad = true;
}

/* As long as it may be, with what is behind its end: fine, if not twice */
static void just_fits(struct message *msg)
{
	struct attr *attr = attr_of_kind(msg, KIND_STRING);

	if (!attr)
		return;
	attr->len = field_of(msg, attr->type)->max + 1;
	random_bytes(attr->data, attr->len);
	for (unsigned int i = 0; i < attr->len; i++)
		attr->data[i] = (unsigned char)('a' + attr->data[i] % 26);
	attr->data[attr->len - 1] = '\0';
}

static void bad_characters(struct message *msg)
{
	/* Those for paths come first: the name of a CMK goes into none */
	static const char *const strings[] = {
		"/", "a/b", "../x", "..", ".", "", "\n", "a\tb", "\x7f", "a\x01", "\x1b[2J",
	};
	unsigned int i = stress_below(sizeof(strings) / sizeof(strings[0]));
	struct attr *attr = attr_of_kind(msg, KIND_STRING);

	if (!attr)
		return;
	message_set(attr, strings[i], strlen(strings[i]) + 1);
	if (i > 4 || attr->type != EVS_A_DEV_CMK)
		msg->bad = true;
}

/* Any type, but none that the operation has */
static void unknown_type(struct message *msg)
{
	unsigned int type = stress_below(3) ? stress_below(EVS_A_DEV_MAX + 3) :
					      stress_below(0x4000);
	struct attr *attr;

	if (field_of(msg, type) || msg->count == MAX_ATTRS)
		return;
	attr = message_add(msg, type);
	attr->len = stress_below(12);
	random_bytes(attr->data, attr->len);
	msg->bad = true;
}

static void wrong_type(struct message *msg)
{
	struct attr *attr = some_attr(msg);

	if (attr)
		attr->type = stress_below(EVS_A_DEV_MAX + 1);
}

static void nested(struct message *msg)
{
	struct attr *attr = some_attr(msg);

	if (!attr)
		return;
	attr->type |= NLA_F_NESTED;
	msg->bad = true;
	/* With an attribute inside, sound or not */
	if (stress_below(2)) {
		struct nlattr inner = { (uint16_t)stress_below(16), (uint16_t)stress_below(32) };

		message_set(attr, &inner, sizeof(inner));
	}
}

static void network_order(struct message *msg)
{
	struct attr *attr = some_attr(msg);

	if (attr)
		attr->type |= NLA_F_NET_BYTEORDER;
}

/* The length of the last attribute is less than its header's, or behind the end */
static void attr_lies(struct message *msg)
{
	struct attr *attr;

	if (!msg->count)
		return;
	attr = &msg->attrs[msg->count - 1];
	if (stress_below(2))
		attr->claim = (int)stress_below(NLA_HDRLEN);
	else
		attr->claim = (int)(NLA_HDRLEN + NLA_ALIGN(attr->len) + 1 + stress_below(0x8000));
	msg->bad = true;
}

static void truncated(struct message *msg)
{
	msg->cut = 1 + stress_below(40);
	msg->foreign = true;
}

static void header_lies(struct message *msg)
{
	msg->claim = (int)(stress_below(2) ? stress_below(NLMSG_HDRLEN) :
					     20000 + stress_below(1000000));
	msg->ignored = true;
}

static void no_header(struct message *msg)
{
	msg->count = 0;
	msg->cut = 1 + stress_below(GENL_HDRLEN);
	msg->foreign = true;
	msg->bad = true;
}

static void unknown_op(struct message *msg)
{
	unsigned int cmd = stress_below(256);

	for (size_t i = 0; i < OPS; i++)
		if ((int)cmd == ops[i].cmd)
			return;
	msg->genl.cmd = (uint8_t)cmd;
	msg->foreign = true;
	msg->bad = true;
}

static void other_header(struct message *msg)
{
	msg->genl.version = (uint8_t)random();
	if (stress_below(2)) {
		msg->genl.reserved = (uint16_t)random();
		msg->bad = msg->genl.reserved != 0;
	}
}

static void other_flags(struct message *msg)
{
	static const unsigned int flags[] = {
		NLM_F_ROOT, NLM_F_MATCH, NLM_F_DUMP, NLM_F_ATOMIC, NLM_F_ECHO, NLM_F_REPLACE,
		0x8000, 0xffff & ~NLM_F_REQUEST,
	};

	msg->flags |= flags[stress_below(sizeof(flags) / sizeof(flags[0]))];
	if (stress_below(8) == 0)
		msg->flags &= ~(unsigned int)NLM_F_REQUEST;
	msg->foreign = true;
}

static void other_message(struct message *msg)
{
	msg->type = stress_below(2) ? stress_below(NLMSG_MIN_TYPE) : 0x7fff;
	msg->foreign = true;
}

static void bad_value(struct message *msg)
{
	uint32_t number = (uint32_t)random() << stress_below(2);
	static const uint32_t sectors[] = { 0, 1, 3, 511, 1024, 2048, 8192, 0x80000000, 0xffffffff };
	struct attr *attr = attr_of_kind(msg, KIND_NUMBER);

	if (!attr)
		return;
	if (attr->type == EVS_A_DEV_SECTOR_SIZE) {
		number = sectors[stress_below(sizeof(sectors) / sizeof(sectors[0]))];
		msg->bad = true;
	}
	message_set(attr, &number, sizeof(number));
}

static void no_size(struct message *msg)
{
	struct attr *attr = attr_of_kind(msg, KIND_UINT);

	if (!attr || attr->type != EVS_A_DEV_SIZE)
		return;
	memset(attr->data, 0, 8);
	attr->len = stress_below(2) ? 4 : 8;
	msg->bad = true;
}

static void noise(struct message *msg)
{
	msg->count = 0;
	for (unsigned int i = stress_below(4); i; i--) {
		struct attr *attr = message_add(msg, (unsigned int)random() & 0xffff);

		attr->len = stress_below(200);
		attr->claim = stress_below(2) ? -1 : (int)stress_below(0x10000);
		attr->unpadded = stress_below(2);
		random_bytes(attr->data, attr->len);
	}
}

static void (*const mutations[])(struct message *) = {
	drop, twice, wrong_size, unterminated, too_long, just_fits, bad_characters, unknown_type,
	wrong_type, nested, network_order, attr_lies, truncated, header_lies, no_header,
	unknown_op, other_header, other_flags, other_message, bad_value, no_size, noise,
};

/* The driver takes the last of several; truncated or nested ones are refused */
static void spare_witness(struct message *msg)
{
	for (unsigned int i = 0; i < msg->count; i++) {
		struct attr *attr = &msg->attrs[i];

		if ((attr->type & NLA_TYPE_MASK) == EVS_A_DEV_ID && attr->len >= sizeof(stuff.witness) &&
		    !memcmp(attr->data, &stuff.witness, sizeof(stuff.witness)))
			attr->data[0] ^= 1;
	}
}

void message_mutate(struct message *msg)
{
	unsigned int times = stress_below(8);

	/* None: a good one; most often one, else several */
	if (times > 3)
		times = 1;
	for (unsigned int i = 0; i < times; i++)
		mutations[stress_below(sizeof(mutations) / sizeof(mutations[0]))](msg);
	/* One may have undone the other: so only that there is no crash */
	if (times > 1)
		msg->bad = false;
	spare_witness(msg);
}
