// SPDX-License-Identifier: GPL-2.0-or-later
/* AWS KMS: JSON 1.1 over POST /, signed by libcurl. */
#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kms/aws/private.h"
#include "kms/json.h"

#define PAGE_KEYS 200
#define KEYS_MAX 10000
#define MARKER_MAX 1025

/* ---- CMKs ---- */

static enum evs_cmk_state state_of(const char *state)
{
	static const struct {
		const char *name;
		enum evs_cmk_state state;
	} states[] = {
		{ "Enabled", EVS_CMK_STATE_ENABLED }, { "Disabled", EVS_CMK_STATE_DISABLED },
		{ "PendingDeletion", EVS_CMK_STATE_PENDING_DELETION },
		{ "PendingReplicaDeletion", EVS_CMK_STATE_PENDING_DELETION },
		{ "PendingImport", EVS_CMK_STATE_PENDING_IMPORT },
		{ "Creating", EVS_CMK_STATE_WAITING },
	};
	size_t i;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (!strcmp(states[i].name, state))
			return states[i].state;
	return EVS_CMK_STATE_UNKNOWN;
}

static int aws_describe_key(struct evs_kms *kms, const char *ref, struct evs_cmk *cmk,
			    struct evs_error *err)
{
	struct evs_http_answer answer;
	json_object *root, *info;
	char text[64];
	int ret;

	ret = evs_aws_call_key(kms, "DescribeKey", ref, &answer, err);
	if (ret)
		return ret;
	memset(cmk, 0, sizeof(*cmk));
	root = evs_json_parse((const char *)answer.body->data, answer.len);
	info = json_object_object_get(root, "KeyMetadata");
	if (evs_json_text(info, "KeyId", cmk->id, sizeof(cmk->id)) || !evs_cmk_ref_valid(cmk->id) ||
	    evs_json_text(info, "KeyState", text, sizeof(text)))
		ret = evs_aws_bad_answer(err, "no KeyMetadata with KeyId and KeyState");
	else
		cmk->state = state_of(text);
	evs_json_text(info, "Description", cmk->description, sizeof(cmk->description));
	evs_json_text(info, "KeySpec", cmk->spec, sizeof(cmk->spec));
	evs_json_text(info, "Origin", text, sizeof(text));
	strcpy(cmk->origin, strcmp(text, "EXTERNAL") ? "kms" : "external");
	cmk->created = json_object_get_int64(json_object_object_get(info, "CreationDate"));
	cmk->deletion = json_object_get_int64(json_object_object_get(info, "DeletionDate"));
	json_object_put(root);
	return ret;
}

/* It may take effect some time after the answer; new keys are under the older one then. */
static int aws_rotate(struct evs_kms *kms, const char *id, struct evs_error *err)
{
	struct evs_http_answer answer;

	return evs_aws_call_key(kms, "RotateKeyOnDemand", id, &answer, err);
}

/* One page of ids into @cmks; @marker becomes that of the next, "" for none. */
static int list_page(struct evs_kms *kms, char marker[MARKER_MAX], struct evs_cmk **cmks,
		     size_t *count, struct evs_error *err)
{
	json_object *request = json_object_new_object(), *root, *list;
	struct evs_http_answer answer;
	struct evs_cmk *grown;
	size_t i, len;
	int ret;

	ret = request ? evs_aws_add(request, "Limit", json_object_new_int(PAGE_KEYS)) : -ENOMEM;
	if (!ret && *marker)
		ret = evs_aws_add(request, "Marker", json_object_new_string(marker));
	ret = evs_aws_send(kms, "ListKeys", request, ret, &answer, err);
	if (ret)
		return ret;
	root = evs_json_parse((const char *)answer.body->data, answer.len);
	list = json_object_object_get(root, "Keys");
	len = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	grown = reallocarray(*cmks, *count + len + 1, sizeof(*grown));
	if (!list)
		ret = evs_aws_bad_answer(err, "no Keys");
	else if (!grown)
		ret = evs_error_set(err, ENOMEM, "out of memory");
	*cmks = grown ? grown : *cmks;
	for (i = 0; !ret && i < len; i++) {
		memset(&grown[*count], 0, sizeof(*grown));
		if (evs_json_text(json_object_array_get_idx(list, i), "KeyId", grown[*count].id,
				  EVS_CMK_REF_SIZE) || !evs_cmk_ref_valid(grown[*count].id))
			ret = evs_aws_bad_answer(err, "a key without KeyId");
		*count += !ret;
	}
	*marker = '\0';
	if (!ret && json_object_get_boolean(json_object_object_get(root, "Truncated")) &&
	    (evs_json_text(root, "NextMarker", marker, MARKER_MAX) || !len || *count > KEYS_MAX))
		ret = evs_aws_bad_answer(err, "a list that does not end");
	json_object_put(root);
	return ret;
}

