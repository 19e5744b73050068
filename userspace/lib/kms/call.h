/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_CALL_H
#define EVS_KMS_CALL_H

#include "kms/backend.h"

/* What the files of the client's public calls share; back ends need none of it. */

#define EVS_CMK_ALIAS_PREFIX "alias/"
#define EVS_CMK_FULL_MAX (EVS_CMK_ALIAS_MAX + sizeof(EVS_CMK_ALIAS_PREFIX))

/**
 * evs_kms_begin() - Begin a public call: nothing of an earlier one shows through.
 * @kms: the client; its deadline is set
 * @err: cleared
 */
void evs_kms_begin(struct evs_kms *kms, struct evs_error *err);

/**
 * evs_kms_again() - After a failure: wait, if the operation is worth repeating.
 * @kms: the client
 * @repeatable: an operation that was carried out, its answer lost, does no harm
 *		when it is carried out again
 * @err: the failure; cleared when the operation is to be repeated
 *
 * Return: whether to repeat it.
 */
bool evs_kms_again(struct evs_kms *kms, bool repeatable, struct evs_error *err);

/**
 * evs_kms_explain() - Make the sentence for the user of what a back end reported.
 * @kms: the client
 * @call: what was asked
 * @ref: the CMK, NULL when the call is about none
 * @err: the failure; gets the sentence, and the class that the CMK's state shows
 *
 * Return: the negative errno of the class.
 */
int evs_kms_explain(struct evs_kms *kms, enum evs_call call, const char *ref,
		    struct evs_error *err);

/**
 * evs_kms_cannot() - Refuse what the back end has no operation for.
 * @kms: the client
 * @what: what it cannot, as in "list CMKs"
 * @err: filled
 *
 * Return: -EOPNOTSUPP.
 */
int evs_kms_cannot(const struct evs_kms *kms, const char *what, struct evs_error *err);

/**
 * evs_kms_expand() - What the KMS understands: an id, or alias/ and an alias.
 * @kms: the client
 * @ref: as the user gave it
 * @full: filled
 * @err: filled when it can be neither
 *
 * Return: 0 or -EINVAL.
 */
int evs_kms_expand(const struct evs_kms *kms, const char *ref, char full[EVS_CMK_FULL_MAX],
		   struct evs_error *err);

/**
 * evs_kms_find() - evs_kms_describe_key() inside of a call that has begun.
 * @kms: the client
 * @ref: as the user gave it
 * @cmk: filled
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_kms_find(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
		 struct evs_error *err);

/**
 * evs_kms_begin_on() - Begin a public call that is about a CMK.
 * @kms: the client
 * @can: whether the back end has the operation
 * @what: what it cannot otherwise, as in "rotate CMKs on demand"
 * @ref: the CMK, as the user gave it
 * @cmk: filled
 * @err: filled on failure
 *
 * Return: 0 or a negative errno, -EOPNOTSUPP when the back end cannot.
 */
int evs_kms_begin_on(struct evs_kms *kms, bool can, const char *what, const char *ref,
		     struct evs_cmk *cmk, struct evs_error *err);

#endif /* EVS_KMS_CALL_H */
