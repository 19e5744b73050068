// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"
#include "hex.h"
#include "hsm/hsm.h"
#include "init.h"
#include "kmsd.h"
#include "newfile.h"
#include "store/store.h"

#define PIN_BYTES 16
#define SOFTHSM_DIR "directories.tokendir = "
#define SOFTHSM_LINE_MAX 1022	/* what it reads at once, without the end of the line */

/**
 * struct setup - One initialisation on its way.
 * @conf: what the configuration file will say
 * @text: the file itself
 * @config: path of that file
 * @state_dir: directory for everything else
 * @tokens: SoftHSM's directory in it
 * @so_pin_file: file for the security officer's PIN
 * @made_dir: the state directory was not there before
 */
struct setup {
	struct kmsd_conf conf;
	char *text;
	char config[PATH_MAX];
	char state_dir[PATH_MAX];
	char tokens[PATH_MAX];
	char so_pin_file[PATH_MAX];
	bool made_dir;
};

static int set_path(char *out, size_t size, const char *dir, const char *name,
		    struct evs_error *err)
{
	if (dir[0] != '/')
		return evs_error_set(err, EINVAL, "%s: not an absolute path", dir);
	if ((size_t)snprintf(out, size, "%s%s", dir, name) >= size)
		return evs_error_set(err, ENAMETOOLONG,
				     "%.64s...: a path of %zu bytes is too long for %s", dir,
				     strlen(dir), *name ? name + 1 : "a file");
	return 0;
}

/* SoftHSM cuts a path in its configuration without a word. */
static int check_softhsm(const struct setup *s, struct evs_error *err)
{
	size_t len = strlen(SOFTHSM_DIR) + strlen(s->tokens);

	if (!s->conf.softhsm2_conf[0])
		return 0;
	if (strpbrk(s->tokens, "#="))
		return evs_error_set(err, EINVAL, "%s: SoftHSM cannot use a path with # or =",
				     s->state_dir);
	if (len > SOFTHSM_LINE_MAX)
		return evs_error_set(err, ENAMETOOLONG,
				     "%.64s...: a path of %zu bytes is too long for SoftHSM",
				     s->state_dir, strlen(s->state_dir));
	return 0;
}

/* What the daemon would refuse, or take for something else, is not written. */
static int check_config(const struct setup *s, struct evs_error *err)
{
	const struct kmsd_conf *c = &s->conf;
	struct kmsd_conf *read = malloc(sizeof(*read));
	int ret;

	if (!read)
		return evs_error_set(err, ENOMEM, "out of memory");
	ret = kmsd_conf_parse(read, s->config, s->text, err);
	if (ret)
		evs_error_prefix(err, "evs-kmsd would refuse its configuration");
	else if (strcmp(read->socket, c->socket) || strcmp(read->database, c->database) ||
		 strcmp(read->module, c->module) || strcmp(read->pin_file, c->pin_file) ||
		 strcmp(read->softhsm2_conf, c->softhsm2_conf))
		ret = evs_error_set(err, EINVAL,
				    "blanks at the end of a path, or lines in it, cannot be configured");
	free(read);
	return ret;
}

static int make_config(struct setup *s, struct evs_error *err)
{
	const struct kmsd_conf *c = &s->conf;

	if (asprintf(&s->text,
		     "; Written by evs-kmsd init; see evs-kmsd.conf(5).\n"
		     "[listen]\nsocket = %s\n\n[store]\ndatabase = %s\n\n"
		     "[hsm]\nmodule = %s\n%s%s%stoken = %s\npin-file = %s\nroot-key = %s\n",
		     c->socket, c->database, c->module,
		     c->softhsm2_conf[0] ? "softhsm2-conf = " : "", c->softhsm2_conf,
		     c->softhsm2_conf[0] ? "\n" : "", c->token, c->pin_file, c->root_key) < 0) {
		s->text = NULL;
		return evs_error_set(err, ENOMEM, "out of memory");
	}
	return check_config(s, err);
}

