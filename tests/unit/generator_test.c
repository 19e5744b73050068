// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evs-generator: names of units against systemd-escape(1) where that is
 * installed, and all that is written for a table against what it should be.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common.h"
#include "config.h"

/* The local KMS's configuration; there is none but where a test makes one */
static char kmsd_config[] = "/tmp/evs-generator-kmsd-XXXXXX";
#undef EVS_KMSD_CONFIG_PATH
#define EVS_KMSD_CONFIG_PATH kmsd_config

#define CONFIG_TEMPLATE "/tmp/evs-generator-conf-XXXXXX"
static char config[] = CONFIG_TEMPLATE;
#undef EVS_CONFIG_PATH
#define EVS_CONFIG_PATH config

#include "../../userspace/evs-generator/storage.c"
#include "../../userspace/evs-generator/units.c"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define LINK_ATTACH "-> /usr/lib/systemd/system/evs-attach@.service\n"

/* How each file begins */
#define HEAD "# Made by evs-generator(8) out of /etc/evstab\n\n[Unit]\n"

/* The node of a disk or partition: what it requires, and how long it is waited for */
#define NODE(node, timeout, service)					\
	"./" node ".device.d/40-evstab.conf\n"				\
	HEAD								\
	"JobTimeoutSec=" timeout "\n"					\
	"JobRunningTimeoutSec=" timeout "\n"				\
	"./" node ".device.requires/" service "\n"			\
	LINK_ATTACH

/* ---- names ---- */

static const struct {
	const char *text;
	const char *escaped;
	bool path;
} names[] = {
	{ "data", "data", false },
	{ "my-disk", "my\\x2ddisk", false },
	{ "a b/c", "a\\x20b-c", false },
	{ ".x.y", "\\x2ex.y", false },
	{ "#+-.:=@_", "\\x23\\x2b\\x2d.:\\x3d\\x40_", false },
	{ "\xc3\xa9", "\\xc3\\xa9", false },
	{ "/", "-", true },
	{ "///", "-", true },
	{ "/dev/sdb1", "dev-sdb1", true },
	{ "/dev//disk/./by-uuid/a-b/", "dev-disk-by\\x2duuid-a\\x2db", true },
	{ "/.hidden/x", "\\x2ehidden-x", true },
	{ "/dev/disk/by-label/a\\x20b", "dev-disk-by\\x2dlabel-a\\x5cx20b", true },
};

static void test_escape(void **state)
{
	char escaped[64], tiny[3];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(names[i].path ?
				 unit_escape_path(names[i].text, escaped, sizeof(escaped)) :
				 unit_escape(names[i].text, escaped, sizeof(escaped)), 0);
		assert_string_equal(escaped, names[i].escaped);
	}
	assert_int_equal(unit_escape("abc", tiny, sizeof(tiny)), -ENAMETOOLONG);
	assert_int_equal(unit_escape("-", tiny, sizeof(tiny)), -ENAMETOOLONG);
	assert_int_equal(unit_escape("ab", tiny, sizeof(tiny)), 0);
	assert_int_equal(unit_escape_path("/a/../b", escaped, sizeof(escaped)), -EINVAL);
	assert_int_equal(unit_escape_path("a", escaped, sizeof(escaped)), -EINVAL);
}

static void test_systemd_escape(void **state)
{
	char command[128], line[128];
	FILE *pipe;
	size_t i;

	(void)state;
	if (system("systemd-escape --version >/dev/null 2>&1"))
		skip();
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(command, sizeof(command), "systemd-escape %s -- '%s'",
			 names[i].path ? "--path" : "", names[i].text);
		pipe = popen(command, "re");
		assert_non_null(pipe);
		assert_non_null(fgets(line, sizeof(line), pipe));
		assert_int_equal(pclose(pipe), 0);
		line[strcspn(line, "\n")] = '\0';
		assert_string_equal(line, names[i].escaped);
	}
}

/* ---- units ---- */

static char dir[] = "/tmp/evs-generator-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return remove_tree(dir);
}

