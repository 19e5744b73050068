// SPDX-License-Identifier: GPL-2.0-or-later
/* From a method, a path and a body to an operation, and from its result to an answer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "fail.h"

#define SEQUENCE_SIZE 36

static const struct {
	const char *name;
	kmsd_op op;
} ops[] = {
	{ "create-key", kmsd_op_create_key },
	{ "list-keys", kmsd_op_list_keys },
	{ "describe-key", kmsd_op_describe_key },
	{ "enable-key", kmsd_op_enable_key },
	{ "disable-key", kmsd_op_disable_key },
	{ "create-datakey", kmsd_op_create_datakey },
	{ "encrypt-datakey", kmsd_op_encrypt_datakey },
	{ "decrypt-datakey", kmsd_op_decrypt_datakey },
};

int kmsd_json_add(struct json_object *json, const char *name, const char *value)
{
	struct json_object *member = json_object_new_string(value);

	if (!member || json_object_object_add(json, name, member)) {
		json_object_put(member);
		return -ENOMEM;
	}
	return 0;
}

int kmsd_reply_json(struct kmsd_reply *reply, struct json_object *json, struct evs_error *err)
{
	const char *text = NULL;
	size_t size = 0;

	if (json)
		text = json_object_to_json_string_length(
			json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
	if (text)
		reply->body = strdup(text);
	json_object_put(json);
	if (!reply->body)
		return evs_error_set(err, ENOMEM, "out of memory");
	reply->size = size;
	return 0;
}

void kmsd_api_refuse(struct kmsd_reply *reply, const struct evs_error *err)
{
	const char *code = err->code, *text = err->text;
	struct json_object *outer = json_object_new_object();
	struct json_object *inner = json_object_new_object();
	struct evs_error ignored = {};

	if (!code[0] && err->errnum == ENXIO) {
		code = KMSD_E_UNAVAILABLE;
		text = "the HSM does not answer";
	} else if (!code[0]) {
		code = KMSD_E_INTERNAL;
		text = "internal error; the log of evs-kmsd says more";
	}
	kmsd_reply_free(reply);
	snprintf(reply->code, sizeof(reply->code), "%.15s", code);
	reply->status = kmsd_http_status(code);
	if (!outer || !inner || kmsd_json_add(inner, "error_code", code) ||
	    kmsd_json_add(inner, "error_msg", text) ||
	    json_object_object_add(outer, "error", inner)) {
		json_object_put(inner);
		json_object_put(outer);
		return;
	}
	kmsd_reply_json(reply, outer, &ignored);
}

void kmsd_reply_free(struct kmsd_reply *reply)
{
	if (reply->secret)
		evs_secret_free(reply->secret);
	else
		free(reply->body);
	reply->secret = NULL;
	reply->body = NULL;
	reply->size = 0;
}

/* Splits /v1.0/PROJECT/kms/OP. */
static int route(struct kmsd_call *call, const char *path, kmsd_op *op, struct evs_error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-";
	static const char version[] = "/v1.0/", service[] = "/kms/";
	const char *project = path + strlen(version);
	const char *name;
	size_t len, i;

	if (strncmp(path, version, strlen(version)))
		return kmsd_fail(err, KMSD_E_URL, "no such URL");
	len = strcspn(project, "/");
	name = project + len;
	if (strncmp(name, service, strlen(service)))
		return kmsd_fail(err, KMSD_E_URL, "no such URL");
	name += strlen(service);
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!strcmp(name, ops[i].name))
			break;
	if (i == sizeof(ops) / sizeof(ops[0]))
		return kmsd_fail(err, KMSD_E_URL, "no such URL");
	call->reply->op = ops[i].name;
	*op = ops[i].op;
	if (!len || len > EVS_KMS_PROJECT_MAX || strspn(project, allowed) != len)
		return kmsd_fail(err, KMSD_E_PROJECT, "not the id of a project");
	memcpy(call->project, project, len);
	call->project[len] = '\0';
	return 0;
}

static int check_sequence(const struct kmsd_request *req, struct evs_error *err)
{
	const char *sequence;
	int ret;

	ret = kmsd_request_string(req, "sequence", "", &sequence, err);
	if (ret)
		return ret;
	if (sequence[0] && strlen(sequence) != SEQUENCE_SIZE)
		return kmsd_fail(err, KMSD_E_SEQUENCE, "sequence: not %d characters",
				 SEQUENCE_SIZE);
	return 0;
}

int kmsd_api_handle(struct kmsd *kmsd, const char *method, const char *path, char *body,
		    size_t size, struct kmsd_reply *reply, struct evs_error *err)
{
	struct kmsd_call call = { .kmsd = kmsd, .reply = reply };
	kmsd_op op = NULL;
	int ret;

	*reply = (struct kmsd_reply){ .status = 200, .op = "-" };
	ret = route(&call, path, &op, err);
	if (ret)
		goto out;
	if (strcmp(method, "POST")) {
		ret = kmsd_fail(err, KMSD_E_METHOD, "the method is POST");
		goto out;
	}
	ret = kmsd_request_init(&call.req, body, size, err);
	if (!ret)
		ret = check_sequence(&call.req, err);
	if (!ret)
		ret = op(&call, err);
	kmsd_request_free(&call.req);
out:
	if (ret)
		kmsd_api_refuse(reply, err);
	return ret;
}
