/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_TTLV_H
#define EVS_KMS_TTLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * TTLV, the encoding of KMIP: items of a tag (3 bytes), a type (1), a length (4)
 * and a value, padded with zeros to a multiple of 8. Nothing here allocates,
 * copies a value or looks beyond the buffer it was given.
 */

#define EVS_TTLV_HEADER_SIZE 8

/* Structures within structures, the outermost included. */
#define EVS_TTLV_DEPTH_MAX 16

enum evs_ttlv_type {
	EVS_TTLV_STRUCTURE = 1,
	EVS_TTLV_INTEGER = 2,
	EVS_TTLV_LONG = 3,
	EVS_TTLV_BIG = 4,
	EVS_TTLV_ENUM = 5,
	EVS_TTLV_BOOLEAN = 6,
	EVS_TTLV_TEXT = 7,
	EVS_TTLV_BYTES = 8,
	EVS_TTLV_DATE = 9,
	EVS_TTLV_INTERVAL = 10,
};

/**
 * struct evs_ttlv - An item of a message that has been checked.
 * @tag: its tag, 0x42....
 * @type: its type
 * @len: bytes of the value, without padding
 * @value: the value, in the message
 */
struct evs_ttlv {
	uint32_t tag;
	enum evs_ttlv_type type;
	uint32_t len;
	const unsigned char *value;
};

/**
 * evs_ttlv_message_size() - How long the message is that begins so.
 * @header: EVS_TTLV_HEADER_SIZE bytes
 * @tag: tag that the message must have
 *
 * Return: bytes of all of it, or 0 when it is no structure of this tag or its
 * length is none a structure can have.
 */
size_t evs_ttlv_message_size(const unsigned char *header, uint32_t tag);

/**
 * evs_ttlv_parse() - Check a message and all items in it.
 * @root: set to the outermost item
 * @data: the message
 * @size: its size
 *
 * The message must be one item, with nothing behind it; every type known, every
 * length possible for its type and within what encloses it, all padding zero,
 * every boolean 0 or 1, no text with a NUL in it.
 *
 * Return: 0, or -EBADMSG.
 */
int evs_ttlv_parse(struct evs_ttlv *root, const void *data, size_t size);

/**
 * evs_ttlv_next() - Go through the items of a structure.
 * @parent: the structure
 * @item: zeroed for the first item, else the one before; set to the next
 *
 * Return: false when there is none.
 */
bool evs_ttlv_next(const struct evs_ttlv *parent, struct evs_ttlv *item);

/**
 * evs_ttlv_find() - The first item of a tag and type in a structure.
 * @parent: the structure
 * @tag: the tag
 * @type: the type
 * @item: set
 *
 * Return: false when there is none.
 */
bool evs_ttlv_find(const struct evs_ttlv *parent, uint32_t tag, enum evs_ttlv_type type,
		   struct evs_ttlv *item);

/**
 * evs_ttlv_number() - The value of an integer, an enumeration or a date.
 * @item: the item
 */
int64_t evs_ttlv_number(const struct evs_ttlv *item);

/**
 * evs_ttlv_get_number() - The value of such an item in a structure.
 * @parent: the structure
 * @tag: its tag
 * @type: its type
 * @number: set
 *
 * Return: false when there is none.
 */
bool evs_ttlv_get_number(const struct evs_ttlv *parent, uint32_t tag, enum evs_ttlv_type type,
			 int64_t *number);

/**
 * struct evs_ttlv_out - A message being written.
 * @data: room for it
 * @size: how much
 * @used: bytes written
 * @full: it did not fit; what is there is of no use
 */
struct evs_ttlv_out {
	unsigned char *data;
	size_t size;
	size_t used;
	bool full;
};

/**
 * evs_ttlv_begin() - Begin a structure.
 * @out: the message
 * @tag: its tag
 *
 * Return: what evs_ttlv_end() needs.
 */
size_t evs_ttlv_begin(struct evs_ttlv_out *out, uint32_t tag);

/**
 * evs_ttlv_end() - End a structure.
 * @out: the message
 * @begin: what evs_ttlv_begin() returned
 */
void evs_ttlv_end(struct evs_ttlv_out *out, size_t begin);

/**
 * evs_ttlv_put_number() - Write an integer or an enumeration.
 * @out: the message
 * @tag: its tag
 * @type: EVS_TTLV_INTEGER or EVS_TTLV_ENUM
 * @number: the value
 */
void evs_ttlv_put_number(struct evs_ttlv_out *out, uint32_t tag, enum evs_ttlv_type type,
			 uint32_t number);

/**
 * evs_ttlv_put_text() - Write a text.
 * @out: the message
 * @tag: its tag
 * @text: the text
 */
void evs_ttlv_put_text(struct evs_ttlv_out *out, uint32_t tag, const char *text);

/**
 * evs_ttlv_put_bytes() - Write a byte string.
 * @out: the message
 * @tag: its tag
 * @data: the bytes
 * @len: how many
 */
void evs_ttlv_put_bytes(struct evs_ttlv_out *out, uint32_t tag, const void *data, size_t len);

#endif /* EVS_KMS_TTLV_H */
