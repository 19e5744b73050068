/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_STRESS_LOAD_H
#define EVS_STRESS_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>

/* Size of what is written at a time, and tells where it belongs */
#define LOAD_BLOCK 4096

/*
 * A disk under load: whatever happens to it, a block that can be read at all is one
 * that was written there.
 */
struct load {
	unsigned int which;	/* tells its blocks from those of others */
	char name[16];		/* of the disk */
	atomic_int id;		/* the N of /dev/evsN when it was last attached, or -1 */
	atomic_bool filled;	/* all blocks have been written */
	atomic_bool stop;
	atomic_bool pause;	/* to have nothing open */
	atomic_bool paused;
	atomic_ulong read;	/* blocks, since ever */
	atomic_ulong written;
	atomic_ulong failed;
};

/**
 * load_open() - Open a disk, unless another one has got its number.
 * @load: the disk
 * @flags: as for open(2)
 *
 * Return: a file descriptor, or -1.
 */
int load_open(const struct load *load, int flags);

/**
 * load_fill() - Write all blocks for the first time.
 * @load: the disk
 *
 * Return: 0, or -1 with errno when it cannot be written (any more).
 */
int load_fill(struct load *load);

/**
 * load_run() - Read and write at random; a body for a thread.
 * @arg: the struct load; until its @stop
 *
 * Ends the program when what is read does not belong there.
 *
 * Return: NULL.
 */
void *load_run(void *arg);

#endif /* EVS_STRESS_LOAD_H */
