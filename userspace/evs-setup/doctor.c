// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * doctor: look at everything that a disk needs to be attached, and say what to
 * mend. Changes nothing; asks each KMS one question.
 */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "cmk-disks.h"
#include "config.h"
#include "kms/backend.h"
#include "nl/netlink.h"
#include "secret.h"
#include "text.h"

#define REQUEST_KEY "/sbin/request-key"
#define REQUEST_KEY_ENTRY "/etc/request-key.d/evs.conf"
#define LVMCONFIG "/sbin/lvmconfig"
#define LVM_FILTER "global_filter="
#define LOCK_NEEDED (512 * 1024)	/* what the largest KMS answers and tokens take */
#define KEYS_NEEDED 8
#define KEY_BYTES_NEEDED 4096
#define FREE_PARAMETER "init_on_free="
#define FREE_DEFAULT "CONFIG_INIT_ON_FREE_DEFAULT_ON=y"
#define SOON (30 * 24 * 3600)		/* a certificate that ends within it is worth a word */

/**
 * struct findings - What was found.
 * @checks: how many checks were made
 * @bad: how many of them found something that keeps disks from being attached
 */
struct findings {
	unsigned int checks;
	unsigned int bad;
};

static void say(const char *verdict, const char *what, const char *fmt, va_list args)
	__attribute__((format(printf, 3, 0)));
static void say(const char *verdict, const char *what, const char *fmt, va_list args)
{
	char *text;

	if (vasprintf(&text, fmt, args) < 0) {
		evs_text_line(stdout, "%-4s  %s: out of memory", verdict, what);
		return;
	}
	evs_text_line(stdout, "%-4s  %s: %s", verdict, what, text);
	free(text);
}

