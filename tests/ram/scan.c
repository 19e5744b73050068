// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Looks for data keys (DK) in the whole memory of a guest, from outside.
 *
 * usage: scan PID FOLDER NAME...
 *
 * PID is the process that runs the guest, QEMU or User-Mode Linux; FOLDER holds
 * files NAME of 64 bytes, the keys. Prints for each NAME a line of what is there,
 * by kind and in how many places, or "nothing":
 *
 *   raw       bytes of the key that are not the head or tail of a schedule
 *   schedule  words of an AES-256 key schedule that the key is expanded to, that of
 *             encryption or of decryption, in either order of the bytes of a word
 *   hmac      the key as the pads of HMAC hold it
 *   hex       the key in hexadecimal
 *   base64    the key in base64
 *
 * A schedule is told apart by the half of the key: "schedule-1", "schedule-2". The
 * places are listed on stderr. Every piece of eight bytes counts, of sixteen
 * characters in hexadecimal and of twelve in base64.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <nettle/aes.h>
#include <nettle/base16.h>
#include <nettle/base64.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define DK_SIZE 64
#define HALF (DK_SIZE / 2)
#define PIECE 8
#define PIECE_MAX 16
#define SCHEDULE_SIZE (16 * (_AES256_ROUNDS + 1))
#define KEYS_MAX 64
#define PATTERNS_MAX 32768
#define SLOTS (4 * PATTERNS_MAX)
#define MEMORY_MIN (64 << 20)	/* no other file of these processes is as large */
#define NEAR 512		/* what is as close together is one place */

enum kind { RAW, SCHEDULE_1, SCHEDULE_2, HMAC, HEX, BASE64, KINDS };

static const char *const kind_name[KINDS] = {
	"raw", "schedule-1", "schedule-2", "hmac", "hex", "base64",
};

struct pattern {
	unsigned char bytes[PIECE_MAX];
	unsigned int size;
	unsigned int key;
	enum kind kind;
	unsigned int offset;	/* where in the whole that it is a piece of */
};

struct hit {
	uint64_t address;
	const struct pattern *pattern;
	bool hidden;		/* raw, but of a schedule */
	char text[48];		/* what is around it */
};

static struct pattern patterns[PATTERNS_MAX];
static unsigned int pattern_count;
static const struct pattern *slots[SLOTS];
static unsigned char filter[2][65536];
static struct hit *hits;
static size_t hit_count;

