// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * No copy of a data key is left in the daemon once it has answered: its whole
 * memory is searched, while the connection that carried the key is still open.
 */
#include "kmsd_fixture.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#define DK_SIZE 64

static struct fixture f;

static int setup(void **state)
{
	if (root_only(state))
		return -1;
	fixture_init(&f);
	daemon_start(&f);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (daemon_stop(&f, SIGTERM))
		return -1;
	remove_tree(f.dir);
	return 0;
}

/* How often the bytes occur in what the daemon can write to. */
static unsigned int occurrences(const void *what, size_t size)
{
	char path[64], line[512], perms[5];
	unsigned long start, end;
	unsigned int hits = 0;
	unsigned char *found_in, *at;
	FILE *maps;
	int mem;

	snprintf(path, sizeof(path), "/proc/%d/maps", f.pid);
	maps = fopen(path, "r");
	snprintf(path, sizeof(path), "/proc/%d/mem", f.pid);
	mem = open(path, O_RDONLY);
	assert_non_null(maps);
	assert_true(mem >= 0);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %4s", &start, &end, perms) != 3 || perms[1] != 'w')
			continue;
		found_in = malloc(end - start);
		assert_non_null(found_in);
		if (pread(mem, found_in, end - start, (off_t)start) == (ssize_t)(end - start)) {
			at = found_in;
			while ((at = memmem(at, (size_t)(found_in + (end - start) - at), what, size))) {
				hits++;
				at++;
			}
		}
		explicit_bzero(found_in, end - start);
		free(found_in);
	}
	fclose(maps);
	close(mem);
	return hits;
}

/* One request on an open connection, the body in two pieces; the answer's body. */
static void talk(int fd, const char *op, const char *body, char *answer, size_t room)
{
	size_t len = strlen(body), half = len / 2 + 40, got = 0, want = 0;
	char head[256], buf[4096];
	char *end;

	snprintf(head, sizeof(head),
		 "POST /v1.0/default/kms/%s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", op, len);
	half = half > len ? len : half;
	assert_int_equal(write(fd, head, strlen(head)), strlen(head));
	assert_int_equal(write(fd, body, half), half);
	sleep_ms(20);
	assert_int_equal(write(fd, body + half, len - half), len - half);
	do {
		ssize_t n = read(fd, buf + got, sizeof(buf) - 1 - got);

		assert_true(n > 0);
		got += (size_t)n;
		buf[got] = '\0';
		end = strstr(buf, "\r\n\r\n");
		if (end) {
			char *length = strcasestr(buf, "Content-Length: ");

			want = (size_t)(end + 4 - buf) + (size_t)atoi(length + 16);
		}
	} while (!want || got < want);
	snprintf(answer, room, "%s", strstr(buf, "\r\n\r\n") + 4);
}

static void hex(const char *text, unsigned char *out, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		out[i] = (unsigned char)strtoul((char[]){ text[2 * i], text[2 * i + 1], 0 }, NULL, 16);
}

/* No copy stays: the daemon wipes after the answer has left, which may take a moment. */
static void gone(const void *what, size_t size)
{
	int tries = 1000;

	while (occurrences(what, size) && --tries)
		sleep_ms(10);
	assert_true(tries > 0);
}

static void none_left(const char *dk_hex)
{
	unsigned char dk[DK_SIZE];
	char lower[2 * DK_SIZE + 1];
	size_t i;

	hex(dk_hex, dk, sizeof(dk));
	for (i = 0; i <= 2 * DK_SIZE; i++)
		lower[i] = dk_hex[i] >= 'A' && dk_hex[i] <= 'F' ? (char)(dk_hex[i] + 32) : dk_hex[i];
	/* Pieces: a copy may have been overwritten in part */
	for (i = 0; i < DK_SIZE; i += 16) {
		gone(dk + i, 16);
		gone(dk_hex + 2 * i, 32);
		gone(lower + 2 * i, 32);
	}
}