#define SET_PATH(out, dir, name, err) set_path(out, sizeof(out), dir, name, err)

static int plan(struct setup *s, const struct kmsd_init *init, struct evs_error *err)
{
	const char *dir = init->state_dir ? init->state_dir : KMSD_STATE_DIR;
	const char *module = init->module ? init->module : KMSD_MODULE;
	const char *config = init->config ? init->config : KMSD_CONFIG_PATH;
	const char *sock = init->socket ? init->socket : KMSD_SOCKET;
	int ret;

	*s = (struct setup){ .conf = { .token = KMSD_TOKEN, .root_key = KMSD_ROOT_KEY } };
	if (strlen(sock) > KMSD_SOCKET_MAX)
		return evs_error_set(err, ENAMETOOLONG, "%s: name too long for a socket", sock);
	strcpy(s->conf.socket, sock);
	ret = SET_PATH(s->config, config, "", err);
	if (!ret)
		ret = SET_PATH(s->conf.module, module, "", err);
	if (!ret)
		ret = SET_PATH(s->state_dir, dir, "", err);
	if (!ret)
		ret = SET_PATH(s->conf.database, dir, "/kms.db", err);
	if (!ret)
		ret = SET_PATH(s->conf.pin_file, dir, "/pin", err);
	if (!ret)
		ret = SET_PATH(s->so_pin_file, dir, "/so-pin", err);
	if (!ret)
		ret = SET_PATH(s->tokens, dir, "/tokens", err);
	if (!ret && strstr(basename(s->conf.module), "softhsm"))
		ret = SET_PATH(s->conf.softhsm2_conf, dir, "/softhsm2.conf", err);
	if (!ret)
		ret = check_softhsm(s, err);
	return ret ? ret : make_config(s, err);
}

/* Fails when there is anything in the directory. */
static int check_empty(const char *path, struct evs_error *err)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int ret = 0;

	if (!dir)
		return evs_error_set(err, errno, "%s: %m", path);
	while (!ret && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			ret = evs_error_set(err, EEXIST,
					    "%s: not empty: remove what an interrupted init has left, or name another directory",
					    path);
	closedir(dir);
	return ret;
}

static int make_state_dir(struct setup *s, struct evs_error *err)
{
	s->made_dir = !mkdir(s->state_dir, 0700);
	if (s->made_dir)
		return 0;
	if (errno != EEXIST)
		return evs_error_set(err, errno, "%s: %m", s->state_dir);
	if (chmod(s->state_dir, 0700))
		return evs_error_set(err, errno, "%s: %m", s->state_dir);
	return check_empty(s->state_dir, err);
}

static int new_pin(const char *path, struct evs_secret **pin, struct evs_error *err)
{
	unsigned char random[PIN_BYTES];
	int ret;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return evs_error_set(err, EIO, "getrandom: %m");
	*pin = evs_secret_alloc(2 * PIN_BYTES + 1);
	if (!*pin) {
		ret = evs_error_set(err, errno, "locked memory: %m");
		goto out;
	}
	evs_hex_encode((char *)(*pin)->data, random, sizeof(random));
	ret = kmsd_newfile_write(path, 0600, (*pin)->data, 2 * PIN_BYTES, err);
out:
	explicit_bzero(random, sizeof(random));
	return ret;
}