/* Whoever may list keys may not know more of each: its state is unknown then. */
static int describe_all(struct evs_kms *kms, struct evs_cmk *cmks, size_t count,
			struct evs_error *err)
{
	char id[EVS_CMK_REF_SIZE];
	size_t i;
	int ret;

	for (i = 0; i < count; i++) {
		strcpy(id, cmks[i].id);
		ret = aws_describe_key(kms, id, &cmks[i], err);
		if (ret && err->class != EVS_CLASS_NO_PERMISSION &&
		    err->class != EVS_CLASS_CMK_DELETED)
			return ret;
		if (ret)
			memset(err, 0, sizeof(*err));
	}
	return 0;
}

static int aws_list_keys(struct evs_kms *kms, struct evs_cmk **cmks, size_t *count,
			 struct evs_error *err)
{
	char marker[MARKER_MAX] = "";
	int ret;

	*cmks = NULL;
	*count = 0;
	do
		ret = list_page(kms, marker, cmks, count, err);
	while (!ret && *marker);
	if (!ret)
		ret = describe_all(kms, *cmks, *count, err);
	if (ret) {
		free(*cmks);
		*cmks = NULL;
		*count = 0;
	}
	return ret;
}

/* ---- advice ---- */

static const char *permission(enum evs_call call)
{
	switch (call) {
	case EVS_CALL_LIST:
		return "kms:ListKeys and kms:DescribeKey";
	case EVS_CALL_ROTATION:
		return "kms:RotateKeyOnDemand";
	case EVS_CALL_WRAP:
		return "kms:GenerateDataKey and kms:Encrypt (for a rewrap kms:ReEncryptTo, and kms:ReEncryptFrom on the CMK of before)";
	case EVS_CALL_UNWRAP:
		return "kms:Decrypt";
	default:
		return "kms:DescribeKey";
	}
}

static void aws_advise(const struct evs_kms *kms, const struct evs_refusal *refusal,
		       char text[EVS_ADVICE_MAX])
{
	const char *region = evs_config_get(&kms->cfg, "region"), *cmk = refusal->cmk;

	if (refusal->class == EVS_CLASS_CMK_DISABLED)
		snprintf(text, EVS_ADVICE_MAX,
			 "enable it with: aws kms enable-key --region %s --key-id %s", region, cmk);
	else if (refusal->class == EVS_CLASS_CMK_PENDING_DELETION)
		snprintf(text, EVS_ADVICE_MAX,
			 "cancel with: aws kms cancel-key-deletion --region %s --key-id %s, then enable it",
			 region, cmk);
	else if (refusal->class == EVS_CLASS_CMK_NO_MATERIAL)
		snprintf(text, EVS_ADVICE_MAX,
			 "import it with: aws kms import-key-material --region %s --key-id %s",
			 region, cmk);
	else if (refusal->class == EVS_CLASS_NO_PERMISSION)
		snprintf(text, EVS_ADVICE_MAX, "a policy of AWS has to allow %s",
			 permission(refusal->call));
	else if (refusal->class == EVS_CLASS_BAD_CREDENTIALS)
		snprintf(text, EVS_ADVICE_MAX, "and the clock of this host");
}

/* ---- configuration ---- */

static const struct evs_config_key aws_keys[] = {
	EVS_KMS_HTTP_KEYS,
	{ "region", evs_config_is_word, "be a region", true },
	{ "access-key", evs_config_is_word, "be an access key", true },
	{ "secret-key-file", evs_config_is_path, "be an absolute path", true },
	{ "session-token-file", evs_config_is_path, "be an absolute path", false },
	{},
};

const struct evs_kms_ops evs_aws_ops = {
	.name = "aws",
	.keys = aws_keys,
	.open = evs_kms_http_open_priv,
	.close = evs_kms_http_close_priv,
	.advise = aws_advise,
	.list_keys = aws_list_keys,
	.describe_key = aws_describe_key,
	.rotate = aws_rotate,
	.create_datakey = evs_aws_create_datakey,
	.decrypt_datakey = evs_aws_decrypt_datakey,
	.encrypt_datakey = evs_aws_encrypt_datakey,
	.rewrap = evs_aws_rewrap,
};
