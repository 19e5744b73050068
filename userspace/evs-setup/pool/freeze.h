/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_SETUP_POOL_FREEZE_H
#define EVS_SETUP_POOL_FREEZE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"
#include "mounts.h"

#define FREEZE_TIMEOUT 10		/* seconds, when nothing else is asked for */
#define FREEZE_TIMEOUT_MAX 600

/**
 * struct freeze_options - How it is to be done.
 * @command: what a shell runs before, for what this host does not see, or NULL
 * @thaw_command: what it runs after, whatever became of @command, or NULL
 * @timeout: seconds after which all is thawed, whatever the caller does
 */
struct freeze_options {
	const char *command;
	const char *thaw_command;
	unsigned int timeout;
};

/**
 * struct freeze_disk - A disk that is to hold still.
 * @name: its name, for messages
 * @node: path of its device, through which its data is read and written; NULL when it
 *	  has none, as it is not attached
 * @dev: number of that device
 * @below: a path on the file system that the engine writes to meanwhile, or NULL
 * @consistent: set by freeze_begin(): nothing on this host writes to it any more, and
 *		what was written is on the disk; taken back by freeze_end() when that
 *		was not so to the end
 */
struct freeze_disk {
	const char *name;
	const char *node;
	dev_t dev;
	const char *below;
	bool consistent;
};

/* What becomes of a file system. */
enum freeze_state {
	FREEZE_NOT,		/* it must not be, or nobody can reach it */
	FREEZE_WANTED,
	FREEZE_FROZEN,
	FREEZE_UNABLE,		/* it cannot be frozen: it was flushed */
};

/**
 * struct freeze - What is frozen.
 * @options: as they were given
 * @disks: as they were given
 * @count: how many
 * @mounts: their file systems
 * @states: what becomes of each of these; the child sees the same memory
 * @child: the process that thaws them
 * @socket: to the child
 */
struct freeze {
	const struct freeze_options *options;
	struct freeze_disk *disks;
	size_t count;
	struct mounts mounts;
	enum freeze_state *states;
	pid_t child;
	int socket;
};

/**
 * freeze_begin() - Have disks hold still, while snapshots are made of them.
 * @freeze: filled; end it with freeze_end()
 * @disks: the disks, which live as long
 * @count: how many
 * @options: how; lives as long
 * @err: filled on failure, when nothing is frozen
 *
 * Freezes what is mounted of them, and of what is made of them; of a disk of which
 * nothing is mounted, what is written goes to the disk. The root file system and those
 * that the work needs are not frozen, which a note says. A child thaws all when
 * freeze_end() is called, when the time is over, or when the caller has died.
 *
 * Write nothing until freeze_end(): standard error may lie on what is frozen.
 *
 * Return: 0 or a negative errno, -EBUSY when another program has frozen one of them.
 */
int freeze_begin(struct freeze *freeze, struct freeze_disk *disks, size_t count,
		 const struct freeze_options *options, struct evs_error *err);

/**
 * freeze_end() - Thaw them.
 * @freeze: what freeze_begin() filled
 * @err: filled on failure
 *
 * Return: 0, also when the time was over before, which a note says, or -EIO when
 * something could not be thawed.
 */
int freeze_end(struct freeze *freeze, struct evs_error *err);

#endif /* EVS_SETUP_POOL_FREEZE_H */
