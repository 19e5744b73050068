/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_STRESS_STEP_H
#define EVS_STRESS_STEP_H

#include <pthread.h>

#include "load.h"
#include "nl/netlink.h"

#define MAX_DISKS	8
#define HELD		6
#define STEPS		16

/* A disk, and the disk in memory that it stands on. */
struct disk {
	struct load load;
	pthread_t thread;
	char node[64];
	char power[128];
	pthread_rwlock_t lock;	/* held for writing while there is no telling what is on it */
};

/* Who makes steps. */
struct actor {
	pthread_t thread;
	struct evs_nl *nl;
	unsigned int generation; /* of the module that @nl speaks to */
	unsigned int steps;
	unsigned int seed;
	int held[HELD];
};

/* Something that can be done to a disk. */
struct step {
	const char *name;
	unsigned int weight;
	int (*make)(struct actor *actor, struct disk *disk);
	int allowed[10];	/* errnos */
	bool must;		/* be made at least once, or nothing has been tried */
};

extern const struct step steps[STEPS];

/**
 * step_below() - A random number.
 * @actor: who wants it
 * @limit: it is below this, which is not 0
 */
unsigned int step_below(struct actor *actor, unsigned int limit);

/**
 * step_find() - What the kernel says of a disk that is attached.
 * @actor: who asks
 * @disk: the disk
 * @found: filled
 *
 * Return: 0 or a negative errno, -ENODEV when it is not attached.
 */
int step_find(struct actor *actor, const struct disk *disk, struct evs_disk *found);

/**
 * step_fill() - Turn the device below on, whose data is lost, and write all of it.
 * @actor: who does it
 * @disk: the disk, to which nobody else does anything
 *
 * Return: 0 or a negative errno, -EALREADY when it has all its data.
 */
int step_fill(struct actor *actor, struct disk *disk);

/**
 * step_resume() - Give a disk back its key.
 * @actor: who does it
 * @disk: the disk
 *
 * Return: 0 or a negative errno.
 */
int step_resume(struct actor *actor, struct disk *disk);

#endif /* EVS_STRESS_STEP_H */
