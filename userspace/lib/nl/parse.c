// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <string.h>

#include "nl/netlink.h"
#include "text.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define UINT_POLICY { .minlen = sizeof(uint32_t), .maxlen = sizeof(uint64_t) }

/* Unlike the kernel, libnl takes NLA_STRING to mean one that ends in NUL. */
static const struct nla_policy policy[EVS_A_DEV_MAX + 1] = {
	[EVS_A_DEV_ID] = { .type = NLA_U32 },
	[EVS_A_DEV_NAME] = { .type = NLA_STRING, .maxlen = EVS_NAME_MAX + 1 },
	[EVS_A_DEV_UUID] = { .type = NLA_STRING, .maxlen = EVS_UUID_MAX + 1 },
	[EVS_A_DEV_BACKING_DEV] = { .type = NLA_U32 },
	[EVS_A_DEV_OFFSET] = UINT_POLICY,
	[EVS_A_DEV_SIZE] = UINT_POLICY,
	[EVS_A_DEV_SECTOR_SIZE] = { .type = NLA_U32 },
	[EVS_A_DEV_KEY_SERIAL] = { .type = NLA_S32 },
	[EVS_A_DEV_READ_ONLY] = { .type = NLA_FLAG },
	[EVS_A_DEV_STATE] = { .type = NLA_U32 },
	[EVS_A_DEV_CIPHER] = { .type = NLA_STRING, .maxlen = EVS_CIPHER_MAX + 1 },
	[EVS_A_DEV_OPENERS] = { .type = NLA_U32 },
	[EVS_A_DEV_DISK_DEV] = { .type = NLA_U32 },
	[EVS_A_DEV_CMK] = { .type = NLA_STRING, .maxlen = EVS_CMK_MAX + 1 },
	[EVS_A_DEV_ALLOW_DISCARDS] = { .type = NLA_FLAG },
	[EVS_A_DEV_NO_PARTSCAN] = { .type = NLA_FLAG },
	[EVS_A_DEV_LAZY] = { .type = NLA_FLAG },
	[EVS_A_DEV_EVENT] = { .type = NLA_U32 },
	[EVS_A_DEV_CAUSE] = { .type = NLA_U32 },
	[EVS_A_DEV_READS] = UINT_POLICY,
	[EVS_A_DEV_WRITES] = UINT_POLICY,
	[EVS_A_DEV_BYTES_READ] = UINT_POLICY,
	[EVS_A_DEV_BYTES_WRITTEN] = UINT_POLICY,
	[EVS_A_DEV_ERRORS] = UINT_POLICY,
	[EVS_A_DEV_IN_FLIGHT] = { .type = NLA_U32 },
	[EVS_A_DEV_BOUNCE_PAGES] = { .type = NLA_U32 },
};

static const char *const event_names[] = {
	[EVS_EVENT_ATTACHED] = "attached",
	[EVS_EVENT_DETACHED] = "detached",
	[EVS_EVENT_SUSPENDED] = "suspended",
	[EVS_EVENT_RESUMED] = "resumed",
	[EVS_EVENT_REVOKED] = "revoked",
	[EVS_EVENT_KEY_EXPIRED] = "key-expired",
	[EVS_EVENT_REMOVED] = "removed",
	[EVS_EVENT_RESIZED] = "resized",
	[EVS_EVENT_IO_ERROR] = "io-error",
};

static const char *const cause_names[] = {
	[EVS_CAUSE_COMMAND] = "command",
	[EVS_CAUSE_FORCE] = "force",
	[EVS_CAUSE_LAST_CLOSE] = "last-close",
	[EVS_CAUSE_KEY_REVOKED] = "key-revoked",
	[EVS_CAUSE_KEY_EXPIRED] = "key-expired",
	[EVS_CAUSE_KEY_INVALIDATED] = "key-invalidated",
	[EVS_CAUSE_BACKING_GONE] = "backing-gone",
	[EVS_CAUSE_BACKING_SHRUNK] = "backing-shrunk",
	[EVS_CAUSE_READ] = "read",
	[EVS_CAUSE_WRITE] = "write",
	[EVS_CAUSE_FLUSH] = "flush",
	[EVS_CAUSE_DISCARD] = "discard",
};

