// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "pin.h"
#include "volume/volume.h"

bool evs_pin_allows(const struct evs_pin *pin, const struct evs_token *token)
{
	return (!pin->kms || !strcmp(pin->kms, token->kms)) &&
	       (!pin->cmk || !strcmp(pin->cmk, token->cmk));
}

int evs_pin_check(const struct evs_pin *pin, const struct evs_volume *vol, const char *device,
		  struct evs_error *err)
{
	const struct evs_token *token = evs_volume_token(vol);
	size_t i;

	for (i = 0; i < evs_volume_token_count(vol); i++)
		if (evs_pin_allows(pin, evs_volume_token_at(vol, i)))
			return 0;
	return evs_error_set(err, EPERM,
			     "%s: its header names CMK %s of KMS %s, but only%s%s%s%s is accepted",
			     device, token->cmk, token->kms, pin->cmk ? " CMK " : "",
			     pin->cmk ? pin->cmk : "", pin->kms ? pin->cmk ? " of KMS " : " KMS " : "",
			     pin->kms ? pin->kms : "");
}
