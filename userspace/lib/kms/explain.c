// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sentences about refusals: which CMK, in which state, what is missing, and
 * what to do next.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "date.h"
#include "kms/call.h"

#define WHO_MAX (EVS_CMK_ALIAS_MAX + EVS_CMK_REF_SIZE + 64)

/**
 * struct refusal - What a sentence is made of.
 * @kms: the client
 * @call: what was asked
 * @cmk: what is known of the CMK, zeros when nothing is
 * @who: names the CMK
 * @name: what the user would call it on the command line
 * @why: code and words of the KMS
 * @option: ` --kms NAME` for commands, "" when it is not needed
 * @next: the next step, "" for none
 * @advice: the next step as the back end tells it, behind "; " or ", "
 */
struct refusal {
	struct evs_kms *kms;
	enum evs_call call;
	struct evs_cmk cmk;
	char who[WHO_MAX];
	const char *name;
	char why[256];
	char option[8 + EVS_KMS_NAME_MAX];
	char next[EVS_ADVICE_MAX];
	char advice[EVS_ADVICE_MAX + 2];
};

/* Has the back end say what to do next; @before is put before it. */
static const char *advise(struct refusal *r, enum evs_class class, const char *before)
{
	const struct evs_refusal refusal = {
		.call = r->call, .class = class, .cmk = r->name ? r->name : "",
		.state = r->cmk.state, .option = r->option,
	};

	if (r->kms->ops->advise)
		r->kms->ops->advise(r->kms, &refusal, r->next);
	snprintf(r->advice, sizeof(r->advice), "%s%s", *r->next ? before : "", r->next);
	return r->advice;
}

/* A command that is the next step with all back ends */
static const char *advise_command(struct refusal *r, const char *before, const char *command)
{
	snprintf(r->next, sizeof(r->next), "%s: evs-setup %s%s", before, command, r->option);
	return r->next;
}

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
static void refine(const struct refusal *r, struct evs_error *err)
{
	if (err->class != EVS_CLASS_CMK_DISABLED && err->class != EVS_CLASS_BAD_REQUEST)
		return;
	if (r->call == EVS_CALL_CANCEL_DELETION || r->call == EVS_CALL_IMPORT)
		return;
	if (r->cmk.state == EVS_CMK_STATE_PENDING_DELETION)
		err->class = EVS_CLASS_CMK_PENDING_DELETION;
	else if (r->cmk.state == EVS_CMK_STATE_PENDING_IMPORT ||
		 r->cmk.state == EVS_CMK_STATE_WAITING)
		err->class = EVS_CLASS_CMK_NO_MATERIAL;
	else if (r->call == EVS_CALL_DISABLE && r->cmk.state == EVS_CMK_STATE_DISABLED)
		err->class = EVS_CLASS_BAD_REQUEST;
}

static void date_of(int64_t when, char *text, size_t size)
{
	char day[EVS_DATE_SIZE];

	*text = '\0';
	if (when)
		snprintf(text, size, " on %s", evs_date_day(day, when));
}

static int explain_permission(struct refusal *r, struct evs_error *err)
{
	const char *state = r->cmk.state ? evs_cmk_state_name(r->cmk.state) : NULL;

	return evs_error_set_class(err, err->class, "%s%s%s: no permission (%s)%s", r->who,
				   state ? ", " : "", state ? state : "", r->why,
				   advise(r, err->class, "; "));
}

static int explain_deleted(struct refusal *r, struct evs_error *err)
{
	static const char gone[] = "no such CMK, or it was deleted";

	if (r->call == EVS_CALL_UNWRAP)
		return evs_error_set_class(err, err->class,
			"%s: %s (%s); without it the data of this disk cannot be read", r->who,
			gone, r->why);
	if (!r->kms->ops->list_keys)
		return evs_error_set_class(err, err->class, "%s: %s (%s)", r->who, gone, r->why);
	return evs_error_set_class(err, err->class, "%s: %s (%s); %s", r->who, gone, r->why,
				   advise_command(r, "see", "cmk list"));
}