static void die(const char *what)
{
	fprintf(stderr, "scan: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t head_of(const unsigned char *bytes)
{
	uint64_t head;

	memcpy(&head, bytes, sizeof(head));
	return head;
}

static size_t slot_of(uint64_t head)
{
	return (head * UINT64_C(0x9e3779b97f4a7c15)) >> 40 & (SLOTS - 1);
}

/* ---- what to look for ---- */

static void add(unsigned int key, enum kind kind, unsigned int offset, const void *bytes,
		unsigned int size)
{
	struct pattern *p = &patterns[pattern_count];
	size_t slot = slot_of(head_of(bytes));

	for (; slots[slot]; slot = (slot + 1) % SLOTS)
		if (slots[slot]->key == key && slots[slot]->size == size &&
		    !memcmp(slots[slot]->bytes, bytes, size))
			return;		/* ends of a schedule, which are raw */
	if (++pattern_count == PATTERNS_MAX) {
		errno = E2BIG;
		die("keys");
	}
	*p = (struct pattern){ .size = size, .key = key, .kind = kind, .offset = offset };
	memcpy(p->bytes, bytes, size);
	slots[slot] = p;
	filter[0][p->bytes[0] | p->bytes[1] << 8] = 1;
	filter[1][p->bytes[2] | p->bytes[3] << 8] = 1;
}

static void add_pieces(unsigned int key, enum kind kind, const void *bytes, unsigned int len,
		       unsigned int size)
{
	unsigned int i;

	for (i = 0; i + size <= len; i += size)
		add(key, kind, i, (const unsigned char *)bytes + i, size);
}

/* Both orders of the bytes of a word: ciphers differ in it */
static void add_schedule(unsigned int key, enum kind kind, const struct aes256_ctx *ctx)
{
	uint32_t words[SCHEDULE_SIZE / 4];
	size_t i;

	memcpy(words, ctx, sizeof(words));
	add_pieces(key, kind, words, sizeof(words), PIECE);
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		words[i] = __builtin_bswap32(words[i]);
	add_pieces(key, kind, words, sizeof(words), PIECE);
}

static void add_base64(unsigned int key, const unsigned char *dk)
{
	char text[BASE64_ENCODE_RAW_LENGTH(DK_SIZE)];
	unsigned int shift;

	/* Whole groups of three bytes, wherever the key begins in one */
	for (shift = 0; shift < 3; shift++) {
		base64_encode_raw(text, (DK_SIZE - shift) / 3 * 3, dk + shift);
		add_pieces(key, BASE64, text, (DK_SIZE - shift) / 3 * 4, 12);
	}
}

static void add_hex(unsigned int key, const unsigned char *dk)
{
	char text[BASE16_ENCODE_LENGTH(DK_SIZE)];
	size_t i;

	base16_encode_update(text, DK_SIZE, dk);
	add_pieces(key, HEX, text, sizeof(text), 2 * PIECE);
	for (i = 0; i < sizeof(text); i++)
		if (text[i] >= 'a')
			text[i] -= 'a' - 'A';
	add_pieces(key, HEX, text, sizeof(text), 2 * PIECE);
}

static void add_key(unsigned int key, const unsigned char *dk)
{
	struct aes256_ctx encrypt, decrypt;
	unsigned char pad[DK_SIZE];
	unsigned int half, i;

	add_pieces(key, RAW, dk, DK_SIZE, PIECE);
	for (half = 0; half < 2; half++) {
		aes256_set_encrypt_key(&encrypt, dk + half * HALF);
		aes256_invert_key(&decrypt, &encrypt);
		add_schedule(key, SCHEDULE_1 + half, &encrypt);
		add_schedule(key, SCHEDULE_1 + half, &decrypt);
	}
	for (i = 0; i < DK_SIZE; i++)
		pad[i] = dk[i] ^ 0x36;
	add_pieces(key, HMAC, pad, DK_SIZE, PIECE);
	for (i = 0; i < DK_SIZE; i++)
		pad[i] = dk[i] ^ 0x5c;
	add_pieces(key, HMAC, pad, DK_SIZE, PIECE);
	add_hex(key, dk);
	add_base64(key, dk);
}

static void read_key(unsigned int key, const char *folder, const char *name)
{
	unsigned char dk[DK_SIZE + 1];
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	if (!file || fread(dk, 1, sizeof(dk), file) != DK_SIZE)
		die(path);
	fclose(file);
	add_key(key, dk);
}

/* ---- the search ---- */

static void note(uint64_t address, const struct pattern *p, const unsigned char *at,
		 const unsigned char *from, const unsigned char *to)
{
	struct hit *hit;
	size_t i;

	if (!(hit_count & (hit_count - 1))) {
		hits = realloc(hits, (hit_count ? 2 * hit_count : 1) * sizeof(*hits));
		if (!hits)
			die("memory");
	}
	hit = &hits[hit_count++];
	*hit = (struct hit){ .address = address, .pattern = p };
	for (i = 0; i < sizeof(hit->text) - 1; i++) {
		const unsigned char *c = at - (sizeof(hit->text) - 1) + p->size + i;

		hit->text[i] = c < from || c >= to ? ' ' : *c < ' ' || *c > '~' ? '.' : (char)*c;
	}
}

static void search(const unsigned char *from, size_t len, uint64_t address)
{
	const unsigned char *to = from + len, *at;
	size_t slot;

	for (at = from; at + PIECE <= to; at++) {
		if (!filter[0][at[0] | at[1] << 8] || !filter[1][at[2] | at[3] << 8])
			continue;
		for (slot = slot_of(head_of(at)); slots[slot]; slot = (slot + 1) % SLOTS)
			if (slots[slot]->size <= (size_t)(to - at) &&
			    !memcmp(slots[slot]->bytes, at, slots[slot]->size))
				note(address + (uint64_t)(at - from), slots[slot], at, from, to);
	}
}

/* The guest's memory, which is a file without a name: what of it was ever used */
static uint64_t search_file(int fd)
{
	off_t end, data = 0, hole, size = lseek(fd, 0, SEEK_END);
	uint64_t total = 0;
	unsigned char *memory;

	memory = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		die("mapping the memory of the guest");
	for (end = 0; end < size; end = hole) {
		data = lseek(fd, end, SEEK_DATA);
		if (data < 0)
			break;
		hole = lseek(fd, data, SEEK_HOLE);
		search(memory + data, (size_t)(hole - data), (uint64_t)data);
		total += (uint64_t)(hole - data);
	}
	munmap(memory, (size_t)size);
	return total;
}

/* What User-Mode Linux has besides: its own data, and that of its libraries */
static uint64_t search_process(const char *pid)
{
	unsigned long from, to, inode;
	char path[64], line[4352], rights[5];
	uint64_t total = 0;
	unsigned char *copy;
	ssize_t got;
	FILE *maps;
	int mem;

	snprintf(path, sizeof(path), "/proc/%s/mem", pid);
	mem = open(path, O_RDONLY);
	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	maps = fopen(path, "r");
	if (mem < 0 || !maps)
		die(path);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %4s %*s %*s %lu", &from, &to, rights, &inode) != 4 ||
		    rights[1] != 'w' || rights[3] != 'p')
			continue;
		copy = malloc(to - from);
		if (!copy)
			die("memory");
		got = pread(mem, copy, to - from, (off_t)from);
		if (got > 0)
			search(copy, (size_t)got, from);
		total += got > 0 ? (uint64_t)got : 0;
		free(copy);
	}
	fclose(maps);
	close(mem);
	return total;
}

