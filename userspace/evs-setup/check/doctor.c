// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * doctor: check everything that attaching a disk needs, and suggest fixes. Changes
 * nothing; asks each KMS one question, and repositories of borg for their lists.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "block/backing.h"
#include "checks.h"
#include "cli/cli.h"
#include "cmk/disks.h"
#include "config.h"
#include "disk/disks.h"
#include "evstab.h"
#include "kms/backend.h"
#include "nl/netlink.h"
#include "secret.h"
#include "text.h"
#include "volume/volume.h"

#define REQUEST_KEY "/sbin/request-key"
#define REQUEST_KEY_ENTRY "/etc/request-key.d/evs.conf"
#define LVMCONFIG "/sbin/lvmconfig"
#define LVM_FILTER "global_filter="
#define LOCK_NEEDED (512 * 1024)	/* what the largest KMS answers and tokens take */
#define KEYS_NEEDED 8
#define KEY_BYTES_NEEDED 4096
#define FREE_PARAMETER "init_on_free="
#define FREE_DEFAULT "CONFIG_INIT_ON_FREE_DEFAULT_ON=y"

/* ---- this host ---- */

static void check_module(struct findings *f)
{
	struct evs_error err = {};
	struct evs_disk *disks;
	struct evs_nl *nl;
	size_t count;

	if (evs_nl_open(&nl, &err)) {
		check_bad(f, "module", "%s", err.text);
		return;
	}
	if (evs_nl_dump(nl, &disks, &count, &err) == -EPERM && geteuid()) {
		check_note(f, "module", "loaded; only root may see which disks are attached");
	} else if (err.errnum) {
		check_bad(f, "module", "%s", err.text);
	} else {
		check_good(f, "module", "loaded, %zu disk%s attached", count,
			   count == 1 ? " is" : "s are");
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
		check_bad(f, "request-key", REQUEST_KEY ": %s; install keyutils", strerror(errno));
		return;
	}
	find_helper(program, sizeof(program));
	if (!*program)
		check_bad(f, "request-key", REQUEST_KEY_ENTRY " has no entry for keys of type evs; reinstall evs");
	else if (access(program, X_OK))
		check_bad(f, "request-key", "%s, named in " REQUEST_KEY_ENTRY ": %s; reinstall evs", program,
		    strerror(errno));
	else
		check_good(f, "request-key", "the kernel gets keys through %s", program);
}