/* All that is in the folder: paths, targets of links, what files hold */
static void written(char *text, size_t size)
{
	char command[512];
	size_t len;
	FILE *pipe;

	snprintf(command, sizeof(command),
		 "cd %s && find . ! -type d | LC_ALL=C sort | while read -r f; do "
		 "printf '%%s\\n' \"$f\"; "
		 "if [ -L \"$f\" ]; then printf -- '-> %%s\\n' \"$(readlink \"$f\")\"; "
		 "else cat \"$f\"; fi; done", dir);
	pipe = popen(command, "re");
	assert_non_null(pipe);
	len = fread(text, 1, size - 1, pipe);
	text[len] = '\0';
	assert_int_equal(pclose(pipe), 0);
}

static void check(const char *table, const char *wanted)
{
	struct evs_error err = {};
	char text[4096];
	struct evstab tab;
	size_t i;

	assert_int_equal(evstab_parse(&tab, "/etc/evstab", table, strlen(table), &err), 0);
	for (i = 0; i < tab.count; i++) {
		assert_null(tab.entries[i].bad);
		assert_int_equal(units_write(dir, &tab, &tab.entries[i], &err), 0);
	}
	evstab_free(&tab);
	written(text, sizeof(text));
	assert_string_equal(text, wanted);
}

static void test_local(void **state)
{
	(void)state;
	check("my-data UUID=6A04 x-systemd.device-timeout=10s\n",
	      "./dev-disk-by\\x2duuid-6a04.device.d/50-evstab-timeout.conf\n"
	      HEAD
	      "JobRunningTimeoutSec=10s\n"
	      NODE("dev-evs-my\\x2ddata", "infinity", "evs-attach@my\\x2ddata.service")
	      "./evs-attach@my\\x2ddata.service.d/50-evstab.conf\n"
	      HEAD
	      "SourcePath=/etc/evstab\n"
	      "BindsTo=dev-disk-by\\x2duuid-6a04.device\n"
	      "After=dev-disk-by\\x2duuid-6a04.device\n"
	      "After=blockdev@dev-disk-by\\x2duuid-6a04.target\n"
	      "Before=evs.target\n"
	      "./evs.target.requires/evs-attach@my\\x2ddata.service\n"
	      LINK_ATTACH
	      "./sysinit.target.wants/evs.target\n"
	      "-> /usr/lib/systemd/system/evs.target\n");
}

static void test_remote(void **state)
{
	(void)state;
	check("net /dev/sdb _netdev\n",
	      NODE("dev-evs-net", "infinity", "evs-attach@net.service")
	      "./evs-attach@net.service.d/50-evstab.conf\n"
	      HEAD
	      "SourcePath=/etc/evstab\n"
	      "BindsTo=dev-sdb.device\n"
	      "After=dev-sdb.device\n"
	      "After=blockdev@dev-sdb.target\n"
	      "Wants=network-online.target\n"
	      "After=network-online.target\n"
	      "Wants=remote-fs-pre.target\n"
	      "Before=remote-evs.target remote-fs-pre.target\n"
	      "./multi-user.target.wants/remote-evs.target\n"
	      "-> /usr/lib/systemd/system/remote-evs.target\n"
	      "./remote-evs.target.requires/evs-attach@net.service\n"
	      LINK_ATTACH);
}

static void test_nofail_noauto(void **state)
{
	(void)state;
	check("may /dev/sdc nofail\n"
	      "system /dev/sdd x-initrd.attach\n"
	      "asked /srv/100%\\040\"x\".img noauto,x-systemd.device-timeout=5\n",
	      NODE("dev-evs-asked", "infinity", "evs-attach@asked.service")
	      NODE("dev-evs-may", "infinity", "evs-attach@may.service")
	      "./evs-attach@asked.service.d/50-evstab.conf\n"
	      HEAD
	      "SourcePath=/etc/evstab\n"
	      "RequiresMountsFor=\"/srv/100%% \\\"x\\\".img\"\n"
	      "Wants=modprobe@loop.service\n"
	      "After=modprobe@loop.service\n"
	      "Before=evs.target\n"
	      "./evs-attach@may.service.d/50-evstab.conf\n"
	      HEAD
	      "SourcePath=/etc/evstab\n"
	      "BindsTo=dev-sdc.device\n"
	      "After=dev-sdc.device\n"
	      "After=blockdev@dev-sdc.target\n"
	      "./evs.target.wants/evs-attach@may.service\n"
	      LINK_ATTACH
	      "./sysinit.target.wants/evs.target\n"
	      "-> /usr/lib/systemd/system/evs.target\n");
}

