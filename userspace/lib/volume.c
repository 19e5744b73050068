// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <json.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kms/json.h"
#include "text.h"
#include "volume-private.h"

#define SECTOR 512
#define MAGIC_SIZE 6
#define MAGIC_FIRST "LUKS\xba\xbe"
#define MAGIC_SECOND "SKUL\xba\xbe"
#define SECOND_FROM 0x4000	/* where the second copy may begin: 16 KiB ... */
#define SECOND_TO 0x400000	/* ... and each power of two up to 4 MiB */

/* ---- libcryptsetup ---- */

static void catch_log(int level, const char *message, void *user)
{
	struct evs_crypt_log *log = user;
	size_t len = strlen(message);

	if (!log || level != CRYPT_LOG_ERROR)
		return;
	while (len && (message[len - 1] == '\n' || message[len - 1] == '.'))
		len--;
	evs_text_copy(log->text, sizeof(log->text), message, len);
}

int evs_crypt_init(struct crypt_device **cd, const char *path, struct evs_crypt_log *log,
		   struct evs_error *err)
{
	int ret;

	log->text[0] = '\0';
	/* Without these, messages would go to stderr and plug-ins would be loaded. */
	crypt_set_log_callback(NULL, catch_log, NULL);
	crypt_token_external_disable();
	ret = crypt_init(cd, path);
	if (ret < 0)
		return evs_error_set(err, -ret, "%s: cannot be used: %s", path, strerror(-ret));
	crypt_set_log_callback(*cd, catch_log, log);
	return 0;
}

int evs_device_size(int fd, const char *path, uint64_t *size, unsigned int *block_size,
		    struct evs_error *err)
{
	struct stat st;
	int logical;

	if (fstat(fd, &st))
		return evs_error_set(err, errno, "%s: %m", path);
	if (S_ISREG(st.st_mode)) {
		*size = (uint64_t)st.st_size;
		*block_size = SECTOR;
		return 0;
	}
	if (ioctl(fd, BLKGETSIZE64, size) || ioctl(fd, BLKSSZGET, &logical))
		return evs_error_set(err, errno, "%s: cannot tell its size: %m", path);
	*block_size = (unsigned int)logical;
	return 0;
}

/* ---- why a header does not load ---- */

static bool magic_at(int fd, off_t offset, const char *magic)
{
	char bytes[MAGIC_SIZE];

	return pread(fd, bytes, sizeof(bytes), offset) == (ssize_t)sizeof(bytes) &&
	       !memcmp(bytes, magic, sizeof(bytes));
}

/* A header was there when one of its copies still has its magic. */
static int explain_load(const char *path, const struct evs_crypt_log *log, struct evs_error *err)
{
	unsigned char version[2] = {};
	bool first, second = false;
	off_t offset;
	int fd;

	fd = evs_device_open(path, O_RDONLY, err);
	if (fd < 0)
		return fd;
	first = magic_at(fd, 0, MAGIC_FIRST);
	if (first && pread(fd, version, sizeof(version), MAGIC_SIZE) != (ssize_t)sizeof(version))
		version[1] = 0;
	for (offset = SECOND_FROM; offset <= SECOND_TO && !second; offset *= 2)
		second = magic_at(fd, offset, MAGIC_SECOND);
	close(fd);
	if (first && !version[0] && version[1] == 1)
		return evs_error_set(err, EMEDIUMTYPE, "%s: not an EVS disk but a LUKS1 disk", path);
	if (first || second)
		return evs_error_set(err, EUCLEAN,
				     "%s: damaged header: no intact copy of the LUKS2 header%s%s%s",
				     path, *log->text ? " (" : "", log->text,
				     *log->text ? ")" : "");
	return evs_error_set(err, EMEDIUMTYPE, "%s: not an EVS disk: no LUKS2 header", path);
}

/* ---- checks of a header that loads ---- */

static int bad_layout(struct evs_error *err, const char *path, const char *why)
{
	return evs_error_set(err, EBADMSG, "%s: no layout of an EVS disk: %s", path, why);
}

/* One segment from the data offset to the end, encrypted as the driver does it. */
static int check_segment(json_object *segments, const char *path, struct evs_error *err)
{
	json_object *segment = json_object_object_get(segments, "0");
	char text[64];

	if (!segment || json_object_object_length(segments) != 1)
		return bad_layout(err, path, "more than one data segment");
	if (evs_json_text(segment, "type", text, sizeof(text)) || strcmp(text, "crypt"))
		return bad_layout(err, path, "the data segment is not encrypted");
	if (evs_json_text(segment, "encryption", text, sizeof(text)) ||
	    strcmp(text, "aes-xts-plain64"))
		return bad_layout(err, path, "the cipher is not aes-xts-plain64");
	if (evs_json_text(segment, "size", text, sizeof(text)) || strcmp(text, "dynamic"))
		return bad_layout(err, path, "the data segment has a fixed size");
	if (evs_json_text(segment, "iv_tweak", text, sizeof(text)) || strcmp(text, "0"))
		return bad_layout(err, path, "the first sector does not have the number 0");
	if (json_object_object_get(segment, "integrity"))
		return bad_layout(err, path, "it has integrity data");
	return 0;
}

