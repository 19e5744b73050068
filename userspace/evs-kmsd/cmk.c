// SPDX-License-Identifier: GPL-2.0-or-later
/* Customer master keys: their names, their life, their material. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "cmk.h"
#include "fail.h"

#define ALIAS_PREFIX "alias/"
#define URN_PREFIX "kms:"
#define URN_ALIAS ":alias:"

/* What the root key binds a version of a CMK's material to. */
#define AAD_SIZE (EVS_CMK_ID_SIZE + 16)

static void material_aad(char aad[AAD_SIZE], const char *id, uint32_t version)
{
	snprintf(aad, AAD_SIZE, "%s/%u", id, version);
}

static int new_id(char id[EVS_CMK_ID_SIZE], struct evs_error *err)
{
	unsigned char r[16];

	if (getrandom(r, sizeof(r), 0) != sizeof(r))
		return evs_error_set(err, EIO, "getrandom: %m");
	r[6] = (r[6] & 0x0f) | 0x40;	/* RFC 4122: version 4, */
	r[8] = (r[8] & 0x3f) | 0x80;	/* variant 1 */
	snprintf(id, EVS_CMK_ID_SIZE,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", r[0],
		 r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13],
		 r[14], r[15]);
	return 0;
}

static int check_alias(const char *alias, struct evs_error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789:/_-";
	static const char reserved[] = "/default";
	size_t len = strlen(alias);

	if (!len || len > EVS_CMK_ALIAS_MAX || strspn(alias, allowed) != len)
		return kmsd_fail(err, KMSD_E_ALIAS,
				 "key_alias: 1 to 255 letters, digits and :/_- are allowed");
	if (len >= strlen(reserved) && !strcmp(alias + len - strlen(reserved), reserved))
		return kmsd_fail(err, KMSD_E_ALIAS,
				 "key_alias: */default is reserved for default master keys");
	return 0;
}

/* Makes the material and adds the CMK; the caller has set alias and description. */
static int add(struct kmsd *kmsd, const char *project, struct kmsd_cmk *cmk,
	       struct evs_error *err)
{
	unsigned char wrapped[KMSD_CMK_SIZE + KMSD_HSM_OVERHEAD];
	struct evs_secret *key;
	char aad[AAD_SIZE];
	struct timespec now;
	int ret;

	ret = new_id(cmk->id, err);
	if (ret)
		return ret;
	clock_gettime(CLOCK_REALTIME, &now);
	cmk->created = now.tv_sec * 1000LL + now.tv_nsec / 1000000;
	cmk->state = EVS_CMK_STATE_ENABLED;
	cmk->version = 1;

	key = evs_secret_alloc(KMSD_CMK_SIZE);
	if (!key)
		return evs_error_set(err, errno, "locked memory: %m");
	material_aad(aad, cmk->id, cmk->version);
	ret = kmsd_hsm_random(kmsd->hsm, key->data, KMSD_CMK_SIZE, err);
	if (!ret)
		ret = kmsd_hsm_wrap(kmsd->hsm, aad, key->data, KMSD_CMK_SIZE, wrapped, err);
	evs_secret_free(key);
	if (ret)
		return ret;
	return kmsd_store_add(kmsd->store, project, cmk, wrapped, sizeof(wrapped), err);
}

int kmsd_cmk_create(struct kmsd *kmsd, const char *project, const char *alias,
		    const char *description, struct kmsd_cmk *cmk, struct evs_error *err)
{
	int ret;

	ret = check_alias(alias, err);
	if (ret)
		return ret;
	memset(cmk, 0, sizeof(*cmk));
	snprintf(cmk->alias, sizeof(cmk->alias), "%s", alias);
	snprintf(cmk->description, sizeof(cmk->description), "%s", description);
	ret = add(kmsd, project, cmk, err);
	if (ret == -EEXIST)
		return kmsd_fail(err, KMSD_E_ALIAS_EXISTS,
				 "key_alias: another key has the alias %s", alias);
	return ret;
}

static int make_default(struct kmsd *kmsd, const char *project, struct kmsd_cmk *cmk,
			struct evs_error *err)
{
	int ret;

	memset(cmk, 0, sizeof(*cmk));
	snprintf(cmk->alias, sizeof(cmk->alias), "%s", EVS_CMK_DEFAULT);
	snprintf(cmk->description, sizeof(cmk->description), "Default master key for EVS");
	cmk->is_default = true;
	ret = add(kmsd, project, cmk, err);
	if (ret == -EEXIST)	/* another request has just made it */
		ret = kmsd_store_by_alias(kmsd->store, project, EVS_CMK_DEFAULT, cmk, err);
	return ret;
}

static int find_alias(struct kmsd *kmsd, const char *project, const char *alias,
		      struct kmsd_cmk *cmk, struct evs_error *err)
{
	int ret = kmsd_store_by_alias(kmsd->store, project, alias, cmk, err);

	if (ret == -ENOENT && !strcmp(alias, EVS_CMK_DEFAULT))
		return make_default(kmsd, project, cmk, err);
	if (ret == -ENOENT)
		return kmsd_fail(err, KMSD_E_NO_KEY, "no key has the alias %s", alias);
	return ret;
}

/* The NAME of kms:REGION:DOMAIN:alias:NAME, or NULL. */
static const char *urn_alias(const char *urn)
{
	const char *rest;

	if (strncmp(urn, URN_PREFIX, strlen(URN_PREFIX)))
		return NULL;
	rest = strchr(urn + strlen(URN_PREFIX), ':');		/* behind the region */
	rest = rest ? strchr(rest + 1, ':') : NULL;		/* behind the domain */
	if (!rest || strncmp(rest, URN_ALIAS, strlen(URN_ALIAS)))
		return NULL;
	return rest + strlen(URN_ALIAS);
}

