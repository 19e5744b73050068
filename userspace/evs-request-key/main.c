// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Called by request-key(8) when the kernel needs the data key of an EVS disk:
 * reads the disk's header, has the KMS unwrap the key, checks that it is the
 * disk's and hands it to the kernel. Whatever fails, the key is rejected, so
 * that the asker neither waits nor guesses.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "environment.h"
#include "error.h"
#include "keyring.h"
#include "pin.h"
#include "secret.h"
#include "stdfd.h"
#include "text.h"
#include "unwrap.h"
#include "version.h"
#include "volume/volume.h"

#define PROGRAM "evs-request-key"
#define LOCAL_SECONDS 15	/* for all that is not the KMS: the disk, the kernel */

/* The exit statuses of evs-setup, as far as they can occur here. */
#define EXIT_USAGE 1
#define EXIT_REFUSED 2
#define EXIT_INTERNAL 3

/*
 * The key to reject when a signal ends us. The handler only makes system
 * calls; volatile, because it may come between any two statements.
 */
static volatile key_serial_t pending_key;
static char pending_uuid[EVS_UUID_SIZE];

/* A KMS has said no: from then on nobody is told that it cannot be reached */
static volatile sig_atomic_t refused;

static void on_signal(int sig)
{
	static const char late[] = "the key helper ran out of time: the disk or the KMS hangs";
	static const char killed[] = "the key helper was ended by a signal";
	const char *text = sig == SIGALRM ? late : killed;
	bool unreachable = sig == SIGALRM && !refused;
	key_serial_t key = pending_key;
	struct evs_error err = {
		.errnum = unreachable ? EHOSTUNREACH : ECANCELED,
		.class = unreachable ? EVS_CLASS_KMS_UNREACHABLE : EVS_CLASS_NONE,
	};

	strcpy(err.text, text);
	if (key)
		evs_keyring_reject(key, *pending_uuid ? pending_uuid : NULL, &err);
	else if (write(STDERR_FILENO, text, strlen(text)) < 0)
		_exit(EXIT_USAGE);
	_exit(EXIT_REFUSED);
}

