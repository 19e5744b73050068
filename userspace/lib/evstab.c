// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The parser of evstab(5): words between blanks, one line a disk. It touches
 * nothing but its buffer; files and devices come in below it.
 */
#include <blkid.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evstab.h"
#include "pool/object.h"
#include "text.h"

#define BLANKS " \t"
#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789#+-.:=@_"
#define LABEL_DIR "by-label"	/* of the links beside the names in /dev/evs */
#define OPTION_TIMEOUT "x-systemd.device-timeout="
#define OPTION_KMS "kms="
#define OPTION_CMK "cmk="
#define OCTAL_SIZE 4		/* of a byte that is written \054 */
#define FILE_MAX (1 << 20)
#define SHOWN_MAX 64

static const struct {
	const char *tag;
	const char *dir;
	bool lower;	/* udev writes it in lower case */
} tags[] = {
	{ "UUID=", "/dev/disk/by-uuid/", true },
	{ "LABEL=", "/dev/disk/by-label/", false },
	{ "PARTUUID=", "/dev/disk/by-partuuid/", true },
	{ "PARTLABEL=", "/dev/disk/by-partlabel/", false },
};

#define TAG_COUNT (sizeof(tags) / sizeof(tags[0]))

static const struct {
	const char *name;
	size_t flag;
} flags[] = {
	{ "read-only", offsetof(struct evstab_entry, read_only) },
	{ "readonly", offsetof(struct evstab_entry, read_only) },
	{ "discard", offsetof(struct evstab_entry, discard) },
	{ "no-partscan", offsetof(struct evstab_entry, no_partscan) },
	{ "nofail", offsetof(struct evstab_entry, nofail) },
	{ "noauto", offsetof(struct evstab_entry, noauto) },
	{ "_netdev", offsetof(struct evstab_entry, netdev) },
	{ "x-initrd.attach", offsetof(struct evstab_entry, initrd) },
	{ "x-initrd.attach=driver", offsetof(struct evstab_entry, initrd) },
};

#define FLAG_COUNT (sizeof(flags) / sizeof(flags[0]))

/* ---- one line ---- */

/* Says what is wrong with the line, the first time; always false */
static bool __attribute__((format(printf, 3, 4)))
bad_line(const struct evstab *tab, struct evstab_entry *entry, const char *fmt, ...)
{
	char raw[256], why[EVS_TEXT_COPY_MAX(sizeof(raw))];
	va_list ap;

	if (entry->bad)
		return false;
	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	evs_text_copy(why, sizeof(why), raw, strlen(raw));
	if (asprintf(&entry->bad, "%s:%u: %s", tab->path, entry->line, why) < 0)
		entry->bad = NULL;
	return false;
}

/* The next word of a line, which is cut off it; NULL at its end */
static char *next_word(char **line)
{
	char *word;

	*line += strspn(*line, BLANKS);
	word = strsep(line, BLANKS);
	if (!*line)
		*line = strchr(word, '\0');
	return *word ? word : NULL;
}

/* Undo \040 and the like, which fstab(5) has for blanks. Is it sound? */
static bool decode(char *word)
{
	const char *in = word;
	char *out = word;
	unsigned int i, value;

	while (*in) {
		if (*in != '\\') {
			*out++ = *in++;
			continue;
		}
		for (in++, value = 0, i = 0; i < 3; i++, in++) {
			if (*in < '0' || *in > '7')
				return false;
			value = value * 8 + (unsigned int)(*in - '0');
		}
		if (value > UINT8_MAX || value < ' ' || value == 0x7f)
			return false;
		*out++ = (char)value;
	}
	*out = '\0';
	return true;
}

static bool parse_name(const struct evstab *tab, struct evstab_entry *entry, const char *name)
{
	size_t len = strlen(name), i;

	if (len > EVSTAB_NAME_MAX)
		return bad_line(tab, entry, "the name %.*s... is longer than %d characters",
				SHOWN_MAX, name, EVSTAB_NAME_MAX);
	if (strspn(name, NAME_CHARS) != len || *name == '.' || !strcmp(name, LABEL_DIR))
		return bad_line(tab, entry,
				"\"%s\" cannot be a name: letters, digits and #+-.:=@_, not . first, not "
				LABEL_DIR, name);
	memcpy(entry->name, name, len + 1);
	for (i = 0; i < tab->count; i++)
		if (!strcmp(tab->entries[i].name, name))
			return bad_line(tab, entry, "%s is in line %u already", name,
					tab->entries[i].line);
	return true;
}

/* A disk of a pool has the name that it has wherever it is attached. */
static bool check_pool_name(const struct evstab *tab, struct evstab_entry *entry)
{
	char name[EVSTAB_NAME_MAX + 1];

	snprintf(name, sizeof(name), "%s", entry->device);
	*strchr(name, '/') = ':';
	return !strcmp(entry->name, name) ||
	       bad_line(tab, entry, "%s: the name of this disk is %s", entry->device, name);
}

