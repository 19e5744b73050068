// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "kms/backend.h"

static const char *const permission[] = {
	[EVS_CALL_CREATE] = "kms:cmk:create",
	[EVS_CALL_LIST] = "kms:cmk:list",
	[EVS_CALL_QUOTA] = "kms:cmk:getQuota",
	[EVS_CALL_AGENCY] = "the role Security Administrator",
	[EVS_CALL_DESCRIBE] = "kms:cmk:get",
	[EVS_CALL_ENABLE] = "kms:cmk:enable",
	[EVS_CALL_DISABLE] = "kms:cmk:disable",
	[EVS_CALL_SCHEDULE_DELETION] = "kms:cmk:update",
	[EVS_CALL_CANCEL_DELETION] = "kms:cmk:update",
	[EVS_CALL_UPDATE] = "kms:cmk:update",
	[EVS_CALL_ROTATION] = "the role KMS Administrator",
	[EVS_CALL_IMPORT] = "kms:cmk:import",
	[EVS_CALL_GRANT_CREATE] = "kms:grant:create",
	[EVS_CALL_GRANT_LIST] = "kms:grant:list",
	[EVS_CALL_GRANT_REVOKE] = "kms:grant:revoke, which only the CMK's creator has",
	[EVS_CALL_GRANT_RETIRE] = "kms:grant:retire",
	[EVS_CALL_WRAP] = "kms:dek:create and kms:dek:crypto",
	[EVS_CALL_UNWRAP] = "kms:dek:crypto",
};

void evs_otc_advise(const struct evs_kms *kms, const struct evs_refusal *refusal,
		    char text[EVS_ADVICE_MAX])
{
	(void)kms;
	switch (refusal->class) {
	case EVS_CLASS_CMK_DISABLED:
		snprintf(text, EVS_ADVICE_MAX, "enable it with: evs-setup cmk enable%s %s",
			 refusal->option, refusal->cmk);
		break;
	case EVS_CLASS_CMK_PENDING_DELETION:
		snprintf(text, EVS_ADVICE_MAX,
			 "cancel with: evs-setup cmk cancel-deletion%s %s, then enable it",
			 refusal->option, refusal->cmk);
		break;
	case EVS_CLASS_CMK_NO_MATERIAL:
		snprintf(text, EVS_ADVICE_MAX,
			 "import it with: evs-setup cmk import%s --file FILE %s",
			 refusal->option, refusal->cmk);
		break;
	case EVS_CLASS_NO_PERMISSION:
		snprintf(text, EVS_ADVICE_MAX, "a KMS administrator has to grant %s",
			 permission[refusal->call]);
		break;
	case EVS_CLASS_BAD_CREDENTIALS:
		snprintf(text, EVS_ADVICE_MAX, "and the clock of this host");
		break;
	default:
		break;
	}
}