static void test_memory(void **state)
{
	char answer[2048], body[1024], dk[2 * DK_SIZE + 1], blob[512], digest[65];
	int fd = try_connect(&f), unread;
	struct answer a = {};

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip();	/* ASAN keeps freed memory aside, and terabytes of address space */
#endif
	assert_true(fd >= 0);
	talk(fd, "create-datakey", "{\"key_id\":\"alias/evs/default\",\"datakey_length\":\"512\"}",
	     answer, sizeof(answer));
	a.json = json_tokener_parse(answer);
	snprintf(dk, sizeof(dk), "%s", member(&a, "plain_text"));
	snprintf(blob, sizeof(blob), "%s", member(&a, "cipher_text"));
	answer_free(&a);
	assert_int_equal(strlen(dk), 2 * DK_SIZE);
	/* What is not secret can be found: the search works */
	assert_true(occurrences(f.socket, strlen(f.socket)) > 0);
	none_left(dk);

	snprintf(body, sizeof(body), "{\"key_id\":\"alias/evs/default\",\"datakey_cipher_length\":64,"
		 "\"cipher_text\":\"%s\"}", blob);
	talk(fd, "decrypt-datakey", body, answer, sizeof(answer));
	a.json = json_tokener_parse(answer);
	assert_string_equal(member(&a, "data_key"), dk);
	snprintf(digest, sizeof(digest), "%s", member(&a, "datakey_dgst"));
	answer_free(&a);
	none_left(dk);

	snprintf(body, sizeof(body), "{\"key_id\":\"alias/evs/default\",\"datakey_plain_length\":64,"
		 "\"plain_text\":\"%s%s\"}", dk, digest);
	talk(fd, "encrypt-datakey", body, answer, sizeof(answer));
	a.json = json_tokener_parse(answer);
	assert_int_equal(strlen(member(&a, "cipher_text")), 376);
	answer_free(&a);
	none_left(dk);

	/* Refused requests leave no more behind */
	body[strlen(body) - 3] = 'x';
	talk(fd, "encrypt-datakey", body, answer, sizeof(answer));
	assert_non_null(strstr(answer, "KMS.2101"));
	none_left(dk);
	body[0] = '[';
	talk(fd, "encrypt-datakey", body, answer, sizeof(answer));
	assert_non_null(strstr(answer, "KMS.0202"));
	none_left(dk);
	close(fd);

	/* Nor does a client that goes away in the middle of its request */
	fd = try_connect(&f);
	assert_true(fd >= 0);
	body[0] = '{';
	snprintf(answer, sizeof(answer),
		 "POST /v1.0/default/kms/encrypt-datakey HTTP/1.1\r\nHost: x\r\n"
		 "Content-Length: %zu\r\n\r\n%s", strlen(body) + 1, body);
	assert_int_equal(write(fd, answer, strlen(answer)), strlen(answer));
	do {	/* It is in memory that cannot be looked at, once it has arrived */
		sleep_ms(10);
		assert_int_equal(ioctl(fd, SIOCOUTQ, &unread), 0);
	} while (unread);
	close(fd);
	sleep_ms(50);
	none_left(dk);
}

/* Neither core dumps nor a debugger of less than root, and nothing in swap. */
static void test_hardened(void **state)
{
	char path[64], text[4096] = "";
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "/proc/%d/limits", f.pid);
	file = fopen(path, "r");
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	assert_non_null(strstr(text, "Max core file size        0                    0"));
	snprintf(path, sizeof(path), "/proc/%d/status", f.pid);
	file = fopen(path, "r");
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
#ifndef __SANITIZE_ADDRESS__	/* which makes mlock() do nothing */
	assert_null(strstr(text, "VmLck:\t       0 kB"));
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_hardened),
	};

	return cmocka_run_group_tests_name("kmsd_memory", tests, setup, teardown);
}
