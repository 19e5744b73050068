// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "kms/backend.h"

#define ALIAS_PREFIX "alias/"
#define FULL_MAX (EVS_CMK_ALIAS_MAX + sizeof(ALIAS_PREFIX))
#define ALIAS_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/_-"

/* What was asked, as far as the sentence about a refusal depends on it. */
enum call {
	CALL_CREATE,
	CALL_LIST,
	CALL_DESCRIBE,
	CALL_ENABLE,
	CALL_DISABLE,
	CALL_WRAP,
	CALL_UNWRAP,
};

static const char *const call_permission[] = {
	[CALL_CREATE] = "kms:cmk:create",
	[CALL_LIST] = "kms:cmk:list",
	[CALL_DESCRIBE] = "kms:cmk:get",
	[CALL_ENABLE] = "kms:cmk:enable",
	[CALL_DISABLE] = "kms:cmk:disable",
	[CALL_WRAP] = "kms:dek:create and kms:dek:crypto",
	[CALL_UNWRAP] = "kms:dek:crypto",
};

const char *evs_cmk_state_name(enum evs_cmk_state state)
{
	static const char *const name[] = {
		[EVS_CMK_STATE_UNKNOWN] = "unknown",
		[EVS_CMK_STATE_WAITING] = "waiting for activation",
		[EVS_CMK_STATE_ENABLED] = "enabled",
		[EVS_CMK_STATE_DISABLED] = "disabled",
		[EVS_CMK_STATE_PENDING_DELETION] = "pending deletion",
		[EVS_CMK_STATE_PENDING_IMPORT] = "pending import",
	};

	return state < sizeof(name) / sizeof(name[0]) ? name[state] : name[EVS_CMK_STATE_UNKNOWN];
}

bool evs_cmk_is_id(const char *ref)
{
	size_t i;

	if (strlen(ref) != EVS_CMK_ID_SIZE - 1)
		return false;
	for (i = 0; i < EVS_CMK_ID_SIZE - 1; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (ref[i] != '-')
				return false;
		} else if (!strchr("0123456789abcdefghijklmnopqrstuvwxyz", ref[i])) {
			return false;
		}
	}
	return true;
}

long evs_kms_time_left(const struct evs_kms *kms)
{
	int64_t left = kms->deadline - evs_clock.now_ms();

	return left > 0 ? (long)left : 0;
}

/* Every public call begins here: errors of an earlier one must not show through. */
static void call_begin(struct evs_kms *kms, struct evs_error *err)
{
	memset(err, 0, sizeof(*err));
	kms->deadline = evs_clock.now_ms() + kms->cfg.timeout * 1000LL;
}

int evs_kms_open(struct evs_kms **kms, const struct evs_config_kms *cfg, struct evs_error *err)
{
	struct evs_kms *new;
	int ret;

	new = calloc(1, sizeof(*new));
	if (!new)
		return evs_error_set(err, ENOMEM, "out of memory");
	new->ops = cfg->ops;
	new->cfg = *cfg;
	ret = new->ops->open ? new->ops->open(new, err) : 0;
	if (ret) {
		evs_kms_close(new);
		return evs_error_prefix(err, "KMS %s", cfg->name);
	}
	*kms = new;
	return 0;
}

void evs_kms_close(struct evs_kms *kms)
{
	if (!kms)
		return;
	if (kms->ops->close)
		kms->ops->close(kms);
	free(kms);
}

/* ---- sentences about refusals ---- */

/*
 * Asks once more who the CMK is, to name it by alias and to tell its state. The
 * answer only informs, so a failure leaves what is known: the reference.
 */
static void look_up(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk)
{
	struct evs_error ignored = {};

	if (kms->ops->describe_key(kms, ref, cmk, &ignored))
		memset(cmk, 0, sizeof(*cmk));
}

/* The state tells apart what one code of the KMS stands for. */
static void refine(enum call call, const struct evs_cmk *cmk, struct evs_error *err)
{
	if (err->class != EVS_CLASS_CMK_DISABLED && err->class != EVS_CLASS_BAD_REQUEST)
		return;
	if (cmk->state == EVS_CMK_STATE_PENDING_DELETION)
		err->class = EVS_CLASS_CMK_PENDING_DELETION;
	else if (cmk->state == EVS_CMK_STATE_PENDING_IMPORT || cmk->state == EVS_CMK_STATE_WAITING)
		err->class = EVS_CLASS_CMK_NO_MATERIAL;
	else if (call == CALL_DISABLE && cmk->state == EVS_CMK_STATE_DISABLED)
		err->class = EVS_CLASS_BAD_REQUEST;
}

