// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup.h"
#include "clock.h"
#include "hex.h"
#include "newfile.h"
#include "store/schema.h"

#define MAGIC "EVS-KMSD-BACKUP-1"
#define HASH_SIZE 32
#define HEX_SIZE (2 * HASH_SIZE)
#define HEADER_MAX 160

/* The hash of what the header says besides and of the database. */
static int hash(int64_t time, const void *data, size_t size, char hex[HEX_SIZE + 1],
		struct evs_error *err)
{
	unsigned char digest[HASH_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	char rest[64];
	bool done;

	snprintf(rest, sizeof(rest), "%zu %" PRId64, size, time);
	done = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
	       EVP_DigestUpdate(ctx, rest, strlen(rest)) && EVP_DigestUpdate(ctx, data, size) &&
	       EVP_DigestFinal_ex(ctx, digest, NULL);
	EVP_MD_CTX_free(ctx);
	if (!done)
		return evs_error_set(err, ENOMEM, "out of memory");
	evs_hex_encode(hex, digest, sizeof(digest));
	return 0;
}

/* Header and database in one piece of memory. */
static int compose(unsigned char *image, size_t size, const char *path, struct evs_error *err)
{
	const struct kmsd_clock wall = {};
	int64_t now = kmsd_clock_now(&wall);
	char hex[HEX_SIZE + 1], header[HEADER_MAX];
	unsigned char *whole;
	int len, ret;

	ret = hash(now, image, size, hex, err);
	if (ret)
		return ret;
	len = snprintf(header, sizeof(header), MAGIC " %s %zu %" PRId64 "\n", hex, size, now);
	whole = malloc((size_t)len + size);
	if (!whole)
		return evs_error_set(err, ENOMEM, "out of memory");
	memcpy(mempcpy(whole, header, (size_t)len), image, size);
	ret = kmsd_newfile_write(path, 0600, whole, (size_t)len + size, err);
	free(whole);
	/* A part of it would be refused, and is in the way of the next try */
	if (ret && ret != -EEXIST)
		unlink(path);
	return ret ? ret : kmsd_newfile_sync_name(path, err);
}

int kmsd_backup_write(const char *database, const char *path, struct evs_error *err)
{
	unsigned char *image = NULL;
	struct kmsd_db *db;
	size_t size;
	int ret;

	ret = kmsd_schema_open(&db, database, err);
	if (ret)
		return ret;
	ret = kmsd_db_image(db, &image, &size, err);
	if (!ret)
		ret = compose(image, size, path, err);
	free(image);
	kmsd_db_close(db);
	return ret;
}

static int read_file(FILE *file, const char *path, struct kmsd_backup *b, struct evs_error *err)
{
	char header[HEADER_MAX], found[HEX_SIZE + 1], hex[HEX_SIZE + 1];
	struct stat st;
	long at;
	int ret;

	if (!fgets(header, sizeof(header), file) ||
	    sscanf(header, MAGIC " %64[0-9A-F] %zu %" SCNd64 "\n", found, &b->size, &b->time) != 3)
		return evs_error_set(err, EBADMSG, "%s: not a backup of evs-kmsd", path);
	at = ftell(file);
	if (fstat(fileno(file), &st) || at < 0)
		return evs_error_set(err, errno, "%s: %m", path);
	if ((size_t)(st.st_size - at) != b->size)
		return evs_error_set(err, EBADMSG, "%s: damaged: %lld bytes follow, not %zu", path,
				     (long long)st.st_size - at, b->size);
	b->data = malloc(b->size);
	if (!b->data)
		return evs_error_set(err, ENOMEM, "out of memory");
	if (fread(b->data, 1, b->size, file) != b->size)
		return evs_error_set(err, EIO, "%s: cannot be read", path);
	ret = hash(b->time, b->data, b->size, hex, err);
	if (!ret && strcmp(hex, found))
		ret = evs_error_set(err, EBADMSG, "%s: damaged: its SHA-256 does not fit", path);
	return ret;
}

int kmsd_backup_read(struct kmsd_backup *backup, const char *path, struct evs_error *err)
{
	FILE *file = fopen(path, "re");
	int ret;

	*backup = (struct kmsd_backup){};
	if (!file)
		return evs_error_set(err, errno, "%s: %m", path);
	ret = read_file(file, path, backup, err);
	fclose(file);
	if (ret) {
		free(backup->data);
		backup->data = NULL;
	}
	return ret;
}
