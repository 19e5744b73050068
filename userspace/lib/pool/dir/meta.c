// SPDX-License-Identifier: GPL-2.0-or-later
/* The record of an object as a file: an object of JSON with a text for each tag. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "pool/dir/dir.h"

#define TEMPORARY DIR_META ".new"
#define META_MAX 16384

static int read_all(int fd, char *text, size_t size)
{
	size_t used = 0;
	ssize_t len;

	while (used < size - 1) {
		len = read(fd, text + used, size - 1 - used);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		if (!len) {
			text[used] = '\0';
			return 0;
		}
		used += (size_t)len;
	}
	return -EBADMSG;
}

static int take_tags(struct json_object *meta, struct evs_record *record)
{
	struct evs_record_tag tags[EVS_RECORD_TAGS_MAX];
	size_t count = 0;
	const char *text;

	json_object_object_foreach(meta, name, value) {
		text = json_object_is_type(value, json_type_string) ?
		       json_object_get_string(value) : NULL;
		if (count == EVS_RECORD_TAGS_MAX || !text || strlen(text) > EVS_RECORD_VALUE_MAX ||
		    strlen(name) > EVS_RECORD_NAME_MAX)
			return -EBADMSG;
		strcpy(tags[count].name, name);
		strcpy(tags[count++].value, text);
	}
	return evs_record_parse(record, tags, count);
}

int evs_dir_read_meta(int fd, struct evs_record *record)
{
	struct json_object *meta;
	char text[META_MAX];
	int file, ret;

	file = evs_dir_at(fd, DIR_META, O_RDONLY | O_NONBLOCK);
	if (file < 0)
		return file;
	ret = read_all(file, text, sizeof(text));
	close(file);
	if (ret)
		return ret;
	meta = json_tokener_parse(text);
	ret = json_object_is_type(meta, json_type_object) ? take_tags(meta, record) : -EBADMSG;
	json_object_put(meta);
	return ret;
}

static struct json_object *make_json(const struct evs_record *record)
{
	struct evs_record_tag tags[EVS_RECORD_TAGS_MAX];
	struct json_object *meta = json_object_new_object(), *value;
	size_t i, count = evs_record_tags(record, tags);

	for (i = 0; meta && i < count; i++) {
		value = json_object_new_string(tags[i].value);
		if (value && !json_object_object_add(meta, tags[i].name, value))
			continue;
		json_object_put(value);
		json_object_put(meta);
		return NULL;
	}
	return meta;
}

/* Written beside it and renamed, so that there is the old or the new one. */
static int replace(int fd, const char *text, size_t len)
{
	int file, ret;

	if (unlinkat(fd, TEMPORARY, 0) && errno != ENOENT)
		return -errno;
	file = openat(fd, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file < 0)
		return -errno;
	ret = evs_fd_write(file, text, len);
	if (!ret && fsync(file))
		ret = -errno;
	if (close(file) && !ret)
		ret = -errno;
	if (!ret && renameat(fd, TEMPORARY, fd, DIR_META))
		ret = -errno;
	if (!ret)
		return fsync(fd) ? -errno : 0;
	unlinkat(fd, TEMPORARY, 0);
	return ret;
}

int evs_dir_write_meta(int fd, const struct evs_record *record, struct evs_error *err)
{
	struct json_object *meta = make_json(record);
	const char *text = meta ? json_object_to_json_string_ext(meta, JSON_C_TO_STRING_PRETTY |
								 JSON_C_TO_STRING_NOSLASHESCAPE) :
			   NULL;
	int ret = text ? replace(fd, text, strlen(text)) : -ENOMEM;

	json_object_put(meta);
	return ret ? evs_error_set(err, -ret, DIR_META ": %s", strerror(-ret)) : 0;
}

void evs_dir_forget_meta(int fd)
{
	unlinkat(fd, TEMPORARY, 0);
	unlinkat(fd, DIR_META, 0);
}