/* A table of file systems, as systemd-fstab-generator(8) would find it */
static void write_fstab(char *path, const char *text)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	setenv("SYSTEMD_FSTAB", path, 1);
}

static void test_partitions(void **state)
{
	char fstab[] = "/tmp/evs-generator-fstab-XXXXXX";

	(void)state;
	write_fstab(fstab, "# /dev/evs/d-part9 /x ext4\n"
			   "/dev/evs/d /d ext4 defaults 0 2\n"
			   "/dev/evs/d-part2 /p ext4 defaults 0 2\n"
			   "/dev/evs/d-part10 none swap sw 0 0\n"
			   "/dev/evs/d-part /no ext4\n"
			   "/dev/evs/d-part1x /no ext4\n"
			   "/dev/evs/d-part3 /disk ext4\n"
			   "/dev/evs/dd-part2 /no ext4\n"
			   "UUID=1 / ext4\n");
	check("d /dev/sdb noauto\n"
	      "d-part3 /dev/sdc noauto\n",
	      NODE("dev-evs-d", "infinity", "evs-attach@d.service")
	      NODE("dev-evs-d\\x2dpart10", "15min", "evs-attach@d.service")
	      NODE("dev-evs-d\\x2dpart2", "15min", "evs-attach@d.service")
	      NODE("dev-evs-d\\x2dpart3", "infinity", "evs-attach@d\\x2dpart3.service")
	      "./evs-attach@d.service.d/50-evstab.conf\n"
	      HEAD
	      "SourcePath=/etc/evstab\n"
	      "BindsTo=dev-sdb.device\n"
	      "After=dev-sdb.device\n"
	      "After=blockdev@dev-sdb.target\n"
	      "Before=evs.target\n"
	      "./evs-attach@d\\x2dpart3.service.d/50-evstab.conf\n"
	      HEAD
	      "SourcePath=/etc/evstab\n"
	      "BindsTo=dev-sdc.device\n"
	      "After=dev-sdc.device\n"
	      "After=blockdev@dev-sdc.target\n"
	      "Before=evs.target\n");
	unsetenv("SYSTEMD_FSTAB");
	unlink(fstab);
}

static void test_local_kms(void **state)
{
	int fd = mkstemp(kmsd_config);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	check("d /dev/sdb noauto,nofail\n",
	      NODE("dev-evs-d", "infinity", "evs-attach@d.service")
	      "./evs-attach@d.service.d/50-evstab.conf\n"
	      HEAD
	      "SourcePath=/etc/evstab\n"
	      "BindsTo=dev-sdb.device\n"
	      "After=dev-sdb.device\n"
	      "After=blockdev@dev-sdb.target\n"
	      "Wants=evs-kmsd.service\n");
	unlink(kmsd_config);
}

static void write_config(void)
{
	int fd;

	strcpy(config, CONFIG_TEMPLATE);
	fd = mkstemp(config);
	assert_true(fd >= 0);
	dprintf(fd, "[pool q]\ndir = /other\n[pool p]\nengine = dir\ndir = /srv/my pool\n"
		"[pool pp]\nengine = lvm\nvg = v\n[pool c]\nengine = rbd\npool = c\n"
		"[pool x]\nengine = zfs\n");
	close(fd);
}

