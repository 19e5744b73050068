/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_STRESS_MESSAGE_H
#define EVS_STRESS_MESSAGE_H

#include <linux/evs.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_ATTRS	16
#define MAX_DATA	4096
#define MAX_BACKINGS	8
#define OPS		8

enum kind { KIND_NUMBER, KIND_UINT, KIND_STRING, KIND_FLAG };

/* An attribute that an operation has. */
struct field {
	int type;
	enum kind kind;
	bool required;
	unsigned int max; /* length of a string without its NUL */
};

/* An operation, and how it fared. */
struct op {
	const char *name;
	int cmd;
	const struct field *fields;
	unsigned int count;
	unsigned int weight;
	unsigned long accepted;
	unsigned long refused;
};

struct attr {
	unsigned int type;
	unsigned int len;	/* of the data, in bytes */
	int claim;		/* nla_len, or -1 for the truth */
	bool unpadded;
	unsigned char data[MAX_DATA];
};

struct message {
	struct op *op;
	struct genlmsghdr genl;
	unsigned int type;	/* of the netlink header */
	unsigned int flags;
	unsigned int count;
	struct attr attrs[MAX_ATTRS];
	unsigned int cut;	/* bytes missing at the end */
	int claim;		/* nlmsg_len, or -1 for the truth */
	bool bad;		/* to be refused whatever the state of the disks */
	bool foreign;		/* may not come to the operation: no text, or no answer */
	bool ignored;		/* not even answered */
};

/* What messages are made of: to be filled by the program. */
struct stuff {
	int family;
	uint32_t witness;	/* number of a disk that is to be left alone */
	uint32_t backings[MAX_BACKINGS];
	unsigned int nr_backings;
};

extern struct stuff stuff;
extern struct op ops[OPS];

/**
 * message_init() - Make the keys that messages name.
 */
void message_init(void);

/**
 * message_good() - Make a message as a program would send it.
 * @msg: filled
 */
void message_good(struct message *msg);

/**
 * message_add() - Add an attribute without data.
 * @msg: the message, which has room for it
 * @type: its type
 *
 * Return: the attribute.
 */
struct attr *message_add(struct message *msg, unsigned int type);

/**
 * message_value() - Give an attribute a value that may be right.
 * @attr: the attribute
 */
void message_value(struct attr *attr);

/**
 * message_set() - Give an attribute data.
 * @attr: the attribute
 * @data: the data
 * @len: how much, in bytes
 */
void message_set(struct attr *attr, const void *data, size_t len);

/**
 * message_mutate() - Spoil a message, or not, in some way.
 * @msg: a good message; does not name the witness afterwards
 */
void message_mutate(struct message *msg);

/**
 * message_write() - Write a message down as it goes to the kernel.
 * @msg: the message
 * @to: room for MESSAGE_MAX bytes
 * @seq: its sequence number
 *
 * Return: its length in bytes.
 */
size_t message_write(const struct message *msg, unsigned char *to, uint32_t seq);
#define MESSAGE_MAX	(MAX_ATTRS * (MAX_DATA + NLA_HDRLEN) + 64)

#endif /* EVS_STRESS_MESSAGE_H */