static const char *const state_names[] = {
	[EVS_DEV_STATE_LIVE] = "live",
	[EVS_DEV_STATE_SUSPENDED] = "suspended",
	[EVS_DEV_STATE_REVOKED] = "revoked",
	[EVS_DEV_STATE_REMOVED] = "removed",
	[EVS_DEV_STATE_DETACHING] = "detaching",
	[EVS_DEV_STATE_DEAD] = "dead",
};

/* A newer kernel may have more of them. */
static const char *name_of(const char *const *names, size_t count, unsigned int value)
{
	return value < count ? names[value] : "unknown";
}

const char *evs_nl_event_name(enum evs_event event)
{
	return name_of(event_names, ARRAY_SIZE(event_names), event);
}

const char *evs_nl_cause_name(enum evs_cause cause)
{
	return name_of(cause_names, ARRAY_SIZE(cause_names), cause);
}

const char *evs_nl_state_name(enum evs_dev_state state)
{
	return name_of(state_names, ARRAY_SIZE(state_names), state);
}

static uint64_t get_uint(struct nlattr *attr)
{
	if (!attr)
		return 0;
	return nla_len(attr) < (int)sizeof(uint64_t) ? nla_get_u32(attr) : nla_get_u64(attr);
}

static uint32_t get_u32(struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

static void get_string(char *dst, size_t size, struct nlattr *attr)
{
	const char *src = attr ? nla_data(attr) : "";

	evs_text_copy(dst, size, src, attr ? strnlen(src, (size_t)nla_len(attr)) : 0);
}

/* The attributes of a message, each once, and those that it has to have */
static int parse(struct nlmsghdr *msg, struct nlattr **attr, const int *required, size_t count)
{
	bool seen[EVS_A_DEV_MAX + 1] = {};
	struct nlattr *pos;
	int left, type;
	size_t i;

	if (genlmsg_parse(msg, 0, attr, EVS_A_DEV_MAX, (struct nla_policy *)policy))
		return -EPROTO;
	nla_for_each_attr(pos, genlmsg_attrdata(nlmsg_data(msg), 0),
			  genlmsg_attrlen(nlmsg_data(msg), 0), left) {
		type = nla_type(pos);
		if (type <= EVS_A_DEV_MAX && seen[type])
			return -EPROTO;
		if (type <= EVS_A_DEV_MAX)
			seen[type] = true;
	}
	for (i = 0; i < count; i++)
		if (!attr[required[i]])
			return -EPROTO;
	return 0;
}

int evs_nl_parse_disk(struct nlmsghdr *msg, struct evs_disk *disk)
{
	static const int required[] = {
		EVS_A_DEV_ID,	       EVS_A_DEV_NAME,	   EVS_A_DEV_BACKING_DEV, EVS_A_DEV_SIZE,
		EVS_A_DEV_SECTOR_SIZE, EVS_A_DEV_DISK_DEV,
	};
	struct nlattr *attr[EVS_A_DEV_MAX + 1];

	if (parse(msg, attr, required, ARRAY_SIZE(required)))
		return -EPROTO;
	disk->id = get_u32(attr[EVS_A_DEV_ID]);
	get_string(disk->name, sizeof(disk->name), attr[EVS_A_DEV_NAME]);
	get_string(disk->uuid, sizeof(disk->uuid), attr[EVS_A_DEV_UUID]);
	/* The kernel's numbers have the form that stat(2) gives them. */
	disk->backing_dev = get_u32(attr[EVS_A_DEV_BACKING_DEV]);
	disk->offset = get_uint(attr[EVS_A_DEV_OFFSET]);
	disk->size = get_uint(attr[EVS_A_DEV_SIZE]);
	disk->sector_size = get_u32(attr[EVS_A_DEV_SECTOR_SIZE]);
	disk->key_serial = (int32_t)get_u32(attr[EVS_A_DEV_KEY_SERIAL]);
	disk->read_only = attr[EVS_A_DEV_READ_ONLY] != NULL;
	disk->state = get_u32(attr[EVS_A_DEV_STATE]);
	get_string(disk->cipher, sizeof(disk->cipher), attr[EVS_A_DEV_CIPHER]);
	disk->openers = get_u32(attr[EVS_A_DEV_OPENERS]);
	disk->disk_dev = get_u32(attr[EVS_A_DEV_DISK_DEV]);
	get_string(disk->cmk, sizeof(disk->cmk), attr[EVS_A_DEV_CMK]);
	disk->allow_discards = attr[EVS_A_DEV_ALLOW_DISCARDS] != NULL;
	disk->no_partscan = attr[EVS_A_DEV_NO_PARTSCAN] != NULL;
	disk->lazy = attr[EVS_A_DEV_LAZY] != NULL;
	disk->reads = get_uint(attr[EVS_A_DEV_READS]);
	disk->writes = get_uint(attr[EVS_A_DEV_WRITES]);
	disk->bytes_read = get_uint(attr[EVS_A_DEV_BYTES_READ]);
	disk->bytes_written = get_uint(attr[EVS_A_DEV_BYTES_WRITTEN]);
	disk->errors = get_uint(attr[EVS_A_DEV_ERRORS]);
	disk->in_flight = get_u32(attr[EVS_A_DEV_IN_FLIGHT]);
	disk->bounce_pages = get_u32(attr[EVS_A_DEV_BOUNCE_PAGES]);
	return 0;
}

int evs_nl_parse_event(struct nlmsghdr *msg, struct evs_event_msg *event)
{
	static const int required[] = {
		EVS_A_DEV_EVENT, EVS_A_DEV_CAUSE,	EVS_A_DEV_ID,	EVS_A_DEV_NAME,
		EVS_A_DEV_STATE, EVS_A_DEV_BACKING_DEV, EVS_A_DEV_SIZE, EVS_A_DEV_DISK_DEV,
	};
	struct nlattr *attr[EVS_A_DEV_MAX + 1];

	if (!genlmsg_valid_hdr(msg, 0) ||
	    ((const struct genlmsghdr *)nlmsg_data(msg))->cmd != EVS_CMD_EVENT ||
	    parse(msg, attr, required, ARRAY_SIZE(required)))
		return -EPROTO;
	event->event = get_u32(attr[EVS_A_DEV_EVENT]);
	event->cause = get_u32(attr[EVS_A_DEV_CAUSE]);
	event->id = get_u32(attr[EVS_A_DEV_ID]);
	get_string(event->name, sizeof(event->name), attr[EVS_A_DEV_NAME]);
	get_string(event->uuid, sizeof(event->uuid), attr[EVS_A_DEV_UUID]);
	event->backing_dev = get_u32(attr[EVS_A_DEV_BACKING_DEV]);
	event->size = get_uint(attr[EVS_A_DEV_SIZE]);
	event->key_serial = (int32_t)get_u32(attr[EVS_A_DEV_KEY_SERIAL]);
	event->state = get_u32(attr[EVS_A_DEV_STATE]);
	event->errors = get_uint(attr[EVS_A_DEV_ERRORS]);
	event->disk_dev = get_u32(attr[EVS_A_DEV_DISK_DEV]);
	return 0;
}

void evs_nl_parse_extack(const struct nlmsghdr *msg, char *text, size_t size)
{
	const struct nlmsgerr *ack = nlmsg_data(msg);
	int len = nlmsg_datalen(msg), skip = sizeof(int);
	struct nlattr *reason;

	text[0] = '\0';
	if (!(msg->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	/* An error quotes the header of the request, or all of it. */
	if (msg->nlmsg_type == NLMSG_ERROR) {
		skip = sizeof(*ack);
		if (len < skip)
			return;
		if (!(msg->nlmsg_flags & NLM_F_CAPPED)) {
			if (ack->msg.nlmsg_len < NLMSG_HDRLEN || ack->msg.nlmsg_len > (uint32_t)len)
				return;
			skip += NLMSG_ALIGN(ack->msg.nlmsg_len) - NLMSG_HDRLEN;
		}
	}
	if (len <= skip)
		return;
	reason = nla_find((const struct nlattr *)((const char *)nlmsg_data(msg) + skip), len - skip,
			  NLMSGERR_ATTR_MSG);
	if (reason)
		evs_text_copy(text, size, nla_data(reason),
			      strnlen(nla_data(reason), nla_len(reason)));
}
