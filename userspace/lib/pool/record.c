// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "hex.h"
#include "pool/record.h"

#define TAG_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+.-/=!:&"
#define ESCAPE '#'
#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define MACHINE_ID "/etc/machine-id"
#define MACHINE_ID_LEN 32

static const char *const kinds[] = { "disk", "snapshot", "image" };
static const char *const consistencies[] = { "", "crash", "fs" };

const char *evs_kind_name(enum evs_kind kind)
{
	return kinds[kind];
}

/* ---- values ---- */

static void escape(char *value, const char *text)
{
	for (; *text; text++) {
		if (strchr(TAG_CHARS, *text)) {
			*value++ = *text;
			continue;
		}
		*value++ = ESCAPE;
		evs_hex_encode(value, text, 1);
		value += 2;
	}
	*value = '\0';
}

static int unescape(char *text, size_t size, const char *value)
{
	for (; *value && size > 1; size--) {
		if (*value != ESCAPE) {
			*text++ = *value++;
			continue;
		}
		if (strlen(value) < 3 || evs_hex_decode(text, 1, value + 1, 2) != 1 || !*text)
			return -EBADMSG;
		text++;
		value += 3;
	}
	*text = '\0';
	return *value ? -EBADMSG : 0;
}

static int take_number(uint64_t *number, const char *value)
{
	char *end;

	errno = 0;
	*number = strtoull(value, &end, 10);
	return errno || *value < '0' || *value > '9' || *end ? -EBADMSG : 0;
}

static int take_word(int *index, const char *value, const char *const *words, int count)
{
	for (*index = 0; *index < count; ++*index)
		if (*words[*index] && !strcmp(words[*index], value))
			return 0;
	return -EBADMSG;
}

static int take_uuid(char *uuid, const char *value)
{
	if (!evs_uuid_valid(value))
		return -EBADMSG;
	strcpy(uuid, value);
	return 0;
}

/* ---- what each tag says ---- */

enum tag {
	TAG_VERSION, TAG_ID, TAG_KIND, TAG_ATTRIBUTE, TAG_CMK, TAG_KMS, TAG_SIZE, TAG_FROM,
	TAG_MADE, TAG_CONSISTENT, TAG_NEW, TAG_ROLLBACK, TAG_COUNT,
};

static const char *const names[] = {
	[TAG_VERSION] = "evs.v",
	[TAG_ID] = "evs.id",
	[TAG_KIND] = "evs.kind",
	[TAG_ATTRIBUTE] = "evs.attr",
	[TAG_CMK] = "evs.cmk",
	[TAG_KMS] = "evs.kms",
	[TAG_SIZE] = "evs.size",
	[TAG_FROM] = "evs.from",
	[TAG_MADE] = "evs.made",
	[TAG_CONSISTENT] = "evs.consistent",
	[TAG_NEW] = "evs.new",
	[TAG_ROLLBACK] = "evs.rollback",
};

_Static_assert(TAG_COUNT == EVS_RECORD_TAGS_MAX, "room for each tag");

static void put(struct evs_record_tag *tags, size_t *count, enum tag tag, const char *text)
{
	if (!*text)
		return;
	strcpy(tags[*count].name, names[tag]);
	escape(tags[(*count)++].value, text);
}

static void put_number(struct evs_record_tag *tags, size_t *count, enum tag tag, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	put(tags, count, tag, text);
}

size_t evs_record_tags(const struct evs_record *record, struct evs_record_tag *tags)
{
	size_t count = 0;

	put_number(tags, &count, TAG_VERSION, EVS_RECORD_VERSION);
	put(tags, &count, TAG_ID, record->id);
	put(tags, &count, TAG_KIND, kinds[record->kind]);
	put(tags, &count, TAG_ATTRIBUTE, record->encrypted ? "encrypted" : "plain");
	put(tags, &count, TAG_CMK, record->cmk);
	put(tags, &count, TAG_KMS, record->kms);
	put_number(tags, &count, TAG_SIZE, record->size);
	put(tags, &count, TAG_FROM, record->from);
	put_number(tags, &count, TAG_MADE, (uint64_t)record->made);
	put(tags, &count, TAG_CONSISTENT, consistencies[record->consistent]);
	put(tags, &count, TAG_NEW, record->maker);
	put(tags, &count, TAG_ROLLBACK, record->rollback);
	return count;
}

