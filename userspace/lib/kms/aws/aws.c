// SPDX-License-Identifier: GPL-2.0-or-later
/* AWS KMS: JSON 1.1 over POST /, signed by libcurl. A wrapped DK is the blob. */
#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "hex.h"
#include "kms/backend.h"
#include "kms/json.h"
#include "text.h"
#include "token-json.h"

#define BLOB_MAX (EVS_WRAPPED_HEX_MAX / 2)
#define BLOB_TEXT_MAX (EVS_BASE64_LEN(BLOB_MAX) + 1)
#define BODY_MAX 16384
#define PAGE_KEYS 200
#define KEYS_MAX 10000
#define MARKER_MAX 1025

/* ---- refusals ---- */

static const struct {
	const char *type;
	enum evs_class class;
} exceptions[] = {
	{ "DisabledException", EVS_CLASS_CMK_DISABLED },
	{ "NotFoundException", EVS_CLASS_CMK_DELETED },
	{ "AccessDeniedException", EVS_CLASS_NO_PERMISSION },
	{ "UnrecognizedClientException", EVS_CLASS_BAD_CREDENTIALS },
	{ "InvalidSignatureException", EVS_CLASS_BAD_CREDENTIALS },
	{ "IncompleteSignatureException", EVS_CLASS_BAD_CREDENTIALS },
	{ "MissingAuthenticationTokenException", EVS_CLASS_BAD_CREDENTIALS },
	{ "ExpiredTokenException", EVS_CLASS_BAD_CREDENTIALS },
	{ "InvalidClientTokenId", EVS_CLASS_BAD_CREDENTIALS },
	{ "IncorrectKeyException", EVS_CLASS_WRONG_KEY },
	{ "InvalidCiphertextException", EVS_CLASS_TAMPERED },
	{ "AlreadyExistsException", EVS_CLASS_ALIAS_EXISTS },
	{ "LimitExceededException", EVS_CLASS_QUOTA },
	{ "KMSInternalException", EVS_CLASS_KMS_BUSY },
	{ "DependencyTimeoutException", EVS_CLASS_KMS_BUSY },
	{ "KeyUnavailableException", EVS_CLASS_KMS_BUSY },
	{ "ThrottlingException", EVS_CLASS_KMS_BUSY },
};

static enum evs_class classify(long status, const char *type, const char *message)
{
	size_t i;

	/* Both may stand for a key that awaits its deletion. */
	if (!strcmp(type, "KMSInvalidStateException") || !strcmp(type, "DisabledException")) {
		if (strcasestr(message, "pending deletion"))
			return EVS_CLASS_CMK_PENDING_DELETION;
		if (strcasestr(message, "pending import"))
			return EVS_CLASS_CMK_NO_MATERIAL;
		return strcasestr(message, "unavailable") ? EVS_CLASS_KMS_BUSY :
		       EVS_CLASS_CMK_DISABLED;
	}
	for (i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++)
		if (!strcmp(type, exceptions[i].type))
			return exceptions[i].class;
	if (status == 429 || status >= 500)
		return EVS_CLASS_KMS_BUSY;
	if (status == 401)
		return EVS_CLASS_BAD_CREDENTIALS;
	if (status == 403)
		return EVS_CLASS_NO_PERMISSION;
	return *type && status >= 400 ? EVS_CLASS_BAD_REQUEST : EVS_CLASS_PROTOCOL;
}

static int refused(const struct evs_http_answer *answer, struct evs_error *err)
{
	json_object *root = evs_json_parse((const char *)answer->body->data, answer->len);
	char full[128], message[200];
	const char *type;
	enum evs_class class;

	evs_json_text(root, "__type", full, sizeof(full));
	type = strrchr(full, '#') ? strrchr(full, '#') + 1 : full;
	if (evs_json_text(root, "message", message, sizeof(message)))
		evs_json_text(root, "Message", message, sizeof(message));
	json_object_put(root);
	class = classify(answer->status, type, message);
	if (*type)
		snprintf(err->code, sizeof(err->code), "%.*s", (int)sizeof(err->code) - 1, type);
	else
		snprintf(err->code, sizeof(err->code), "HTTP %ld", answer->status);
	return evs_error_set_class(err, class, "%s", message);
}

