// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Disks and certificates in the text format of Prometheus, for the textfile collector of node_exporter.
 * Names and labels are an interface: Documentation/monitoring.rst lists them.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "block/backing.h"
#include "kms/certificate.h"
#include "prometheus.h"

static void print_label(const char *name, const char *value)
{
	printf("%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", stdout);
		else if (*value == '"' || *value == '\\')
			printf("\\%c", *value);
		else
			putchar(*value);
	}
	putchar('"');
}

static void begin_family(const char *family, const char *type, const char *help)
{
	printf("# HELP %s %s\n# TYPE %s %s\n", family, help, family, type);
}

/* The labels of every sample of a disk; node_exporter calls the device the same. */
static void begin_sample(const char *family, const struct evs_disk *disk)
{
	printf("%s{device=\"evs%" PRIu32 "\",", family, disk->id);
	print_label("name", disk->name);
}

static void print_info(const struct evs_disk *disks, size_t count)
{
	char backing[PATH_MAX];
	size_t i;

	begin_family("evs_disk_info", "gauge", "An attached EVS disk.");
	for (i = 0; i < count; i++) {
		backing_name(disks[i].backing_dev, backing, sizeof(backing));
		begin_sample("evs_disk_info", &disks[i]);
		putchar(',');
		print_label("uuid", disks[i].uuid);
		putchar(',');
		print_label("backing", backing);
		putchar(',');
		print_label("cmk", disks[i].cmk);
		fputs("} 1\n", stdout);
	}
}

static void print_state(const char *family, const struct evs_disk *disk, const char *state)
{
	begin_sample(family, disk);
	putchar(',');
	print_label("state", state);
	fputs("} 1\n", stdout);
}

static void print_states(const struct evs_disk *disks, size_t count)
{
	size_t i;

	begin_family("evs_disk_state", "gauge", "State of the disk.");
	for (i = 0; i < count; i++)
		print_state("evs_disk_state", &disks[i], evs_nl_state_name(disks[i].state));
}

/* "unknown" is an answer, too: a state that evs-setup has no word for. */
static void print_cmk_states(const struct cmk_states *states)
{
	const char *state;
	size_t i;

	begin_family("evs_disk_cmk_state", "gauge", "State of the disk's CMK in its KMS.");
	for (i = 0; i < states->count; i++) {
		if (!cmk_state_wanted(states, i))
			continue;
		state = cmk_state_name(states, i);
		print_state("evs_disk_cmk_state", &states->disks[i],
			    state ? state : "unanswered");
	}
}

enum number {
	SIZE,
	OPENERS,
	READS,
	WRITES,
	BYTES_READ,
	BYTES_WRITTEN,
	ERRORS,
	IN_FLIGHT,
	NUMBERS
};

static const struct {
	const char *family;
	const char *type;
	const char *help;
} numbers[NUMBERS] = {
	[SIZE] = { "evs_disk_size_bytes", "gauge", "Size of the disk." },
	[OPENERS] = { "evs_disk_openers", "gauge", "Openers of the disk, mounts included." },
	[READS] = { "evs_disk_reads_completed_total", "counter", "Reads completed." },
	[WRITES] = { "evs_disk_writes_completed_total", "counter", "Writes completed." },
	[BYTES_READ] = { "evs_disk_read_bytes_total", "counter", "Bytes read." },
	[BYTES_WRITTEN] = { "evs_disk_written_bytes_total", "counter", "Bytes written." },
	[ERRORS] = { "evs_disk_io_errors_total", "counter", "Requests failed." },
	[IN_FLIGHT] = { "evs_disk_io_now", "gauge", "Requests not completed yet." },
};

static void print_number(const struct evs_disk *disk, enum number number)
{
	const uint64_t values[NUMBERS] = {
		[SIZE] = disk->size,
		[OPENERS] = disk->openers,
		[READS] = disk->reads,
		[WRITES] = disk->writes,
		[BYTES_READ] = disk->bytes_read,
		[BYTES_WRITTEN] = disk->bytes_written,
		[ERRORS] = disk->errors,
		[IN_FLIGHT] = disk->in_flight,
	};

	begin_sample(numbers[number].family, disk);
	printf("} %" PRIu64 "\n", values[number]);
}

static void print_certificates(const struct evs_config_kms *kms)
{
	const char *const *key, *path;
	struct evs_error ignored = {};
	int64_t from, until;

	for (key = evs_certificate_keys; *key; key++) {
		path = evs_config_get(kms, *key);
		if (!path)
			continue;
		/* One that cannot be read is of no more use than one that has expired. */
		if (evs_certificate_dates(path, &from, &until, &ignored))
			until = 0;
		printf("evs_kms_certificate_expiry_seconds{");
		print_label("kms", kms->name);
		putchar(',');
		print_label("key", *key);
		printf("} %" PRId64 "\n", until);
	}
}

void prometheus_print_kms(const struct evs_config *config)
{
	size_t i;

	begin_family("evs_kms_certificate_expiry_seconds", "gauge",
		     "When a certificate of the configuration expires, in seconds since 1970.");
	for (i = 0; i < config->kms_count; i++)
		print_certificates(&config->kms[i]);
}

void prometheus_print(const struct evs_disk *disks, size_t count,
		      const struct cmk_states *states)
{
	enum number n;
	size_t i;

	begin_family("evs_disks", "gauge", "Number of attached EVS disks.");
	printf("evs_disks %zu\n", count);
	print_info(disks, count);
	print_states(disks, count);
	print_cmk_states(states);
	for (n = 0; n < NUMBERS; n++) {
		begin_family(numbers[n].family, numbers[n].type, numbers[n].help);
		for (i = 0; i < count; i++)
			print_number(&disks[i], n);
	}
}