static void good(struct findings *f, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void good(struct findings *f, const char *what, const char *fmt, ...)
{
	va_list args;

	f->checks++;
	va_start(args, fmt);
	say("ok", what, fmt, args);
	va_end(args);
}

static void bad(struct findings *f, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void bad(struct findings *f, const char *what, const char *fmt, ...)
{
	va_list args;

	f->checks++;
	f->bad++;
	va_start(args, fmt);
	say("BAD", what, fmt, args);
	va_end(args);
}

static void note(struct findings *f, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void note(struct findings *f, const char *what, const char *fmt, ...)
{
	va_list args;

	f->checks++;
	va_start(args, fmt);
	say("note", what, fmt, args);
	va_end(args);
}

/* ---- this host ---- */

static void check_module(struct findings *f)
{
	struct evs_error err = {};
	struct evs_disk *disks;
	struct evs_nl *nl;
	size_t count;

	if (evs_nl_open(&nl, &err)) {
		bad(f, "module", "%s", err.text);
		return;
	}
	if (evs_nl_dump(nl, &disks, &count, &err) == -EPERM && geteuid()) {
		note(f, "module", "loaded; only root may see which disks are attached");
	} else if (err.errnum) {
		bad(f, "module", "%s", err.text);
	} else {
		good(f, "module", "loaded, %zu disks are attached", count);
		free(disks);
	}
	evs_nl_close(nl);
}

/* The program in the entry for keys of type evs; "" when there is none. */
static void find_helper(char *program, size_t size)
{
	FILE *file = fopen(REQUEST_KEY_ENTRY, "re");
	char line[1024], op[16], type[16], found[256];

	*program = '\0';
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%15s %15s %*s %*s %255s", op, type, found) == 3 &&
		    !strcmp(op, "create") && !strcmp(type, "evs"))
			snprintf(program, size, "%s", found);
	if (file)
		fclose(file);
}

static void check_request_key(struct findings *f)
{
	char program[256];

	if (access(REQUEST_KEY, X_OK)) {
		bad(f, "request-key", REQUEST_KEY ": %s; install keyutils", strerror(errno));
		return;
	}
	find_helper(program, sizeof(program));
	if (!*program)
		bad(f, "request-key", REQUEST_KEY_ENTRY " has no entry for keys of type evs; reinstall evs");
	else if (access(program, X_OK))
		bad(f, "request-key", "%s, named in " REQUEST_KEY_ENTRY ": %s; reinstall evs", program,
		    strerror(errno));
	else
		good(f, "request-key", "the kernel gets keys through %s", program);
}

static void check_memory(struct findings *f)
{
	struct evs_secret *secret = evs_secret_alloc(LOCK_NEEDED);

	if (secret)
		good(f, "locked memory", "%d KiB can be had", LOCK_NEEDED / 1024);
	else
		bad(f, "locked memory", "%d KiB cannot be had (%s); raise ulimit -l, or LimitMEMLOCK of the unit",
		    LOCK_NEEDED / 1024, strerror(errno));
	evs_secret_free(secret);
}

/*
 * An attach makes two or three keys, and some for a moment. What counts are the keys of
 * root, whoever made them: containers have many.
 */
static void check_quota(struct findings *f)
{
	unsigned long uid, keys, max_keys, bytes, max_bytes;
	FILE *file = fopen("/proc/key-users", "re");
	char line[256];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%lu: %*u %*u/%*u %lu/%lu %lu/%lu", &uid, &keys, &max_keys,
			       &bytes, &max_bytes) == 5 && !uid;
	if (file)
		fclose(file);
	if (!found)
		note(f, "key quota", "cannot be looked at: /proc/key-users has no line for root");
	else if (keys + KEYS_NEEDED > max_keys || bytes + KEY_BYTES_NEEDED > max_bytes)
		bad(f, "key quota", "root has %lu of %lu keys, %lu of %lu bytes; raise the sysctls kernel.keys.root_maxkeys and kernel.keys.root_maxbytes",
		    keys, max_keys, bytes, max_bytes);
	else
		good(f, "key quota", "root has %lu of %lu keys, %lu of %lu bytes", keys, max_keys,
		     bytes, max_bytes);
}

/* The last word of the kernel's command line on it, or 0 when there is none. */
static char free_parameter(void)
{
	FILE *file = fopen("/proc/cmdline", "re");
	char line[4096] = "", *word, *save;
	char value = 0;

	if (!file)
		return 0;
	if (!fgets(line, sizeof(line), file))
		*line = '\0';
	fclose(file);
	for (word = strtok_r(line, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
		if (!strncmp(word, FREE_PARAMETER, strlen(FREE_PARAMETER)))
			value = word[strlen(FREE_PARAMETER)];
	return value;
}

/* What it was built to do, as far as it is told. */
static bool free_default(void)
{
	char path[512], line[256];
	struct utsname host;
	bool found = false;
	FILE *file;

	if (uname(&host))
		return false;
	snprintf(path, sizeof(path), "/boot/config-%s", host.release);
	file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file))
		found = !strncmp(line, FREE_DEFAULT "\n", strlen(FREE_DEFAULT) + 1);
	if (file)
		fclose(file);
	return found;
}

/* Our own copies of keys are wiped; not so what others had when they were killed. */
static void check_freed(struct findings *f)
{
	char value = free_parameter();

	if (value ? strchr("1yYtT", value) != NULL : free_default())
		good(f, "freed memory", "is zeroed by the kernel");
	else
		note(f, "freed memory", "is not zeroed by the kernel; a process that is killed may leave keys there: boot with " FREE_PARAMETER "1");
}

/* Signatures and certificates depend on it, a local KMS does not. */
static void check_clock(struct findings *f)
{
	struct timex clock = {};
	int state = adjtimex(&clock);

	if (state < 0)
		note(f, "clock", "cannot be looked at: %s", strerror(errno));
	else if (state == TIME_ERROR)
		note(f, "clock", "is not synchronised; a KMS in the network may refuse requests whose time is wrong");
	else
		good(f, "clock", "is synchronised");
}

/* LVM reads every block device that it is not told to leave alone. */
static void check_lvm(struct findings *f)
{
	bool told = false;
	char line[1024];
	FILE *config;

	if (access(LVMCONFIG, X_OK))
		return;
	config = popen(LVMCONFIG " --typeconfig full devices/use_devicesfile devices/global_filter 2>/dev/null",
		       "re");
	while (config && fgets(line, sizeof(line), config))
		told |= !strcmp(line, "use_devicesfile=1\n") ||
			(!strncmp(line, LVM_FILTER, strlen(LVM_FILTER)) && strstr(line, "evs"));
	if (config)
		pclose(config);
	if (told)
		good(f, "LVM", "is told which disks to read");
	else
		note(f, "LVM", "its commands read every EVS disk, and wait for one that is suspended; in lvm.conf, set use_devicesfile = 1, or global_filter = [ \"r|^/dev/evs|\" ] if no EVS disk is a physical volume");
}

/* ---- KMSs ---- */

static void judge_certificate(struct findings *f, const char *what, const char *path,
			      const X509 *cert)
{
	time_t now = time(NULL), soon = now + SOON;

	if (X509_cmp_time(X509_get0_notBefore(cert), &now) > 0)
		bad(f, what, "%s: is not valid yet; is the clock right?", path);
	else if (X509_cmp_time(X509_get0_notAfter(cert), &now) < 0)
		bad(f, what, "%s: has expired; get a new one", path);
	else if (X509_cmp_time(X509_get0_notAfter(cert), &soon) < 0)
		note(f, what, "%s: expires within 30 days", path);
	else
		good(f, what, "%s: is valid", path);
}

static void check_certificate(struct findings *f, const struct evs_config_kms *kms,
			      const char *key)
{
	const char *path = evs_config_get(kms, key);
	char what[EVS_KMS_NAME_MAX + EVS_CONFIG_NAME_MAX + 16];
	X509 *cert = NULL;
	FILE *file;

	if (!path)
		return;
	snprintf(what, sizeof(what), "KMS %s: %s", kms->name, key);
	file = fopen(path, "re");
	if (!file) {
		bad(f, what, "%s: %s", path, strerror(errno));
		return;
	}
	cert = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	if (cert)
		judge_certificate(f, what, path, cert);
	else
		bad(f, what, "%s: holds no certificate (PEM)", path);
	X509_free(cert);
}

/* The sentence without the name of the KMS, which the line begins with */
static const char *sentence(const struct evs_error *err, const char *what)
{
	size_t len = strlen(what);

	return strncmp(err->text, what, len) || strncmp(err->text + len, ": ", 2) ? err->text :
	       err->text + len + 2;
}

/* One question that changes nothing: which CMKs are there? */
static void check_kms(struct findings *f, const struct evs_config_kms *cfg)
{
	char what[EVS_KMS_NAME_MAX + 8];
	struct evs_error err = {};
	struct evs_cmk *cmks;
	struct evs_kms *kms;
	size_t count;

	snprintf(what, sizeof(what), "KMS %s", cfg->name);
	check_certificate(f, cfg, "ca-file");
	check_certificate(f, cfg, "client-cert-file");
	if (evs_kms_open(&kms, cfg, &err)) {
		bad(f, what, "%s", sentence(&err, what));
		return;
	}
	if (evs_kms_examine(kms, &err)) {
		bad(f, what, "%s", sentence(&err, what));
	} else if (!evs_kms_list_keys(kms, &cmks, &count, &err)) {
		good(f, what, "answers, %zu CMKs", count);
		free(cmks);
	} else if (err.errnum == EOPNOTSUPP) {
		note(f, what, "is not asked: its backend %s lists no CMKs", cfg->ops->name);
	} else if (err.class == EVS_CLASS_NO_PERMISSION) {
		note(f, what, "answers, but %s; attaching disks does not take the list",
		     sentence(&err, what));
	} else {
		bad(f, what, "%s", sentence(&err, what));
	}
	evs_kms_close(kms);
}

/* The KMS of this host exists without a word in evs.conf, and may be of no concern. */
static bool is_used(const struct evs_config *cfg, const struct evs_config_kms *kms)
{
	return kms->configured || cfg->kms_count == 1 || cmk_disks_use(kms->name);
}

static void check_all_kms(struct findings *f)
{
	struct evs_error err = {};
	struct evs_config cfg;
	size_t i;

	if (evs_config_load(&cfg, &err)) {
		bad(f, "configuration", "%s", err.text);
		return;
	}
	good(f, "configuration", "%zu KMSs", cfg.kms_count);
	for (i = 0; i < cfg.kms_count; i++) {
		if (is_used(&cfg, &cfg.kms[i]))
			check_kms(f, &cfg.kms[i]);
		else
			note(f, "KMS " EVS_KMS_LOCAL,
			     "is not asked: it is not in the configuration, and no disk needs it");
	}
	evs_config_free(&cfg);
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	static const struct option options[] = {
		{},
	};
	struct findings found = {};

	if (cli_option(argc, argv, options, err) || cli_no_operand(argc, argv, err) ||
	    evs_process_harden(err))
		return -err->errnum;
	check_module(&found);
	check_request_key(&found);
	check_memory(&found);
	check_quota(&found);
	check_freed(&found);
	check_clock(&found);
	check_lvm(&found);
	check_all_kms(&found);
	if (!found.bad)
		return 0;
	return evs_error_set(err, EPERM, "%u of %u checks found something to mend", found.bad,
			     found.checks);
}

const struct verb verb_doctor = {
	.name = "doctor",
	.args = "",
	.brief = "look at all that attaching a disk takes, and say what to mend",
	.help = "Checks the module, the way from the kernel to the key helper, locked memory, the\n"
		"kernel's quota of keys, freed memory, the clock, the configuration, and each KMS\n"
		"in it: certificates, whether it can be reached, and whether it accepts this host.\n"
		"Prints a line for each: ok, note or BAD.\n"
		"Changes nothing. Exits with 2 when something is BAD.\n",
	.run = run,
};
