// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages of KMIP 1.4: one request, one answer, one batch item in each. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kms/kmip/kmip.h"
#include "kms/trace.h"
#include "text.h"

#define VERSION_MAJOR 1
#define VERSION_MINOR 4
#define STATUS_SUCCESS 0

/* KMIP 1.4, 9.1.3.2.29; what is not here is a mistake of ours or of the server. */
static const struct {
	int64_t reason;
	enum evs_class class;
	const char *name;
} reasons[] = {
	{ 0x01, EVS_CLASS_CMK_DELETED, "item not found" },
	{ 0x03, EVS_CLASS_BAD_CREDENTIALS, "authentication not successful" },
	{ 0x04, EVS_CLASS_BAD_REQUEST, "invalid message" },
	{ 0x05, EVS_CLASS_BAD_REQUEST, "operation not supported" },
	{ 0x06, EVS_CLASS_BAD_REQUEST, "missing data" },
	{ 0x07, EVS_CLASS_BAD_REQUEST, "invalid field" },
	{ 0x08, EVS_CLASS_BAD_REQUEST, "feature not supported" },
	{ 0x0A, EVS_CLASS_BAD_REQUEST, "cryptographic failure" },
	{ 0x0B, EVS_CLASS_BAD_REQUEST, "illegal operation" },
	{ 0x0C, EVS_CLASS_NO_PERMISSION, "permission denied" },
	{ 0x0D, EVS_CLASS_CMK_NO_MATERIAL, "object archived" },
	{ 0x13, EVS_CLASS_CMK_NO_MATERIAL, "key value not present" },
	{ 0x14, EVS_CLASS_BAD_CREDENTIALS, "attestation required" },
	{ 0x15, EVS_CLASS_BAD_CREDENTIALS, "attestation failed" },
	{ 0x100, EVS_CLASS_KMS_BUSY, "general failure" },
};

#define REASON_CRYPTO 0x0A
#define REASON_GENERAL 0x100

static size_t find_reason(int64_t reason)
{
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].reason == reason)
			break;
	return i;
}

enum evs_class evs_kmip_class(enum evs_kmip_op op, int64_t reason)
{
	size_t i = find_reason(reason);

	/* Servers do not tell a tag that does not fit from a fault of their own. */
	if (op == KMIP_OP_DECRYPT && (reason == REASON_CRYPTO || reason == REASON_GENERAL))
		return EVS_CLASS_TAMPERED;
	return i < sizeof(reasons) / sizeof(reasons[0]) ? reasons[i].class :
	       EVS_CLASS_BAD_REQUEST;
}

static int bad_answer(struct evs_error *err, const char *why)
{
	return evs_error_set_class(err, EVS_CLASS_PROTOCOL, "KMIP: bad answer: %s", why);
}

/* ---- requests ---- */

void evs_kmip_begin(struct evs_kmip *kmip, enum evs_kmip_op op)
{
	struct evs_ttlv_out *out = &kmip->out;
	size_t header, version;

	*out = (struct evs_ttlv_out){
		.data = kmip->message->data, .size = kmip->message->size,
	};
	kmip->begin[0] = evs_ttlv_begin(out, KMIP_REQUEST_MESSAGE);
	header = evs_ttlv_begin(out, KMIP_REQUEST_HEADER);
	version = evs_ttlv_begin(out, KMIP_VERSION);
	evs_ttlv_put_number(out, KMIP_VERSION_MAJOR, EVS_TTLV_INTEGER, VERSION_MAJOR);
	evs_ttlv_put_number(out, KMIP_VERSION_MINOR, EVS_TTLV_INTEGER, VERSION_MINOR);
	evs_ttlv_end(out, version);
	evs_ttlv_put_number(out, KMIP_BATCH_COUNT, EVS_TTLV_INTEGER, 1);
	evs_ttlv_end(out, header);
	kmip->begin[1] = evs_ttlv_begin(out, KMIP_BATCH_ITEM);
	evs_ttlv_put_number(out, KMIP_OPERATION, EVS_TTLV_ENUM, op);
	kmip->begin[2] = evs_ttlv_begin(out, KMIP_REQUEST_PAYLOAD);
}

static int exchange(struct evs_kms *kms, struct evs_kmip *kmip, size_t *size,
		    struct evs_error *err)
{
	struct evs_secret *message = kmip->message;
	int ret;