int kmsd_cmk_find_id(struct kmsd *kmsd, const char *project, const char *key_id,
		     struct kmsd_cmk *cmk, struct evs_error *err)
{
	int ret;

	/* The documented form: 8-4-4-4-12 characters of 0-9a-z */
	if (strlen(key_id) != EVS_CMK_ID_SIZE - 1 ||
	    strspn(key_id, "0123456789abcdefghijklmnopqrstuvwxyz-") != EVS_CMK_ID_SIZE - 1)
		return kmsd_fail(err, KMSD_E_KEY_ID, "key_id: not the id of a key");
	for (size_t i = 0; i < EVS_CMK_ID_SIZE - 1; i++)
		if ((key_id[i] == '-') != (i == 8 || i == 13 || i == 18 || i == 23))
			return kmsd_fail(err, KMSD_E_KEY_ID, "key_id: not the id of a key");

	ret = kmsd_store_by_id(kmsd->store, project, key_id, cmk, err);
	if (ret == -ENOENT)
		return kmsd_fail(err, KMSD_E_NO_KEY, "key %s does not exist", key_id);
	return ret;
}

int kmsd_cmk_find(struct kmsd *kmsd, const char *project, const char *key_id,
		  struct kmsd_cmk *cmk, struct evs_error *err)
{
	const char *alias = urn_alias(key_id);

	if (!strncmp(key_id, ALIAS_PREFIX, strlen(ALIAS_PREFIX)))
		alias = key_id + strlen(ALIAS_PREFIX);
	return alias ? find_alias(kmsd, project, alias, cmk, err)
		     : kmsd_cmk_find_id(kmsd, project, key_id, cmk, err);
}

static const char *state_name(enum evs_cmk_state state)
{
	switch (state) {
	case EVS_CMK_STATE_WAITING:
		return "waiting for activation";
	case EVS_CMK_STATE_ENABLED:
		return "enabled";
	case EVS_CMK_STATE_DISABLED:
		return "disabled";
	case EVS_CMK_STATE_PENDING_IMPORT:
		return "waiting for its material";
	default:
		return "in an unknown state";
	}
}

/*
 * A state that stands in the way: 2 and 3 are told apart by the caller, who
 * knows what was asked for.
 */
static int wrong_state(const struct kmsd_cmk *cmk, const char *otherwise, struct evs_error *err)
{
	if (cmk->state == EVS_CMK_STATE_PENDING_DELETION)
		return kmsd_fail(err, KMSD_E_PENDING_DELETION,
				 "key %s is scheduled for deletion", cmk->id);
	return kmsd_fail(err, otherwise, "key %s is %s", cmk->id, state_name(cmk->state));
}

static int set_state(struct kmsd *kmsd, struct kmsd_cmk *cmk, enum evs_cmk_state to,
		     const char *otherwise, struct evs_error *err)
{
	int ret = kmsd_store_set_state(kmsd->store, cmk->id, cmk->state, to, err);

	/* Another request was faster: the key has left the state we saw */
	if (ret == -ESTALE)
		return kmsd_fail(err, otherwise, "key %s is being changed by another request",
				 cmk->id);
	if (!ret)
		cmk->state = to;
	return ret;
}

int kmsd_cmk_enable(struct kmsd *kmsd, struct kmsd_cmk *cmk, struct evs_error *err)
{
	if (cmk->state != EVS_CMK_STATE_DISABLED)
		return wrong_state(cmk, KMSD_E_NOT_DISABLED, err);
	return set_state(kmsd, cmk, EVS_CMK_STATE_ENABLED, KMSD_E_NOT_DISABLED, err);
}

int kmsd_cmk_disable(struct kmsd *kmsd, struct kmsd_cmk *cmk, struct evs_error *err)
{
	if (cmk->is_default)
		return kmsd_fail(err, KMSD_E_DEFAULT_KEY,
				 "default master key %s cannot be disabled", cmk->alias);
	if (cmk->state != EVS_CMK_STATE_ENABLED)
		return wrong_state(cmk, KMSD_E_NOT_ENABLED, err);
	return set_state(kmsd, cmk, EVS_CMK_STATE_DISABLED, KMSD_E_NOT_ENABLED, err);
}

int kmsd_cmk_unwrap(struct kmsd *kmsd, const struct kmsd_cmk *cmk, uint32_t version,
		    struct evs_secret **key, struct evs_error *err)
{
	unsigned char wrapped[KMSD_WRAPPED_MAX];
	char aad[AAD_SIZE];
	size_t size;
	int ret;

	if (cmk->state != EVS_CMK_STATE_ENABLED)
		return wrong_state(cmk,
				   cmk->state == EVS_CMK_STATE_DISABLED ? KMSD_E_DISABLED
									: KMSD_E_NOT_ENABLED,
				   err);
	ret = kmsd_store_material(kmsd->store, cmk->id, version, wrapped, &size, err);
	if (ret)
		return ret;
	if (size != KMSD_CMK_SIZE + KMSD_HSM_OVERHEAD)
		return evs_error_set(err, EBADMSG, "database: key %s has material of %zu bytes",
				     cmk->id, size);
	*key = evs_secret_alloc(KMSD_CMK_SIZE);
	if (!*key)
		return evs_error_set(err, errno, "locked memory: %m");
	material_aad(aad, cmk->id, version);
	ret = kmsd_hsm_unwrap(kmsd->hsm, aad, wrapped, size, (*key)->data, err);
	if (ret) {
		evs_secret_free(*key);
		evs_error_prefix(err, "key %s", cmk->id);
	}
	return ret;
}