static int explain_material(struct refusal *r, struct evs_error *err)
{
	const char *advice = advise(r, err->class, "; ");

	if (r->cmk.state == EVS_CMK_STATE_ENABLED)
		return evs_error_set_class(err, err->class,
			"%s: enabled, but without the key material that this takes (%s)%s", r->who,
			r->why, advice);
	if (r->cmk.state == EVS_CMK_STATE_WAITING)
		return evs_error_set_class(err, err->class, "%s: %s (%s)%s", r->who,
					   evs_cmk_state_name(r->cmk.state), r->why, advice);
	return evs_error_set_class(err, err->class, "%s: %s, has no key material (%s)%s", r->who,
				   evs_cmk_state_name(r->cmk.state), r->why, advice);
}

/* Asked for what it is already, or is not */
static int explain_state(const struct refusal *r, struct evs_error *err)
{
	const char *state = evs_cmk_state_name(r->cmk.state);

	if ((r->call == EVS_CALL_ENABLE && r->cmk.state == EVS_CMK_STATE_ENABLED) ||
	    (r->call == EVS_CALL_DISABLE && r->cmk.state == EVS_CMK_STATE_DISABLED))
		return evs_error_set_class(err, err->class, "%s: is %s already (%s)", r->who,
					   state, r->why);
	if (r->call == EVS_CALL_CANCEL_DELETION && r->cmk.state &&
	    r->cmk.state != EVS_CMK_STATE_PENDING_DELETION)
		return evs_error_set_class(err, err->class,
			"%s: is %s, not scheduled for deletion (%s)", r->who, state, r->why);
	return evs_error_set_class(err, err->class, "%s%s%s: refused (%s)", r->who,
				   r->cmk.state ? ", " : "", r->cmk.state ? state : "", r->why);
}

static int explain_cmk(struct refusal *r, struct evs_error *err)
{
	char date[32];

	switch (err->class) {
	case EVS_CLASS_CMK_DISABLED:
		return evs_error_set_class(err, err->class,
			"%s: disabled (%s)%s", r->who, r->why, advise(r, err->class, "; "));
	case EVS_CLASS_CMK_PENDING_DELETION:
		date_of(r->cmk.deletion, date, sizeof(date));
		return evs_error_set_class(err, err->class,
			"%s: scheduled for deletion%s (%s)%s", r->who, date, r->why,
			advise(r, err->class, "; "));
	case EVS_CLASS_CMK_DELETED:
		return explain_deleted(r, err);
	case EVS_CLASS_CMK_NO_MATERIAL:
		return explain_material(r, err);
	case EVS_CLASS_DEFAULT_KEY_FORBIDDEN:
		return evs_error_set_class(err, err->class,
			"%s: the default master key cannot be disabled, deleted, renamed, rotated or granted (%s); %s",
			r->who, r->why,
			advise_command(r, "make a CMK of your own with", "cmk create"));
	case EVS_CLASS_NO_PERMISSION:
		return explain_permission(r, err);
	case EVS_CLASS_WRONG_KEY:
		return evs_error_set_class(err, err->class,
			"%s: the data key was wrapped by another CMK (%s)", r->who, r->why);
	case EVS_CLASS_TAMPERED:
		return evs_error_set_class(err, err->class,
			"%s: the wrapped key or its context was altered, or is of another CMK (%s)",
			r->who, r->why);
	case EVS_CLASS_ALIAS_EXISTS:
		return evs_error_set_class(err, err->class,
			"%s: another CMK has this alias (%s)%s%s", r->who, r->why,
			r->kms->ops->list_keys ? "; " : "",
			r->kms->ops->list_keys ? advise_command(r, "see", "cmk list") : "");
	default:
		return explain_state(r, err);
	}
}

