// SPDX-License-Identifier: GPL-2.0-or-later
/* Headers with more than one token, whole and torn. */
#include "header_fixture.h"

static void test_tokens(void **state)
{
	struct evs_token added = token;
	struct evs_volume *vol;
	struct evs_device dev;
	int i;

	(void)state;
	strcpy(added.cmk, OTHER);
	vol = open_disk(&dev);
	assert_int_equal(evs_volume_token_count(vol), 1);
	assert_int_equal(evs_volume_add_token(vol, &added, &err), 0);
	assert_int_equal(evs_volume_token_count(vol), 2);
	assert_string_equal(evs_volume_token_at(vol, 0)->cmk, CMK);
	assert_string_equal(evs_volume_token_at(vol, 1)->cmk, OTHER);
	close_disk(vol, &dev);

	vol = open_disk(&dev);
	assert_int_equal(evs_volume_token_count(vol), 2);
	assert_int_equal(evs_volume_keep_token(vol, &added, &err), 0);
	assert_int_equal(evs_volume_token_count(vol), 1);
	assert_int_equal(evs_volume_keep_token(vol, &token, &err), -ENOENT);
	assert_int_equal(evs_volume_token_count(vol), 1);
	assert_string_equal(evs_volume_token(vol)->cmk, OTHER);
	for (i = 1; i < EVS_TOKENS_MAX; i++)
		assert_int_equal(evs_volume_add_token(vol, &token, &err), 0);
	assert_int_equal(evs_volume_add_token(vol, &token, &err), -ENOSPC);
	close_disk(vol, &dev);
	assert_disk(disk, UUID);
}

#define COPY_SIZE 16384
#define COPIES (2 * COPY_SIZE)
#define SECTOR 512

static void read_copies(unsigned char copies[COPIES])
{
	int fd = open(disk, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, copies, COPIES, 0), COPIES);
	close(fd);
}

static void write_copies(const unsigned char copies[COPIES])
{
	int fd = open(disk, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, copies, COPIES, 0), COPIES);
	close(fd);
}

/* The tokens of the disk, as a word of the first letters of their CMKs */
static void read_tokens(char word[EVS_TOKENS_MAX + 1])
{
	struct evs_volume *vol;
	size_t i;

	if (evs_volume_read(&vol, disk, 0, &err))
		fail_msg("%s", err.text);
	for (i = 0; i < evs_volume_token_count(vol); i++) {
		word[i] = evs_volume_token_at(vol, i)->cmk[0];
		assert_int_equal(strlen(evs_volume_token_at(vol, i)->wrapped_dk), 3000);
	}
	word[i] = '\0';
	evs_volume_close(vol);
}

/*
 * Power fails during a write that takes the disk from one state to the other: from
 * each copy one part is old, the other new. Sectors of the second copy are new only
 * when all of the first are; within one, they may have been written from either end.
 */
static void tear(const unsigned char from[COPIES], const unsigned char to[COPIES],
		 const char *old, const char *new)
{
	unsigned char torn[COPIES];
	char word[EVS_TOKENS_MAX + 1];
	size_t copy, at, seen[2] = {};

	for (copy = 0; copy < COPIES; copy += COPY_SIZE) {
		for (at = 0; at <= COPY_SIZE; at += SECTOR) {
			memcpy(torn, from, COPIES);
			memcpy(torn, to, copy + at);
			write_copies(torn);
			read_tokens(word);
			assert_true(!strcmp(word, old) || !strcmp(word, new));
			seen[!strcmp(word, new)]++;

			memcpy(torn + copy, from + copy, COPY_SIZE - at);
			memcpy(torn + copy + COPY_SIZE - at, to + copy + COPY_SIZE - at, at);
			write_copies(torn);
			read_tokens(word);
			assert_true(!strcmp(word, old) || !strcmp(word, new));
		}
	}
	assert_true(seen[0] && seen[1]);
	write_copies(to);
}

/* What rewrap writes, torn at each sector, leaves the old tokens or the new. */
static void test_torn(void **state)
{
	static unsigned char one[COPIES], two[COPIES], other[COPIES];
	struct evs_token added;
	struct evs_volume *vol;
	struct evs_device dev;
	char word[EVS_TOKENS_MAX + 1];

	(void)state;
	make_disk(disk, UUID);
	memset(token.wrapped_dk, 'a', 3000);
	added = token;
	strcpy(added.cmk, OTHER);
	vol = open_disk(&dev);
	assert_int_equal(evs_volume_add_token(vol, &token, &err), 0);
	assert_int_equal(evs_volume_keep_token(vol, &token, &err), 0);
	read_copies(one);
	assert_int_equal(evs_volume_add_token(vol, &added, &err), 0);
	read_copies(two);
	assert_int_equal(evs_volume_keep_token(vol, &added, &err), 0);
	read_copies(other);
	close_disk(vol, &dev);
	tear(one, two, "0", "b0");
	tear(two, other, "b0", "b");
	read_tokens(word);
	assert_string_equal(word, "b");
	assert_disk(disk, UUID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_tokens),
		TEST(test_torn),
	};

	return cmocka_run_group_tests_name("header_tokens", tests, NULL, remove_all);
}