static void check_memory(struct findings *f)
{
	struct evs_secret *secret = evs_secret_alloc(LOCK_NEEDED);

	if (secret)
		check_good(f, "locked memory", "%d KiB can be had", LOCK_NEEDED / 1024);
	else
		check_bad(f, "locked memory", "%d KiB cannot be had (%s); raise ulimit -l, or LimitMEMLOCK of the unit",
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
		check_note(f, "key quota", "cannot be looked at: /proc/key-users has no line for root");
	else if (keys + KEYS_NEEDED > max_keys || bytes + KEY_BYTES_NEEDED > max_bytes)
		check_bad(f, "key quota", "root has %lu of %lu keys, %lu of %lu bytes; raise the sysctls kernel.keys.root_maxkeys and kernel.keys.root_maxbytes",
		    keys, max_keys, bytes, max_bytes);
	else
		check_good(f, "key quota", "root has %lu of %lu keys, %lu of %lu bytes", keys, max_keys,
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
		check_good(f, "freed memory", "is zeroed by the kernel");
	else
		check_note(f, "freed memory", "is not zeroed by the kernel; a process that is killed may leave keys there: boot with " FREE_PARAMETER "1");
}

/* Signatures and certificates depend on it, a local KMS does not. */
static void check_clock(struct findings *f)
{
	struct timex clock = {};
	int state = adjtimex(&clock);

	if (state < 0)
		check_note(f, "clock", "cannot be looked at: %s", strerror(errno));
	else if (state == TIME_ERROR)
		check_note(f, "clock", "is not synchronised; a KMS in the network may refuse requests whose time is wrong");
	else
		check_good(f, "clock", "is synchronised");
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
		check_good(f, "LVM", "is told which disks to read");
	else
		check_note(f, "LVM", "its commands read every EVS disk, and wait for one that is suspended; in lvm.conf, set use_devicesfile = 1, or global_filter = [ \"r|^/dev/evs|\" ] if no EVS disk is a physical volume");
}

/* ---- KMSs, repositories ---- */

/* One question that changes nothing: which CMKs are there? */
static void check_kms(struct findings *f, const struct evs_config_kms *cfg)
{
	char what[EVS_KMS_NAME_MAX + 8];
	struct evs_error err = {};
	struct evs_cmk *cmks;
	struct evs_kms *kms;
	size_t count;

	snprintf(what, sizeof(what), "KMS %s", cfg->name);
	check_certificates(f, cfg);
	if (evs_kms_open(&kms, cfg, &err)) {
		check_bad(f, what, "%s", check_sentence(&err, what));
		return;
	}
	if (evs_kms_examine(kms, &err)) {
		check_bad(f, what, "%s", check_sentence(&err, what));
	} else if (!evs_kms_list_keys(kms, &cmks, &count, &err)) {
		check_good(f, what, "answers, %zu CMK%s", count, count == 1 ? "" : "s");
		free(cmks);
	} else if (err.errnum == EOPNOTSUPP) {
		check_note(f, what, "is not asked: its backend %s lists no CMKs", cfg->ops->name);
	} else if (err.class == EVS_CLASS_NO_PERMISSION) {
		check_note(f, what, "answers, but %s; attaching disks does not take the list",
		     check_sentence(&err, what));
	} else {
		check_bad(f, what, "%s", check_sentence(&err, what));
	}
	evs_kms_close(kms);
}

/* The KMS of this host exists without a word in evs.conf, and may be of no concern. */
static bool is_used(const struct evs_config *cfg, const struct evs_config_kms *kms)
{
	return kms->configured || cfg->kms_count == 1 || cmk_disks_use(kms->name);
}

static void check_sections(struct findings *f)
{
	struct evs_config cfg;
	size_t i;

	if (check_config(f, &cfg))
		return;
	for (i = 0; i < cfg.kms_count; i++) {
		if (is_used(&cfg, &cfg.kms[i]))
			check_kms(f, &cfg.kms[i]);
		else
			check_note(f, "KMS " EVS_KMS_LOCAL,
			     "is not asked: it is not in the configuration, and no disk needs it");
	}
	for (i = 0; i < cfg.repo_count; i++)
		check_repo_memory(f, &cfg, &cfg.repos[i]);
	evs_config_free(&cfg);
}

/* ---- disks ---- */

static void check_disk(struct findings *f, const struct evs_disk *disk)
{
	char what[sizeof(disk->name) + 8], path[PATH_MAX], slots[2 * PATH_MAX + 256];
	struct evs_error ignored = {};
	struct evs_volume *vol;

	if (!*disk->uuid || disks_read_header(disk, &vol, &ignored))
		return;
	backing_name(disk->backing_dev, path, sizeof(path));
	disks_slots(slots, sizeof(slots), path, vol);
	evs_volume_close(vol);
	snprintf(what, sizeof(what), "disk %s", disk->name);
	if (*slots)
		check_note(f, what, "%s", slots);
}

/* What else opens a disk that is attached: only those can be found here. */
static void check_disks(struct findings *f)
{
	struct evs_error ignored = {};
	struct evs_disk *disks;
	struct evs_nl *nl;
	size_t count, i;

	if (evs_nl_open(&nl, &ignored))
		return;
	if (!evs_nl_dump(nl, &disks, &count, &ignored)) {
		for (i = 0; i < count; i++)
			check_disk(f, &disks[i]);
		free(disks);
	}
	evs_nl_close(nl);
}

/* What keeps a disk of evstab(5) from being attached until somebody goes on with it */
static void check_entries(struct findings *f)
{
	struct evs_error err = {};
	char what[EVSTAB_NAME_MAX + 8];
	struct evs_volume *vol;
	struct evstab tab;
	char *path;
	size_t i;

	if (evstab_load(&tab, &err))
		return;
	for (i = 0; i < tab.count; i++) {
		if (tab.entries[i].bad || evstab_resolve(&tab.entries[i], &path, &err))
			continue;
		snprintf(what, sizeof(what), "disk %s", tab.entries[i].name);
		switch (evs_volume_read(&vol, path, 0, &err)) {
		case 0:
			evs_volume_close(vol);
			break;
		case -EALREADY:
			check_bad(f, what, "%s", err.text);
			break;
		}
		free(path);
	}
	evstab_free(&tab);
}

static int run(int argc, char *argv[], struct evs_error *err)
{
	struct findings found = {};

	if (cli_option(argc, argv, err) < 0 || cli_no_operand(argc, argv, err) ||
	    evs_process_harden(err))
		return -err->errnum;
	check_module(&found);
	check_signer(&found);
	check_request_key(&found);
	check_memory(&found);
	check_quota(&found);
	check_freed(&found);
	check_clock(&found);
	check_lvm(&found);
	check_sections(&found);
	check_disks(&found);
	check_entries(&found);
	return check_result(&found, err);
}

const struct verb verb_doctor = {
	.name = "doctor",
	.args = "[OPTION...]",
	.brief = "check everything that attach needs and suggest fixes",
	.notes = "Checks the module, its signer where Secure Boot is on, the way from the kernel to the\n"
		 "key helper, locked memory, the kernel's quota of keys, freed memory, the clock, LVM,\n"
		 "the configuration, and each KMS in it: certificates, whether it can be reached, and\n"
		 "whether it accepts this host. Reckons the memory that borg takes for the disks that\n"
		 "it backs up. Names attached disks that a passphrase opens as well.\n"
		 "Prints a line for each: ok, note or BAD.\n"
		 "Changes nothing. Exits with 2 when something is BAD.\n",
	.run = run,
};
