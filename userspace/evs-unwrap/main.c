// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Run by the cryptsetup plug-in, which lives in processes that are not ours: asks the
 * KMS for the DK of a token. What the KMS libraries do to a process (environment,
 * memory locks, signals, threads, PKCS#11 modules) ends with this one.
 *
 *   standard input	the token, as JSON
 *   standard output	why it failed
 *   descriptor 3	memory from evs_secret_alloc_shared(), filled with the DK
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "environment.h"
#include "error.h"
#include "secret.h"
#include "token.h"
#include "unwrap.h"

#define DK_FD 3
#define JSON_MAX 65536		/* there may be members that are not ours */
#define LOCAL_SECONDS 15	/* for all that is not the KMS */

static void on_alarm(int sig)
{
	static const char text[] = "no answer in time: the KMS hangs";

	(void)sig;
	_exit(write(STDOUT_FILENO, text, sizeof(text) - 1) < 0 ? 2 : 1);
}

/* The library keeps the time-out of the KMS itself; this is for when that does not help. */
static void set_alarm(unsigned int seconds)
{
	alarm(seconds + LOCAL_SECONDS);
}

static int read_token(struct evs_token *token, struct evs_error *err)
{
	static char json[JSON_MAX];
	size_t len;

	len = fread(json, 1, sizeof(json) - 1, stdin);
	if (ferror(stdin))
		return evs_error_set(err, EIO, "cannot read the token");
	json[len] = '\0';
	return evs_token_from_json(token, json, err);
}

static int unwrap(struct evs_error *err)
{
	struct evs_secret *dk = evs_secret_map(DK_FD);
	struct evs_token token;
	int ret;

	if (!dk || dk->size != EVS_DK_SIZE)
		return evs_error_set(err, EINVAL,
				     "evs-unwrap: is for the cryptsetup plug-in alone");
	ret = evs_process_harden(err);
	if (!ret)
		ret = read_token(&token, err);
	if (!ret)
		ret = evs_unwrap(&token, dk, set_alarm, err);
	/* It is the other process that wipes the memory, and reads it first. */
	return ret;
}

int main(void)
{
	struct evs_error err = {};

	evs_environment_clean();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGALRM, on_alarm);
	alarm(LOCAL_SECONDS);
	if (!unwrap(&err))
		return EXIT_SUCCESS;
	puts(err.text);
	return EXIT_FAILURE;
}