static void test_pool(void **state)
{
	struct evs_error err = {};
	struct evstab tab;
	char text[64];

	(void)state;
	write_config();
	assert_int_equal(evstab_parse(&tab, "t", "x:d x/d\nno:d no/d\n", 18, &err), 0);
	assert_int_equal(units_write(dir, &tab, &tab.entries[0], &err), -EINVAL);
	assert_int_equal(units_write(dir, &tab, &tab.entries[1], &err), -ENOENT);
	evstab_free(&tab);
	written(text, sizeof(text));
	assert_string_equal(text, "");
	check("p:d p/d noauto,nofail,x-systemd.device-timeout=9\n",
	      NODE("dev-evs-p-d", "15min", "evs-attach@p:d.service")
	      NODE("dev-evs-p:d", "infinity", "evs-attach@p:d.service")
	      "./evs-attach@p:d.service.d/50-evstab.conf\n"
	      HEAD
	      "SourcePath=/etc/evstab\n"
	      "RequiresMountsFor=\"/srv/my pool\"\n"
	      "Wants=modprobe@loop.service\n"
	      "After=modprobe@loop.service\n"
	      "\n"
	      "[Service]\n"
	      "ReadWritePaths=/sys/devices/virtual/block\n");
	unlink(config);
}

static void test_pool_lvm(void **state)
{
	(void)state;
	write_config();
	check("pp:d pp/d noauto,nofail\n",
	      NODE("dev-evs-pp-d", "15min", "evs-attach@pp:d.service")
	      NODE("dev-evs-pp:d", "infinity", "evs-attach@pp:d.service")
	      "./evs-attach@pp:d.service.d/50-evstab.conf\n"
	      HEAD
	      "SourcePath=/etc/evstab\n"
	      "Wants=systemd-udev-settle.service\n"
	      "After=systemd-udev-settle.service\n"
	      "After=lvm2-monitor.service\n"
	      "\n"
	      "[Service]\n"
	      "ReadWritePaths=/sys/devices/virtual/block\n"
	      "CapabilityBoundingSet=CAP_SYS_NICE\n"
	      "SystemCallFilter=setpriority\n");
	unlink(config);
}

static void test_pool_rbd(void **state)
{
	(void)state;
	write_config();
	check("c:d c/d noauto,nofail\n",
	      NODE("dev-evs-c-d", "15min", "evs-attach@c:d.service")
	      NODE("dev-evs-c:d", "infinity", "evs-attach@c:d.service")
	      "./evs-attach@c:d.service.d/50-evstab.conf\n"
	      HEAD
	      "SourcePath=/etc/evstab\n"
	      "Wants=modprobe@rbd.service\n"
	      "After=modprobe@rbd.service\n"
	      "Wants=network-online.target\n"
	      "After=network-online.target\n"
	      "\n"
	      "[Service]\n"
	      "IPAddressAllow=any\n"
	      "RestrictAddressFamilies=AF_INET AF_INET6\n"
	      "ProtectKernelTunables=no\n");
	unlink(config);
}

static void test_refused(void **state)
{
	static const struct {
		const char *table;
		int ret;
	} bad[] = {
		{ "x /dev/../sdb\n", -EINVAL },
		{ "---------------------------------------------------------------- /dev/a\n", 0 },
		{ "--------------------------------------------------------------- /dev/a\n",
		  -ENAMETOOLONG },
		{ "x LABEL=------------------------------------------------------------\n",
		  -ENAMETOOLONG },
	};
	struct evs_error err = {};
	struct evstab tab;
	char text[64];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(evstab_parse(&tab, "t", bad[i].table, strlen(bad[i].table), &err),
				 0);
		/* Too long for the kernel is found before. */
		if (!bad[i].ret)
			assert_non_null(tab.entries[0].bad);
		else
			assert_int_equal(units_write(dir, &tab, &tab.entries[0], &err), bad[i].ret);
		evstab_free(&tab);
	}
	written(text, sizeof(text));
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_systemd_escape),
		cmocka_unit_test_setup_teardown(test_local, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_remote, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_nofail_noauto, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_partitions, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_local_kms, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_pool, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_pool_lvm, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_pool_rbd, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_refused, make_folder, remove_folder),
	};

	return cmocka_run_group_tests_name("generator", tests, NULL, NULL);
}
