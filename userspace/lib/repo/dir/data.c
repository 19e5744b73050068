// SPDX-License-Identifier: GPL-2.0-or-later
/* The bytes of backups: each has a file of its own with what no older one has. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "repo/dir/dir.h"
#include "repo/source.h"

/* ---- reading ---- */

int evs_layers_read(struct evs_layers *layers, size_t first, void *data, size_t length,
		    struct evs_error *err)
{
	const struct evs_manifest *manifest = layers->manifest;
	unsigned int layer = manifest->chunks[first];
	const char *name = manifest->layers[layer - 1];
	struct evs_device file = { .path = name, .is_file = true };
	char path[REPO_DIR_PATH_SIZE];
	int ret;

	if (layers->open != layer) {
		evs_layers_close(layers);
		snprintf(path, sizeof(path), "%s/" REPO_DIR_DATA, name);
		layers->fd = evs_repo_dir_open_at(layers->dir->fd, path, O_RDONLY | O_NONBLOCK);
		if (layers->fd < 0)
			return evs_error_set(err, -layers->fd, "%s/%s: %s", layers->dir->path,
					     path, strerror(-layers->fd));
		layers->open = layer;
	}
	file.fd = layers->fd;
	ret = evs_device_read(&file, data, length, (uint64_t)first * EVS_CHUNK);
	return ret ? evs_error_set(err, -ret, "%s/%s: cannot be read at byte %" PRIu64 ": %s",
				   layers->dir->path, name, (uint64_t)first * EVS_CHUNK,
				   strerror(-ret)) : 0;
}

void evs_layers_close(struct evs_layers *layers)
{
	if (layers->open)
		close(layers->fd);
	layers->open = 0;
}

/* Return: whether there is anything but zeros, or a negative errno. */
static int read_block(struct evs_layers *layers, size_t index, char *buffer,
		      struct evs_error *err)
{
	const struct evs_manifest *manifest = layers->manifest;
	size_t length = evs_manifest_block(manifest, index), at, run, first;
	const uint16_t *chunks = manifest->chunks;
	int any = 0, ret;

	for (at = 0; at < length; at += run) {
		first = index * (EVS_BLOCK / EVS_CHUNK) + at / EVS_CHUNK;
		for (run = EVS_CHUNK; at + run < length &&
		     chunks[first + run / EVS_CHUNK] == chunks[first]; run += EVS_CHUNK)
			;
		if (at + run > length)
			run = length - at;
		if (!chunks[first]) {
			memset(buffer + at, 0, run);
			continue;
		}
		ret = evs_layers_read(layers, first, buffer + at, run, err);
		if (ret)
			return ret;
		any = 1;
	}
	return any;
}

int evs_repo_dir_read(struct evs_repo *repo, const struct evs_manifest *manifest, size_t first,
		      evs_repo_block_fn *each, void *arg, struct evs_error *err)
{
	struct evs_layers layers = { .dir = repo->engine, .manifest = manifest };
	char *buffer = malloc(EVS_BLOCK);
	size_t index;
	int ret = 0;

	if (!buffer)
		return evs_error_set(err, ENOMEM, "out of memory");
	if (!manifest->chunks)
		ret = evs_error_set(err, EBADMSG, "its manifest does not say where its data is");
	for (index = first; !ret && index < manifest->block_count; index++) {
		ret = read_block(&layers, index, buffer, err);
		if (ret >= 0)
			ret = each(arg, (uint64_t)index * EVS_BLOCK, ret ? buffer : NULL,
				   evs_manifest_block(manifest, index), err);
	}
	evs_layers_close(&layers);
	free(buffer);
	return ret;
}

/* ---- writing ---- */

/**
 * struct writer - A backup that is made.
 * @dir: the repository
 * @reader: what it is made of
 * @manifest: what is known of it
 * @base: an older one, or NULL
 * @old: the bytes of that
 * @file: what is written
 */
struct writer {
	struct evs_repo_dir *dir;
	struct evs_reader reader;
	struct evs_manifest *manifest;
	const struct evs_manifest *base;
	struct evs_layers old;
	struct evs_device file;
};

static size_t base_chunks(const struct writer *writer)
{
	return writer->base ? evs_manifest_chunks(writer->base) : 0;
}

/* A chunk stays where the base has it. */
static int refer(struct writer *writer, size_t chunk, struct evs_error *err)
{
	unsigned int layer = writer->base->chunks[chunk];
	int own = 0;

	if (layer)
		own = evs_manifest_layer(writer->manifest, writer->base->layers[layer - 1]);
	if (own < 0)
		return evs_error_set(err, -own, "too many backups stand on each other: %s",
				     strerror(-own));
	writer->manifest->chunks[chunk] = (uint16_t)own;
	return 0;
}

/* Return: whether the base has these bytes, or a negative errno. */
static int is_in_base(struct writer *writer, size_t chunk, const char *data, size_t length,
		      struct evs_error *err)
{
	char old[EVS_CHUNK];
	int ret;

	if (chunk >= base_chunks(writer) || !writer->base->chunks[chunk])
		return 0;
	ret = evs_layers_read(&writer->old, chunk, old, length, err);
	return ret ? ret : !memcmp(old, data, length);
}

static int write_chunk(struct writer *writer, size_t chunk, const char *data, size_t length,
		       struct evs_error *err)
{
	struct evs_manifest *manifest = writer->manifest;
	int own, ret;