static void catch_signals(void)
{
	static const int signals[] = { SIGALRM, SIGTERM, SIGINT, SIGHUP, SIGQUIT };
	struct sigaction action = { .sa_handler = on_signal };
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void report(const char *text)
{
	char shown[EVS_TEXT_SHOWN_MAX(sizeof(((struct evs_error *)0)->text))];

	if (isatty(STDERR_FILENO)) {
		evs_text_line(stderr, PROGRAM ": %s", text);
		return;
	}
	evs_text_show(shown, sizeof(shown), text);
	openlog(PROGRAM, LOG_PID, LOG_AUTHPRIV);
	syslog(LOG_ERR, "%s", shown);
	closelog();
}

/* Rejects the key once; a signal that comes later finds nothing to do. */
static void reject(const struct evs_error *err)
{
	key_serial_t key = pending_key;

	evs_keyring_reject(key, *pending_uuid ? pending_uuid : NULL, err);
	pending_key = 0;
	report(err->text);
}

static int check_volume(const struct evs_volume *vol, const char *uuid, const char *device,
			struct evs_error *err)
{
	if (!strcmp(evs_volume_uuid(vol), uuid))
		return 0;
	return evs_error_set(err, EMEDIUMTYPE, "%s: holds disk %s, not %s", device,
			     evs_volume_uuid(vol), uuid);
}

/* The library keeps the time-out of the KMS itself; this is for when that does not help. */
static void set_alarm(unsigned int seconds)
{
	alarm(seconds + LOCAL_SECONDS);
}

/*
 * Tries the disk's tokens: there are two when a rewrap was cut short, and either
 * may be the one whose CMK can be used. What is wrong with the first one is what
 * the user is told; unless its KMS gives no answer, and that of the other one says
 * no, which counts for more.
 */
static int find_dk(struct evs_volume *vol, const char *device, const struct evs_pin *pin,
		   struct evs_secret *dk, struct evs_error *err)
{
	bool first = true;
	size_t i;
	int ret;

	for (i = 0; i < evs_volume_token_count(vol); i++) {
		struct evs_error later = {}, *why = first ? err : &later;

		if (!evs_pin_allows(pin, evs_volume_token_at(vol, i)))
			continue;
		first = false;
		ret = evs_unwrap(evs_volume_token_at(vol, i), dk, set_alarm, why);
		if (!ret) {
			ret = evs_volume_verify_dk(vol, dk, why);
			if (ret)
				evs_error_prefix(why, "%s", device);
		}
		if (!ret)
			return 0;
		evs_secret_wipe(dk);
		if (why->class == EVS_CLASS_NONE || why->class == EVS_CLASS_KMS_UNREACHABLE)
			continue;
		refused = 1;
		if (err->class == EVS_CLASS_KMS_UNREACHABLE)
			*err = later;
	}
	return -err->errnum;
}

/* Gets the key of the disk and, unless @key is 0, gives it to the kernel. */
static int provide(const char *uuid, const char *device, const struct evs_pin *pin,
		   key_serial_t key, struct evs_error *err)
{
	struct evs_secret *dk;
	struct evs_volume *vol;
	int ret;

	ret = evs_volume_read(&vol, device, 0, err);
	if (ret)
		return ret;
	ret = check_volume(vol, uuid, device, err);
	if (!ret)
		ret = evs_pin_check(pin, vol, device, err);
	if (ret)
		goto out_close;
	dk = evs_secret_alloc(EVS_DK_SIZE);
	if (!dk) {
		ret = evs_error_set(err, errno, "cannot lock memory (ulimit -l): %m");
		goto out_close;
	}
	ret = find_dk(vol, device, pin, dk, err);
	if (!ret && key)
		ret = evs_keyring_instantiate(key, dk, err);
	evs_secret_free(dk);
out_close:
	evs_volume_close(vol);
	return ret;
}

static int check_device(const char *device, struct evs_error *err)
{
	struct stat st;

	if (stat(device, &st))
		return evs_error_set(err, errno, "%s: %m", device);
	if (!S_ISBLK(st.st_mode))
		return evs_error_set(err, ENOTBLK, "%s: no block device", device);
	return 0;
}

/* What request-key(8) hands over, all of it checked before it is believed. */
static int answer(int argc, char *argv[], struct evs_error *err)
{
	char callout[EVS_CALLOUT_SIZE];
	const char *uuid, *device;
	struct evs_pin pin;
	int ret;

	if (argc != 4)
		return evs_error_set(err, EINVAL,
				     "bad entry in /etc/request-key.d/evs.conf: %d arguments, not %%k %%u %%d",
				     argc - 1);
	if (strncmp(argv[3], EVS_KEY_PREFIX, strlen(EVS_KEY_PREFIX)) ||
	    !evs_uuid_valid(argv[3] + strlen(EVS_KEY_PREFIX)))
		return evs_error_set(err, EINVAL, "key %.64s: not evs:UUID", argv[3]);
	uuid = argv[3] + strlen(EVS_KEY_PREFIX);
	ret = evs_keyring_assume(pending_key, callout, sizeof(callout), err);
	if (ret)
		return ret;
	strcpy(pending_uuid, uuid);
	if (strcmp(argv[2], "0"))
		return evs_error_set(err, EPERM, "disk %s: only root may ask for the key, not uid %.16s",
				     uuid, argv[2]);
	if (evs_keyring_parse(callout, &pin, &device, err))
		return evs_error_prefix(err, "disk %s", uuid);
	ret = check_device(device, err);
	if (ret)
		return ret;
	return provide(uuid, device, &pin, pending_key, err);
}

static int parse_serial(const char *text, key_serial_t *key)
{
	char *end;
	long serial;

	errno = 0;
	serial = strtol(text, &end, 10);
	if (errno || end == text || *end || serial <= 0 || serial > INT32_MAX)
		return -EINVAL;
	*key = (key_serial_t)serial;
	return 0;
}

static int run_request(int argc, char *argv[])
{
	struct evs_error err = {};
	key_serial_t key;
	int ret;

	if (parse_serial(argv[1], &key)) {
		report("bad serial of a key");
		return EXIT_USAGE;
	}
	pending_key = key;
	ret = evs_process_harden(&err);
	if (!ret)
		ret = answer(argc, argv, &err);
	if (ret) {
		reject(&err);
		return EXIT_REFUSED;
	}
	pending_key = 0;
	return EXIT_SUCCESS;
}

/* All is well once what was printed has arrived somewhere. */
static int finish(void)
{
	struct evs_error err = {};

	if (!evs_stdout_close(&err))
		return EXIT_SUCCESS;
	evs_text_line(stderr, PROGRAM ": %s", err.text);
	return EXIT_INTERNAL;
}

/* -D: all but the keyring, for a person who wants to know why. */
static int run_dry(const char *uuid, const char *device)
{
	const struct evs_pin any = {};
	struct evs_error err = {};
	int ret;

	ret = evs_process_harden(&err);
	if (!ret && !evs_uuid_valid(uuid))
		ret = evs_error_set(&err, EINVAL, "bad UUID: \"%s\"", uuid);
	if (!ret)
		ret = provide(uuid, device, &any, 0, &err);
	if (ret) {
		evs_text_line(stderr, PROGRAM ": %s", err.text);
		return ret == -EINVAL ? EXIT_USAGE : EXIT_REFUSED;
	}
	printf("DK of %s: verified\n", uuid);
	return finish();
}

static void usage(FILE *stream)
{
	fputs("Usage: " PROGRAM " KEY UID DESCRIPTION   (called by request-key(8))\n"
	      "       " PROGRAM " -D UUID DEVICE        get and check the key, without the kernel\n"
	      "       " PROGRAM " --help|--version\n"
	      "\n"
	      "Hands the data key of an EVS disk from its KMS to the kernel.\n"
	      "The KMS is the one that the disk's header names, see evs.conf(5).\n", stream);
}

int main(int argc, char *argv[])
{
	evs_environment_clean();
	/* The kernel starts us without descriptors. */
	if (evs_stdfd_open())
		return EXIT_INTERNAL;
	evs_text_locale();
	catch_signals();
	alarm(LOCAL_SECONDS);
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		usage(stdout);
		return finish();
	}
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts(PROGRAM " " EVS_VERSION);
		return finish();
	}
	if (argc == 4 && !strcmp(argv[1], "-D"))
		return run_dry(argv[2], argv[3]);
	if (argc >= 2 && *argv[1] != '-')
		return run_request(argc, argv);
	usage(stderr);
	return EXIT_USAGE;
}
