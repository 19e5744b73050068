// SPDX-License-Identifier: GPL-2.0-or-later
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

#define SHELL(script) ((const char *const []){ "sh", "-c", script, NULL })

static void test_output(void **state)
{
	struct evs_error err = {};
	char *output;

	(void)state;
	assert_int_equal(evs_run(SHELL("echo one; echo two"), &output, &err), 0);
	assert_string_equal(output, "one\ntwo\n");
	free(output);
	assert_int_equal(evs_run(SHELL("exit 0"), &output, &err), 0);
	assert_string_equal(output, "");
	free(output);
	assert_int_equal(evs_run(SHELL("head -c 3000000 /dev/zero | tr '\\0' x"), &output, &err), 0);
	assert_int_equal(strlen(output), 3000000);
	free(output);
	assert_int_equal(evs_run(SHELL("echo unheard"), NULL, &err), 0);
}

/* The error is the last line that says what failed. */
static void test_failure(void **state)
{
	static const struct {
		const char *script;
		const char *text;
		int status;
	} cases[] = {
		{ "echo first >&2; echo '  No such volume.' >&2; exit 5", "sh: No such volume.", 5 },
		{ "echo cause >&2; echo 'WARNING: Sum of sizes' >&2; exit 5", "sh: cause", 5 },
		{ "echo 'WARNING: alone' >&2; exit 5", "sh: WARNING: alone", 5 },
		{ "echo 'sh: create error: (17) File exists' >&2; exit 17",
		  "sh: create error: (17) File exists", 17 },
		{ "printf 'no end' >&2; exit 1", "sh: no end", 1 },
		{ "printf 'a\\033[2Jb' >&2; exit 1", "sh: a [2Jb", 1 },
		{ "exit 3", "sh: failed with exit status 3", 3 },
		{ "kill -KILL $$", "sh: ended by signal 9", 137 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct evs_run run = { .argv = SHELL(cases[i].script) };
		struct evs_error err = {};

		assert_int_equal(evs_run_program(&run, &err), -EIO);
		assert_string_equal(err.text, cases[i].text);
		assert_int_equal(run.status, cases[i].status);
	}
}

static void test_not_there(void **state)
{
	const char *const missing[] = { "no-such-program", NULL };
	const char *const bad[] = { "/etc/passwd", NULL };
	struct evs_error err = {};

	(void)state;
	assert_int_equal(evs_run(missing, NULL, &err), -ENOPKG);
	assert_string_equal(err.text,
			    "no-such-program: there is no such program here; install it");
	assert_int_equal(evs_run(bad, NULL, &err), -ENOPKG);
}

/* A file that cannot be executed though its mode says so. */
static void test_not_executable(void **state)
{
	char path[] = "/tmp/evs-run-XXXXXX";
	const char *const argv[] = { path, NULL };
	struct evs_error err = {};
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "\x7f" "ELF", 4), 4);
	assert_int_equal(fchmod(fd, 0700), 0);
	close(fd);
	assert_int_equal(evs_run(argv, NULL, &err), -ENOEXEC);
	assert_contains(err.text, "cannot be run");
	unlink(path);
}

/* PATH comes first; where the user's has no /usr/sbin, its programs are found, too. */
static void test_path(void **state)
{
	const char *const argv[] = { "blkid", "--version", NULL };
	char *path = strdup(getenv("PATH"));
	struct evs_error err = {};
	char *output;

	(void)state;
	setenv("PATH", "/nowhere:", 1);
	assert_int_equal(evs_run(argv, NULL, &err), 0);
	assert_int_equal(evs_run(SHELL("env | sort | grep -v '^\\(_\\|PWD\\|SHLVL\\)='"), &output,
				 &err), 0);
	assert_string_equal(output, "LC_ALL=C\nPATH=/nowhere::/usr/local/sbin:/usr/local/bin:"
				    "/usr/sbin:/usr/bin:/sbin:/bin\n");
	free(output);
	setenv("PATH", path, 1);
	free(path);
}

static void test_descriptors(void **state)
{
	int fd = open("/dev/null", O_RDONLY), ends[2];
	struct evs_run run = { .argv = SHELL("test \"$(cat)\" = given") };
	struct evs_error err = {};
	char *output;

	(void)state;
	/* 3 is the folder that ls reads */
	assert_int_equal(evs_run(SHELL("ls /proc/self/fd"), &output, &err), 0);
	assert_string_equal(output, "0\n1\n2\n3\n");
	free(output);
	close(fd);
	assert_int_equal(evs_run(SHELL("readlink /proc/self/fd/0"), &output, &err), 0);
	assert_string_equal(output, "/dev/null\n");
	free(output);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "given", 5), 5);
	close(ends[1]);
	run.input = ends[0];
	assert_int_equal(evs_run_program(&run, &err), 0);
	close(ends[0]);
}

