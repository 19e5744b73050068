/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_REPO_BORG_H
#define EVS_REPO_BORG_H

/*
 * A repository of borg(1), here or over ssh. An archive is made of a tar stream with two
 * members: the disk, and the manifest, which is made while the disk is read. Chunks have
 * one size: what is cut by content loses its grip on ciphertext.
 */

#include <pthread.h>

#include "repo/repo.h"
#include "run.h"

#define BORG_DATA EVS_REPO_DATA
#define BORG_VARIABLES 7
#define BORG_ARCHIVE_SIZE (EVS_CONFIG_VALUE_MAX + EVS_ARCHIVE_SIZE + 3)
#define BORG_ARGS 24
#define BORG_LIST "borg", "list", "--lock-wait", "60", "--json", "--format", \
		  "{archive}{comment}{NL}"
#define BORG_EXTRACT "borg", "extract", "--lock-wait", "60", "--stdout"
#define BORG_SAID_SIZE 256
#define BORG_STATE "/var/lib/evs/borg"	/* its cache, and which repositories it knows */

struct evs_repo_borg;

/**
 * struct evs_borg_run - A run of borg beside this thread, with a pipe to it or from it.
 * @run: the program
 * @argv: its arguments
 * @archive: one of them
 * @fd: our end of the pipe
 * @theirs: the other one, which the thread closes when the program has ended
 * @stop: socket: reading it ends when the program has ended; shutting it down ends the
 *	  program
 * @told: the other end, which the thread closes as well
 * @thread: runs it
 * @said: the first line that says what has gone wrong, or ""
 * @err: why it failed
 * @ret: what it has come to
 */
struct evs_borg_run {
	struct evs_run run;
	const char *argv[BORG_ARGS];
	char archive[BORG_ARCHIVE_SIZE];
	int fd;
	int theirs;
	int stop;
	int told;
	pthread_t thread;
	char said[BORG_SAID_SIZE];
	struct evs_error err;
	int ret;
};

/**
 * struct evs_borg_fetch - A run of borg beside this thread, for a text.
 * @repo: the repository
 * @argv: its arguments
 * @thread: runs it
 * @running: that is to be joined
 * @text: what it prints
 * @err: why it failed
 * @ret: what it has come to
 */
struct evs_borg_fetch {
	const struct evs_repo_borg *repo;
	const char *argv[BORG_ARGS];
	pthread_t thread;
	bool running;
	char *text;
	struct evs_error err;
	int ret;
};

/**
 * struct evs_borg_ahead - What was begun for a backup before it is asked for.
 * @archive: the backup, as borg calls it
 * @manifest: its manifest
 * @list: all archives
 */
struct evs_borg_ahead {
	char archive[BORG_ARCHIVE_SIZE];
	struct evs_borg_fetch manifest;
	struct evs_borg_fetch list;
};

/**
 * struct evs_repo_borg - A repository.
 * @path: its path or URL
 * @chunk: option with the size of chunks
 * @variables: text of the environment
 * @environment: the same, for struct evs_run
 * @ahead: what was begun
 * @data: the run that reads a backup
 * @reading: it is under way
 * @next: the block that comes next from it
 * @cut_off: it has ended before that
 */
struct evs_repo_borg {
	const char *path;
	char chunk[48];
	char variables[BORG_VARIABLES][EVS_CONFIG_VALUE_MAX + 64];
	const char *environment[BORG_VARIABLES + 1];
	struct evs_borg_ahead ahead;
	struct evs_borg_run data;
	bool reading;
	size_t next;
	bool cut_off;
};

/**
 * evs_borg_start() - Start borg.
 * @borg: its @argv is filled; end it with evs_borg_end()
 * @repo: the repository
 * @feed: we write to it; else we read from it
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_borg_start(struct evs_borg_run *borg, const struct evs_repo_borg *repo, bool feed,
		   struct evs_error *err);

/**
 * evs_borg_stop() - End borg before its time.
 * @borg: what evs_borg_start() has started, for evs_borg_end() to wait for
 */
void evs_borg_stop(struct evs_borg_run *borg);

/**
 * evs_borg_thread() - Start a thread that takes no SIGINT, SIGTERM or SIGHUP.
 * @thread: set
 * @run: what it runs
 * @arg: for @run
 *
 * They are to wake this thread when it waits for a pipe.
 *
 * Return: 0 or an errno, as pthread_create().
 */
int evs_borg_thread(pthread_t *thread, void *(*run)(void *arg), void *arg);

/**
 * evs_borg_end() - Close our end, and wait for borg.
 * @borg: what evs_borg_start() has started
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -EEXIST or -ENOENT where that is about an archive,
 * -ECANCELED when a signal came while it waited, and borg was ended by that.
 */
int evs_borg_end(struct evs_borg_run *borg, struct evs_error *err);

/**
 * evs_borg_call() - Run borg for what it prints.
 * @repo: the repository
 * @argv: its arguments
 * @output: set to what it prints, to be released with free(); may be NULL
 * @err: filled on failure
 *
 * Return: as evs_borg_end().
 */
int evs_borg_call(const struct evs_repo_borg *repo, const char *const *argv, char **output,
		  struct evs_error *err);

/** evs_borg_archive() - Write how borg calls an archive. @repo: @name: of it @text: filled */
void evs_borg_archive(const struct evs_repo_borg *repo, const char *name,
		      char text[BORG_ARCHIVE_SIZE]);

/**
 * evs_borg_list() - Have borg print all archives.
 * @borg: the repository
 * @text: set to JSON, to be released with free()
 * @err: filled on failure
 *
 * Return: as evs_borg_end().
 */
int evs_borg_list(struct evs_repo_borg *borg, char **text, struct evs_error *err);

/** evs_borg_drop() - End all that was begun and not asked for. @borg: the repository */
void evs_borg_drop(struct evs_repo_borg *borg);

/* Those of struct evs_repo_ops that are in stream.c */
int evs_borg_put(struct evs_repo *repo, const char *archive, const char *text,
		 struct evs_error *err);
int evs_borg_create(struct evs_repo *repo, struct evs_manifest *manifest,
		    struct evs_source *source, struct evs_error *err);

/* ... and in read.c */
int evs_borg_get(struct evs_repo *repo, const char *name, const char *member, char **text,
		 struct evs_error *err);
int evs_borg_ahead(struct evs_repo *repo, const char *name, struct evs_error *err);
int evs_borg_read(struct evs_repo *repo, const struct evs_manifest *manifest, size_t first,
		  evs_repo_block_fn *each, void *arg, struct evs_error *err);

#endif /* EVS_REPO_BORG_H */
