/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_POOL_RECORD_H
#define EVS_POOL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "error.h"
#include "names.h"

#define EVS_RECORD_VERSION 1

/* Longest name and value of one tag; LVM takes 1024 characters in all. */
#define EVS_RECORD_NAME_MAX 16
#define EVS_RECORD_VALUE_MAX (3 * EVS_CMK_REF_SIZE)

#define EVS_MAKER_SIZE 104		/* UUID of the boot, a colon, the host */
#define EVS_RECORD_SNAPSHOT_SIZE 49	/* as the name of a snapshot may be */

enum evs_kind {
	EVS_KIND_DISK,
	EVS_KIND_SNAPSHOT,
	EVS_KIND_IMAGE,
};

/** evs_kind_name() - Such as "disk". @kind: the kind */
const char *evs_kind_name(enum evs_kind kind);

/* How a snapshot, or what was made of one, was taken. */
enum evs_consistent {
	EVS_CONSISTENT_UNSAID,
	EVS_CONSISTENT_CRASH,
	EVS_CONSISTENT_FS,
};

/**
 * struct evs_record - What is known of an object of a pool, and what decides.
 * @id: its UUID, which the header of an encrypted one must have (evs.id)
 * @kind: what it is (evs.kind)
 * @encrypted: its attribute, fixed for life (evs.attr)
 * @cmk: id of the CMK of an encrypted one (evs.cmk)
 * @kms: name of its KMS (evs.kms)
 * @size: usable bytes, without the header (evs.size)
 * @from: UUID of what it was made from, or "" (evs.from)
 * @made: when (evs.made)
 * @consistent: how its data was taken (evs.consistent)
 * @maker: of an unfinished one, who makes it: boot id and host, else "" (evs.new)
 * @rollback: of a disk whose engine takes it back right now: to which snapshot,
 *	      else "" (evs.rollback)
 */
struct evs_record {
	char id[EVS_UUID_SIZE];
	enum evs_kind kind;
	bool encrypted;
	char cmk[EVS_CMK_REF_SIZE];
	char kms[EVS_KMS_NAME_MAX + 1];
	uint64_t size;
	char from[EVS_UUID_SIZE];
	time_t made;
	enum evs_consistent consistent;
	char maker[EVS_MAKER_SIZE];
	char rollback[EVS_RECORD_SNAPSHOT_SIZE];
};

/**
 * struct evs_record_tag - One tag of a record, as an engine keeps it.
 * @name: such as "evs.id"
 * @value: letters, digits and _+.-/=!:&#, which is what a tag of LVM may have; any other
 *	   character, and #, is written as # and two hexadecimal digits
 */
struct evs_record_tag {
	char name[EVS_RECORD_NAME_MAX + 1];
	char value[EVS_RECORD_VALUE_MAX + 1];
};

#define EVS_RECORD_TAGS_MAX 12

/**
 * evs_record_tags() - The tags that say what a record says.
 * @record: the record
 * @tags: room for EVS_RECORD_TAGS_MAX of them
 *
 * Return: how many.
 */
size_t evs_record_tags(const struct evs_record *record, struct evs_record_tag *tags);

/**
 * evs_record_maker() - Who makes an object now: this boot of this host.
 * @maker: filled, for the member of that name
 *
 * Return: 0 or a negative errno.
 */
int evs_record_maker(char maker[EVS_MAKER_SIZE]);

/**
 * evs_record_same_host() - Were both made on one host?
 * @a: a maker
 * @b: another one
 */
bool evs_record_same_host(const char *a, const char *b);

/**
 * evs_record_parse() - Make a record of the tags that an engine has kept.
 * @record: filled
 * @tags: the tags in any order; those whose name does not begin with "evs." are ignored
 * @count: how many
 *
 * Return: 0, -ENOENT when there is no tag evs.v, so that the object is not ours, or
 * -EBADMSG when they are no record: a tag is missing, twice there, unknown, or not
 * what it must be.
 */
int evs_record_parse(struct evs_record *record, const struct evs_record_tag *tags, size_t count);

#endif /* EVS_POOL_RECORD_H */
