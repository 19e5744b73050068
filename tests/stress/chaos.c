// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All that can be done to disks, at random and from several sides, under load.
 *
 * usage: chaos SEED STEPS NULL-BLK...
 *
 * The disks stand on disks in memory, which are named as in configfs and on
 * (power=1). Each is read and written all the time, and checked: see load.h. Every
 * step succeeds or is refused with an errno that it may be refused with. In the end,
 * nothing hangs, and all can be detached. Else the program says so, and ends with
 * exit status 1.
 *
 * Prints how often each step was made, and with what result.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "load.h"
#include "netlink.h"
#include "stress.h"

#define MAX_DISKS	8
#define ACTORS		3
#define HELD		6
#define RESULTS		140
/* No step takes longer, unless something hangs; in seconds */
#define PATIENCE	120

struct disk {
	struct load load;
	pthread_t thread;
	char node[64];
	char power[128];
	pthread_rwlock_t lock;	/* held for writing while there is no telling what is on it */
};

struct actor {
	pthread_t thread;
	struct evs_nl *nl;
	unsigned int generation; /* of the module that @nl speaks to */
	unsigned int steps;
	unsigned int seed;
	int held[HELD];
};

struct step {
	const char *name;
	unsigned int weight;
	int (*make)(struct actor *actor, struct disk *disk);
	int allowed[10];	/* errnos */
};

static struct disk disks[MAX_DISKS];
static unsigned int nr_disks;
static struct actor actors[ACTORS];
/* Held for writing to have the module to oneself, for which readers make way */
static pthread_rwlock_t world = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static unsigned int generation;
static atomic_uint progress;

static unsigned int below(struct actor *actor, unsigned int limit)
{
	return (unsigned int)rand_r(&actor->seed) % limit;
}

static void reopen(struct evs_nl **nl)
{
	struct evs_error error;

	evs_nl_close(*nl);
	if (evs_nl_open(nl, &error))
		errx(1, "%s", error.text);
}

/* ---- steps ---- */

/* What the kernel says of a disk, if it is attached under its name */
static int find(struct actor *actor, const struct disk *disk, struct evs_disk *found)
{
	struct evs_disk *all;
	struct evs_error error;
	size_t count;
	int ret;

	ret = evs_nl_dump(actor->nl, &all, &count, &error);
	if (ret)
		return ret;
	ret = -ENODEV;
	for (size_t i = 0; i < count; i++) {
		/* A dead one has no claim to its name any more */
		if (strcmp(all[i].name, disk->load.name) ||
		    (!ret && all[i].state == EVS_DEV_STATE_DEAD))
			continue;
		*found = all[i];
		ret = 0;
	}
	free(all);
	return ret;
}

static int attach_size(struct actor *actor, struct disk *disk, uint64_t size)
{
	struct evs_attach what = { .name = disk->load.name, .size = size };
	struct evs_disk attached;
	struct evs_error error;
	struct stat st;
	int ret;

	if (stat(disk->node, &st))
		return -ENXIO;
	what.backing_dev = st.st_rdev;
	what.sector_size = disk->load.which % 2 ? 512 : 4096;
	what.key_serial = stress_key(disk->load.which);
	ret = evs_nl_attach(actor->nl, &what, &attached, &error);
	keyctl_unlink(what.key_serial, KEY_SPEC_SESSION_KEYRING);
	if (!ret)
		atomic_store(&disk->load.id, (int)attached.id);
	return ret;
}

static int step_attach(struct actor *actor, struct disk *disk)
{
	return atomic_load(&disk->load.filled) ? attach_size(actor, disk, below(actor, 2) ? 0 : 1 << 20) : -ENXIO;
}

/* Turn a device on whose data is lost, and write all of it */
static int step_fill(struct actor *actor, struct disk *disk)
{
	struct evs_error error;
	struct evs_disk found;
	int fd, ret;

	if (atomic_load(&disk->load.filled))
		return -EALREADY;
	/* What is left of the old one */
	while (!find(actor, disk, &found))
		if (evs_nl_detach(actor->nl, found.id, EVS_DETACH_FORCE, &error) &&
		    found.state == EVS_DEV_STATE_DEAD)
			return -EBUSY;
	fd = open(disk->power, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || (write(fd, "1", 1) != 1 && errno != EEXIST))
		err(2, "%s", disk->power);
	close(fd);
	ret = attach_size(actor, disk, 0);
	if (!ret) {
		if (load_fill(&disk->load))
			err(1, "%s: cannot be filled", disk->load.name);
		atomic_store(&disk->load.filled, true);
	}
	return ret;
}

