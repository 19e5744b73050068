// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/file.h"
#include "fault.h"
#include "log.h"
#include "newfile.h"

#define NEW_SUFFIX "~"

static int fail(const char *path, struct evs_error *err)
{
	return evs_error_set(err, errno, "audit log %s: %m", path);
}

/* ---- lines ---- */

/* Finds the newest record, and where whole lines end in a file of @size bytes. */
static int read_tail(int fd, const char *path, struct kmsd_link *link, off_t *whole, off_t *size,
		     struct evs_error *err)
{
	char tail[2 * KMSD_AUDIT_LINE_MAX + 1], *line, *end;
	struct stat st;
	off_t from;
	ssize_t n;

	if (fstat(fd, &st))
		return fail(path, err);
	*size = st.st_size;
	from = st.st_size > (off_t)sizeof(tail) - 1 ? st.st_size - (off_t)sizeof(tail) + 1 : 0;
	n = pread(fd, tail, sizeof(tail) - 1, from);
	if (n < 0)
		return fail(path, err);
	tail[n] = '\0';
	end = memrchr(tail, '\n', (size_t)n);
	*whole = end ? from + (end - tail) + 1 : 0;
	if (!end)
		return from ? evs_error_set(err, EBADMSG, "audit log %s: ends in no record", path)
			    : 0;
	*end = '\0';
	line = memrchr(tail, '\n', (size_t)(end - tail));
	return kmsd_audit_parse(line ? line + 1 : tail, link) ? 1 : 0;
}

int kmsd_file_tail(struct kmsd_file *file, struct kmsd_link *link, struct evs_error *err)
{
	off_t size;
	int ret = read_tail(file->fd, file->path, link, &file->size, &size, err);

	if (ret < 0)
		return ret;
	if (file->size < size) {
		kmsd_log("audit log %s: removing a line that was not finished", file->path);
		if (ftruncate(file->fd, file->size))
			return fail(file->path, err);
	}
	if (!ret && file->size)
		kmsd_log("audit log %s: the last line is no record", file->path);
	return 0;
}

int kmsd_file_append(struct kmsd_file *file, const char *line, struct evs_error *err)
{
	size_t len = strlen(line), done = 0;
	ssize_t n;
	int ret;

	while (done < len) {
		/* In two pieces where a test wants to see one of them */
		size_t part = kmsd_fault_hook && !done ? len / 2 : len - done;

		n = write(file->fd, line + done, part);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			goto failed;
		done += (size_t)n;
		if (done < len)
			kmsd_fault("audit-half-written");
	}
	file->size += (off_t)len;
	file->written += len;
	kmsd_fault("audit-written");
	return 0;

failed:
	ret = evs_error_set(err, n ? errno : ENOSPC, "audit log %s: %s", file->path,
			    n ? strerror(errno) : "written in part");
	if (done && ftruncate(file->fd, file->size))
		kmsd_log("audit log %s: cannot remove half a line: %m", file->path);
	return ret;
}

int kmsd_file_sync(struct kmsd_file *file, struct evs_error *err)
{
	return fdatasync(file->fd) ? fail(file->path, err) : 0;
}

/* ---- files ---- */

static int open_log(const char *path, int flags)
{
	return open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
}

/* The number of the newest record in a file, which need be no log; 0 when there is none. */
static int64_t newest_record(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct kmsd_link link = {};
	struct evs_error err = {};
	off_t whole, size;
	int ret;

	if (fd < 0)
		return 0;
	ret = read_tail(fd, path, &link, &whole, &size, &err);
	close(fd);
	return ret > 0 ? link.seq : 0;
}

/* Finds where the log is that has been renamed; false when it has not. */
static bool find_renamed(const char *path, char newest[PATH_MAX])
{
	char dir[PATH_MAX], copy[PATH_MAX], *name;
	int64_t last = 0, seq;
	struct dirent *entry;
	size_t len;
	DIR *entries;

	strcpy(dir, path);
	strcpy(copy, path);
	name = basename(copy);
	len = strlen(name);
	entries = opendir(dirname(dir));
	while (entries && (entry = readdir(entries))) {
		char found[PATH_MAX];

		if (strncmp(entry->d_name, name, len) || !entry->d_name[len] ||
		    !strchr(".-", entry->d_name[len]) ||
		    snprintf(found, sizeof(found), "%s/%s", dir, entry->d_name) >= PATH_MAX)
			continue;
		seq = newest_record(found);
		if (seq > last) {
			last = seq;
			strcpy(newest, found);
		}
	}
	if (entries)
		closedir(entries);
	return last;
}

int kmsd_file_open(struct kmsd_file *file, const char *path, struct evs_error *err)
{
	char newest[PATH_MAX];

	*file = (struct kmsd_file){};
	snprintf(file->path, sizeof(file->path), "%s", path);
	file->fd = open_log(path, 0);
	if (file->fd < 0 && errno == ENOENT)
		file->fd = find_renamed(path, newest) ? open_log(newest, 0)
						      : open_log(path, O_CREAT);
	return file->fd < 0 ? fail(path, err) : 0;
}

bool kmsd_file_was_renamed(const struct kmsd_file *file)
{
	struct stat st;

	/* One that was removed has not been: its absence is to be found out */
	return !fstat(file->fd, &st) && st.st_nlink && access(file->path, F_OK) && errno == ENOENT;
}

/* Makes the new file under a name that is not looked for after a crash. */
static int make_new(struct kmsd_file *new, const char *line, struct evs_error *err)
{
	int ret;

	/* What a killed process left may have become the log since, by its other name */
	unlink(new->path);
	new->fd = open_log(new->path, O_CREAT | O_EXCL);
	if (new->fd < 0)
		return fail(new->path, err);
	ret = kmsd_file_append(new, line, err);
	if (!ret && fsync(new->fd))
		ret = fail(new->path, err);
	if (ret)
		close(new->fd);
	return ret;
}

int kmsd_file_begin(struct kmsd_file *file, const char *line, struct evs_error *err)
{
	struct kmsd_file new = {};
	struct evs_error later = {};
	int ret;

	kmsd_fault("rotate-renamed");
	if (snprintf(new.path, sizeof(new.path), "%s" NEW_SUFFIX, file->path) >=
	    (int)sizeof(new.path))
		return evs_error_set(err, ENAMETOOLONG, "audit log %s: name too long", file->path);
	/* Its name too: whoever renamed it need not have cared */
	ret = fsync(file->fd) ? fail(file->path, err) : kmsd_newfile_sync_name(file->path, err);
	if (!ret)
		ret = make_new(&new, line, err);
	if (ret)
		return ret;
	kmsd_fault("rotate-written");
	/* Unlike rename(), link() spares a file that somebody else has made there */
	if (link(new.path, file->path)) {
		ret = fail(file->path, err);
		goto out;
	}
	unlink(new.path);
	if (dup3(new.fd, file->fd, O_CLOEXEC) < 0) {
		ret = fail(file->path, err);
		unlink(file->path);
		goto out;
	}
	file->size = new.size;
	file->written += new.written;
	kmsd_fault("rotate-named");
	if (kmsd_newfile_sync_name(file->path, &later))
		kmsd_log("%s", later.text);
out:
	close(new.fd);
	return ret;
}