static bool parse_device(const struct evstab *tab, struct evstab_entry *entry, char *device)
{
	size_t i, len;

	if (!decode(device))
		return bad_line(tab, entry, "\"%.*s\": a backslash needs three octal digits",
				SHOWN_MAX, device);
	if (strlen(device) > EVSTAB_DEVICE_MAX)
		return bad_line(tab, entry, "the device is longer than %d characters",
				EVSTAB_DEVICE_MAX);
	strcpy(entry->device, device);
	if (*device == '/')
		return true;
	for (i = 0; i < TAG_COUNT; i++) {
		len = strlen(tags[i].tag);
		if (strncmp(device, tags[i].tag, len) || !device[len])
			continue;
		for (; device[len] && tags[i].lower; len++)
			entry->device[len] = (char)tolower((unsigned char)device[len]);
		return true;
	}
	entry->in_pool = evs_object_is_disk(device, '/');
	if (entry->in_pool)
		return check_pool_name(tab, entry);
	return bad_line(tab, entry,
			"\"%.*s\" is no device: an absolute path, POOL/DISK, UUID=, LABEL=, PARTUUID= or PARTLABEL=",
			SHOWN_MAX, device);
}

/* Digits and a unit, once or more often, as systemd.time(7) has it */
static bool timeout_valid(const char *text)
{
	static const char *const units[] = { "", "s", "sec", "ms", "min", "m", "h", "hr", "d" };
	char unit[4];
	size_t len, i;

	if (!strcmp(text, "infinity"))
		return true;
	if (!*text || strlen(text) > EVSTAB_TIMEOUT_MAX)
		return false;
	while (*text) {
		len = strspn(text, "0123456789");
		if (!len)
			return false;
		text += len;
		len = strcspn(text, "0123456789");
		if (len >= sizeof(unit))
			return false;
		memcpy(unit, text, len);
		unit[len] = '\0';
		text += len;
		for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
			if (!strcmp(unit, units[i]))
				break;
		if (i == sizeof(units) / sizeof(units[0]))
			return false;
	}
	return true;
}

static bool parse_timeout(const struct evstab *tab, struct evstab_entry *entry, const char *value)
{
	if (!timeout_valid(value))
		return bad_line(tab, entry,
				OPTION_TIMEOUT "%.*s: no time span, such as 90, 5min or infinity",
				SHOWN_MAX, value);
	strcpy(entry->device_timeout, value);
	return true;
}

static bool parse_kms(const struct evstab *tab, struct evstab_entry *entry, const char *value)
{
	if (!evs_kms_name_valid(value))
		return bad_line(tab, entry, OPTION_KMS "%.*s: not the name of a KMS", SHOWN_MAX,
				value);
	strcpy(entry->kms, value);
	return true;
}

static bool parse_cmk(const struct evstab *tab, struct evstab_entry *entry, const char *value)
{
	char cmk[EVS_CMK_REF_SIZE * OCTAL_SIZE];

	/* An id may have a comma in it, which is written \054. */
	if (strlen(value) < sizeof(cmk) && decode(strcpy(cmk, value)) && evs_cmk_ref_valid(cmk)) {
		strcpy(entry->cmk, cmk);
		return true;
	}
	return bad_line(tab, entry, OPTION_CMK "%.*s: not the id of a CMK", SHOWN_MAX, value);
}

static const struct {
	const char *name;
	bool (*parse)(const struct evstab *tab, struct evstab_entry *entry, const char *value);
} values[] = {
	{ OPTION_TIMEOUT, parse_timeout },
	{ OPTION_KMS, parse_kms },
	{ OPTION_CMK, parse_cmk },
};

#define VALUE_COUNT (sizeof(values) / sizeof(values[0]))

static bool parse_option(const struct evstab *tab, struct evstab_entry *entry, const char *option)
{
	size_t i, len;

	for (i = 0; i < FLAG_COUNT; i++) {
		if (strcmp(option, flags[i].name))
			continue;
		*(bool *)((char *)entry + flags[i].flag) = true;
		return true;
	}
	for (i = 0; i < VALUE_COUNT; i++) {
		len = strlen(values[i].name);
		if (!strncmp(option, values[i].name, len))
			return values[i].parse(tab, entry, option + len);
	}
	return bad_line(tab, entry, "unknown option \"%.*s\"", SHOWN_MAX, option);
}

static bool parse_words(const struct evstab *tab, struct evstab_entry *entry, char *line)
{
	char *name = next_word(&line), *device = next_word(&line), *options = next_word(&line);
	char *option, *extra = next_word(&line);

	if (!name || !parse_name(tab, entry, name))
		return false;
	if (!device)
		return bad_line(tab, entry, "%s has no device", name);
	if (!parse_device(tab, entry, device))
		return false;
	/* An empty option, as a last comma leaves one, means nothing, as in crypttab(5). */
	while ((option = strsep(&options, ",")))
		if (*option && !parse_option(tab, entry, option))
			return false;
	if (extra)
		return bad_line(tab, entry, "\"%.*s\" is too much: NAME DEVICE [OPTIONS]",
				SHOWN_MAX, extra);
	return true;
}

static struct evstab_entry *add_entry(struct evstab *tab, unsigned int line)
{
	struct evstab_entry *entries;

