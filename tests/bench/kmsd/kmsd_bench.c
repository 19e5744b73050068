// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How many decrypt-datakey calls a second does evs-kmsd answer on one core,
 * beside what the token itself can do, and what the daemon does of requests that
 * take no token? The daemon is pinned to CPU 0, the clients to the others; the
 * token is measured on CPU 0 as well. All of it runs before whatever else the
 * machine does. Where that is not enough, the calls per second of CPU time tell
 * more than those per second, and the best of several runs more than one.
 *
 *	kmsd_bench [CMKS [SECONDS]]
 */
#include "kmsd_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/resource.h>

#include "key/cmk.h"
#include "key/material.h"
#include "p11.h"

#define CLIENTS 8
#define SAMPLES_MAX 4000000
#define NICE (-20)
#define RUNS 3

static struct fixture f;
static int cmks = 10000, seconds = 5;

/**
 * struct work - What the clients ask for by turns.
 */
struct work {
	char (*requests)[1024];
	int count;
};

static char agency_request[1][1024] = {
	"POST /v1.0/default/kms/describe-agency HTTP/1.1\r\nHost: localhost\r\n"
	"Content-Length: 2\r\n\r\n{}"
};
static const struct work without_token = { agency_request, 1 };
static struct work decrypt;

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void pin(bool to_first)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (long i = 0; i < sysconf(_SC_NPROCESSORS_ONLN); i++)
		if ((i == 0) == to_first)
			CPU_SET(i, &set);
	if (CPU_COUNT(&set) && sched_setaffinity(0, sizeof(set), &set))
		perror("sched_setaffinity");
}

