// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "kms/kmip/ttlv.h"

#define ALIGN 8

static uint32_t get_be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_be32(unsigned char *p, uint32_t v)
{
	p[0] = (unsigned char)(v >> 24);
	p[1] = (unsigned char)(v >> 16);
	p[2] = (unsigned char)(v >> 8);
	p[3] = (unsigned char)v;
}

static size_t padded(size_t len)
{
	return (len + ALIGN - 1) / ALIGN * ALIGN;
}

static void get_header(const unsigned char *at, struct evs_ttlv *item)
{
	item->tag = get_be32(at) >> 8;
	item->type = (enum evs_ttlv_type)at[3];
	item->len = get_be32(at + 4);
	item->value = at + EVS_TTLV_HEADER_SIZE;
}

/* ---- reading ---- */

size_t evs_ttlv_message_size(const unsigned char *header, uint32_t tag)
{
	struct evs_ttlv item;

	get_header(header, &item);
	if (item.tag != tag || item.type != EVS_TTLV_STRUCTURE || item.len % ALIGN)
		return 0;
	return EVS_TTLV_HEADER_SIZE + (size_t)item.len;
}

static bool length_fits(const struct evs_ttlv *item)
{
	switch (item->type) {
	case EVS_TTLV_STRUCTURE:
		return item->len % ALIGN == 0;
	case EVS_TTLV_INTEGER:
	case EVS_TTLV_ENUM:
	case EVS_TTLV_INTERVAL:
		return item->len == 4;
	case EVS_TTLV_LONG:
	case EVS_TTLV_BOOLEAN:
	case EVS_TTLV_DATE:
		return item->len == 8;
	case EVS_TTLV_BIG:
		return item->len && item->len % ALIGN == 0;
	case EVS_TTLV_TEXT:
	case EVS_TTLV_BYTES:
		return true;
	}
	return false;
}

static bool value_fits(const struct evs_ttlv *item)
{
	size_t i;

	for (i = item->len; i < padded(item->len); i++)
		if (item->value[i])
			return false;
	if (item->type == EVS_TTLV_BOOLEAN)
		return !get_be32(item->value) && get_be32(item->value + 4) <= 1;
	return item->type != EVS_TTLV_TEXT || !item->len ||
	       !memchr(item->value, '\0', item->len);
}

/* One item at @at, which must fit into @left bytes. */
static int take(const unsigned char *at, size_t left, struct evs_ttlv *item)
{
	if (left < EVS_TTLV_HEADER_SIZE)
		return -EBADMSG;
	get_header(at, item);
	if (!length_fits(item) || padded(item->len) > left - EVS_TTLV_HEADER_SIZE ||
	    !value_fits(item))
		return -EBADMSG;
	return 0;
}

/*
 * Structures are entered in the order of the bytes, so the ends of those that
 * are open are all there is to keep.
 */
int evs_ttlv_parse(struct evs_ttlv *root, const void *data, size_t size)
{
	const unsigned char *at = data, *end[EVS_TTLV_DEPTH_MAX + 1];
	struct evs_ttlv item;
	unsigned int depth = 0;

	if (take(at, size, root) ||
	    EVS_TTLV_HEADER_SIZE + padded(root->len) != size)
		return -EBADMSG;
	end[0] = at + size;
	while (at < end[0]) {
		while (at == end[depth])
			depth--;
		if (take(at, (size_t)(end[depth] - at), &item))
			return -EBADMSG;
		at = item.value;
		if (item.type != EVS_TTLV_STRUCTURE) {
			at += padded(item.len);
			continue;
		}
		if (depth == EVS_TTLV_DEPTH_MAX)
			return -EBADMSG;
		end[++depth] = at + item.len;
	}
	return 0;
}

bool evs_ttlv_next(const struct evs_ttlv *parent, struct evs_ttlv *item)
{
	const unsigned char *at = item->value ? item->value + padded(item->len) : parent->value;

	if (at == parent->value + parent->len)
		return false;
	get_header(at, item);
	return true;
}

bool evs_ttlv_find(const struct evs_ttlv *parent, uint32_t tag, enum evs_ttlv_type type,
		   struct evs_ttlv *item)
{
	*item = (struct evs_ttlv){};
	while (evs_ttlv_next(parent, item))
		if (item->tag == tag && item->type == type)
			return true;
	return false;
}

int64_t evs_ttlv_number(const struct evs_ttlv *item)
{
	uint64_t value = get_be32(item->value);

	if (item->len == 8)
		return (int64_t)(value << 32 | get_be32(item->value + 4));
	return item->type == EVS_TTLV_INTEGER ? (int32_t)value : (int64_t)value;
}

bool evs_ttlv_get_number(const struct evs_ttlv *parent, uint32_t tag, enum evs_ttlv_type type,
			 int64_t *number)
{
	struct evs_ttlv item;

	if (!evs_ttlv_find(parent, tag, type, &item))
		return false;
	*number = evs_ttlv_number(&item);
	return true;
}

/* ---- writing ---- */

/* Writes a header and zeros for the value; NULL when there is no room. */
static unsigned char *put(struct evs_ttlv_out *out, uint32_t tag, enum evs_ttlv_type type,
			  size_t len)
{
	unsigned char *at = out->data + out->used;
	size_t need = EVS_TTLV_HEADER_SIZE + padded(len);

	if (out->full || len > out->size || need > out->size - out->used) {
		out->full = true;
		return NULL;
	}
	put_be32(at, tag << 8 | type);
	put_be32(at + 4, (uint32_t)len);
	memset(at + EVS_TTLV_HEADER_SIZE, 0, padded(len));
	out->used += need;
	return at + EVS_TTLV_HEADER_SIZE;
}

size_t evs_ttlv_begin(struct evs_ttlv_out *out, uint32_t tag)
{
	put(out, tag, EVS_TTLV_STRUCTURE, 0);
	return out->used;
}

void evs_ttlv_end(struct evs_ttlv_out *out, size_t begin)
{
	if (!out->full)
		put_be32(out->data + begin - 4, (uint32_t)(out->used - begin));
}

void evs_ttlv_put_number(struct evs_ttlv_out *out, uint32_t tag, enum evs_ttlv_type type,
			 uint32_t number)
{
	unsigned char *value = put(out, tag, type, sizeof(number));

	if (value)
		put_be32(value, number);
}

void evs_ttlv_put_text(struct evs_ttlv_out *out, uint32_t tag, const char *text)
{
	unsigned char *value = put(out, tag, EVS_TTLV_TEXT, strlen(text));

	if (value)
		memcpy(value, text, strlen(text));
}

void evs_ttlv_put_bytes(struct evs_ttlv_out *out, uint32_t tag, const void *data, size_t len)
{
	unsigned char *value = put(out, tag, EVS_TTLV_BYTES, len);

	if (value && len)
		memcpy(value, data, len);
}