	entries = reallocarray(tab->entries, tab->count + 1, sizeof(*entries));
	if (!entries)
		return NULL;
	tab->entries = entries;
	entries += tab->count;
	memset(entries, 0, sizeof(*entries));
	entries->line = line;
	return entries;
}

/* A line of any bytes, without its end */
static int parse_line(struct evstab *tab, const char *text, size_t len, unsigned int number)
{
	struct evstab_entry *entry;
	bool valid, good = false;
	char *line, *start, *tab_char;

	line = strndup(text, len);
	if (!line)
		return -ENOMEM;
	for (tab_char = line; (tab_char = strchr(tab_char, '\t')); )
		*tab_char = ' ';
	valid = strlen(line) == len && evs_text_valid(line);
	start = line + strspn(line, BLANKS);
	if (valid && (!*start || *start == '#')) {
		free(line);
		return 0;
	}
	entry = add_entry(tab, number);
	if (entry && !valid)
		good = bad_line(tab, entry, "control characters, or bytes that are no UTF-8");
	else if (entry)
		good = parse_words(tab, entry, start);
	free(line);
	/* Without memory for what is wrong with it, a line would pass for good. */
	if (!entry || (!good && !entry->bad))
		return -ENOMEM;
	tab->count++;
	return 0;
}

/* ---- the table ---- */

int evstab_parse(struct evstab *tab, const char *path, const char *text, size_t len,
		 struct evs_error *err)
{
	const char *end;
	unsigned int line;
	size_t part;

	memset(tab, 0, sizeof(*tab));
	tab->path = path;
	for (line = 1; len; line++) {
		end = memchr(text, '\n', len);
		part = end ? (size_t)(end - text) : len;
		if (parse_line(tab, text, part, line)) {
			evstab_free(tab);
			return evs_error_set(err, ENOMEM, "%s: out of memory", path);
		}
		part += end ? 1 : 0;
		text += part;
		len -= part;
	}
	return 0;
}

int evstab_load(struct evstab *tab, struct evs_error *err)
{
	const char *named = secure_getenv("EVSTAB"), *path = named ? named : EVSTAB_PATH;
	char *text;
	FILE *file;
	size_t len;
	int ret;

	memset(tab, 0, sizeof(*tab));
	tab->path = path;
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT && !named ? 0 : evs_error_set(err, errno, "%s: %m", path);
	text = malloc(FILE_MAX + 1);
	if (!text) {
		fclose(file);
		return evs_error_set(err, ENOMEM, "%s: out of memory", path);
	}
	errno = 0;
	len = fread(text, 1, FILE_MAX + 1, file);
	if (ferror(file))
		ret = evs_error_set(err, errno ? errno : EIO, "%s: cannot be read: %m", path);
	else if (len > FILE_MAX)
		ret = evs_error_set(err, EINVAL, "%s: is longer than 1 MiB", path);
	else
		ret = evstab_parse(tab, path, text, len, err);
	free(text);
	fclose(file);
	return ret;
}

void evstab_free(struct evstab *tab)
{
	size_t i;

	for (i = 0; i < tab->count; i++)
		free(tab->entries[i].bad);
	free(tab->entries);
	memset(tab, 0, sizeof(*tab));
}

const struct evstab_entry *evstab_find(const struct evstab *tab, const char *name,
				       struct evs_error *err)
{
	const struct evstab_entry *entry;
	size_t i;

	for (i = 0; i < tab->count; i++) {
		entry = &tab->entries[i];
		if (strcmp(entry->name, name))
			continue;
		if (!entry->bad)
			return entry;
		evs_error_set(err, EINVAL, "%s", entry->bad);
		return NULL;
	}
	evs_error_set(err, ENODEV, "%s: is not in %s", name, tab->path);
	return NULL;
}

/* ---- devices ---- */

int evstab_link(const struct evstab_entry *entry, char *path, size_t size, struct evs_error *err)
{
	const char *value;
	size_t i, len;

	for (i = 0; i < TAG_COUNT; i++)
		if (!strncmp(entry->device, tags[i].tag, strlen(tags[i].tag)))
			break;
	if (i == TAG_COUNT) {
		len = (size_t)snprintf(path, size, "%s", entry->device);
	} else {
		value = entry->device + strlen(tags[i].tag);
		len = (size_t)snprintf(path, size, "%s", tags[i].dir);
		if (len < size && blkid_encode_string(value, path + len, size - len))
			len = size;
	}
	if (len >= size)
		return evs_error_set(err, ENAMETOOLONG, "%s: its device is too long", entry->name);
	return 0;
}

int evstab_resolve(const struct evstab_entry *entry, char **path, struct evs_error *err)
{
	bool as_it_is = *entry->device == '/' || entry->in_pool;

	*path = as_it_is ? strdup(entry->device) : blkid_evaluate_spec(entry->device, NULL);
	if (*path)
		return 0;
	if (as_it_is)
		return evs_error_set(err, ENOMEM, "out of memory");
	return evs_error_set(err, ENODEV, "%s: no such device", entry->device);
}