static int bad_answer(struct evs_error *err, const char *why)
{
	return evs_error_set_class(err, EVS_CLASS_PROTOCOL, "AWS KMS: bad answer: %s", why);
}

/* ---- requests ---- */

/* "@prefix@the line of a file", in locked memory. */
static struct evs_secret *with_file(struct evs_kms *kms, const char *prefix, const char *key,
				    struct evs_error *err)
{
	struct evs_secret *line, *text;

	if (evs_secret_read(&line, evs_config_get(&kms->cfg, key), err)) {
		evs_error_prefix(err, "%s", key);
		return NULL;
	}
	text = evs_secret_alloc(strlen(prefix) + line->size + 1);
	if (text)
		strcpy(stpcpy((char *)text->data, prefix), (char *)line->data);
	else
		evs_error_set(err, errno, "cannot lock memory (ulimit -l): %m");
	evs_secret_free(line);
	return text;
}

static int call(struct evs_kms *kms, const char *op, const char *body,
		struct evs_http_answer *answer, struct evs_error *err)
{
	bool temporary = evs_config_get(&kms->cfg, "session-token-file");
	char target[64], scope[96], user[96];
	const char *headers[] = { "Content-Type: application/x-amz-json-1.1", target, NULL, NULL };
	struct evs_secret *login, *session = NULL;
	struct evs_http_request request = {
		.method = "POST", .path = "/", .headers = headers, .body = body,
		.len = strlen(body), .want = "x-amzn-RequestId", .sigv4 = scope,
	};
	int ret;

	snprintf(target, sizeof(target), "X-Amz-Target: TrentService.%s", op);
	snprintf(scope, sizeof(scope), "aws:amz:%s:kms", evs_config_get(&kms->cfg, "region"));
	snprintf(user, sizeof(user), "%s:", evs_config_get(&kms->cfg, "access-key"));
	login = with_file(kms, user, "secret-key-file", err);
	if (!login)
		return -err->errnum;
	if (temporary)
		session = with_file(kms, "X-Amz-Security-Token: ", "session-token-file", err);
	ret = temporary && !session ? -err->errnum : 0;
	if (!ret) {
		headers[2] = session ? (const char *)session->data : NULL;
		request.login = (const char *)login->data;
		ret = evs_kms_http_call(kms, kms->priv, &request, answer, err);
	}
	evs_secret_free(login);
	evs_secret_free(session);
	if (ret)
		return ret;
	evs_text_copy(err->request_id, sizeof(err->request_id), (char *)answer->header->data,
		      strlen((char *)answer->header->data));
	return answer->status == 200 ? 0 : refused(answer, err);
}

static int add(json_object *request, const char *name, json_object *value)
{
	if (!value || json_object_object_add(request, name, value)) {
		json_object_put(value);
		return -ENOMEM;
	}
	return 0;
}

/* Members KeyId and EncryptionContext, with something before their names. */
static int add_key(json_object *request, const char *before, const char *key_name,
		   const struct evs_token *token)
{
	char name[48];

	snprintf(name, sizeof(name), "%sEncryptionContext", before);
	if (add(request, key_name, json_object_new_string(token->cmk)))
		return -ENOMEM;
	return token->context.count ? add(request, name, evs_context_to_json(&token->context)) : 0;
}

static int add_blob(json_object *request, const struct evs_token *token, struct evs_error *err)
{
	unsigned char blob[BLOB_MAX];
	char text[BLOB_TEXT_MAX];
	ssize_t len;

	len = evs_hex_decode(blob, sizeof(blob), token->wrapped_dk, strlen(token->wrapped_dk));
	if (len <= 0)
		return evs_error_set_class(err, EVS_CLASS_TAMPERED, "the wrapped key is no hex");
	evs_base64_encode(text, blob, (size_t)len);
	if (add(request, "CiphertextBlob", json_object_new_string(text)))
		return evs_error_set(err, ENOMEM, "out of memory");
	return 0;
}