static void date_of(int64_t when, char *text, size_t size)
{
	time_t seconds = (time_t)when;
	struct tm tm;

	*text = '\0';
	if (when && gmtime_r(&seconds, &tm))
		strftime(text, size, " on %Y-%m-%d", &tm);
}

/*
 * The sentence about a CMK: @who names it, @why is code and words of the KMS,
 * @name what the user would call it on the command line.
 */
static int explain_cmk(enum call call, const struct evs_cmk *cmk, const char *who,
		       const char *why, const char *name, struct evs_error *err)
{
	char date[32];

	switch (err->class) {
	case EVS_CLASS_CMK_DISABLED:
		return evs_error_set_class(err, err->class,
			"%s: disabled (%s); enable it with: evs-setup cmk enable %s", who, why,
			name);
	case EVS_CLASS_CMK_PENDING_DELETION:
		date_of(cmk->deletion, date, sizeof(date));
		return evs_error_set_class(err, err->class,
			"%s: scheduled for deletion%s (%s); have the deletion cancelled in the KMS, then enable it with: evs-setup cmk enable %s",
			who, date, why, name);
	case EVS_CLASS_CMK_DELETED:
		return evs_error_set_class(err, err->class,
			"%s: no such CMK, or it was deleted (%s)%s", who, why,
			call == CALL_UNWRAP ? "; without it the data of this disk cannot be read" :
			"; see: evs-setup cmk list");
	case EVS_CLASS_CMK_NO_MATERIAL:
		return evs_error_set_class(err, err->class,
			"%s: %s, has no key material (%s); import it in the KMS", who,
			evs_cmk_state_name(cmk->state), why);
	case EVS_CLASS_DEFAULT_KEY_FORBIDDEN:
		return evs_error_set_class(err, err->class,
			"%s: the default master key can be neither disabled nor deleted (%s)", who,
			why);
	case EVS_CLASS_NO_PERMISSION:
		return evs_error_set_class(err, err->class,
			"%s: no permission (%s); a KMS administrator has to grant %s", who, why,
			call_permission[call]);
	case EVS_CLASS_TAMPERED:
		return evs_error_set_class(err, err->class,
			"%s: the wrapped key or its context was altered, or is of another CMK (%s)",
			who, why);
	case EVS_CLASS_ALIAS_EXISTS:
		return evs_error_set_class(err, err->class,
			"%s: another CMK has this alias (%s); see: evs-setup cmk list", who, why);
	default:
		break;
	}
	if ((call == CALL_ENABLE && cmk->state == EVS_CMK_STATE_ENABLED) ||
	    (call == CALL_DISABLE && cmk->state == EVS_CMK_STATE_DISABLED))
		return evs_error_set_class(err, err->class, "%s: is %s already (%s)", who,
					   evs_cmk_state_name(cmk->state), why);
	return evs_error_set_class(err, err->class, "%s: refused (%s)", who, why);
}

/* Makes the sentence for the user of what a back end reported. */
static int explain(struct evs_kms *kms, enum call call, const char *ref, struct evs_error *err)
{
	char why[256], who[EVS_CMK_ALIAS_MAX + EVS_CMK_REF_SIZE + 16];
	struct evs_cmk cmk = {};
	const char *name;

	switch (err->class) {
	case EVS_CLASS_NONE:
	case EVS_CLASS_KMS_UNREACHABLE:
	case EVS_CLASS_PROTOCOL:
		return evs_error_prefix(err, "KMS %s", kms->cfg.name);
	default:
		break;
	}
	snprintf(why, sizeof(why), "%s%s%.200s", err->code, *err->code && *err->text ? " " : "",
		 err->text);
	if (err->class == EVS_CLASS_KMS_BUSY)
		return evs_error_set_class(err, err->class,
			"KMS %s: cannot answer now (%s); try again", kms->cfg.name, why);
	if (err->class == EVS_CLASS_BAD_CREDENTIALS)
		return evs_error_set_class(err, err->class,
			"KMS %s: does not accept who asks (%s)", kms->cfg.name, why);
	if (err->class == EVS_CLASS_QUOTA)
		return evs_error_set_class(err, err->class,
			"KMS %s: no more CMKs allowed (%s)", kms->cfg.name, why);
	if (!ref)
		return evs_error_set_class(err, err->class, "KMS %s: refused (%s)",
					   kms->cfg.name, why);
	if (call > CALL_DESCRIBE && err->class != EVS_CLASS_CMK_DELETED) {
		look_up(kms, ref, &cmk);
		refine(call, &cmk, err);
	}
	name = strncmp(ref, ALIAS_PREFIX, strlen(ALIAS_PREFIX)) ? ref : ref + strlen(ALIAS_PREFIX);
	if (*cmk.alias) {
		name = cmk.alias;
		snprintf(who, sizeof(who), "CMK %s (%s)", cmk.alias, cmk.id);
	} else {
		snprintf(who, sizeof(who), "CMK %s", name);
	}
	return explain_cmk(call, &cmk, who, why, name, err);
}

