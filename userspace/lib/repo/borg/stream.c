// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "repo/borg/borg.h"
#include "repo/source.h"

#define TAR_BLOCK 512

/* Header of a member, as ustar and GNU tar have it */
struct member {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	unsigned char size[12];
	char time[12];
	char sum[8];
	char type;
	char link[100];
	char magic[8];
	char rest[247];
};

_Static_assert(sizeof(struct member) == TAR_BLOCK, "header of a member");

/* A size in binary, with which all of them fit */
static int write_member(int fd, const char *name, uint64_t size)
{
	struct member member = { .mode = "0000600", .uid = "0000000", .gid = "0000000",
				 .time = "00000000000", .type = '0' };
	const unsigned char *bytes = (const unsigned char *)&member;
	unsigned int sum = 0;
	size_t i;

	strcpy(member.name, name);
	memcpy(member.magic, "ustar  ", sizeof(member.magic));
	member.size[0] = 0x80;
	for (i = 0; i < sizeof(size); i++)
		member.size[sizeof(member.size) - 1 - i] = (unsigned char)(size >> (8 * i));
	memset(member.sum, ' ', sizeof(member.sum));
	for (i = 0; i < sizeof(member); i++)
		sum += bytes[i];
	snprintf(member.sum, sizeof(member.sum), "%06o", sum);
	return evs_fd_feed(fd, &member, sizeof(member));
}

/* Up to a whole block, and at the end of all two more */
static int write_padding(int fd, uint64_t size, size_t blocks)
{
	static const char zeros[3 * TAR_BLOCK];
	size_t part = (size_t)(-size % TAR_BLOCK);

	return evs_fd_feed(fd, zeros, part + blocks * TAR_BLOCK);
}

static int write_text(int fd, const char *name, const char *text)
{
	size_t length = strlen(text);
	int ret = write_member(fd, name, length);

	if (!ret)
		ret = evs_fd_feed(fd, text, length);
	return ret ? ret : write_padding(fd, length, 2);
}

/* What borg itself says is why a pipe to it breaks. */
static int broken(int ret, struct evs_error *err)
{
	if (ret == -ECANCELED)
		return evs_error_set(err, ECANCELED, "interrupted");
	return ret ? evs_error_set(err, -ret, "borg: %s", strerror(-ret)) : 0;
}

static int write_blocks(int fd, struct evs_manifest *manifest, const struct evs_source *source,
			struct evs_error *err)
{
	struct evs_reader reader;
	size_t index;
	int ret;

	ret = evs_reader_begin(&reader, source, manifest, err);
	for (index = 0; !ret && index < manifest->block_count; index++) {
		ret = evs_reader_next(&reader, index, err);
		if (ret < 0)
			break;
		if (ret == EVS_BLOCK_ZERO)
			memset(reader.buffer, 0, evs_manifest_block(manifest, index));
		ret = broken(evs_fd_feed(fd, reader.buffer, evs_manifest_block(manifest, index)),
			     err);
	}
	evs_reader_end(&reader);
	return ret;
}

static int write_backup(int fd, struct evs_manifest *manifest, const struct evs_source *source,
			struct evs_error *err)
{
	char *text;
	int ret;

	ret = broken(write_member(fd, BORG_DATA, manifest->bytes), err);
	if (!ret)
		ret = write_blocks(fd, manifest, source, err);
	if (!ret)
		ret = broken(write_padding(fd, manifest->bytes, 0), err);
	if (ret)
		return ret;
	text = evs_manifest_text(manifest, err);
	if (!text)
		return -err->errnum;
	ret = broken(write_text(fd, EVS_REPO_MANIFEST, text), err);
	free(text);
	return ret;
}

static void import(struct evs_borg_run *borg, const struct evs_repo_borg *repo, const char *name,
		   const char *comment)
{
	const char *const argv[] = {
		"borg", "import-tar", "--lock-wait", "60", "--compression", "none",
		/* One that is cut short leaves no part. */
		"--checkpoint-interval", "1000000000", "--chunker-params", repo->chunk,
		"--comment", comment, borg->archive, "-", NULL,
	};

	evs_borg_archive(repo, name, borg->archive);
	memcpy(borg->argv, argv, sizeof(argv));
}

/* Ends it; what it has to say counts more than that its pipe broke. */
static int end(struct evs_borg_run *borg, int ret, struct evs_error *err)
{
	struct evs_error said = {};
	int ended = evs_borg_end(borg, &said);

	if (ended && (!ret || ret == -EPIPE)) {
		*err = said;
		return ended;
	}
	return ret;
}

int evs_borg_create(struct evs_repo *repo, struct evs_manifest *manifest,
		    struct evs_source *source, struct evs_error *err)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	char comment[EVS_MANIFEST_COMMENT_SIZE];
	struct evs_error ignored = {};
	struct evs_borg_run borg = {};
	struct sigaction before;
	int ret;

	evs_manifest_comment(manifest, comment);
	import(&borg, repo->engine, manifest->name, comment);
	ret = evs_borg_start(&borg, repo->engine, true, err);
	if (ret)
		return ret;
	sigaction(SIGPIPE, &ignore, &before);
	ret = write_backup(borg.fd, manifest, source, err);
	/* A stream that ends in the middle of a member makes no archive. */
	if (ret == -ECANCELED)
		evs_borg_stop(&borg);
	else if (ret)
		write_member(borg.fd, EVS_REPO_MANIFEST, TAR_BLOCK);
	ret = end(&borg, ret, err);
	sigaction(SIGPIPE, &before, NULL);
	if (ret && !borg.ret)
		repo->ops->remove(repo, manifest->name, &ignored);
	return ret;
}

int evs_borg_put(struct evs_repo *repo, const char *archive, const char *text,
		 struct evs_error *err)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct evs_borg_run borg = {};
	struct sigaction before;
	int ret;

	import(&borg, repo->engine, archive, "");
	ret = evs_borg_start(&borg, repo->engine, true, err);
	if (ret)
		return ret;
	sigaction(SIGPIPE, &ignore, &before);
	ret = end(&borg, broken(write_text(borg.fd, EVS_REPO_TOKEN, text), err), err);
	sigaction(SIGPIPE, &before, NULL);
	return ret;
}
