// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Load on disks that come and go: who reads and writes, and checks what comes back.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "load.h"

#define WORDS		(LOAD_BLOCK / sizeof(uint64_t))
#define MAX_BLOCKS	16
#define OPS_PER_OPEN	64

static uint64_t place_of(const struct load *load, uint64_t number)
{
	return UINT64_C(0x6576732063686173) ^ (uint64_t)load->which << 48 ^ number;
}

static void make_block(const struct load *load, uint64_t number, uint64_t version, uint64_t *block)
{
	block[0] = place_of(load, number);
	for (size_t i = 1; i < WORDS; i++)
		block[i] = version * i;
}

static bool is_block(const struct load *load, uint64_t number, const uint64_t *block)
{
	if (block[0] != place_of(load, number))
		return false;
	for (size_t i = 2; i < WORDS; i++)
		if (block[i] != block[1] * i)
			return false;
	return true;
}

int load_open(const struct load *load, int flags)
{
	char path[64], name[64] = "";
	int id = atomic_load(&load->id), fd, attr;
	struct stat st;
	ssize_t len = -1;

	if (id < 0)
		return -1;
	snprintf(path, sizeof(path), "/dev/evs%d", id);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return -1;
	/* Open, it keeps its number. But it may have got that from another one. */
	if (!fstat(fd, &st)) {
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/evs/name", major(st.st_rdev),
			 minor(st.st_rdev));
		attr = open(path, O_RDONLY | O_CLOEXEC);
		if (attr >= 0) {
			len = read(attr, name, sizeof(name) - 1);
			close(attr);
		}
	}
	if (len > 0 && !strncmp(name, load->name, strlen(load->name)) &&
	    name[strlen(load->name)] == '\n')
		return fd;
	close(fd);
	errno = ESTALE;
	return -1;
}

int load_fill(struct load *load)
{
	uint64_t *block = aligned_alloc(LOAD_BLOCK, LOAD_BLOCK);
	int fd = load_open(load, O_RDWR), ret = -1;
	off_t size;

	if (!block)
		err(2, "aligned_alloc");
	if (fd < 0)
		goto out;
	size = lseek(fd, 0, SEEK_END);
	errno = ENODATA; /* Of a disk without size */
	for (off_t at = 0; at < size; at += LOAD_BLOCK) {
		make_block(load, (uint64_t)at / LOAD_BLOCK, 0, block);
		if (pwrite(fd, block, LOAD_BLOCK, at) != LOAD_BLOCK)
			goto out;
	}
	ret = size > 0 ? fsync(fd) : -1;
out:
	if (fd >= 0)
		close(fd);
	free(block);
	return ret;
}

static void check(struct load *load, uint64_t first, const uint64_t *data, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const uint64_t *block = data + i * WORDS;

		if (is_block(load, first + i, block))
			continue;
		printf("%s: block %" PRIu64 " has what was never written there: %016" PRIx64
		       " %016" PRIx64 " %016" PRIx64 "\n", load->name, first + i, block[0],
		       block[1], block[2]);
		exit(1);
	}
}

/* One read or write; returns whether the disk still answers */
static bool access_blocks(struct load *load, int fd, uint64_t blocks, uint64_t *data,
			  unsigned int *seed)
{
	uint64_t count = 1 + (uint64_t)rand_r(seed) % MAX_BLOCKS, first;
	ssize_t done;

	if (count > blocks)
		count = blocks;
	first = (uint64_t)rand_r(seed) % (blocks - count + 1);
	if (rand_r(seed) % 2) {
		for (uint64_t i = 0; i < count; i++)
			make_block(load, first + i, (uint64_t)rand_r(seed), data + i * WORDS);
		done = pwrite(fd, data, count * LOAD_BLOCK, (off_t)(first * LOAD_BLOCK));
		if (done > 0)
			atomic_fetch_add(&load->written, (unsigned long)done / LOAD_BLOCK);
	} else {
		done = pread(fd, data, count * LOAD_BLOCK, (off_t)(first * LOAD_BLOCK));
		if (done > 0) {
			check(load, first, data, (size_t)done / LOAD_BLOCK);
			atomic_fetch_add(&load->read, (unsigned long)done / LOAD_BLOCK);
		}
	}
	if (done == (ssize_t)(count * LOAD_BLOCK))
		return true;
	atomic_fetch_add(&load->failed, 1);
	return false;
}

static void access_disk(struct load *load, uint64_t *data, unsigned int *seed)
{
	int fd = load_open(load, O_RDWR | (rand_r(seed) % 2 ? O_DIRECT : 0));
	off_t size;

	/* Only now: what was filled when it was opened may have been another one */
	if (fd < 0 || !atomic_load(&load->filled)) {
		if (fd >= 0)
			close(fd);
		usleep(2000);
		return;
	}
	size = lseek(fd, 0, SEEK_END);
	for (int i = 0; i < OPS_PER_OPEN && size >= LOAD_BLOCK && !atomic_load(&load->pause) &&
	     !atomic_load(&load->stop); i++)
		if (!access_blocks(load, fd, (uint64_t)size / LOAD_BLOCK, data, seed))
			break;
	/* What fails here was written to a disk that has gone */
	if (rand_r(seed) % 2)
		(void)fsync(fd);
	close(fd);
}

void *load_run(void *arg)
{
	struct load *load = arg;
	unsigned int seed = load->which;
	uint64_t *data = aligned_alloc(LOAD_BLOCK, MAX_BLOCKS * LOAD_BLOCK);

	if (!data)
		err(2, "aligned_alloc");
	while (!atomic_load(&load->stop)) {
		atomic_store(&load->paused, atomic_load(&load->pause));
		if (atomic_load(&load->paused))
			usleep(2000);
		else
			access_disk(load, data, &seed);
	}
	free(data);
	return NULL;
}
