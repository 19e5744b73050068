// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <mntent.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "storage.h"
#include "unit-name.h"
#include "units.h"

#define SYSTEM_UNITS EVS_UNITDIR "/"
#define TEMPLATE "evs-attach@.service"
#define NODE_DIR "/dev/evs/"
#define PART "-part"
#define PART_TIMEOUT "15min"	/* as long as an attach takes; there may be no such partition */
#define LINK_TIMEOUT PART_TIMEOUT	/* evs-setup makes it where udev does not */
#define HEADER "# Made by evs-generator(8) out of %s\n\n[Unit]\n"

/**
 * struct names - Names of the units about a line.
 * @service: instance of the template
 * @node: device unit of /dev/evs/NAME
 * @pool_node: device unit of /dev/evs/POOL/DISK, "" for a disk of no pool
 * @source: device unit of the device below, "" for a file
 * @source_path: path of that device, or of the file
 * @storage: of a disk of a pool, what it is on
 * @netdev: it needs the network
 */
struct names {
	char service[UNIT_NAME_MAX + 1];
	char node[UNIT_NAME_MAX + 1];
	char pool_node[UNIT_NAME_MAX + 1];
	char source[UNIT_NAME_MAX + 1];
	char source_path[PATH_MAX];
	struct storage storage;
	bool netdev;
};

static int name_pool_node(struct names *names, const struct evstab_entry *entry,
			  struct evs_error *err)
{
	char path[PATH_MAX], escaped[UNIT_NAME_MAX + 1];

	if (snprintf(path, sizeof(path), NODE_DIR "%s", entry->device) >= (int)sizeof(path) ||
	    unit_escape_path(path, escaped, sizeof(escaped)) ||
	    snprintf(names->pool_node, sizeof(names->pool_node), "%s.device",
		     escaped) > UNIT_NAME_MAX)
		return evs_error_set(err, ENAMETOOLONG,
				     "%s: with its special characters written out, the name is too long for a unit",
				     entry->name);
	return 0;
}

static int name_units(struct names *names, const struct evstab_entry *entry,
		      struct evs_error *err)
{
	char escaped[UNIT_NAME_MAX + 1];
	int len, ret;

	ret = entry->in_pool ? storage_of_pool(entry, &names->storage, err) :
	      evstab_link(entry, names->source_path, sizeof(names->source_path), err);
	if (ret)
		return ret;
	names->netdev = entry->netdev || storage_is(&names->storage, "rbd");
	ret = unit_escape(entry->name, escaped, sizeof(escaped));
	len = ret ? 0 : snprintf(names->service, sizeof(names->service), "evs-attach@%s.service",
				 escaped);
	if (ret || len > UNIT_NAME_MAX ||
	    snprintf(names->node, sizeof(names->node), "dev-evs-%s.device",
		     escaped) > UNIT_NAME_MAX)
		return evs_error_set(err, ENAMETOOLONG,
				     "%s: with its special characters written out, the name is too long for a unit",
				     entry->name);
	if (entry->in_pool)
		return name_pool_node(names, entry, err);
	if (strncmp(names->source_path, "/dev/", strlen("/dev/")))
		return 0;
	ret = unit_escape_path(names->source_path, escaped, sizeof(escaped));
	if (ret == -EINVAL)
		return evs_error_set(err, EINVAL, "%s: %s: a path with .. in it", entry->name,
				     names->source_path);
	if (ret || snprintf(names->source, sizeof(names->source), "%s.device",
			    escaped) > UNIT_NAME_MAX)
		return evs_error_set(err, ENAMETOOLONG,
				     "%s: the device has too long a name for a unit", entry->name);
	return 0;
}