/* ---- CMKs ---- */

static int cannot(const struct evs_kms *kms, const char *what, struct evs_error *err)
{
	return evs_error_set(err, EOPNOTSUPP, "KMS %s: cannot %s: its backend is %s",
			     kms->cfg.name, what, kms->ops->name);
}

/* @full is what the KMS understands: the id, or alias/ and the alias. */
static int expand(const struct evs_kms *kms, const char *ref, char full[FULL_MAX],
		  struct evs_error *err)
{
	const char *alias = ref;
	size_t len;

	if (!kms->ops->is_id || kms->ops->is_id(ref)) {
		if (!evs_cmk_ref_valid(ref))
			return evs_error_set_class(err, EVS_CLASS_BAD_REQUEST,
				"CMK %.64s: no id of a CMK", ref);
		strcpy(full, ref);
		return 0;
	}
	if (!strncmp(ref, ALIAS_PREFIX, strlen(ALIAS_PREFIX)))
		alias += strlen(ALIAS_PREFIX);
	len = strlen(alias);
	if (!len || len > EVS_CMK_ALIAS_MAX || strspn(alias, ALIAS_CHARS) != len)
		return evs_error_set_class(err, EVS_CLASS_BAD_REQUEST,
			"CMK %.64s: neither an id nor an alias (letters, digits and : / _ - only)",
			ref);
	strcpy(stpcpy(full, ALIAS_PREFIX), alias);
	return 0;
}

static int describe(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
		    struct evs_error *err)
{
	char full[FULL_MAX];
	int ret;

	ret = expand(kms, ref, full, err);
	if (ret)
		return ret;
	ret = kms->ops->describe_key(kms, full, cmk, err);
	return ret ? explain(kms, CALL_DESCRIBE, full, err) : 0;
}

int evs_kms_describe_key(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			 struct evs_error *err)
{
	call_begin(kms, err);
	return describe(kms, ref, cmk, err);
}

int evs_kms_create_key(struct evs_kms *kms, const char *alias, const char *description,
		       struct evs_cmk *cmk, struct evs_error *err)
{
	char full[FULL_MAX], id[EVS_CMK_REF_SIZE];
	const char *plain = full;
	int ret;

	call_begin(kms, err);
	if (!kms->ops->create_key)
		return cannot(kms, "make CMKs", err);
	if (kms->ops->is_id && kms->ops->is_id(alias))
		return evs_error_set_class(err, EVS_CLASS_BAD_REQUEST,
			"CMK %s: an alias must not look like an id", alias);
	ret = expand(kms, alias, full, err);
	if (ret)
		return ret;
	if (kms->ops->is_id)
		plain += strlen(ALIAS_PREFIX);
	ret = kms->ops->create_key(kms, plain, description, id, err);
	if (ret)
		return explain(kms, CALL_CREATE, full, err);
	ret = describe(kms, id, cmk, err);
	if (ret)
		return evs_error_prefix(err, "CMK %s (%s) was created, but", alias, id);
	/* Some services hand out the CMK that had this alias and awaits deletion. */
	if (cmk->state == EVS_CMK_STATE_PENDING_DELETION) {
		err->class = EVS_CLASS_CMK_PENDING_DELETION;
		return explain(kms, CALL_WRAP, id, err);
	}
	return 0;
}

int evs_kms_list_keys(struct evs_kms *kms, struct evs_cmk **cmks, size_t *count,
		      struct evs_error *err)
{
	int ret;

