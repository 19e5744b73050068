// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading a backup takes three runs of borg: for the list, in which its tokens are, for the
 * manifest, which is behind the data, and for the data. To start is most of the work of the
 * first two, so evs_borg_ahead() starts all of them at once.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"
#include "repo/borg/borg.h"

/* ---- texts ---- */

static void *run_fetch(void *arg)
{
	struct evs_borg_fetch *fetch = arg;

	fetch->ret = evs_borg_call(fetch->repo, fetch->argv, &fetch->text, &fetch->err);
	return NULL;
}

static int start_fetch(struct evs_borg_fetch *fetch, const struct evs_repo_borg *repo,
		       struct evs_error *err)
{
	int ret;

	fetch->repo = repo;
	fetch->text = NULL;
	fetch->err = (struct evs_error){};
	ret = evs_borg_thread(&fetch->thread, run_fetch, fetch);
	if (ret)
		return evs_error_set(err, ret, "borg: cannot start a thread: %s", strerror(ret));
	fetch->running = true;
	return 0;
}

static int end_fetch(struct evs_borg_fetch *fetch, char **text, struct evs_error *err)
{
	pthread_join(fetch->thread, NULL);
	fetch->running = false;
	*text = fetch->text;
	if (fetch->ret)
		*err = fetch->err;
	return fetch->ret;
}

static void drop_fetch(struct evs_borg_fetch *fetch)
{
	struct evs_error ignored = {};
	char *text;

	if (fetch->running && !end_fetch(fetch, &text, &ignored))
		free(text);
}

int evs_borg_list(struct evs_repo_borg *borg, char **text, struct evs_error *err)
{
	const char *const argv[] = { BORG_LIST, borg->path, NULL };

	if (borg->ahead.list.running)
		return end_fetch(&borg->ahead.list, text, err);
	return evs_borg_call(borg, argv, text, err);
}

int evs_borg_get(struct evs_repo *repo, const char *name, const char *member, char **text,
		 struct evs_error *err)
{
	struct evs_repo_borg *borg = repo->engine;
	char archive[BORG_ARCHIVE_SIZE];
	const char *const argv[] = { BORG_EXTRACT, archive, member, NULL };

	evs_borg_archive(borg, name, archive);
	if (borg->ahead.manifest.running && !strcmp(member, EVS_REPO_MANIFEST) &&
	    !strcmp(archive, borg->ahead.archive))
		return end_fetch(&borg->ahead.manifest, text, err);
	return evs_borg_call(borg, argv, text, err);
}

/* ---- data ---- */

static int start_data(struct evs_repo_borg *borg, const char *name, struct evs_error *err)
{
	const char *const argv[] = { BORG_EXTRACT, borg->data.archive, BORG_DATA, NULL };
	int ret;

	borg->data = (struct evs_borg_run){};
	memcpy(borg->data.argv, argv, sizeof(argv));
	evs_borg_archive(borg, name, borg->data.archive);
	ret = evs_borg_start(&borg->data, borg, false, err);
	borg->reading = !ret;
	borg->next = 0;
	borg->cut_off = false;
	return ret;
}

/* All has been read: wait for the end of borg, which is what says that all is well. */
static int await_end(struct evs_repo_borg *borg, struct evs_error *err)
{
	char more;
	int ret = evs_fd_read(borg->data.fd, &more, sizeof(more));

	if (ret == -ECANCELED)
		return evs_error_set(err, ECANCELED, "interrupted");
	return ret ? 0 : evs_error_set(err, EBADMSG, "is longer than its manifest says");
}

/* @ret is what reading has come to, 0 when all was read. Else borg is ended with it. */
static int end_data(struct evs_repo_borg *borg, int ret, struct evs_error *err)
{
	struct evs_error said = {};
	int ended;

	if (!ret)
		ret = await_end(borg, err);
	ended = evs_borg_end(&borg->data, &said);
	borg->reading = false;
	/* What is missing has a reason. */
	if (ended && borg->cut_off)
		evs_error_set(err, EBADMSG, "%.400s: %.400s", err->text, said.text);
	if (!ended || ret)
		return ret;
	*err = said;
	return ended;
}

void evs_borg_drop(struct evs_repo_borg *borg)
{
	struct evs_error ignored = {};

	if (borg->reading)
		end_data(borg, 1, &ignored);
	drop_fetch(&borg->ahead.manifest);
	drop_fetch(&borg->ahead.list);
	*borg->ahead.archive = '\0';
}

int evs_borg_ahead(struct evs_repo *repo, const char *name, struct evs_error *err)
{
	struct evs_repo_borg *borg = repo->engine;
	struct evs_borg_ahead *ahead = &borg->ahead;
	const char *const list[] = { BORG_LIST, borg->path, NULL };
	const char *const manifest[] = { BORG_EXTRACT, ahead->archive, EVS_REPO_MANIFEST, NULL };
	int ret;

	evs_borg_drop(borg);
	evs_borg_archive(borg, name, ahead->archive);
	memcpy(ahead->list.argv, list, sizeof(list));
	memcpy(ahead->manifest.argv, manifest, sizeof(manifest));
	ret = start_fetch(&ahead->manifest, borg, err);
	if (!ret)
		ret = start_data(borg, name, err);
	if (!ret)
		ret = start_fetch(&ahead->list, borg, err);
	return ret;
}

static int read_blocks(struct evs_repo_borg *borg, const struct evs_manifest *manifest,
		       size_t first, evs_repo_block_fn *each, void *arg, struct evs_error *err)
{
	char *buffer = malloc(EVS_BLOCK);
	uint64_t offset;
	size_t length;
	int ret = 0;

	if (!buffer)
		return evs_error_set(err, ENOMEM, "out of memory");
	while (!ret && borg->next < manifest->block_count) {
		offset = (uint64_t)borg->next * EVS_BLOCK;
		length = evs_manifest_block(manifest, borg->next);
		ret = evs_fd_read(borg->data.fd, buffer, length);
		borg->cut_off = ret && ret != -ECANCELED;
		if (ret == -ECANCELED)
			evs_error_set(err, ECANCELED, "interrupted");
		else if (ret)
			ret = evs_error_set(err, EBADMSG,
					    "%s: is damaged: bytes %" PRIu64 " to %" PRIu64 " cannot be read",
					    manifest->name, offset, offset + length - 1);
		else if (borg->next++ >= first)
			ret = each(arg, offset, evs_is_zero(buffer, length) ? NULL : buffer,
				   length, err);
	}
	free(buffer);
	return ret;
}

/* Does what was begun go on at this block? */
static bool goes_on(const struct evs_repo_borg *borg, const char *name, size_t first)
{
	char archive[BORG_ARCHIVE_SIZE];

	evs_borg_archive(borg, name, archive);
	return borg->reading && borg->next == first && !strcmp(archive, borg->ahead.archive);
}

int evs_borg_read(struct evs_repo *repo, const struct evs_manifest *manifest, size_t first,
		  evs_repo_block_fn *each, void *arg, struct evs_error *err)
{
	struct evs_repo_borg *borg = repo->engine;
	bool begun = goes_on(borg, manifest->name, first);
	int ret = 0;

	if (!begun) {
		evs_borg_drop(borg);
		ret = start_data(borg, manifest->name, err);
	}
	if (ret)
		return ret;
	ret = read_blocks(borg, manifest, first, each, arg, err);
	/* The next call goes on. */
	if (begun && ret > 0 && borg->next < manifest->block_count)
		return ret;
	return end_data(borg, ret, err);
}