static void search_guest(const char *pid)
{
	char path[4096], target[256];
	struct dirent *entry;
	bool found = false;
	uint64_t total = 0;
	struct stat st;
	ssize_t len;
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	if (!dir)
		die(path);
	while (!found && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%s/fd/%s", pid, entry->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		if (len < 0 || stat(path, &st) || !S_ISREG(st.st_mode) || st.st_nlink ||
		    st.st_size < MEMORY_MIN)
			continue;
		target[len] = '\0';
		fd = open(path, O_RDONLY);
		if (fd < 0)
			die(path);
		total = search_file(fd);
		close(fd);
		found = true;
		/* QEMU's other memory is the machine, not what is in it */
		if (strncmp(target, "/memfd:", 7))
			total += search_process(pid);
	}
	closedir(dir);
	if (!found) {
		errno = ENOENT;
		die("memory of the guest");
	}
	fprintf(stderr, "scan: %llu MiB\n", (unsigned long long)(total >> 20));
}

/* ---- what it means ---- */

static int by_address(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static bool is_schedule(const struct hit *hit)
{
	return hit->pattern->kind == SCHEDULE_1 || hit->pattern->kind == SCHEDULE_2;
}

/* The first or last bytes of a schedule are half of the key, as they are */
static void hide_ends(void)
{
	size_t i, j;

	for (i = 0; i < hit_count; i++) {
		if (hits[i].pattern->kind != RAW)
			continue;
		for (j = i; j-- > 0 && hits[i].address - hits[j].address < SCHEDULE_SIZE;)
			hits[i].hidden |= is_schedule(&hits[j]);
		for (j = i + 1; j < hit_count && hits[j].address - hits[i].address < SCHEDULE_SIZE;
		     j++)
			hits[i].hidden |= is_schedule(&hits[j]);
	}
}

static void report(unsigned int key, const char *name)
{
	bool any = false;
	size_t i, places;
	uint64_t last;
	int kind;

	printf("%s:", name);
	for (kind = 0; kind < KINDS; kind++) {
		places = 0;
		last = 0;
		for (i = 0; i < hit_count; i++) {
			const struct hit *hit = &hits[i];

			if (hit->hidden || hit->pattern->key != key ||
			    (int)hit->pattern->kind != kind)
				continue;
			if (!places || hit->address - last > NEAR) {
				places++;
				fprintf(stderr, "scan: %s: %s at %#llx, from byte %u: %s\n", name,
					kind_name[kind], (unsigned long long)hit->address,
					hit->pattern->offset, hit->text);
			}
			last = hit->address;
		}
		if (places)
			printf("%s %s %zu", any ? "," : "", kind_name[kind], places);
		any |= places;
	}
	puts(any ? "" : " nothing");
}

int main(int argc, char *argv[])
{
	int i;

	if (argc < 4 || argc - 3 > KEYS_MAX) {
		fputs("usage: scan PID FOLDER NAME...\n", stderr);
		return 1;
	}
	for (i = 3; i < argc; i++)
		read_key((unsigned int)i - 3, argv[2], argv[i]);
	search_guest(argv[1]);
	if (hit_count)
		qsort(hits, hit_count, sizeof(*hits), by_address);
	hide_ends();
	for (i = 3; i < argc; i++)
		report((unsigned int)i - 3, argv[i]);
	return fflush(stdout) ? 1 : 0;
}