static int join(void *arg, const char *line, struct evs_error *err)
{
	strcat(strcat(arg, line), "|");
	return strcmp(line, "stop") ? 0 : evs_error_set(err, EINTR, "stopped");
}

static void test_lines(void **state)
{
	char seen[256] = "";
	struct evs_run run = {
		.argv = SHELL("printf '1\\r2\\r'; echo 3; sleep 0.1; printf 'fo'; sleep 0.1; "
			      "printf 'ur'; echo told >&2"),
		.line = join,
		.arg = seen,
	};
	struct evs_error err = {};

	(void)state;
	assert_int_equal(evs_run_program(&run, &err), 0);
	assert_string_equal(seen, "1|2|3|four|");
	*seen = '\0';
	run.line = NULL;
	run.said = join;
	assert_int_equal(evs_run_program(&run, &err), 0);
	assert_string_equal(seen, "told|");
}

/* A program that would never end is ended, and the reason is the caller's. */
static void test_stop(void **state)
{
	char seen[256] = "";
	struct evs_run run = {
		.argv = SHELL("echo stop; exec sleep 1000"),
		.line = join,
		.arg = seen,
	};
	struct evs_error err = {};

	(void)state;
	assert_int_equal(evs_run_program(&run, &err), -EINTR);
	assert_string_equal(err.text, "stopped");
	assert_int_equal(run.status, 128 + SIGTERM);
}

static void test_json(void **state)
{
	struct json_object *answer;
	struct evs_error err = {};

	(void)state;
	assert_int_equal(evs_run_json(SHELL("echo '{\"a\": [1, 2]}'"), &answer, &err), 0);
	assert_int_equal(json_object_array_length(json_object_object_get(answer, "a")), 2);
	json_object_put(answer);
	assert_int_equal(evs_run_json(SHELL("echo '{\"a\"'"), &answer, &err), -EPROTO);
	assert_string_equal(err.text, "sh: its output is no JSON");
	assert_int_equal(evs_run_json(SHELL("exit 1"), &answer, &err), -EIO);
}

static void on_child(int sig)
{
	(void)sig;
}

static void *run_unread(void *arg)
{
	struct evs_error err = {};

	evs_run_program(arg, &err);
	return NULL;
}

/* It does not write, and does not find out by itself; nor does what it has started. */
static void test_unread(void **state)
{
	struct evs_run run = { .argv = SHELL("sleep 30 & echo; wait; exec sleep 30") };
	pthread_t thread;
	int ends[2];
	char byte;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	run.data = ends[1];
	assert_int_equal(pthread_create(&thread, NULL, run_unread, &run), 0);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(run.status, 128 + SIGTERM);
	close(ends[1]);
}

/* What a caller has done with signals neither hides the exit status nor is inherited. */
static void test_signals(void **state)
{
	struct sigaction ignored = { .sa_handler = SIG_IGN }, now;
	struct evs_run run = { .argv = SHELL("kill -PIPE $$; exit 7") };
	struct evs_error err = {};
	sigset_t set;

	(void)state;
	sigaction(SIGCHLD, &ignored, NULL);
	sigaction(SIGPIPE, &ignored, NULL);
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	assert_int_equal(evs_run_program(&run, &err), -EIO);
	assert_int_equal(run.status, 128 + SIGPIPE);
	sigaction(SIGCHLD, NULL, &now);
	assert_true(now.sa_handler == SIG_IGN);
	sigprocmask(SIG_SETMASK, NULL, &set);
	assert_true(sigismember(&set, SIGTERM));
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	now.sa_handler = on_child;
	sigaction(SIGCHLD, &now, NULL);
	run.argv = SHELL("sleep 0.1 & sleep 0.2; exit 7");
	assert_int_equal(evs_run_program(&run, &err), -EIO);
	assert_int_equal(run.status, 7);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
}

/* A program does not outlive the one that runs it. */
static void test_killed_parent(void **state)
{
	struct evs_error err = {};
	int hold[2], tries = 1000;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(hold), 0);
	pid = fork();
	if (!pid) {
		struct evs_run run = {
			.argv = SHELL("kill -KILL $PPID; exec cat >/dev/null"),
			.input = hold[0],
		};

		close(hold[1]);
		evs_run_program(&run, &err);
		_exit(0);
	}
	close(hold[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	signal(SIGPIPE, SIG_IGN);
	/* Without the signal, cat would read on until this test ends. */
	while (tries-- && write(hold[1], "x", 1) == 1)
		usleep(10000);
	assert_int_not_equal(tries, -1);
	assert_int_equal(errno, EPIPE);
	signal(SIGPIPE, SIG_DFL);
	close(hold[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_not_there),
		cmocka_unit_test(test_not_executable),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_unread),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_killed_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
