/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk in a file, whose key the real daemon has made. kmsd_fixture.h comes before this. */
#ifndef DISK_FIXTURE_H
#define DISK_FIXTURE_H

#include "kms/kms.h"
#include "volume_fixture.h"

#define UUID "11111111-2222-3333-4444-555555555555"
#define DISK_SIZE (20 << 20)
#define HEADER_SIZE (16 << 20)

static inline void copy_disk(const char *from, const char *to)
{
	static char buffer[HEADER_SIZE];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(in >= 0 && out >= 0);
	assert_int_equal(pread(in, buffer, sizeof(buffer), 0), sizeof(buffer));
	assert_int_equal(pwrite(out, buffer, sizeof(buffer), 0), sizeof(buffer));
	assert_int_equal(ftruncate(out, DISK_SIZE), 0);
	close(in);
	close(out);
}

/* Makes its CMK as well, and another one where there is one. */
static inline void make_disk(const struct evs_config *config, const char *path, const char *label,
			     struct evs_cmk *cmk, struct evs_cmk *other)
{
	const struct evs_format fmt = { .uuid = UUID, .label = label };
	struct evs_secret *dk = evs_secret_alloc(EVS_DK_SIZE);
	struct evs_error err = {};
	struct evs_token token;
	struct evs_kms *kms;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(dk && fd >= 0);
	assert_int_equal(ftruncate(fd, DISK_SIZE), 0);
	close(fd);
	if (evs_kms_open(&kms, evs_config_kms(config, EVS_KMS_LOCAL, &err), &err) ||
	    evs_kms_create_key(kms, "first", NULL, cmk, &err) ||
	    (other && evs_kms_create_key(kms, "second", NULL, other, &err)) ||
	    evs_token_init(&token, EVS_KMS_LOCAL, cmk->id, UUID, &err) ||
	    evs_kms_create_datakey(kms, &token, dk, &err) ||
	    format_path(path, &fmt, &token, dk, &err))
		fail_msg("%s", err.text);
	evs_kms_close(kms);
	evs_secret_free(dk);
}

static inline struct evs_volume *open_disk(const char *path, unsigned int flags,
					    struct evs_device *dev)
{
	struct evs_error err = {};
	struct evs_volume *vol;

	if (evs_device_open(dev, path, O_RDWR, &err) || evs_volume_open(&vol, dev, flags, &err))
		fail_msg("%s", err.text);
	return vol;
}

static inline void close_disk(struct evs_volume *vol, struct evs_device *dev)
{
	evs_volume_close(vol);
	evs_device_close(dev);
}

#endif /* DISK_FIXTURE_H */