static int step_power_off(struct actor *actor, struct disk *disk)
{
	int fd = open(disk->power, O_WRONLY | O_CLOEXEC);

	(void)actor;
	/* First, so that nobody attaches what is empty */
	atomic_store(&disk->load.filled, false);
	if (fd < 0 || write(fd, "0", 1) != 1)
		err(2, "%s", disk->power);
	close(fd);
	return 0;
}

static int detach(struct actor *actor, const struct disk *disk, enum evs_detach how)
{
	struct evs_error error;
	struct evs_disk found;
	int ret = find(actor, disk, &found);

	return ret ? ret : evs_nl_detach(actor->nl, found.id, how, &error);
}

static int step_detach(struct actor *actor, struct disk *disk)
{
	return detach(actor, disk, EVS_DETACH_IDLE);
}

static int step_lazy(struct actor *actor, struct disk *disk)
{
	return detach(actor, disk, EVS_DETACH_LAZY);
}

static int step_force(struct actor *actor, struct disk *disk)
{
	return detach(actor, disk, EVS_DETACH_FORCE);
}

static int step_revoke(struct actor *actor, struct disk *disk)
{
	struct evs_error error;
	struct evs_disk found;
	int ret = find(actor, disk, &found);

	return ret ? ret : evs_nl_revoke(actor->nl, found.id, &error);
}

static int step_suspend(struct actor *actor, struct disk *disk)
{
	struct evs_error error;
	struct evs_disk found;
	int ret = find(actor, disk, &found);

	return ret ? ret : evs_nl_suspend(actor->nl, found.id, &error);
}

static int resume(struct actor *actor, const struct disk *disk, unsigned int which)
{
	key_serial_t key = stress_key(which);
	struct evs_error error;
	struct evs_disk found;
	int ret = find(actor, disk, &found);

	if (!ret)
		ret = evs_nl_resume(actor->nl, found.id, key, &error);
	keyctl_unlink(key, KEY_SPEC_SESSION_KEYRING);
	return ret;
}

static int step_resume(struct actor *actor, struct disk *disk)
{
	return resume(actor, disk, disk->load.which);
}

static int step_resume_wrong(struct actor *actor, struct disk *disk)
{
	int ret = resume(actor, disk, disk->load.which + MAX_DISKS);

	return ret ? ret : -EPROTO; /* That it succeeds is what is not allowed */
}

static int step_resize(struct actor *actor, struct disk *disk)
{
	struct evs_disk found, resized;
	struct evs_error error;
	int ret = find(actor, disk, &found);

	return ret ? ret : evs_nl_resize(actor->nl, found.id, 0, &resized, &error);
}

static int step_key(struct actor *actor, struct disk *disk)
{
	struct evs_disk found;
	int ret = find(actor, disk, &found);

	if (ret)
		return ret;
	switch (below(actor, 3)) {
	case 0:
		ret = (int)keyctl_revoke(found.key_serial);
		break;
	case 1:
		ret = (int)keyctl_invalidate(found.key_serial);
		break;
	default:
		ret = (int)keyctl_set_timeout(found.key_serial, 1);
	}
	return ret ? -errno : 0;
}

static int step_hold(struct actor *actor, struct disk *disk)
{
	int *held = &actor->held[below(actor, HELD)];

	if (*held >= 0)
		close(*held);
	*held = below(actor, 2) ? load_open(&disk->load, O_RDWR) : -1;
	return 0;
}

static int step_scan(struct actor *actor, struct disk *disk)
{
	int fd = load_open(&disk->load, O_RDONLY | O_NONBLOCK), ret = 0;

	(void)actor;
	if (fd < 0)
		return -ENODEV;
	if (ioctl(fd, BLKRRPART) || ioctl(fd, BLKFLSBUF))
		ret = -errno;
	close(fd);
	return ret;
}

