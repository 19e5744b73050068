// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages to the family evs as they should be, and how they are written down.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "message.h"
#include "stress.h"

/* Disks have numbers below this */
#define IDS		10

static const struct field attach_fields[] = {
	{ EVS_A_DEV_NAME, KIND_STRING, false, EVS_NAME_MAX },
	{ EVS_A_DEV_UUID, KIND_STRING, false, EVS_UUID_MAX },
	{ EVS_A_DEV_BACKING_DEV, KIND_NUMBER, true, 0 },
	{ EVS_A_DEV_OFFSET, KIND_UINT, false, 0 },
	{ EVS_A_DEV_SIZE, KIND_UINT, false, 0 },
	{ EVS_A_DEV_SECTOR_SIZE, KIND_NUMBER, true, 0 },
	{ EVS_A_DEV_KEY_SERIAL, KIND_NUMBER, true, 0 },
	{ EVS_A_DEV_READ_ONLY, KIND_FLAG, false, 0 },
	{ EVS_A_DEV_CMK, KIND_STRING, false, EVS_CMK_MAX },
	{ EVS_A_DEV_ALLOW_DISCARDS, KIND_FLAG, false, 0 },
	{ EVS_A_DEV_NO_PARTSCAN, KIND_FLAG, false, 0 },
};
static const struct field detach_fields[] = {
	{ EVS_A_DEV_ID, KIND_NUMBER, true, 0 },
	{ EVS_A_DEV_FORCE, KIND_FLAG, false, 0 },
	{ EVS_A_DEV_LAZY, KIND_FLAG, false, 0 },
};
static const struct field id_fields[] = {
	{ EVS_A_DEV_ID, KIND_NUMBER, true, 0 },
};
static const struct field suspend_fields[] = {
	{ EVS_A_DEV_ID, KIND_NUMBER, true, 0 },
	{ EVS_A_DEV_GRACE, KIND_NUMBER, false, 0 },
};
/* Without a key the disk gets the cipher that was kept, if one was */
static const struct field resume_fields[] = {
	{ EVS_A_DEV_ID, KIND_NUMBER, true, 0 },
	{ EVS_A_DEV_KEY_SERIAL, KIND_NUMBER, false, 0 },
};
static const struct field resize_fields[] = {
	{ EVS_A_DEV_ID, KIND_NUMBER, true, 0 },
	{ EVS_A_DEV_SIZE, KIND_UINT, false, 0 },
};
static const struct field set_fields[] = {
	{ EVS_A_DEV_ID, KIND_NUMBER, true, 0 },
	{ EVS_A_DEV_CMK, KIND_STRING, true, EVS_CMK_MAX },
};

#define FIELDS(array) (array), sizeof(array) / sizeof((array)[0])
struct op ops[OPS] = {
	{ "attach", EVS_CMD_ATTACH, FIELDS(attach_fields), 8, 0, 0 },
	{ "detach", EVS_CMD_DETACH, FIELDS(detach_fields), 3, 0, 0 },
	{ "revoke", EVS_CMD_REVOKE, FIELDS(id_fields), 1, 0, 0 },
	{ "get", EVS_CMD_GET, FIELDS(id_fields), 2, 0, 0 },
	{ "suspend", EVS_CMD_SUSPEND, FIELDS(suspend_fields), 3, 0, 0 },
	{ "resume", EVS_CMD_RESUME, FIELDS(resume_fields), 6, 0, 0 },
	{ "resize", EVS_CMD_RESIZE, FIELDS(resize_fields), 3, 0, 0 },
	{ "set", EVS_CMD_SET, FIELDS(set_fields), 2, 0, 0 },
};

struct stuff stuff;

static key_serial_t fresh_key, used_key, user_key;

void message_init(void)
{
	used_key = stress_key(1);
	if (keyctl_revoke(used_key))
		err(2, "keyctl_revoke");
	user_key = add_key("user", "stress", "x", 1, KEY_SPEC_SESSION_KEYRING);
	if (user_key < 0)
		err(2, "add_key");
}

struct attr *message_add(struct message *msg, unsigned int type)
{
	struct attr *attr = &msg->attrs[msg->count];

	if (msg->count == MAX_ATTRS)
		errx(2, "too many attributes");
	*attr = (struct attr){ .type = type, .claim = -1 };
	msg->count++;
	return attr;
}

void message_set(struct attr *attr, const void *data, size_t len)
{
	memcpy(attr->data, data, len);
	attr->len = (unsigned int)len;
}

static void set_u32(struct attr *attr, uint32_t value)
{
	message_set(attr, &value, sizeof(value));
}

static void set_uint(struct attr *attr, uint64_t value)
{
	if (value <= UINT32_MAX)
		set_u32(attr, (uint32_t)value);
	else
		message_set(attr, &value, sizeof(value));
}

static key_serial_t new_key(void)
{
	/* One that was used is dead, and one that was not makes room for the next */
	if (fresh_key)
		keyctl_unlink(fresh_key, KEY_SPEC_SESSION_KEYRING);
	fresh_key = stress_key(0);
	return fresh_key;
}

