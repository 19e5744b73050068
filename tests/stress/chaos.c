// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All that can be done to disks, at random and from several sides, under load.
 *
 * usage: chaos SEED STEPS NULL-BLK...
 *
 * The disks stand on disks in memory, which are named as in configfs and on
 * (power=1). Each is read and written all the time, and checked: see load.h. If, after
 * STEPS, one has not been, or there is something that has not been done, as may be in
 * an emulated guest, there are more. Now and then the module is unloaded. Every step succeeds or is refused with an errno
 * that it may be refused with. In the end, nothing hangs, and all can be detached. Else
 * the program says so, and ends with exit status 1.
 *
 * Prints how often each step was made, and with what result.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "load.h"
#include "nl/netlink.h"
#include "step.h"

#define ACTORS		3
#define RESULTS		140
/* No step takes longer, unless something hangs; in seconds */
#define PATIENCE	120
/* Nor than this, unless it waits for a disk that is suspended */
#define HELP_AFTER	2

static struct disk disks[MAX_DISKS];
static unsigned int nr_disks;
static struct actor actors[ACTORS];
/* Held for writing to have the module to oneself, for which readers make way */
static pthread_rwlock_t world = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static atomic_uint generation;
static atomic_uint progress, rescues;

static atomic_uint results[STEPS][RESULTS];

static void reopen(struct evs_nl **nl)
{
	struct evs_error error;

	evs_nl_close(*nl);
	if (evs_nl_open(nl, &error))
		errx(1, "%s", error.text);
}

/* ---- who makes them ---- */

/* Whoever waits for a disk would keep this program from ending */
static void give_up(void)
{
	struct evs_nl *nl;
	struct evs_disk *all;
	struct evs_error error;
	size_t count;

	if (evs_nl_open(&nl, &error) || evs_nl_dump(nl, &all, &count, &error))
		return;
	while (count--)
		(void)evs_nl_detach(nl, all[count].id, EVS_DETACH_FORCE, &error);
}

/* Something hangs: say where each thread is in the kernel, and give up */
static void hangs(const char *who)
{
	char path[320], where[64];
	struct dirent *entry;
	ssize_t len;
	DIR *dir = opendir("/proc/self/task");
	int fd;

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/wchan", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		len = fd < 0 ? -1 : read(fd, where, sizeof(where) - 1);
		if (len > 0)
			printf("thread %s: %.*s\n", entry->d_name, (int)len, where);
		if (fd >= 0)
			close(fd);
	}
	errx(1, "%s hangs", who);
}

static void judge(const struct step *step, const struct disk *disk, int ret)
{
	bool allowed = ret <= 0 && ret > -RESULTS;

	if (ret) {
		allowed = false;
		for (size_t i = 0; i < sizeof(step->allowed) / sizeof(step->allowed[0]); i++)
			allowed = allowed || ret == -step->allowed[i];
	}
	if (!allowed)
		errx(1, "%s of %s: %s", step->name, disk->load.name, strerror(-ret));
	atomic_fetch_add(&results[step - steps][-ret], 1);
}

static const struct step *some_step(struct actor *actor)
{
	unsigned int sum = 0, pick;
	size_t i;

	for (i = 0; i < STEPS; i++)
		sum += steps[i].weight;
	pick = step_below(actor, sum);
	for (i = 0; pick >= steps[i].weight; i++)
		pick -= steps[i].weight;
	return &steps[i];
}

static void act(struct actor *actor)
{
	const struct step *step = some_step(actor);
	struct disk *disk;

	do {
		disk = &disks[step_below(actor, nr_disks)];
	} while (step->make == step_fill ? pthread_rwlock_trywrlock(&disk->lock) :
					   pthread_rwlock_tryrdlock(&disk->lock));
	judge(step, disk, step->make(actor, disk));
	pthread_rwlock_unlock(&disk->lock);
}

static bool worthwhile(void)
{
	if (!atomic_load(&generation))
		return false;
	for (size_t i = 0; i < STEPS; i++)
		if (steps[i].must && !atomic_load(&results[i][0]))
			return false;
	for (unsigned int i = 0; i < nr_disks; i++)
		if (!atomic_load(&disks[i].load.read) || !atomic_load(&disks[i].load.written))
			return false;
	return true;
}

static void *actor_run(void *arg)
{
	struct actor *actor = arg;

	for (; actor->steps || !worthwhile(); actor->steps -= actor->steps > 0) {
		pthread_rwlock_rdlock(&world);
		if (actor->generation != atomic_load(&generation)) {
			reopen(&actor->nl);
			actor->generation = atomic_load(&generation);
		}
		act(actor);
		pthread_rwlock_unlock(&world);
		atomic_fetch_add(&progress, 1);
	}
	return NULL;
}

/* ---- the module ---- */

static void let_go(void)
{
	for (unsigned int i = 0; i < ACTORS; i++)
		for (unsigned int j = 0; j < HELD; j++) {
			if (actors[i].held[j] >= 0)
				close(actors[i].held[j]);
			actors[i].held[j] = -1;
		}
}

/* Have all disks go, whoever has them open */
static void detach_all(void)
{
	struct evs_nl *nl = NULL;
	struct evs_disk *all;
	struct evs_error error;
	size_t count;
	int ret;

	reopen(&nl);
	if (evs_nl_dump(nl, &all, &count, &error))
		errx(1, "dump: %s", error.text);
	while (count--) {
		ret = evs_nl_detach(nl, all[count].id, EVS_DETACH_FORCE, &error);
		if (ret && ret != -ENODEV)
			errx(1, "detach: %s", error.text);
	}
	free(all);
	evs_nl_close(nl);
}

