/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk, a daemon with two CMKs, and evs-setup to move the one between the others. */
#ifndef REWRAP_TEST_H
#define REWRAP_TEST_H

#include "kmsd_fixture.h"

#include "disk_fixture.h"

static struct fixture kmsd;
static char disk[96], original[96];
static struct evs_cmk first, second;

static const char *built(const char *program)
{
	static char path[256];
	const char *build = getenv("BUILD");

	snprintf(path, sizeof(path), "%s/%s", build ? build : "build", program);
	return path;
}

/* The same daemon as a second KMS, and one that nobody runs */
static void configure_others(void)
{
	FILE *config = fopen(getenv("EVS_CONF"), "ae");

	assert_non_null(config);
	fprintf(config, "[kms other]\nurl = unix:%s\ntimeout = 10\n"
		"[kms gone]\nurl = unix:%s/nothing\ntimeout = 1\n", kmsd.socket, kmsd.dir);
	assert_int_equal(fclose(config), 0);
}

static int set_up(void **state)
{
	struct evs_error err = {};
	struct evs_config config;

	(void)state;
	if (geteuid())
		return 0;
	fixture_init(&kmsd);
	snprintf(disk, sizeof(disk), "%s/disk", kmsd.dir);
	snprintf(original, sizeof(original), "%s/original", kmsd.dir);
	fixture_client(&kmsd, 10);
	configure_others();
	daemon_start(&kmsd);
	if (evs_config_load(&config, &err))
		fail_msg("%s", err.text);
	make_disk(&config, original, NULL, &first, &second);
	evs_config_free(&config);
	copy_disk(original, disk);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (geteuid())
		return 0;
	daemon_stop(&kmsd, SIGTERM);
	remove_tree(kmsd.dir);
	return 0;
}

/* Runs a program with its output in @out; returns its exit status. */
static int run(char *out, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int run(char *out, size_t size, const char *fmt, ...)
{
	char command[1024];
	va_list args;
	size_t used;
	FILE *pipe;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	pipe = popen(command, "re");
	assert_non_null(pipe);
	used = fread(out, 1, size - 1, pipe);
	out[used] = '\0';
	return WEXITSTATUS(pclose(pipe));
}

static void must_rewrap(const char *options)
{
	char out[2048];

	if (run(out, sizeof(out), "%s rewrap %s %s 2>&1", built("evs-setup/evs-setup"), options, disk))
		fail_msg("%s", out);
}

/* The helper gets the key of the disk. */
static void must_open(void)
{
	char out[2048];

	if (run(out, sizeof(out), "%s -D " UUID " %s 2>&1", built("evs-request-key/evs-request-key"),
		disk))
		fail_msg("%s", out);
}

/* How many tokens the disk has, and the first of them */
static size_t tokens(struct evs_token *token)
{
	struct evs_error err = {};
	struct evs_volume *vol;
	size_t count;

	if (evs_volume_read(&vol, disk, 0, &err))
		fail_msg("%s", err.text);
	*token = *evs_volume_token(vol);
	count = evs_volume_token_count(vol);
	evs_volume_close(vol);
	return count;
}

#endif /* REWRAP_TEST_H */