static int step_sysfs(struct actor *actor, struct disk *disk)
{
	char path[512], text[4096];
	struct dirent *entry;
	ssize_t len;
	DIR *dir;
	int fd;

	(void)actor;
	snprintf(path, sizeof(path), "/sys/block/evs%d/evs", atomic_load(&disk->load.id));
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		len = read(fd, text, sizeof(text));
		if (len == 0 || (len > 0 && text[len - 1] != '\n'))
			errx(1, "%s/%s is not a line", path, entry->d_name);
		close(fd);
	}
	closedir(dir);
	return 0;
}

static const struct step steps[] = {
	{ "attach", 14, step_attach, { EEXIST, EBUSY, ENODEV, ENXIO, ERANGE } },
	{ "detach", 4, step_detach, { EBUSY, ENODEV } },
	{ "detach-lazy", 2, step_lazy, { ENODEV } },
	{ "detach-force", 2, step_force, { ENODEV } },
	{ "revoke", 1, step_revoke, { EALREADY, ENODEV, ENXIO } },
	{ "suspend", 8, step_suspend, { EALREADY, ENODEV, ENXIO, EKEYREVOKED } },
	{ "resume", 10, step_resume, { EALREADY, ENODEV, ENXIO, EKEYREVOKED } },
	{ "resume-wrong", 4, step_resume_wrong,
	  { EALREADY, ENODEV, ENXIO, EKEYREVOKED, EKEYREJECTED } },
	{ "resize", 3, step_resize, { EINVAL, ERANGE, ENODEV, ENXIO, EKEYREVOKED } },
	{ "key", 1, step_key, { ENODEV, ENOKEY, EKEYREVOKED, EKEYEXPIRED, EACCES } },
	{ "hold", 4, step_hold, { 0 } },
	{ "scan", 2, step_scan, { ENODEV, EBUSY, EIO, ENXIO, EINVAL } },
	{ "sysfs", 2, step_sysfs, { ENOENT, ENODEV } },
	{ "power-off", 1, step_power_off, { 0 } },
	{ "fill", 5, step_fill, { EALREADY, EBUSY, EEXIST } },
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

static atomic_uint results[STEPS][RESULTS];

/* ---- who makes them ---- */

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
	pick = below(actor, sum);
	for (i = 0; pick >= steps[i].weight; i++)
		pick -= steps[i].weight;
	return &steps[i];
}

static void act(struct actor *actor)
{
	const struct step *step = some_step(actor);
	struct disk *disk;

	do {
		disk = &disks[below(actor, nr_disks)];
	} while (step->make == step_fill ? pthread_rwlock_trywrlock(&disk->lock) :
					   pthread_rwlock_tryrdlock(&disk->lock));
	judge(step, disk, step->make(actor, disk));
	pthread_rwlock_unlock(&disk->lock);
}

static void *actor_run(void *arg)
{
	struct actor *actor = arg;

	while (actor->steps--) {
		pthread_rwlock_rdlock(&world);
		if (actor->generation != generation) {
			reopen(&actor->nl);
			actor->generation = generation;
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

static void wait_until(atomic_bool *what, const char *who)
{
	for (int tries = 0; !atomic_load(what); tries++) {
		if (tries == PATIENCE * 100)
			errx(1, "%s hangs", who);
		usleep(10000);
	}
}

/* With disks attached the module stays, and without it goes, and comes again */
static void reload(void)
{
	struct evs_disk found;
	int tries = 0;

	pthread_rwlock_wrlock(&world);
	reopen(&actors[0].nl);
	if (!find(&actors[0], &disks[0], &found) &&
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
	printf("reload %u after %u steps\n", ++generation, atomic_load(&progress));
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
	unsigned int seen = 0, now;
	time_t since = time(NULL);

	for (unsigned int i = 0; i < ACTORS; i++)
		while (pthread_tryjoin_np(actors[i].thread, NULL)) {
			now = atomic_load(&progress);
			/* Now and then, but not before there is something attached */
			if (now / 250 != seen / 250)
				reload();
			if (now != seen)
				since = time(NULL);
			else if (time(NULL) - since > PATIENCE)
				errx(1, "hangs after %u steps", now);
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
			errx(1, "who reads and writes %s hangs", disks[i].load.name);
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
	for (size_t i = 0; i < STEPS; i++)
		for (unsigned int j = 0; j < RESULTS; j++)
			if (atomic_load(&results[i][j]))
				printf("%s %s %u\n", steps[i].name, j ? strerrorname_np((int)j) :
				       "OK", atomic_load(&results[i][j]));
	return 0;
}