/* All may be waiting for disks that are suspended, whom nobody else can help */
static void rescue(void)
{
	struct actor helper = { .nl = NULL };

	reopen(&helper.nl);
	for (unsigned int i = 0; i < nr_disks; i++)
		(void)step_resume(&helper, &disks[i]);
	evs_nl_close(helper.nl);
	atomic_fetch_add(&rescues, 1);
}

static void take_world(void)
{
	struct timespec until;

	for (int tries = 0; tries < PATIENCE / HELP_AFTER; tries++) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += HELP_AFTER;
		if (!pthread_rwlock_timedwrlock(&world, &until))
			return;
		rescue();
	}
	hangs("a step");
}

static void wait_until(atomic_bool *what, const char *who)
{
	for (int tries = 0; !atomic_load(what); tries++) {
		if (tries == PATIENCE * 100)
			hangs(who);
		usleep(10000);
	}
}

/* With disks attached the module stays, and without it goes, and comes again */
static void reload(void)
{
	struct evs_disk found;
	int tries = 0;

	take_world();
	reopen(&actors[0].nl);
	if (!step_find(&actors[0], &disks[0], &found) &&
	    (!syscall(SYS_delete_module, "evs", O_NONBLOCK) || errno != EWOULDBLOCK))
		errx(1, "the module has gone under its disks");
	for (unsigned int i = 0; i < nr_disks; i++)
		atomic_store(&disks[i].load.pause, true);
	let_go();
	detach_all();
	for (unsigned int i = 0; i < nr_disks; i++)
		wait_until(&disks[i].load.paused, disks[i].load.name);
	while (syscall(SYS_delete_module, "evs", O_NONBLOCK)) {
		if (errno != EWOULDBLOCK || ++tries == PATIENCE * 100)
			err(1, "the module cannot be unloaded");
		usleep(10000);
	}
	if (system("modprobe evs"))
		errx(1, "the module cannot be loaded again");
	printf("reload %u after %u steps\n", atomic_fetch_add(&generation, 1) + 1,
	       atomic_load(&progress));
	for (unsigned int i = 0; i < nr_disks; i++)
		atomic_store(&disks[i].load.pause, false);
	pthread_rwlock_unlock(&world);
}

/* ---- all of it ---- */

static void set_up(char **names)
{
	for (; *names && nr_disks < MAX_DISKS; names++) {
		struct disk *disk = &disks[nr_disks];

		disk->load.which = nr_disks++;
		atomic_init(&disk->load.id, -1);
		snprintf(disk->load.name, sizeof(disk->load.name), "chaos%u", disk->load.which);
		snprintf(disk->node, sizeof(disk->node), "/dev/%s", *names);
		snprintf(disk->power, sizeof(disk->power), "/sys/kernel/config/nullb/%s/power",
			 *names);
		if (pthread_rwlock_init(&disk->lock, NULL) ||
		    pthread_create(&disk->thread, NULL, load_run, &disk->load))
			errx(2, "no thread");
	}
}

/* Watch over the actors: something hangs if none of them gets on */
static void watch(void)
{
	unsigned int seen = 0, now, idle = 0;

	for (unsigned int i = 0; i < ACTORS; i++)
		while (pthread_tryjoin_np(actors[i].thread, NULL)) {
			now = atomic_load(&progress);
			/* Now and then, but not before there is something attached */
			if (now / 250 != seen / 250)
				reload();
			idle = now == seen ? idle + 1 : 0;
			if (idle == PATIENCE * 50)
				hangs("who makes the steps");
			if (idle && idle % (HELP_AFTER * 50) == 0)
				rescue();
			seen = now;
			usleep(20000);
		}
}

static void tear_down(void)
{
	struct timespec until;

	let_go();
	detach_all();
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE;
	for (unsigned int i = 0; i < nr_disks; i++) {
		atomic_store(&disks[i].load.stop, true);
		if (pthread_timedjoin_np(disks[i].thread, NULL, &until))
			hangs(disks[i].load.name);
		printf("%s %lu %lu %lu\n", disks[i].load.name, atomic_load(&disks[i].load.read),
		       atomic_load(&disks[i].load.written), atomic_load(&disks[i].load.failed));
	}
}

int main(int argc, char **argv)
{
	unsigned int seed, count;

	if (argc < 4)
		errx(2, "usage: chaos SEED STEPS NULL-BLK...");
	seed = (unsigned int)strtoul(argv[1], NULL, 10);
	count = (unsigned int)strtoul(argv[2], NULL, 10);
	setlinebuf(stdout);
	if (atexit(give_up))
		errx(2, "out of memory");
	set_up(argv + 3);
	for (unsigned int i = 0; i < ACTORS; i++) {
		struct actor *actor = &actors[i];

		actor->seed = seed + i;
		actor->steps = count / ACTORS;
		memset(actor->held, 0xff, sizeof(actor->held));
		reopen(&actor->nl);
		if (pthread_create(&actor->thread, NULL, actor_run, actor))
			errx(2, "no thread");
	}
	watch();
	tear_down();
	printf("rescues %u\n", atomic_load(&rescues));
	for (size_t i = 0; i < STEPS; i++)
		for (unsigned int j = 0; j < RESULTS; j++)
			if (atomic_load(&results[i][j]))
				printf("%s %s %u\n", steps[i].name, j ? strerrorname_np((int)j) :
				       "OK", atomic_load(&results[i][j]));
	return 0;
}