/* The agency: what a service of the cloud needs before it may use the KMS for a project. */
static bool lacks_agency(const struct evs_error *err)
{
	return !strcmp(err->code, "EVS.2055") || !strcmp(err->code, "EVS.2143") ||
	       !strcmp(err->code, "EVS.2044") || !strcmp(err->code, "EVS.2265");
}

/* Makes the sentence where it does not depend on a CMK; returns whether it did. */
static bool explain_kms(struct refusal *r, const char *ref, struct evs_error *err)
{
	const char *name = r->kms->cfg.name;

	switch (err->class) {
	case EVS_CLASS_NONE:
	case EVS_CLASS_KMS_UNREACHABLE:
	case EVS_CLASS_PROTOCOL:
		evs_error_prefix(err, "KMS %s", name);
		return true;
	case EVS_CLASS_KMS_BUSY:
		evs_error_set_class(err, err->class,
			"KMS %s: cannot answer now (%s); try again", name, r->why);
		return true;
	case EVS_CLASS_BAD_CREDENTIALS:
		evs_error_set_class(err, err->class,
			"KMS %s: does not accept who asks (%s); see [kms %s] in %s%s",
			name, r->why, name, evs_config_path(), advise(r, err->class, ", "));
		return true;
	case EVS_CLASS_QUOTA:
		evs_error_set_class(err, err->class,
			"KMS %s: no more %s allowed (%s)", name,
			r->call == EVS_CALL_GRANT_CREATE ? "grants of this CMK" : "CMKs", r->why);
		return true;
	default:
		break;
	}
	if (lacks_agency(err)) {
		evs_error_set_class(err, err->class,
			"KMS %s: the project has no agency that lets disks use it (%s); %s",
			name, r->why,
			advise_command(r, "a Security Administrator has to run",
				       "agency create"));
		return true;
	}
	if (ref)
		return false;
	if (err->class == EVS_CLASS_NO_PERMISSION)
		evs_error_set_class(err, err->class, "KMS %s: no permission (%s)%s", name, r->why,
				    advise(r, err->class, "; "));
	else
		evs_error_set_class(err, err->class, "KMS %s: refused (%s)", name, r->why);
	return true;
}

/* Who the CMK is, as far as anybody knows */
static void name_cmk(struct refusal *r, const char *ref, struct evs_error *err)
{
	bool prefixed = !strncmp(ref, EVS_CMK_ALIAS_PREFIX, strlen(EVS_CMK_ALIAS_PREFIX));

	if (r->call > EVS_CALL_DESCRIBE && err->class != EVS_CLASS_CMK_DELETED) {
		look_up(r->kms, ref, &r->cmk);
		refine(r, err);
	}
	r->name = prefixed ? ref + strlen(EVS_CMK_ALIAS_PREFIX) : ref;
	if (*r->cmk.alias) {
		r->name = r->cmk.alias;
		snprintf(r->who, sizeof(r->who), "CMK %s (%s)", r->cmk.alias, r->cmk.id);
	} else {
		snprintf(r->who, sizeof(r->who), "CMK %s", r->name);
	}
	snprintf(err->cmk, sizeof(err->cmk), "%s", *r->cmk.id ? r->cmk.id : r->name);
	if (r->cmk.state)
		snprintf(err->state, sizeof(err->state), "%s", evs_cmk_state_name(r->cmk.state));
}

int evs_kms_explain(struct evs_kms *kms, enum evs_call call, const char *ref,
		    struct evs_error *err)
{
	struct refusal r = { .kms = kms, .call = call };

	snprintf(r.why, sizeof(r.why), "%s%s%.200s", err->code, *err->code && *err->text ? " " : "",
		 err->text);
	if (strcmp(kms->cfg.name, EVS_KMS_LOCAL))
		snprintf(r.option, sizeof(r.option), " --kms %s", kms->cfg.name);
	if (!explain_kms(&r, ref, err)) {
		name_cmk(&r, ref, err);
		explain_cmk(&r, err);
	}
	snprintf(err->advice, sizeof(err->advice), "%s", r.next);
	return -err->errnum;
}
