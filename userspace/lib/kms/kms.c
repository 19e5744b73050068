// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kms/clock.h"
#include "kms/call.h"

#define PAUSE_FIRST 200		/* milliseconds; doubled from failure to failure ... */
#define PAUSE_LAST 8000		/* ... up to here */

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

long evs_kms_time_left(const struct evs_kms *kms)
{
	int64_t left = kms->deadline - evs_clock.now_ms();

	return left > 0 ? (long)left : 0;
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

void evs_kms_begin(struct evs_kms *kms, struct evs_error *err)
{
	memset(err, 0, sizeof(*err));
	kms->deadline = evs_clock.now_ms() + kms->cfg.timeout * 1000LL;
	kms->pause = PAUSE_FIRST;
	kms->retry_after = -1;
}

/*
 * Milliseconds to wait. Hosts that a failure hit at the same moment must not
 * all come back at the same moment: up to half of the pause is left to chance.
 */
static long next_pause(struct evs_kms *kms)
{
	long pause = kms->pause, asked = kms->retry_after;

	kms->retry_after = -1;
	if (asked >= 0)
		return asked * 1000 + (long)(evs_clock.random() % PAUSE_FIRST);
	kms->pause = pause * 2 < PAUSE_LAST ? pause * 2 : PAUSE_LAST;
	return pause / 2 + (long)(evs_clock.random() % (unsigned long)(pause / 2 + 1));
}

bool evs_kms_again(struct evs_kms *kms, bool repeatable, struct evs_error *err)
{
	long pause;

	/* A KMS that said it is busy has done nothing; silence tells nothing. */
	if (!err->transient || (!repeatable && err->class != EVS_CLASS_KMS_BUSY))
		return false;
	if (kms->retry_after > (long)kms->cfg.timeout)
		return false;
	pause = next_pause(kms);
	if (pause >= evs_kms_time_left(kms))
		return false;
	evs_clock.sleep_ms(pause);
	memset(err, 0, sizeof(*err));
	return true;
}

int evs_kms_cannot(const struct evs_kms *kms, const char *what, struct evs_error *err)
{
	return evs_error_set(err, EOPNOTSUPP, "KMS %s: cannot %s: its backend is %s",
			     kms->cfg.name, what, kms->ops->name);
}
