// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "cmks.h"
#include "kms/kms.h"

#define WAIT_SECONDS 2

/**
 * struct cmks_answer - What was said of one CMK.
 * @kms: name of the KMS
 * @cmk: id of the CMK
 * @silent: the KMS did not answer
 * @state: its state, or NULL
 */
struct cmks_answer {
	char kms[EVS_KMS_NAME_MAX + 1];
	char cmk[EVS_CMK_REF_SIZE];
	bool silent;
	const char *state;
};

static void ask(struct cmks_answer *answer, const struct evs_config *config)
{
	const struct evs_config_kms *section;
	struct evs_config_kms endpoint;
	struct evs_error err = {};
	struct evs_kms *kms;
	struct evs_cmk cmk;

	section = evs_config_kms(config, answer->kms, &err);
	if (!section)
		return;
	endpoint = *section;
	endpoint.timeout = WAIT_SECONDS;
	if (evs_kms_open(&kms, &endpoint, &err))
		return;
	if (!evs_kms_describe_key(kms, answer->cmk, &cmk, &err))
		answer->state = evs_cmk_state_name(cmk.state);
	else if (err.class == EVS_CLASS_CMK_DELETED)
		answer->state = "deleted";
	else
		answer->silent = err.class == EVS_CLASS_KMS_UNREACHABLE ||
				 err.class == EVS_CLASS_KMS_BUSY;
	evs_kms_close(kms);
}

const char *cmks_state(struct cmks *cmks, const struct evs_config *config, const char *kms,
		       const char *cmk)
{
	struct cmks_answer *answers;
	bool silent = cmks->silent;
	size_t i;

	for (i = 0; i < cmks->count; i++) {
		if (strcmp(cmks->answers[i].kms, kms))
			continue;
		if (!strcmp(cmks->answers[i].cmk, cmk))
			return cmks->answers[i].state;
		silent |= cmks->answers[i].silent;
	}
	if (silent)
		return NULL;
	answers = reallocarray(cmks->answers, cmks->count + 1, sizeof(*answers));
	if (!answers)
		return NULL;
	cmks->answers = answers;
	answers += cmks->count++;
	memset(answers, 0, sizeof(*answers));
	strcpy(answers->kms, kms);
	strcpy(answers->cmk, cmk);
	ask(answers, config);
	return answers->state;
}

void cmks_free(struct cmks *cmks)
{
	free(cmks->answers);
	*cmks = (struct cmks){};
}
