/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client of Barbican. */
#ifndef KMS_BARBICAN_TEST_H
#define KMS_BARBICAN_TEST_H

#include <errno.h>

#include "hex.h"
#include "kms_fixture.h"
#include "recorded.h"

static struct recorded recording;

static struct fixture *new_fixture(void)
{
	struct fixture *f = fixture_new("barbican", "cloud", 20);

	set(f, "project", "p1");
	return f;
}

static int tear_down(void **state)
{
	if (recording.listener)
		recorded_close(&recording);
	memset(&recording, 0, sizeof(recording));
	fixture_free(*state);
	return 0;
}

#endif /* KMS_BARBICAN_TEST_H */