static int take_text(struct evs_record *record, enum tag tag, const char *value)
{
	switch (tag) {
	case TAG_CMK:
		return unescape(record->cmk, sizeof(record->cmk), value) ||
		       !evs_cmk_ref_valid(record->cmk) ? -EBADMSG : 0;
	case TAG_KMS:
		return unescape(record->kms, sizeof(record->kms), value) ||
		       !evs_kms_name_valid(record->kms) ? -EBADMSG : 0;
	case TAG_NEW:
		return unescape(record->maker, sizeof(record->maker), value);
	default:
		return unescape(record->rollback, sizeof(record->rollback), value);
	}
}

static int take(struct evs_record *record, enum tag tag, const char *value)
{
	uint64_t number;
	int ret, word;

	switch (tag) {
	case TAG_VERSION:
		ret = take_number(&number, value);
		return ret || number != EVS_RECORD_VERSION ? -EBADMSG : 0;
	case TAG_ID:
		return take_uuid(record->id, value);
	case TAG_FROM:
		return take_uuid(record->from, value);
	case TAG_KIND:
		ret = take_word(&word, value, kinds, EVS_KIND_IMAGE + 1);
		record->kind = (enum evs_kind)word;
		return ret;
	case TAG_ATTRIBUTE:
		record->encrypted = !strcmp(value, "encrypted");
		return record->encrypted || !strcmp(value, "plain") ? 0 : -EBADMSG;
	case TAG_SIZE:
		return take_number(&record->size, value);
	case TAG_MADE:
		ret = take_number(&number, value);
		record->made = (time_t)number;
		return ret;
	case TAG_CONSISTENT:
		ret = take_word(&word, value, consistencies, EVS_CONSISTENT_FS + 1);
		record->consistent = (enum evs_consistent)word;
		return ret;
	default:
		return take_text(record, tag, value);
	}
}

int evs_record_parse(struct evs_record *record, const struct evs_record_tag *tags, size_t count)
{
	bool seen[TAG_COUNT] = {};
	enum tag tag;
	size_t i;

	memset(record, 0, sizeof(*record));
	for (i = 0; i < count; i++)
		if (!strcmp(tags[i].name, names[TAG_VERSION]))
			break;
	if (i == count)
		return -ENOENT;
	for (i = 0; i < count; i++) {
		if (strncmp(tags[i].name, "evs.", 4))
			continue;
		for (tag = 0; tag < TAG_COUNT; tag++)
			if (!strcmp(names[tag], tags[i].name))
				break;
		if (tag == TAG_COUNT || seen[tag] || take(record, tag, tags[i].value))
			return -EBADMSG;
		seen[tag] = true;
	}
	if (!seen[TAG_ID] || !seen[TAG_KIND] || !seen[TAG_ATTRIBUTE] || !seen[TAG_SIZE] ||
	    !seen[TAG_MADE])
		return -EBADMSG;
	/* One that is being made may not have its key yet. */
	if (!seen[TAG_NEW] && (seen[TAG_CMK] != record->encrypted ||
			       seen[TAG_KMS] != record->encrypted))
		return -EBADMSG;
	return 0;
}

/* ---- who makes it ---- */

/* The first word of a file */
static int read_word(const char *path, char *word, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), errnum;
	ssize_t len;

	if (fd < 0)
		return -errno;
	do
		len = read(fd, word, size - 1);
	while (len < 0 && errno == EINTR);
	errnum = errno;
	close(fd);
	if (len < 0)
		return -errnum;
	word[len] = '\0';
	word[strcspn(word, " \n")] = '\0';
	return 0;
}

int evs_record_maker(char maker[EVS_MAKER_SIZE])
{
	char boot[EVS_UUID_SIZE + 1], host[MACHINE_ID_LEN + 2];
	struct utsname name;
	int ret;

	ret = read_word(BOOT_ID, boot, sizeof(boot));
	if (ret)
		return ret;
	if (!evs_uuid_valid(boot))
		return -EPROTO;
	/* An initramfs, or a small system, may have no id of the machine. */
	if (read_word(MACHINE_ID, host, sizeof(host)) || strlen(host) != MACHINE_ID_LEN) {
		if (uname(&name))
			return -errno;
		snprintf(maker, EVS_MAKER_SIZE, "%s:%.64s", boot, name.nodename);
		return 0;
	}
	snprintf(maker, EVS_MAKER_SIZE, "%s:%s", boot, host);
	return 0;
}

bool evs_record_same_host(const char *a, const char *b)
{
	const char *host_a = strchr(a, ':'), *host_b = strchr(b, ':');

	return host_a && host_b && !strcmp(host_a, host_b);
}