/* C_Decrypt of what a CMK's material looks like, with the root key, in a loop. */
static double token_limit(void)
{
	CK_BYTE iv[12] = { 1 }, cipher[128], plain[128], pin_text[64] = "";
	CK_GCM_PARAMS gcm = { iv, sizeof(iv), 96, (CK_BYTE *)"x", 1, 128 };
	CK_MECHANISM mechanism = { CKM_AES_GCM, &gcm, sizeof(gcm) };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE template = { CKA_CLASS, &class, sizeof(class) };
	CK_ULONG len = sizeof(cipher), size, found = 0;
	struct evs_error err = {};
	struct kmsd_conf conf;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	CK_FUNCTION_LIST *p;
	CK_SLOT_ID slot;
	int64_t start;
	clock_t cpu;
	long n = 0;
	FILE *file;

	assert_int_equal(kmsd_conf_load(&conf, f.config, &err), 0);
	assert_int_equal(evs_p11_load(&p, conf.module, conf.softhsm2_conf, conf.module_args, &err), 0);
	assert_int_equal(evs_p11_find_token(p, conf.token, &slot, &err), 0);
	file = fopen(conf.pin_file, "r");
	assert_non_null(fgets((char *)pin_text, sizeof(pin_text), file));
	fclose(file);
	assert_int_equal(p->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
	assert_int_equal(p->C_Login(session, CKU_USER, pin_text,
				    strcspn((char *)pin_text, "\n")), CKR_OK);
	p->C_FindObjectsInit(session, &template, 1);
	p->C_FindObjects(session, &key, 1, &found);
	p->C_FindObjectsFinal(session);
	assert_int_equal(found, 1);
	assert_int_equal(p->C_EncryptInit(session, &mechanism, key), CKR_OK);
	assert_int_equal(p->C_Encrypt(session, plain, KMSD_CMK_SIZE, cipher, &len), CKR_OK);
	cpu = clock();
	for (start = now_ns(); now_ns() - start < seconds * INT64_C(1000000000); n++) {
		size = sizeof(plain);
		if (p->C_DecryptInit(session, &mechanism, key) != CKR_OK ||
		    p->C_Decrypt(session, cipher, len, plain, &size) != CKR_OK)
			fail_msg("C_Decrypt");
	}
	evs_p11_unload(p);
	return (double)n * CLOCKS_PER_SEC / (double)(clock() - cpu);
}

/* Measured in a process of its own, pinned to the daemon's CPU. */
static double token_limit_pinned(void)
{
	double limit = 0;
	int pipe_fd[2];
	pid_t pid;

	assert_int_equal(pipe(pipe_fd), 0);
	pid = fork();
	if (!pid) {
		pin(true);
		limit = token_limit();
		_exit(write(pipe_fd[1], &limit, sizeof(limit)) != sizeof(limit));
	}
	assert_int_equal(read(pipe_fd[0], &limit, sizeof(limit)), sizeof(limit));
	waitpid(pid, NULL, 0);
	return limit;
}

static void make_keys(void)
{
	struct evs_error err = {};
	struct kmsd_cmk cmk;
	int i;

	fixture_open(&f);
	assert_int_equal(kmsd_store_begin(f.kmsd.store, &err), 0);
	for (i = 0; i < cmks; i++) {
		cmk = (struct kmsd_cmk){ .project = "default" };
		snprintf(cmk.alias, sizeof(cmk.alias), "key-%d", i);
		if (kmsd_cmk_create(&f.kmsd, &cmk, &err))
			fail_msg("%s", err.text);
	}
	assert_int_equal(kmsd_store_commit(f.kmsd.store, &err), 0);
	decrypt.count = cmks < 1000 ? cmks : 1000;
	decrypt.requests = calloc((size_t)decrypt.count, sizeof(*decrypt.requests));
	for (i = 0; i < decrypt.count; i++) {
		struct answer a = call(&f, "create-datakey", "{\"key_id\":\"alias/key-%d\","
				       "\"datakey_length\":512}", i * (cmks / decrypt.count));
		char body[700];

		snprintf(body, sizeof(body), "{\"key_id\":\"%s\",\"cipher_text\":\"%s\","
			 "\"datakey_cipher_length\":\"64\"}", member(&a, "key_id"),
			 member(&a, "cipher_text"));
		snprintf(decrypt.requests[i], sizeof(decrypt.requests[i]),
			 "POST /v1.0/default/kms/decrypt-datakey HTTP/1.1\r\nHost: localhost\r\n"
			 "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			 strlen(body), body);
		answer_free(&a);
	}
	kmsd_close(&f.kmsd);
}

/* One call on a connection that stays; false when it failed. */
static bool exchange(int fd, const char *request)
{
	size_t used = 0, want = 0, size = strlen(request);
	char answer[4096], *end, *length;
	ssize_t n;

	if (send(fd, request, size, MSG_NOSIGNAL) != (ssize_t)size)
		return false;
	do {
		n = recv(fd, answer + used, sizeof(answer) - 1 - used, 0);
		if (n <= 0)
			return false;
		used += (size_t)n;
		answer[used] = '\0';
		end = strstr(answer, "\r\n\r\n");
		length = end ? strcasestr(answer, "Content-Length:") : NULL;
		want = length ? (size_t)(end + 4 - answer) + (size_t)atol(length + 15) : 0;
	} while (!want || used < want);
	return !strncmp(answer, "HTTP/1.1 200", 12);
}

struct client {
	pthread_t thread;
	const struct work *work;
	int number;
	int64_t interval_ns;	/* 0: as fast as it gets */
	long failures;
	size_t count;
	uint32_t *us;
};

static void *client_run(void *arg)
{
	int64_t start = now_ns(), due = start, end = start + seconds * INT64_C(1000000000), t;
	struct client *c = arg;
	int fd = try_connect(&f), next = c->number % c->work->count;

	due += c->interval_ns * c->number / CLIENTS;
	for (t = start; t < end && c->count < SAMPLES_MAX / CLIENTS; t = now_ns()) {
		if (c->interval_ns && t < due) {
			struct timespec wait = { 0, due - t };

			nanosleep(&wait, NULL);
		}
		/* From when it was due: what waits behind a slow call is slow itself */
		t = c->interval_ns ? due : t;
		c->failures += !exchange(fd, c->work->requests[next]);
		c->us[c->count++] = (uint32_t)((now_ns() - t) / 1000);
		due += c->interval_ns;
		next = (next + CLIENTS) % c->work->count;
	}
	close(fd);
	return NULL;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Seconds that the daemon has run on a CPU, all its threads together. */
static double daemon_cpu(void)
{
	struct timespec t;
	clockid_t id;

	if (clock_getcpuclockid(f.pid, &id) || clock_gettime(id, &t))
		fail_msg("the daemon's CPU clock: %s", strerror(errno));
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Returns calls a second; sets those per second of CPU time. */
static double load(const char *what, const struct work *work, double rate, double *of_cpu)
{
	static uint32_t us[SAMPLES_MAX];
	struct client clients[CLIENTS];
	double cpu = daemon_cpu();
	long failures = 0;
	size_t count = 0;
	int i;

	for (i = 0; i < CLIENTS; i++) {
		clients[i] = (struct client){
			.work = work, .number = i, .us = us + i * (SAMPLES_MAX / CLIENTS),
			.interval_ns = rate > 0 ? (int64_t)(CLIENTS * 1e9 / rate) : 0,
		};
		pthread_create(&clients[i].thread, NULL, client_run, &clients[i]);
	}
	for (i = 0; i < CLIENTS; i++) {
		pthread_join(clients[i].thread, NULL);
		memmove(us + count, clients[i].us, clients[i].count * sizeof(us[0]));
		count += clients[i].count;
		failures += clients[i].failures;
	}
	cpu = daemon_cpu() - cpu;
	qsort(us, count, sizeof(us[0]), compare);
	printf("%-22s %8.0f calls/s  p50 %6.2f ms  p99 %6.2f ms  max %6.2f ms  failed %ld\n"
	       "%-22s %8.0f calls/s of CPU time\n", what,
	       (double)count / seconds, us[count / 2] / 1e3, us[count * 99 / 100] / 1e3,
	       us[count - 1] / 1e3, failures, "", (double)count / cpu);
	*of_cpu = (double)count / cpu;
	return (double)count / seconds;
}

/*
 * What the daemon itself has counted, from a request's last byte to its answer:
 * free of the time that the clients wait for a CPU.
 */
static void own_histogram(void)
{
	static const char name[] = "evs_kmsd_request_seconds_bucket{op=\"decrypt-datakey\",le=\"";
	struct answer a = http(f.socket, "GET", "/metrics", NULL);
	unsigned long long counts[32], total;
	double bounds[32];
	int n = 0, i;
	char *at;

	for (at = a.text; n < 32 && (at = strstr(at, name)); n++) {
		at += strlen(name);
		bounds[n] = strtod(at, NULL);	/* "+Inf" is the last */
		counts[n] = strtoull(strchr(at, ' '), NULL, 10);
	}
	assert_true(n > 1);
	total = counts[n - 1];
	for (i = 0; counts[i] < total / 2; i++)
		;
	printf("%-22s p50 <= %g ms", "inside the daemon", bounds[i] * 1e3);
	for (; counts[i] < total * 99 / 100; i++)
		;
	printf("  p99 <= %g ms", bounds[i] * 1e3);
	for (; counts[i] < total * 999 / 1000; i++)
		;
	printf("  p99.9 <= %g ms, of %llu", bounds[i] * 1e3, total);
	for (i = 0; bounds[i] < 0.05; i++)
		;
	printf("; over 50 ms: %llu\n", total - counts[i]);
	answer_free(&a);
}

/* The best of several runs as fast as it gets: calls a second, and of CPU time. */
static double best(const char *what, const struct work *work, double *of_cpu)
{
	double most = 0, rate, of;

	*of_cpu = 0;
	for (int i = 0; i < RUNS; i++) {
		rate = load(what, work, 0, &of);
		most = rate > most ? rate : most;
		*of_cpu = of > *of_cpu ? of : *of_cpu;
	}
	return most;
}

/*
 * Before all else that runs: a nice value counts among the processes of a session
 * alone where the scheduler groups them so, and the session's own counts beside.
 */
static void go_first(void)
{
	int fd;

	setsid();	/* fails for who leads a session already */
	fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && dprintf(fd, "%d", NICE) < 0)
		perror("/proc/self/autogroup");
	close(fd);
	if (setpriority(PRIO_PROCESS, 0, NICE))
		perror("setpriority");
}

static void measure(void)
{
	double limit, http, full, of_cpu, ignored;

	limit = token_limit_pinned();
	printf("%d CMKs, %d clients on keep-alive connections, %d s each\n", cmks, CLIENTS, seconds);
	printf("%-22s %8.0f calls/s of CPU time\n", "C_Decrypt in a loop", limit);
	pin(true);
	daemon_start(&f);
	pin(false);
	best("describe-agency, full", &without_token, &http);
	full = best("decrypt-datakey, full", &decrypt, &of_cpu);
	load("decrypt-datakey, half", &decrypt, full / 2, &ignored);
	own_histogram();
	printf("By CPU time %.0f %% of the token's limit; %.0f %% of what token and a request without it leave\n",
	       100 * of_cpu / limit, 100 * of_cpu * (1 / limit + 1 / http));
}

int main(int argc, char **argv)
{
	if (argc > 1)
		cmks = atoi(argv[1]);
	if (argc > 2)
		seconds = atoi(argv[2]);
	if (cmks < 1 || seconds < 1 || geteuid()) {
		fputs("Usage, as root: kmsd_bench [CMKS [SECONDS]]\n", stderr);
		return 1;
	}
	go_first();
	fixture_init(&f);
	make_keys();
	measure();
	free(decrypt.requests);
	if (daemon_stop(&f, SIGTERM))
		return 1;
	remove_tree(f.dir);
	return 0;
}
