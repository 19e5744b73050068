// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Backups, killed at the calls to the kernel that can change something: there is a whole
 * one or none, the others stay whole, and the next verb removes what is left. The same of
 * disks that are made of backups, as far as that takes no driver. Needs root, as the
 * daemon does.
 */
#include "kmsd_fixture.h"

#include "pool_fixture.h"
#include "repo/dir/dir.h"
#include "repo/repo.h"

#define SIZE (4 << 20)
#define DATA (5 * EVS_CHUNK)
#define OBJECTS 5		/* of make_objects() */

static char place[] = "/dev/shm/evs-repo-XXXXXX";

static const char *const first[] = { "backup", "create", "%/d@s1", "r", NULL };
static const char *const second[] = { "backup", "create", "%/d@s2", "r", NULL };
static const char *const encrypted[] = { "backup", "create", "%/e@s1", "r", NULL };

/* ---- what there is ---- */

static void path_of(char path[PATH_MAX], const char *object)
{
	snprintf(path, PATH_MAX, "%s/%s/disk", folder, object);
}

static void write_disk(const char *object, off_t offset, unsigned int seed)
{
	static unsigned char data[DATA];
	char path[PATH_MAX];
	size_t i;
	int fd;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)((i * seed) >> 13);
	path_of(path, object);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, sizeof(data), offset), sizeof(data));
	close(fd);
}

static void make_objects(void)
{
	static const char *const make[][7] = {
		{ "create", "%/d", "--size", "4M", "--plain", NULL },
		{ "create", "%/e", "--size", "4M", NULL },
		{ "snapshot", "create", "--copy", "--no-freeze", "%/d@s1", NULL },
		{ "snapshot", "create", "--copy", "--no-freeze", "%/e@s1", NULL },
		{ "snapshot", "create", "--copy", "--no-freeze", "%/d@s2", NULL },
	};

	must(make[0]);
	must(make[1]);
	write_disk("d", 0, 2654435761U);
	write_disk("e", EVS_DATA_OFFSET, 2654435761U);
	must(make[2]);
	must(make[3]);
	/* In the middle of what was there */
	write_disk("d", 2 * EVS_CHUNK, 2246822519U);
	must(make[4]);
	assert_int_equal(settle(), OBJECTS);
}

static int set_up(void **state)
{
	char more[160];

	(void)state;
	if (geteuid())
		return 0;
	if (!mkdtemp(place))
		return -1;
	snprintf(more, sizeof(more), "[repo r]\nengine = dir\npath = %s\nplain = yes\n", place);
	return pool_set_up(more);
}

static int tear_down(void **state)
{
	static const char *const delete[][6] = {
		{ "delete", "--yes", "--with-snapshots", "%/d", NULL },
		{ "delete", "--yes", "--with-snapshots", "%/e", NULL },
	};
	struct evs_record record;

	(void)state;
	if (geteuid())
		return 0;
	/* Snapshots are immutable. */
	if (is_there("d", &record))
		must(delete[0]);
	if (is_there("e", &record))
		must(delete[1]);
	return pool_tear_down() || remove_tree(place);
}

/* ---- backups ---- */

/* Not for long: deleting refuses what is in use. */
static void open_repo(struct evs_repo *repo)
{
	if (evs_repo_open(repo, &config.repos[0], &err))
		fail_msg("%s", err.text);
}

static int check_block(void *arg, uint64_t offset, const void *data, size_t length,
		       struct evs_error *why)
{
	(void)length;
	return evs_manifest_check(arg, (size_t)(offset / EVS_BLOCK), data, why);
}

/* Each that is listed is whole. */
static size_t backups(struct evs_backup_list *list)
{
	struct evs_manifest manifest;
	struct evs_repo repo;
	size_t i;

	open_repo(&repo);
	if (evs_repo_list(&repo, list, &err))
		fail_msg("%s", err.text);
	for (i = 0; i < list->count; i++) {
		if (evs_repo_manifest(&repo, list->entry[i].name, &manifest, &err) ||
		    repo.ops->read(&repo, &manifest, 0, check_block, &manifest, &err))
			fail_msg("%s", err.text);
		assert_true(*list->entry[i].id && *list->entry[i].disk);
		evs_manifest_free(&manifest);
	}
	evs_repo_close(&repo);
	return list->count;
}

static size_t count_backups(void)
{
	struct evs_backup_list list;

	backups(&list);
	free(list.entry);
	return list.count;
}

/* "r::NAME" of the newest one, for the words of a verb */
static const char *newest(void)
{
	static char text[EVS_ARCHIVE_SIZE + 4];
	struct evs_backup_list list;

	assert_true(backups(&list));
	snprintf(text, sizeof(text), "r::%s", list.entry[list.count - 1].name);
	free(list.entry);
	return text;
}

static void delete_backup(const char *name)
{
	const char *const words[] = { "backup", "delete", "--yes", name, NULL };

	must(words);
}