/* A folder in the folder, which may be there already */
static int make_dir(char *path, size_t size, struct evs_error *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static int make_dir(char *path, size_t size, struct evs_error *err, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(path, size, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= size)
		return evs_error_set(err, ENAMETOOLONG, "the path of a unit is too long");
	if (mkdir(path, 0755) && errno != EEXIST)
		return evs_error_set(err, errno, "%s: %m", path);
	return 0;
}

/* Let a unit be wanted or required by another one: a link to its file */
static int add_link(const char *dir, const char *by, const char *how, const char *unit,
		    const char *file, struct evs_error *err)
{
	char path[PATH_MAX];
	size_t len;

	if (make_dir(path, sizeof(path), err, "%s/%s.%s", dir, by, how))
		return -err->errnum;
	len = strlen(path);
	if ((size_t)snprintf(path + len, sizeof(path) - len, "/%s", unit) >= sizeof(path) - len)
		return evs_error_set(err, ENAMETOOLONG, "the path of a unit is too long");
	if (symlink(file, path) && errno != EEXIST)
		return evs_error_set(err, errno, "%s: %m", path);
	return 0;
}

static int open_drop_in(const char *dir, const char *unit, const char *name, FILE **file,
			struct evs_error *err)
{
	char path[PATH_MAX];
	size_t len;

	if (make_dir(path, sizeof(path), err, "%s/%s.d", dir, unit))
		return -err->errnum;
	len = strlen(path);
	if ((size_t)snprintf(path + len, sizeof(path) - len, "/%s.conf", name) >=
	    sizeof(path) - len)
		return evs_error_set(err, ENAMETOOLONG, "the path of a unit is too long");
	*file = fopen(path, "we");
	return *file ? 0 : evs_error_set(err, errno, "%s: %m", path);
}

static int close_drop_in(FILE *file, const char *unit, struct evs_error *err)
{
	int bad = ferror(file);

	if (fclose(file) || bad)
		return evs_error_set(err, errno ? errno : EIO, "%s: cannot be written: %m", unit);
	return 0;
}

/* A path as a value: quoted, and without a specifier in it */
static void write_path(FILE *file, const char *path)
{
	fputc('"', file);
	for (; *path; path++) {
		if (*path == '"' || *path == '\\')
			fputc('\\', file);
		if (*path == '%')
			fputc('%', file);
		fputc(*path, file);
	}
	fputc('"', file);
}

/* Is this the node of a partition of the disk, /dev/evs/NAME-partN? */
static bool is_partition(const struct evstab *tab, const struct evstab_entry *entry,
			 const char *node)
{
	size_t len = strlen(entry->name), i;
	const char *name = node + strlen(NODE_DIR), *number;

	if (strncmp(node, NODE_DIR, strlen(NODE_DIR)) || strncmp(name, entry->name, len) ||
	    strncmp(name + len, PART, strlen(PART)))
		return false;
	number = name + len + strlen(PART);
	if (!*number || number[strspn(number, "0123456789")])
		return false;
	/* A disk may have such a name. */
	for (i = 0; i < tab->count; i++)
		if (!strcmp(tab->entries[i].name, name))
			return false;
	return true;
}

static void write_wait(FILE *file, const char *unit)
{
	fprintf(file, "Wants=%s\nAfter=%s\n", unit, unit);
}

/* What it does for pools beyond what the template lets the service do */
static void write_rights(FILE *file, const struct evstab_entry *entry,
			 const struct names *names)
{
	if (!entry->in_pool)
		return;
	fputs("\n[Service]\n", file);
	/* rbd map writes to a file of sysfs. */
	if (storage_is(&names->storage, "rbd")) {
		fputs("IPAddressAllow=any\n"
		      "RestrictAddressFamilies=AF_INET AF_INET6\n"
		      "ProtectKernelTunables=no\n", file);
		return;
	}
	/* An event for udev */
	fputs("ReadWritePaths=/sys/devices/virtual/block\n", file);
	if (storage_is(&names->storage, "lvm"))
		fputs("CapabilityBoundingSet=CAP_SYS_NICE\n"
		      "SystemCallFilter=setpriority\n", file);
}

static int write_service(const char *dir, const struct evstab *tab,
			 const struct evstab_entry *entry, const struct names *names,
			 struct evs_error *err)
{
	size_t stem = strlen(names->source) - strlen(".device");
	FILE *file;

	if (open_drop_in(dir, names->service, "50-evstab", &file, err))
		return -err->errnum;
	fprintf(file, HEADER "SourcePath=%s\n", tab->path, tab->path);
	if (*names->source) {
		fprintf(file, "BindsTo=%s\nAfter=%s\n", names->source, names->source);
		/* An EVS disk below is to be detached after this one. */
		fprintf(file, "After=blockdev@%.*s.target\n", (int)stem, names->source);
	} else if (storage_is(&names->storage, "lvm")) {
		/* Nobody knows which devices a volume group is on before they are all there. */
		write_wait(file, "systemd-udev-settle.service");
		fputs("After=lvm2-monitor.service\n", file);
	} else if (storage_is(&names->storage, "rbd")) {
		write_wait(file, "modprobe@rbd.service");
	} else {
		fputs("RequiresMountsFor=", file);
		write_path(file, entry->in_pool ? names->storage.folder : names->source_path);
		fputc('\n', file);
		/* The service may load no modules, and this one's node may be missing */
		write_wait(file, "modprobe@loop.service");
	}
	/* Not in the template: a host whose KMS is elsewhere has none to start. */
	if (!access(EVS_KMSD_CONFIG_PATH, F_OK))
		fputs("Wants=evs-kmsd.service\n", file);
	if (names->netdev)
		write_wait(file, "network-online.target");
	/* What may be missing keeps nobody waiting. */
	if (!entry->nofail && names->netdev)
		fputs("Wants=remote-fs-pre.target\nBefore=remote-evs.target remote-fs-pre.target\n",
		      file);
	else if (!entry->nofail)
		fputs("Before=evs.target\n", file);
	write_rights(file, entry, names);
	return close_drop_in(file, names->service, err);
}

static int write_timeout(const char *dir, const struct evstab *tab,
			 const struct evstab_entry *entry, const struct names *names,
			 struct evs_error *err)
{
	FILE *file;

	/* Not the name that systemd-fstab-generator takes in the same folder */
	if (open_drop_in(dir, names->source, "50-evstab-timeout", &file, err))
		return -err->errnum;
	fprintf(file, HEADER "JobRunningTimeoutSec=%s\n", tab->path, entry->device_timeout);
	return close_drop_in(file, names->source, err);
}

/*
 * Who needs the node, such as a mount, gets the disk attached. systemd would wait for
 * the node for 90 s from the start of the boot; the service has timeouts of its own,
 * and ends the wait when it fails. An option of fstab(5) is in 50-device-timeout.conf,
 * which is read later.
 */
static int write_node(const char *dir, const struct evstab *tab, const char *node,
		      const char *timeout, const struct names *names, struct evs_error *err)
{
	FILE *file;

	if (add_link(dir, node, "requires", names->service, SYSTEM_UNITS TEMPLATE, err) ||
	    open_drop_in(dir, node, "40-evstab", &file, err))
		return -err->errnum;
	fprintf(file, HEADER "JobTimeoutSec=%s\nJobRunningTimeoutSec=%s\n", tab->path, timeout,
		timeout);
	return close_drop_in(file, node, err);
}

/* systemd cannot know which disk a partition in fstab(5) will be on. */
static int write_partitions(const char *dir, const struct evstab *tab,
			    const struct evstab_entry *entry, const struct names *names,
			    struct evs_error *err)
{
	const char *named = getenv("SYSTEMD_FSTAB"); /* as systemd-fstab-generator(8) */
	FILE *fstab = setmntent(named ? named : "/etc/fstab", "re");
	char line[4096], unit[UNIT_NAME_MAX + 1], escaped[UNIT_NAME_MAX + 1];
	struct mntent mount;
	int ret = 0;

	if (!fstab)
		return 0;
	while (!ret && getmntent_r(fstab, &mount, line, sizeof(line)))
		if (is_partition(tab, entry, mount.mnt_fsname) &&
		    !unit_escape_path(mount.mnt_fsname, escaped, sizeof(escaped)) &&
		    snprintf(unit, sizeof(unit), "%s.device", escaped) <= UNIT_NAME_MAX)
			ret = write_node(dir, tab, unit, PART_TIMEOUT, names, err);
	endmntent(fstab);
	return ret;
}

static int write_links(const char *dir, const struct evstab_entry *entry,
		       const struct names *names, struct evs_error *err)
{
	const char *target = names->netdev ? "remote-evs.target" : "evs.target";
	const char *by = names->netdev ? "multi-user.target" : "sysinit.target";
	char file[sizeof(SYSTEM_UNITS) + 32];

	if (entry->noauto)
		return 0;
	snprintf(file, sizeof(file), SYSTEM_UNITS "%s", target);
	if (add_link(dir, by, "wants", target, file, err))
		return -err->errnum;
	return add_link(dir, target, entry->nofail ? "wants" : "requires", names->service,
			SYSTEM_UNITS TEMPLATE, err);
}

int units_write(const char *dir, const struct evstab *tab, const struct evstab_entry *entry,
		struct evs_error *err)
{
	struct names names = {};

	/* Whatever has root on it is neither attached nor detached by a unit. */
	if (entry->initrd)
		return 0;
	if (name_units(&names, entry, err) || write_service(dir, tab, entry, &names, err) ||
	    write_node(dir, tab, names.node, "infinity", &names, err) ||
	    (*names.pool_node &&
	     write_node(dir, tab, names.pool_node, LINK_TIMEOUT, &names, err)) ||
	    write_partitions(dir, tab, entry, &names, err) ||
	    write_links(dir, entry, &names, err))
		return -err->errnum;
	if (*entry->device_timeout && *names.source)
		return write_timeout(dir, tab, entry, &names, err);
	return 0;
}