	ret = evs_tls_connect(kmip->tls, kms->deadline, err);
	if (!ret)
		ret = evs_tls_send(kmip->tls, message->data, kmip->out.used, kms->deadline, err);
	evs_secret_wipe(message);
	if (!ret)
		ret = evs_tls_receive(kmip->tls, message->data, EVS_TTLV_HEADER_SIZE,
				      kms->deadline, err);
	if (ret)
		return ret;
	*size = evs_ttlv_message_size(message->data, KMIP_RESPONSE_MESSAGE);
	if (!*size || *size > message->size) {
		evs_tls_disconnect(kmip->tls);
		return bad_answer(err, *size ? "too long" : "no response message");
	}
	return evs_tls_receive(kmip->tls, message->data + EVS_TTLV_HEADER_SIZE,
			       *size - EVS_TTLV_HEADER_SIZE, kms->deadline, err);
}

/* ---- answers ---- */

static void take_request_id(const struct evs_ttlv *root, struct evs_error *err)
{
	struct evs_ttlv header, id;

	if (evs_ttlv_find(root, KMIP_RESPONSE_HEADER, EVS_TTLV_STRUCTURE, &header) &&
	    evs_ttlv_find(&header, KMIP_SERVER_CORRELATION, EVS_TTLV_TEXT, &id))
		evs_text_copy(err->request_id, sizeof(err->request_id), (const char *)id.value,
			      id.len);
}

static int refused(enum evs_kmip_op op, const struct evs_ttlv *item, struct evs_error *err)
{
	struct evs_ttlv text;
	char message[200] = "";
	int64_t reason = 0;
	size_t i;

	evs_ttlv_get_number(item, KMIP_RESULT_REASON, EVS_TTLV_ENUM, &reason);
	if (evs_ttlv_find(item, KMIP_RESULT_MESSAGE, EVS_TTLV_TEXT, &text))
		evs_text_copy(message, sizeof(message), (const char *)text.value, text.len);
	i = find_reason(reason);
	snprintf(err->code, sizeof(err->code), "KMIP 0x%llX", (unsigned long long)reason);
	return evs_error_set_class(err, evs_kmip_class(op, reason), "%s%s%s",
				   i < sizeof(reasons) / sizeof(reasons[0]) ? reasons[i].name :
				   "refused", *message ? ": " : "", message);
}

int evs_kmip_parse(enum evs_kmip_op op, const void *data, size_t size, struct evs_ttlv *payload,
		   struct evs_error *err)
{
	struct evs_ttlv root, item;
	int64_t status, told;

	if (evs_ttlv_parse(&root, data, size) || root.tag != KMIP_RESPONSE_MESSAGE ||
	    root.type != EVS_TTLV_STRUCTURE)
		return bad_answer(err, "no response message");
	take_request_id(&root, err);
	if (!evs_ttlv_find(&root, KMIP_BATCH_ITEM, EVS_TTLV_STRUCTURE, &item) ||
	    !evs_ttlv_get_number(&item, KMIP_RESULT_STATUS, EVS_TTLV_ENUM, &status))
		return bad_answer(err, "no result");
	if (status != STATUS_SUCCESS)
		return refused(op, &item, err);
	if (!evs_ttlv_get_number(&item, KMIP_OPERATION, EVS_TTLV_ENUM, &told) || told != op)
		return bad_answer(err, "of another operation");
	if (!evs_ttlv_find(&item, KMIP_RESPONSE_PAYLOAD, EVS_TTLV_STRUCTURE, payload))
		return bad_answer(err, "no payload");
	return 0;
}

static const char *op_name(enum evs_kmip_op op)
{
	switch (op) {
	case KMIP_OP_CREATE:
		return "Create";
	case KMIP_OP_LOCATE:
		return "Locate";
	case KMIP_OP_GET_ATTRIBUTES:
		return "GetAttributes";
	case KMIP_OP_ACTIVATE:
		return "Activate";
	case KMIP_OP_ENCRYPT:
		return "Encrypt";
	default:
		return "Decrypt";
	}
}

int evs_kmip_call(struct evs_kms *kms, enum evs_kmip_op op, struct evs_ttlv *payload,
		  struct evs_error *err)
{
	struct evs_kmip *kmip = kms->priv;
	size_t size;
	int ret, i;

	for (i = 2; i >= 0; i--)
		evs_ttlv_end(&kmip->out, kmip->begin[i]);
	if (kmip->out.full)
		return evs_error_set(err, EMSGSIZE, "KMIP: the request does not fit a message");
	evs_trace_begin(op_name(op), "%s", evs_config_get(&kms->cfg, "url"));
	ret = exchange(kms, kmip, &size, err);
	evs_trace_end(0, ret ? err->text : NULL);
	if (ret)
		return ret;
	ret = evs_kmip_parse(op, kmip->message->data, size, payload, err);
	if (ret == -EPROTO)
		evs_tls_disconnect(kmip->tls);
	return ret;
}
