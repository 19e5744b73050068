// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf-edit.h"
#include "fault.h"
#include "hsm/root.h"
#include "hsm/wrapped.h"
#include "kmsd.h"
#include "log.h"

/**
 * struct move - A change of the root key on its way.
 * @old: the configuration
 * @new: the same with the new root key
 * @store: the database
 * @all: what the old root key wraps
 */
struct move {
	struct kmsd_conf old;
	struct kmsd_conf new;
	struct kmsd_store *store;
	struct kmsd_wrapped all;
};

/* evs-root, evs-root-2, evs-root-3, ... */
static int next_name(char name[KMSD_LABEL_MAX + 1], struct evs_error *err)
{
	char *dash = strrchr(name, '-'), *end;
	unsigned long number = dash ? strtoul(dash + 1, &end, 10) : 0;
	char base[KMSD_LABEL_MAX + 1];

	if (!dash || dash[1] < '1' || dash[1] > '9' || *end)
		number = 1;
	else
		*dash = '\0';
	strcpy(base, name);
	if (snprintf(name, KMSD_LABEL_MAX + 1, "%s-%lu", base, number + 1) > KMSD_LABEL_MAX)
		return evs_error_set(err, ENAMETOOLONG, "root key %s-%lu: name too long", base,
				     number + 1);
	return 0;
}

static int set(char *to, size_t size, const char *value, const char *what, struct evs_error *err)
{
	if (value && strlen(value) >= size)
		return evs_error_set(err, ENAMETOOLONG, "%s: %s: too long", what, value);
	if (value)
		strcpy(to, value);
	return 0;
}

static int plan(struct move *m, const struct kmsd_root_target *to, struct evs_error *err)
{
	struct kmsd_conf *c = &m->new;
	int ret;

	*c = m->old;
	if (to->new_key)
		return next_name(c->root_key, err);
	/* What one module is told is nothing for another */
	if (to->module) {
		c->softhsm2_conf[0] = '\0';
		c->module_args[0] = '\0';
	}
	ret = set(c->module, sizeof(c->module), to->module, "--module", err);
	if (!ret)
		ret = set(c->softhsm2_conf, sizeof(c->softhsm2_conf), to->softhsm2_conf,
			  "--softhsm2-conf", err);
	if (!ret)
		ret = set(c->token, sizeof(c->token), to->token, "--token", err);
	if (!ret)
		ret = set(c->pin_file, sizeof(c->pin_file), to->pin_file, "--pin-file", err);
	if (!ret)
		ret = set(c->root_key, sizeof(c->root_key), to->root_key, "--root-key", err);
	if (!ret && !strcmp(c->module, m->old.module) && !strcmp(c->token, m->old.token) &&
	    !strcmp(c->softhsm2_conf, m->old.softhsm2_conf) &&
	    !strcmp(c->root_key, m->old.root_key))
		ret = evs_error_set(err, EINVAL, "root key \"%s\" of token \"%s\" is in use already",
				    c->root_key, c->token);
	return ret;
}

/* Unwraps everything with the old root key. Returns 1 when it is not the database's. */
static int read_all(struct move *m, struct evs_error *err)
{
	struct kmsd_hsm *hsm;
	int ret = kmsd_hsm_open(&hsm, &m->old, err);

	if (ret)
		return ret;
	ret = kmsd_root_check(m->store, hsm, &m->old, err);
	if (ret == -EKEYREJECTED)
		ret = 1;
	if (!ret)
		ret = kmsd_wrapped_read(&m->all, kmsd_store_reading(m->store), hsm, err);
	kmsd_hsm_close(hsm);
	return ret;
}

/* Wraps everything with the new root key: one transaction, with its record. */
static int write_all(struct move *m, struct kmsd_hsm *hsm, struct evs_error *err)
{
	const struct kmsd_clock wall = {};
	const struct kmsd_event event = {
		.time = kmsd_clock_now(&wall), .status = 200,
		.text = { [KMSD_EV_NAME] = "rewrapRootKey", [KMSD_EV_CLIENT] = "evs-kmsd",
			  [KMSD_EV_SOURCE] = "evs-kmsd" },
	};
	struct kmsd_audit *audit;
	int ret;

	ret = kmsd_audit_open(&audit, m->old.audit, m->store, err);
	if (ret)
		return ret;
	ret = kmsd_store_begin(m->store, err);
	if (ret)
		goto out;
	ret = kmsd_wrapped_write(&m->all, m->store, hsm, err);
	/* What the old root key wrapped is to be found nowhere in the file */
	if (!ret)
		ret = kmsd_store_mark_scrub(m->store, err);
	if (ret)
		kmsd_store_rollback(m->store);
	else
		ret = kmsd_audit_commit(audit, &event, err);
out:
	kmsd_audit_close(audit);
	return ret;
}

/* @done: the old root key is not the database's, so an earlier call may have got so far. */
static int go_over(struct move *m, const char *config, bool done, struct evs_error *err)
{
	struct kmsd_hsm *hsm;
	int ret;

	ret = kmsd_hsm_make_root(&m->new, err);
	kmsd_fault("root-made");
	if (!ret)
		ret = kmsd_hsm_open(&hsm, &m->new, err);
	if (ret)
		return ret;
	if (done)
		ret = kmsd_root_check(m->store, hsm, &m->new, err);
	/* All that can fail has been done before the database changes */
	if (!ret)
		ret = kmsd_conf_edit(config, &m->new, err);
	if (!ret && !done)
		ret = write_all(m, hsm, err);
	kmsd_hsm_close(hsm);
	kmsd_fault("root-committed");
	return ret ? ret : kmsd_conf_replace(config, err);
}

static int rewrap(struct move *m, const char *config, struct evs_error *err)
{
	struct evs_error old = {};
	int ret, found;

	ret = kmsd_store_open(&m->store, m->old.database, err);
	if (ret)
		return ret == -EBUSY ? evs_error_prefix(err, "stop evs-kmsd first") : ret;
	found = read_all(m, &old);
	if (!found || found == 1 || found == -ENOKEY || found == -ENODEV)
		ret = go_over(m, config, found, err);
	else
		ret = found;
	/* Of the two that do not fit, the one that is configured should have */
	if (found < 0 && ret)
		*err = old;
	if (!ret) {
		kmsd_fault("root-configured");
		ret = kmsd_store_scrub(m->store, err);
	}
	kmsd_wrapped_free(&m->all);
	kmsd_store_close(m->store);
	return ret;
}

int kmsd_root_rewrap(const char *config, const struct kmsd_root_target *to,
		     struct evs_error *err)
{
	struct move *m = calloc(1, sizeof(*m));
	int ret;

	if (!m)
		return evs_error_set(err, ENOMEM, "out of memory");
	ret = kmsd_conf_load(&m->old, config, err);
	if (!ret)
		ret = plan(m, to, err);
	if (!ret)
		ret = rewrap(m, config, err);
	free(m);
	return ret;
}