/* How many names there are in the repository, those of unfinished ones with them */
static unsigned int names(void)
{
	char out[32], command[128];

	snprintf(command, sizeof(command), "ls -A %s | wc -l", place);
	output(out, sizeof(out), command);
	return (unsigned int)atoi(out);
}

/* ---- tests ---- */

/* One more than there are */
static void create_killed(const char *const *verb, unsigned int every)
{
	unsigned int when, olds = 0, news = 0;
	size_t before = count_backups(), count;
	bool more = true;

	for (when = 1; more; when += every) {
		more = killed_before(start(true, verb), when);
		count = count_backups();
		if (count != before && count != before + 1)
			fail_msg("killed at call %u: %zu backups", when, count);
		assert_true(more || count == before + 1);
		olds += count == before;
		news += count != before;
		if (count == before)
			must(verb);
		/* The next one, and deleting, remove what is left. */
		delete_backup(newest());
		assert_int_equal(names(), before);
		assert_int_equal(settle(), OBJECTS);
	}
	print_message("# old state %u times, new %u\n", olds, news);
	assert_true(olds && news);
}

static void test_create(void **state)
{
	(void)state;
	skip_unless_killable();
	make_objects();
	create_killed(first, one_of(2));
}

static void test_create_next(void **state)
{
	(void)state;
	skip_unless_killable();
	must(first);
	create_killed(second, one_of(4));
	delete_backup(newest());
}

/* Its header takes many a write. */
static void test_create_encrypted(void **state)
{
	(void)state;
	skip_unless_killable();
	create_killed(encrypted, one_of(24));
}

static void add_token(const char *text)
{
	struct evs_token token;
	struct evs_repo repo;

	assert_int_equal(evs_token_init(&token, "local", "one", "6a0496ef-62a6-4963-960c-9a9d20739a38",
					&err), 0);
	strcpy(token.wrapped_dk, "00ff");
	open_repo(&repo);
	assert_int_equal(evs_repo_add_token(&repo, strchr(text, ':') + 2, 1, &token, &err), 0);
	evs_repo_close(&repo);
}

/* Of one that another one stands on */
static void test_delete(void **state)
{
	char name[EVS_ARCHIVE_SIZE + 4];
	const char *const verb[] = { "backup", "delete", "--yes", name, NULL };
	unsigned int when, olds = 0, news = 0;
	bool more = true;
	size_t count;

	(void)state;
	skip_unless_killable();
	for (when = 1; more; when++) {
		must(first);
		strcpy(name, newest());
		add_token(name);
		must(second);
		more = killed_before(start(true, verb), when);
		count = count_backups();
		assert_in_range(count, 1, 2);
		assert_true(more || count == 1);
		olds += count == 2;
		news += count == 1;
		if (count == 2)
			delete_backup(name);
		strcpy(name, newest());
		delete_backup(name);
		if (names())
			fail_msg("killed at call %u: %u names are left", when, names());
	}
	print_message("# old state %u times, new %u\n", olds, news);
	assert_true(olds && news);
}

/* ---- restore ---- */

/* From byte @offset on, both have the same. */
static void assert_same(const char *object, const char *other, unsigned int offset)
{
	char a[PATH_MAX], b[PATH_MAX], command[2 * PATH_MAX + 64], out[16];

	path_of(a, object);
	path_of(b, other);
	snprintf(command, sizeof(command), "cmp -i %u %s %s >&2; echo $?", offset, a, b);
	output(out, sizeof(out), command);
	assert_string_equal(out, "0");
}

static void restore_killed(const char *const *backup, const char *source, const char *option,
			   unsigned int every)
{
	static const char *const delete[] = { "delete", "--yes", "%/made", NULL };
	unsigned int when, count, olds = 0, news = 0;
	const char *words[] = { "create", "--from-backup", NULL, "%/made", option, NULL };
	bool more = true;

	must(backup);
	words[2] = newest();
	for (when = 1; more; when += every) {
		more = killed_before(start(true, words), when);
		count = settle();
		if (count != OBJECTS && count != OBJECTS + 1)
			fail_msg("killed at call %u: %u objects", when, count);
		assert_true(more || count == OBJECTS + 1);
		olds += count == OBJECTS;
		news += count != OBJECTS;
		if (count == OBJECTS)
			continue;
		assert_same(source, "made", option ? EVS_DATA_OFFSET : 0);
		must(delete);
	}
	print_message("# old state %u times, new %u\n", olds, news);
	assert_true(olds && news);
	delete_backup(newest());
}

static void test_restore(void **state)
{
	(void)state;
	skip_unless_killable();
	restore_killed(first, "d/snapshot/s1", NULL, one_of(3));
}

static void test_restore_encrypted(void **state)
{
	(void)state;
	skip_unless_killable();
	restore_killed(encrypted, "e/snapshot/s1", "--keep-key", one_of(6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_create_next),
		cmocka_unit_test(test_create_encrypted),
		cmocka_unit_test(test_delete),
		cmocka_unit_test(test_restore),
		cmocka_unit_test(test_restore_encrypted),
	};

	return cmocka_run_group_tests_name("backup killed", tests, set_up, tear_down);
}