/* Sends @request, which is released; @ret is what building it came to. */
static int send_request(struct evs_kms *kms, const char *op, json_object *request, int ret,
			struct evs_http_answer *answer, struct evs_error *err)
{
	const char *body = request && !ret ?
		json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN |
						       JSON_C_TO_STRING_NOSLASHESCAPE) : NULL;

	if (body)
		ret = call(kms, op, body, answer, err);
	else if (!err->errnum)
		ret = evs_error_set(err, ENOMEM, "out of memory");
	json_object_put(request);
	return ret;
}

/* ---- operations ---- */

/* What takes the CMK alone. */
static int call_key(struct evs_kms *kms, const char *op, const char *ref,
		    struct evs_http_answer *answer, struct evs_error *err)
{
	json_object *request = json_object_new_object();
	int ret;

	ret = request ? add(request, "KeyId", json_object_new_string(ref)) : -ENOMEM;
	return send_request(kms, op, request, ret, answer, err);
}

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

	ret = call_key(kms, "DescribeKey", ref, &answer, err);
	if (ret)
		return ret;
	memset(cmk, 0, sizeof(*cmk));
	root = evs_json_parse((const char *)answer.body->data, answer.len);
	info = json_object_object_get(root, "KeyMetadata");
	if (evs_json_text(info, "KeyId", cmk->id, sizeof(cmk->id)) || !evs_cmk_ref_valid(cmk->id) ||
	    evs_json_text(info, "KeyState", text, sizeof(text)))
		ret = bad_answer(err, "no KeyMetadata with KeyId and KeyState");
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

	return call_key(kms, "RotateKeyOnDemand", id, &answer, err);
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

	ret = request ? add(request, "Limit", json_object_new_int(PAGE_KEYS)) : -ENOMEM;
	if (!ret && *marker)
		ret = add(request, "Marker", json_object_new_string(marker));
	ret = send_request(kms, "ListKeys", request, ret, &answer, err);
	if (ret)
		return ret;
	root = evs_json_parse((const char *)answer.body->data, answer.len);
	list = json_object_object_get(root, "Keys");
	len = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	grown = reallocarray(*cmks, *count + len + 1, sizeof(*grown));
	if (!list)
		ret = bad_answer(err, "no Keys");
	else if (!grown)
		ret = evs_error_set(err, ENOMEM, "out of memory");
	*cmks = grown ? grown : *cmks;
	for (i = 0; !ret && i < len; i++) {
		memset(&grown[*count], 0, sizeof(*grown));
		if (evs_json_text(json_object_array_get_idx(list, i), "KeyId", grown[*count].id,
				  EVS_CMK_REF_SIZE) || !evs_cmk_ref_valid(grown[*count].id))
			ret = bad_answer(err, "a key without KeyId");
		*count += !ret;
	}
	*marker = '\0';
	if (!ret && json_object_get_boolean(json_object_object_get(root, "Truncated")) &&
	    (evs_json_text(root, "NextMarker", marker, MARKER_MAX) || !len || *count > KEYS_MAX))
		ret = bad_answer(err, "a list that does not end");
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

static int get_wrapped(const struct evs_http_answer *answer, struct evs_token *token,
		       struct evs_error *err)
{
	json_object *root = evs_json_parse((const char *)answer->body->data, answer->len);
	unsigned char blob[BLOB_MAX];
	char text[BLOB_TEXT_MAX];
	ssize_t len = -EINVAL;

	if (!evs_json_text(root, "CiphertextBlob", text, sizeof(text)))
		len = evs_base64_decode(blob, sizeof(blob), text, strlen(text));
	json_object_put(root);
	if (len <= 0)
		return bad_answer(err, "no CiphertextBlob, or too long a one");
	evs_hex_encode(token->wrapped_dk, blob, (size_t)len);
	return 0;
}

static int take_dk(struct evs_http_answer *answer, struct evs_secret *dk, struct evs_error *err)
{
	int ret = evs_http_take_dk(answer, 1, "Plaintext", dk, err);

	return ret == -ENOENT ? bad_answer(err, "no data key") : ret;
}

static int aws_create_datakey(struct evs_kms *kms, struct evs_token *token,
			      struct evs_secret *dk, struct evs_error *err)
{
	json_object *request = json_object_new_object();
	struct evs_http_answer answer;
	int ret;