	if (evs_is_zero(data, length))
		return 0;
	ret = is_in_base(writer, chunk, data, length, err);
	if (ret)
		return ret < 0 ? ret : refer(writer, chunk, err);
	own = evs_manifest_layer(manifest, manifest->name);
	if (own < 0)
		return evs_error_set(err, -own, "too many backups stand on each other: %s",
				     strerror(-own));
	manifest->chunks[chunk] = (uint16_t)own;
	ret = evs_device_write(&writer->file, data, length, (uint64_t)chunk * EVS_CHUNK);
	return ret ? evs_error_set(err, -ret, "%s: cannot be written: %s", writer->dir->path,
				   strerror(-ret)) : 0;
}

static bool same_hash(const struct writer *writer, size_t index)
{
	return writer->base && index < writer->base->block_count &&
	       evs_manifest_block(writer->base, index) ==
	       evs_manifest_block(writer->manifest, index) &&
	       !memcmp(writer->base->hashes + index * EVS_HASH_SIZE,
		       writer->manifest->hashes + index * EVS_HASH_SIZE, EVS_HASH_SIZE);
}

static int write_block(struct writer *writer, size_t index, struct evs_error *err)
{
	size_t first = index * (EVS_BLOCK / EVS_CHUNK), at, part;
	size_t length = evs_manifest_block(writer->manifest, index);
	int kind = evs_reader_next(&writer->reader, index, err), ret = 0;
	bool same;

	if (kind <= 0)
		return kind;
	same = kind == EVS_BLOCK_BASE || same_hash(writer, index);
	for (at = 0; at < length && !ret; at += part) {
		part = length - at < EVS_CHUNK ? length - at : EVS_CHUNK;
		ret = same ? refer(writer, first + at / EVS_CHUNK, err) :
		      write_chunk(writer, first + at / EVS_CHUNK,
				  (char *)writer->reader.buffer + at, part, err);
	}
	return ret;
}

static int write_blocks(struct writer *writer, const struct evs_source *source,
			struct evs_error *err)
{
	size_t index;
	int ret;

	ret = evs_reader_begin(&writer->reader, source, writer->manifest, err);
	for (index = 0; !ret && index < writer->manifest->block_count; index++)
		ret = write_block(writer, index, err);
	evs_reader_end(&writer->reader);
	evs_layers_close(&writer->old);
	return ret;
}

/* ---- the files ---- */

static int write_data(struct writer *writer, int fd, const struct evs_source *source,
		      struct evs_error *err)
{
	int ret;

	writer->file.fd = openat(fd, REPO_DIR_DATA, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (writer->file.fd < 0)
		return evs_error_set(err, errno, "%s: %m", writer->dir->path);
	ret = ftruncate(writer->file.fd, (off_t)writer->manifest->bytes) ?
	      evs_error_set(err, errno, "%s: %m", writer->dir->path) :
	      write_blocks(writer, source, err);
	if (!ret && fsync(writer->file.fd))
		ret = evs_error_set(err, errno, "%s: %m", writer->dir->path);
	close(writer->file.fd);
	return ret;
}

static int write_text(int fd, const char *name, const char *text, struct evs_error *err)
{
	int file = evs_repo_dir_write_text(fd, name, text, err);

	if (file < 0)
		return file;
	close(file);
	return 0;
}

static int write_texts(const struct writer *writer, int fd, struct evs_error *err)
{
	char comment[EVS_MANIFEST_COMMENT_SIZE];
	char *text = evs_manifest_text(writer->manifest, err);
	int ret;

	if (!text)
		return -err->errnum;
	evs_manifest_comment(writer->manifest, comment);
	ret = write_text(fd, REPO_DIR_MANIFEST, text, err);
	if (!ret)
		ret = write_text(fd, REPO_DIR_COMMENT, comment, err);
	free(text);
	return ret;
}

static int fill(struct writer *writer, const char *name, const struct evs_source *source,
		struct evs_error *err)
{
	struct evs_repo_dir *dir = writer->dir;
	int fd, ret;

	fd = evs_repo_dir_open_at(dir->fd, name, O_RDONLY | O_DIRECTORY);
	if (fd < 0 || flock(fd, LOCK_EX))
		ret = evs_error_set(err, errno, "%s/%s: %m", dir->path, name);
	else
		ret = write_data(writer, fd, source, err);
	if (!ret)
		ret = write_texts(writer, fd, err);
	if (!ret && fsync(fd))
		ret = evs_error_set(err, errno, "%s: %m", dir->path);
	if (!ret && (renameat2(dir->fd, name, dir->fd, writer->manifest->name,
			       RENAME_NOREPLACE) || fsync(dir->fd)))
		ret = evs_error_set(err, errno, "%s/%s: %m", dir->path, writer->manifest->name);
	if (fd >= 0)
		close(fd);
	return ret;
}

int evs_repo_dir_create(struct evs_repo *repo, struct evs_manifest *manifest,
			struct evs_source *source, struct evs_error *err)
{
	struct writer writer = {
		.dir = repo->engine,
		.manifest = manifest,
		.base = source->base && source->base->chunks ? source->base : NULL,
		.old = { .dir = repo->engine, .manifest = source->base },
		.file = { .path = manifest->name, .is_file = true },
	};
	char name[REPO_DIR_NEW_SIZE];
	int ret;

	evs_repo_dir_sweep(writer.dir);
	ret = evs_manifest_layers(manifest, err);
	if (!ret)
		ret = evs_repo_dir_new(name, err);
	if (ret)
		return ret;
	if (mkdirat(writer.dir->fd, name, 0700))
		return evs_error_set(err, errno, "%s: %m", writer.dir->path);
	ret = fill(&writer, name, source, err);
	if (ret)
		evs_repo_dir_forget(writer.dir->fd, name);
	return ret;
}