	call_begin(kms, err);
	if (!kms->ops->list_keys)
		return cannot(kms, "list CMKs", err);
	ret = kms->ops->list_keys(kms, cmks, count, err);
	return ret ? explain(kms, CALL_LIST, NULL, err) : 0;
}

static int set_enabled(struct evs_kms *kms, const char *ref, bool enabled, struct evs_cmk *cmk,
		       struct evs_error *err)
{
	int ret;

	call_begin(kms, err);
	if (!kms->ops->set_enabled)
		return cannot(kms, enabled ? "enable CMKs" : "disable CMKs", err);
	ret = describe(kms, ref, cmk, err);
	if (ret)
		return ret;
	ret = kms->ops->set_enabled(kms, cmk->id, enabled, err);
	if (ret)
		return explain(kms, enabled ? CALL_ENABLE : CALL_DISABLE, cmk->id, err);
	cmk->state = enabled ? EVS_CMK_STATE_ENABLED : EVS_CMK_STATE_DISABLED;
	return 0;
}

int evs_kms_enable_key(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
		       struct evs_error *err)
{
	return set_enabled(kms, ref, true, cmk, err);
}

int evs_kms_disable_key(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			struct evs_error *err)
{
	return set_enabled(kms, ref, false, cmk, err);
}

/* ---- data keys ---- */

/* The token comes from a disk, and a key that is too short from a caller's mistake. */
static int datakey_begin(struct evs_kms *kms, const struct evs_token *token,
			 const struct evs_secret *dk, struct evs_error *err)
{
	call_begin(kms, err);
	if (dk->size != EVS_DK_SIZE)
		return evs_error_set(err, EINVAL, "a data key has %d bytes", EVS_DK_SIZE);
	if (kms->ops->is_id && !kms->ops->is_id(token->cmk))
		return evs_error_set(err, EBADMSG,
				     "bad evs-kms token: \"%.64s\" is no CMK id of KMS %s",
				     token->cmk, kms->cfg.name);
	return 0;
}

/* XTS with equal halves is no XTS, and the kernel would refuse the key. */
static bool halves_equal(const struct evs_secret *dk)
{
	return !CRYPTO_memcmp(dk->data, dk->data + EVS_DK_SIZE / 2, EVS_DK_SIZE / 2);
}

/* For a KMS that makes no data keys */
static int make_datakey(struct evs_kms *kms, struct evs_token *token, struct evs_secret *dk,
			struct evs_error *err)
{
	do {
		if (RAND_priv_bytes(dk->data, EVS_DK_SIZE) != 1)
			return evs_error_set(err, EIO, "libcrypto has no random numbers");
	} while (halves_equal(dk));
	return kms->ops->encrypt_datakey(kms, token, dk, err);
}

int evs_kms_create_datakey(struct evs_kms *kms, struct evs_token *token, struct evs_secret *dk,
			   struct evs_error *err)
{
	int ret;

	ret = datakey_begin(kms, token, dk, err);
	if (ret)
		return ret;
	if (kms->ops->create_datakey)
		ret = kms->ops->create_datakey(kms, token, dk, err);
	else
		ret = make_datakey(kms, token, dk, err);
	if (!ret && halves_equal(dk))
		ret = evs_error_set_class(err, EVS_CLASS_PROTOCOL,
					  "made a data key with equal halves");
	if (!ret)
		return 0;
	evs_secret_wipe(dk);
	return explain(kms, CALL_WRAP, token->cmk, err);
}

int evs_kms_decrypt_datakey(struct evs_kms *kms, const struct evs_token *token,
			    struct evs_secret *dk, struct evs_error *err)
{
	int ret;

	ret = datakey_begin(kms, token, dk, err);
	if (ret)
		return ret;
	ret = kms->ops->decrypt_datakey(kms, token, dk, err);
	if (!ret)
		return 0;
	evs_secret_wipe(dk);
	return explain(kms, CALL_UNWRAP, token->cmk, err);
}

int evs_kms_encrypt_datakey(struct evs_kms *kms, struct evs_token *token,
			    const struct evs_secret *dk, struct evs_error *err)
{
	int ret;

	ret = datakey_begin(kms, token, dk, err);
	if (ret)
		return ret;
	ret = kms->ops->encrypt_datakey(kms, token, dk, err);
	return ret ? explain(kms, CALL_WRAP, token->cmk, err) : 0;
}