static int check_layout(struct evs_volume *vol, const char *path, struct evs_error *err)
{
	const char *subsystem = crypt_get_subsystem(vol->cd);
	uint32_t requirements = 0;
	json_object *root;
	const char *json;
	int key_size, ret;

	if (!subsystem || strcmp(subsystem, EVS_SUBSYSTEM))
		return evs_error_set(err, EMEDIUMTYPE,
				     "%s: not an EVS disk but another LUKS2 disk", path);
	if (crypt_persistent_flags_get(vol->cd, CRYPT_FLAGS_REQUIREMENTS, &requirements) ||
	    requirements)
		return bad_layout(err, path, "its header asks for more than this program knows");
	/* Only key slots tell its size; without any, verifying the DK does. */
	key_size = crypt_get_volume_key_size(vol->cd);
	if (key_size > 0 && key_size != EVS_DK_SIZE)
		return bad_layout(err, path, "its key is not of 64 bytes");
	ret = crypt_dump_json(vol->cd, &json, 0);
	if (ret < 0)
		return evs_error_set(err, -ret, "%s: cannot read the header: %s", path,
				     strerror(-ret));
	root = evs_json_parse(json, strlen(json));
	if (!root)
		return evs_error_set(err, ENOMEM, "%s: cannot parse the header", path);
	ret = check_segment(json_object_object_get(root, "segments"), path, err);
	json_object_put(root);
	return ret;
}

static int read_geometry(struct evs_volume *vol, const char *path, bool header_only,
			 struct evs_error *err)
{
	const char *label = crypt_get_label(vol->cd), *uuid = crypt_get_uuid(vol->cd);
	unsigned int block_size;
	uint64_t size;
	int fd, ret;

	if (!uuid || !evs_uuid_valid(uuid))
		return bad_layout(err, path, "it has no UUID");
	strcpy(vol->uuid, uuid);
	if (label)
		evs_text_copy(vol->label, sizeof(vol->label), label, strlen(label));
	vol->sector_size = (unsigned int)crypt_get_sector_size(vol->cd);
	if (vol->sector_size != 512 && vol->sector_size != 4096)
		return bad_layout(err, path, "its sectors are neither of 512 nor of 4096 bytes");

	fd = evs_device_open(path, O_RDONLY, err);
	if (fd < 0)
		return fd;
	ret = evs_device_size(fd, path, &size, &block_size, err);
	close(fd);
	if (ret)
		return ret;
	/* The library has checked that offset * 512 does not overflow. */
	vol->data_offset = crypt_get_data_offset(vol->cd) * SECTOR;
	if (header_only)
		return 0;
	/* The sum may overflow: the library believes any offset. */
	if (size < vol->sector_size || size - vol->sector_size < vol->data_offset)
		return bad_layout(err, path, "the device ends before the data begins");
	vol->data_size = (size - vol->data_offset) / vol->sector_size * vol->sector_size;
	return 0;
}

static bool only_read;

/* The library repairs under a lock only. That it takes none cannot be taken back. */
void evs_volume_only_read(void)
{
	crypt_metadata_locking(NULL, 0);
	only_read = true;
}

static int open_volume(struct evs_volume **vol, const char *path, bool header_only,
		       struct evs_error *err)
{
	struct evs_volume *new;
	int fd, ret;

	fd = evs_device_open(path, O_RDONLY, err);
	if (fd < 0)
		return fd;
	close(fd);
	new = calloc(1, sizeof(*new));
	if (!new)
		return evs_error_set(err, ENOMEM, "out of memory");
	new->path = strdup(path);
	ret = new->path ? evs_crypt_init(&new->cd, path, &new->log, err) :
	      evs_error_set(err, ENOMEM, "out of memory");
	if (ret)
		goto err_close;
	ret = crypt_load(new->cd, CRYPT_LUKS2, NULL);
	/* Without a lock, it may have been read while a rewrap was writing it. */
	if (ret < 0 && only_read)
		ret = crypt_load(new->cd, CRYPT_LUKS2, NULL);
	if (ret < 0) {
		ret = explain_load(path, &new->log, err);
		goto err_close;
	}
	ret = check_layout(new, path, err);
	if (!ret)
		ret = read_geometry(new, path, header_only, err);
	if (!ret)
		ret = evs_volume_read_tokens(new, err);
	if (ret)
		goto err_close;
	*vol = new;
	return 0;

err_close:
	evs_volume_close(new);
	return ret;
}

int evs_volume_open(struct evs_volume **vol, const char *path, struct evs_error *err)
{
	return open_volume(vol, path, false, err);
}

int evs_volume_open_header(struct evs_volume **vol, const char *path, struct evs_error *err)
{
	return open_volume(vol, path, true, err);
}

void evs_volume_close(struct evs_volume *vol)
{
	if (!vol)
		return;
	crypt_free(vol->cd);
	free(vol->path);
	free(vol);
}

int evs_volume_verify_dk(struct evs_volume *vol, const struct evs_secret *dk,
			 struct evs_error *err)
{
	int ret;

	if (dk->size != EVS_DK_SIZE)
		return evs_error_set(err, EINVAL, "a data key has %d bytes", EVS_DK_SIZE);
	vol->log.text[0] = '\0';
	ret = crypt_volume_key_verify(vol->cd, (const char *)dk->data, dk->size);
	if (ret == -EPERM)
		return evs_error_set_class(err, EVS_CLASS_WRONG_KEY,
					   "the data key is not the key of this disk (%s)",
					   vol->uuid);
	if (ret < 0)
		return evs_error_set(err, -ret, "the data key cannot be checked: %s",
				     *vol->log.text ? vol->log.text : strerror(-ret));
	return 0;
}

const char *evs_volume_uuid(const struct evs_volume *vol)
{
	return vol->uuid;
}

const char *evs_volume_label(const struct evs_volume *vol)
{
	return vol->label;
}

uint64_t evs_volume_data_offset(const struct evs_volume *vol)
{
	return vol->data_offset;
}

uint64_t evs_volume_data_size(const struct evs_volume *vol)
{
	return vol->data_size;
}

unsigned int evs_volume_sector_size(const struct evs_volume *vol)
{
	return vol->sector_size;
}