	ret = request ? add_key(request, "", "KeyId", token) : -ENOMEM;
	if (!ret)
		ret = add(request, "NumberOfBytes", json_object_new_int(EVS_DK_SIZE));
	ret = send_request(kms, "GenerateDataKey", request, ret, &answer, err);
	if (!ret)
		ret = take_dk(&answer, dk, err);
	return ret ? ret : get_wrapped(&answer, token, err);
}

static int aws_decrypt_datakey(struct evs_kms *kms, const struct evs_token *token,
			       struct evs_secret *dk, struct evs_error *err)
{
	json_object *request = json_object_new_object();
	struct evs_http_answer answer;
	int ret;

	ret = request ? add_key(request, "", "KeyId", token) : -ENOMEM;
	if (!ret)
		ret = add_blob(request, token, err);
	ret = send_request(kms, "Decrypt", request, ret, &answer, err);
	return ret ? ret : take_dk(&answer, dk, err);
}

/* The DK is written behind what json-c wrote, in locked memory. */
static int aws_encrypt_datakey(struct evs_kms *kms, struct evs_token *token,
			       const struct evs_secret *dk, struct evs_error *err)
{
	static const char member[] = ",\"Plaintext\":\"", end[] = "\"}";
	json_object *request = json_object_new_object();
	struct evs_secret *body = evs_secret_alloc(BODY_MAX);
	struct evs_http_answer answer;
	const char *text = NULL;
	char *at;
	int ret;

	if (request && !add_key(request, "", "KeyId", token))
		text = json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);
	if (!body || !text || strlen(text) > BODY_MAX - 256) {
		ret = evs_error_set(err, ENOMEM, "out of memory that can be locked (ulimit -l)");
	} else {
		at = mempcpy(body->data, text, strlen(text) - 1);
		at = stpcpy(at, member);
		evs_base64_encode(at, dk->data, EVS_DK_SIZE);
		strcpy(at + EVS_BASE64_LEN(EVS_DK_SIZE), end);
		ret = call(kms, "Encrypt", (const char *)body->data, &answer, err);
	}
	json_object_put(request);
	evs_secret_free(body);
	return ret ? ret : get_wrapped(&answer, token, err);
}

static int aws_rewrap(struct evs_kms *kms, const struct evs_token *old, struct evs_token *token,
		      struct evs_error *err)
{
	json_object *request = json_object_new_object();
	struct evs_http_answer answer;
	int ret;

	ret = request ? add_key(request, "Source", "SourceKeyId", old) : -ENOMEM;
	if (!ret)
		ret = add_key(request, "Destination", "DestinationKeyId", token);
	if (!ret)
		ret = add_blob(request, old, err);
	ret = send_request(kms, "ReEncrypt", request, ret, &answer, err);
	return ret ? ret : get_wrapped(&answer, token, err);
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

	switch (refusal->class) {
	case EVS_CLASS_CMK_DISABLED:
		snprintf(text, EVS_ADVICE_MAX,
			 "enable it with: aws kms enable-key --region %s --key-id %s", region, cmk);
		break;
	case EVS_CLASS_CMK_PENDING_DELETION:
		snprintf(text, EVS_ADVICE_MAX,
			 "cancel with: aws kms cancel-key-deletion --region %s --key-id %s, then enable it",
			 region, cmk);
		break;
	case EVS_CLASS_CMK_NO_MATERIAL:
		snprintf(text, EVS_ADVICE_MAX,
			 "import it with: aws kms import-key-material --region %s --key-id %s",
			 region, cmk);
		break;
	case EVS_CLASS_NO_PERMISSION:
		snprintf(text, EVS_ADVICE_MAX, "a policy of AWS has to allow %s",
			 permission(refusal->call));
		break;
	case EVS_CLASS_BAD_CREDENTIALS:
		snprintf(text, EVS_ADVICE_MAX, "and the clock of this host");
		break;
	default:
		break;
	}
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
	.create_datakey = aws_create_datakey,
	.decrypt_datakey = aws_decrypt_datakey,
	.encrypt_datakey = aws_encrypt_datakey,
	.rewrap = aws_rewrap,
};