static uint32_t some_key(void)
{
	switch (stress_below(16)) {
	case 0:
		return (uint32_t)used_key;
	case 1:
		return (uint32_t)user_key;
	case 2:
		return (uint32_t)-(int32_t)stress_below(10);
	case 3:
		return (uint32_t)random();
	default:
		return (uint32_t)new_key();
	}
}

static uint64_t some_size(void)
{
	static const uint64_t edges[] = {
		1, 511, 513, 4095, UINT32_MAX, UINT64_C(1) << 32, INT64_MAX,
		UINT64_C(1) << 63, UINT64_MAX - 4095, UINT64_MAX - 511, UINT64_MAX,
	};

	if (stress_below(3) == 0)
		return edges[stress_below(sizeof(edges) / sizeof(edges[0]))];
	return (uint64_t)(1 + stress_below(2048)) << 12;
}

void message_value(struct attr *attr)
{
	char text[32];

	switch (attr->type) {
	case EVS_A_DEV_ID:
		set_u32(attr, stress_below(8) ? stress_below(IDS) : (uint32_t)random());
		break;
	case EVS_A_DEV_BACKING_DEV:
		set_u32(attr, stress_below(16) ? stuff.backings[stress_below(stuff.nr_backings)] :
						 (uint32_t)random());
		break;
	case EVS_A_DEV_SECTOR_SIZE:
		set_u32(attr, stress_below(2) ? 512 : 4096);
		break;
	case EVS_A_DEV_KEY_SERIAL:
		set_u32(attr, some_key());
		break;
	case EVS_A_DEV_GRACE:
		set_u32(attr, 1 + stress_below(stress_below(2) ? 3 : EVS_GRACE_MAX));
		break;
	case EVS_A_DEV_OFFSET:
		set_uint(attr, stress_below(2) ? (uint64_t)stress_below(512) << 12 : some_size());
		break;
	case EVS_A_DEV_SIZE:
		set_uint(attr, some_size());
		break;
	default: /* strings */
		snprintf(text, sizeof(text), "n%u", stress_below(40));
		message_set(attr, text, strlen(text) + 1);
	}
}

static struct op *some_op(void)
{
	unsigned int sum = 0, pick;

	for (size_t i = 0; i < OPS; i++)
		sum += ops[i].weight;
	pick = stress_below(sum);
	for (size_t i = 0; i < OPS; i++) {
		if (pick < ops[i].weight)
			return &ops[i];
		pick -= ops[i].weight;
	}
	abort();
}

void message_good(struct message *msg)
{
	struct op *op = some_op();

	msg->op = op;
	msg->genl = (struct genlmsghdr){ .cmd = (uint8_t)op->cmd, .version = EVS_FAMILY_VERSION };
	msg->type = (unsigned int)stuff.family;
	msg->flags = NLM_F_REQUEST | NLM_F_ACK;
	msg->count = 0;
	msg->cut = 0;
	msg->claim = -1;
	msg->bad = false;
	msg->foreign = false;
	msg->ignored = false;
	for (unsigned int i = 0; i < op->count; i++) {
		const struct field *field = &op->fields[i];
		struct attr *attr;

		if (!field->required && stress_below(4))
			continue;
		attr = message_add(msg, (unsigned int)field->type);
		if (field->kind != KIND_FLAG)
			message_value(attr);
	}
}

size_t message_write(const struct message *msg, unsigned char *to, uint32_t seq)
{
	size_t len = NLMSG_HDRLEN + GENL_HDRLEN;
	struct nlmsghdr hdr = {
		.nlmsg_type = (uint16_t)msg->type,
		.nlmsg_flags = (uint16_t)msg->flags,
		.nlmsg_seq = seq,
	};

	memcpy(to + NLMSG_HDRLEN, &msg->genl, sizeof(msg->genl));
	for (unsigned int i = 0; i < msg->count; i++) {
		const struct attr *attr = &msg->attrs[i];
		struct nlattr nla = {
			.nla_len = (uint16_t)(attr->claim >= 0 ? (unsigned int)attr->claim :
								 NLA_HDRLEN + attr->len),
			.nla_type = (uint16_t)attr->type,
		};
		size_t padded = attr->unpadded ? attr->len : NLA_ALIGN(attr->len);

		memset(to + len, 0, NLA_HDRLEN + padded);
		memcpy(to + len, &nla, sizeof(nla));
		memcpy(to + len + NLA_HDRLEN, attr->data, attr->len);
		len += NLA_HDRLEN + padded;
	}
	len -= msg->cut < len - NLMSG_HDRLEN ? msg->cut : len - NLMSG_HDRLEN;
	hdr.nlmsg_len = msg->claim >= 0 ? (uint32_t)msg->claim : (uint32_t)len;
	memcpy(to, &hdr, sizeof(hdr));
	return len;
}
