// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "passphrase.h"
#include "text.h"

#define PASSPHRASE_MAX 512	/* what cryptsetup takes from a terminal */
#define KEY_FILE_MAX 8192
#define INTERRUPT 3		/* what ^C gives where it is no signal */

/* Up to the end of the line; what is too long is refused, not cut off. */
static int read_line(struct evs_secret *line, struct evs_error *err)
{
	size_t used = 0;
	ssize_t got;

	while (used < line->size) {
		got = read(STDIN_FILENO, line->data + used, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return evs_error_set(err, errno, "cannot read the passphrase: %m");
		if (!got || line->data[used] == '\n')
			break;
		if (line->data[used] == INTERRUPT)
			return evs_error_set(err, ECANCELED, "interrupted");
		used++;
	}
	if (used == line->size)
		return evs_error_set(err, EINVAL, "the passphrase is longer than %d bytes",
				     PASSPHRASE_MAX - 1);
	line->data[used] = '\0';
	line->size = used;
	return used ? 0 : evs_error_set(err, ECANCELED, "no passphrase was given");
}

/* Without showing it */
static int ask(struct evs_secret **passphrase, const char *question, const char *what,
	       struct evs_error *err)
{
	struct termios before, silent;
	struct evs_secret *line;
	int ret;

	if (tcgetattr(STDIN_FILENO, &before))
		return evs_error_set(err, EINVAL,
				     "there is no terminal to ask for the passphrase: give --key-file FILE");
	line = evs_secret_alloc(PASSPHRASE_MAX);
	if (!line)
		return evs_error_set(err, errno, "cannot lock memory for the passphrase: %m");
	silent = before;
	/* A signal would leave the terminal as it is now. */
	silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	silent.c_cc[VEOL] = INTERRUPT;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)) {
		evs_secret_free(line);
		return evs_error_set(err, errno, "cannot keep the terminal from showing the passphrase: %m");
	}
	fprintf(stderr, "%s", question);
	evs_text_line(stderr, " %s:", what);
	ret = read_line(line, err);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	if (ret)
		evs_secret_free(line);
	else
		*passphrase = line;
	return ret;
}

static int ask_again(struct evs_secret **passphrase, const char *what, struct evs_error *err)
{
	struct evs_secret *again;
	int ret;

	ret = ask(&again, "Once more, the new passphrase of", what, err);
	if (!ret) {
		if (again->size != (*passphrase)->size ||
		    memcmp(again->data, (*passphrase)->data, again->size))
			ret = evs_error_set(err, EINVAL, "the two passphrases differ");
		evs_secret_free(again);
	}
	if (ret)
		evs_secret_free(*passphrase);
	return ret;
}

static int read_file(struct evs_secret **passphrase, const char *file, struct evs_error *err)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY), ret = 0;
	struct evs_secret *bytes;
	size_t used = 0;
	ssize_t got = 1;

	if (fd < 0)
		return evs_error_set(err, errno, "%s: %m", file);
	bytes = evs_secret_alloc(KEY_FILE_MAX + 1);
	if (!bytes) {
		ret = evs_error_set(err, errno, "cannot lock memory for the passphrase: %m");
		close(fd);
		return ret;
	}
	while (used < bytes->size && got) {
		got = read(fd, bytes->data + used, bytes->size - used);
		if (got < 0 && errno != EINTR)
			break;
		used += got > 0 ? (size_t)got : 0;
	}
	if (got < 0)
		ret = evs_error_set(err, errno, "%s: %m", file);
	else if (!used || used > KEY_FILE_MAX)
		ret = evs_error_set(err, EINVAL, "%s: %s", file,
				    used ? "longer than 8192 bytes" : "empty");
	close(fd);
	bytes->size = used;
	if (ret)
		evs_secret_free(bytes);
	else
		*passphrase = bytes;
	return ret;
}

int passphrase_get(struct evs_secret **passphrase, const char *file, const char *what,
		   bool is_new, struct evs_error *err)
{
	int ret;

	if (file)
		return read_file(passphrase, file, err);
	ret = ask(passphrase, is_new ? "New passphrase of" : "Passphrase of", what, err);
	return ret || !is_new ? ret : ask_again(passphrase, what, err);
}