static int make_token(struct setup *s, struct evs_error *err)
{
	struct kmsd_hsm_new new = {
		.module = s->conf.module,
		.softhsm2_conf = s->conf.softhsm2_conf,
		.token = s->conf.token,
		.root_key = s->conf.root_key,
	};
	struct evs_secret *pin = NULL, *so_pin = NULL;
	char text[PATH_MAX + 128];
	int ret = 0;

	if (s->conf.softhsm2_conf[0]) {
		snprintf(text, sizeof(text),
			 SOFTHSM_DIR "%s\nobjectstore.backend = file\nlog.level = ERROR\n",
			 s->tokens);
		if (mkdir(s->tokens, 0700))
			return evs_error_set(err, errno, "%s: %m", s->tokens);
		ret = kmsd_newfile_write(s->conf.softhsm2_conf, 0600, text, strlen(text), err);
	}
	if (!ret)
		ret = new_pin(s->conf.pin_file, &pin, err);
	if (!ret)
		ret = new_pin(s->so_pin_file, &so_pin, err);
	if (!ret) {
		new.pin = pin;
		new.so_pin = so_pin;
		ret = kmsd_hsm_init(&new, err);
	}
	evs_secret_free(pin);
	evs_secret_free(so_pin);
	return ret;
}

static int make_database(struct setup *s, struct evs_error *err)
{
	static const char text[] = KMSD_ROOT_CHECK_TEXT;
	unsigned char wrapped[sizeof(text) + KMSD_HSM_OVERHEAD];
	struct kmsd_hsm *hsm;
	int ret;

	/* Opened as the daemon will: what it would refuse is found out now */
	ret = kmsd_hsm_open(&hsm, &s->conf, err);
	if (ret)
		return ret;
	ret = kmsd_hsm_wrap(hsm, KMSD_ROOT_CHECK_AAD, text, sizeof(text), wrapped, err);
	if (!ret)
		ret = kmsd_store_create(s->conf.database, wrapped, sizeof(wrapped), err);
	kmsd_hsm_close(hsm);
	return ret;
}

/* The token's files are SoftHSM's: there is no other way to have them on disk. */
static int sync_state(const struct setup *s, struct evs_error *err)
{
	int fd = open(s->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return evs_error_set(err, errno, "%s: %m", s->state_dir);
	if (syncfs(fd))
		ret = evs_error_set(err, errno, "%s: %m", s->state_dir);
	close(fd);
	return ret;
}

static int write_config(const struct setup *s, struct evs_error *err)
{
	char path[PATH_MAX], temp[PATH_MAX + sizeof(".new")];
	int ret;

	strcpy(path, s->config);
	if (mkdir(dirname(path), 0755) && errno != EEXIST)
		return evs_error_set(err, errno, "%s: %m", path);
	snprintf(temp, sizeof(temp), "%s.new", s->config);
	unlink(temp);
	ret = kmsd_newfile_write(temp, 0644, s->text, strlen(s->text), err);
	/* link() unlike rename() leaves alone what is there already */
	if (!ret && link(temp, s->config))
		ret = evs_error_set(err, errno, "%s: %m", s->config);
	unlink(temp);
	if (!ret) {
		ret = kmsd_newfile_sync_name(s->config, err);
		if (ret)
			unlink(s->config);
	}
	return ret;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	return ftw->level ? remove(path) : 0;
}

/* Everything in the state directory is ours: it was empty when we began. */
static void undo(const struct setup *s)
{
	nftw(s->state_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	if (s->made_dir)
		rmdir(s->state_dir);
}

static int make_all(struct setup *s, struct evs_error *err)
{
	mode_t mask;
	int ret;

	if (!access(s->config, F_OK))
		return evs_error_set(err, EEXIST, "%s exists: the KMS is initialised already",
				     s->config);
	ret = make_state_dir(s, err);
	if (ret)
		return ret;

	mask = umask(077);	/* for the files that SoftHSM and SQLite make */
	ret = make_token(s, err);
	if (!ret)
		ret = make_database(s, err);
	if (!ret)
		ret = sync_state(s, err);
	umask(mask);
	if (!ret)
		ret = write_config(s, err);
	if (ret)
		undo(s);
	return ret;
}

int kmsd_init(const struct kmsd_init *init, struct evs_error *err)
{
	struct setup *s = malloc(sizeof(*s));
	int ret;

	if (!s)
		return evs_error_set(err, ENOMEM, "out of memory");
	ret = plan(s, init, err);
	if (!ret)
		ret = make_all(s, err);
	free(s->text);
	free(s);
	return ret;
}
