/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_KMIP_H
#define EVS_KMS_KMIP_H

#include "kms/backend.h"
#include "kms/tls.h"
#include "kms/kmip/ttlv.h"

/* The largest message either way; what is needed is far less. */
#define EVS_KMIP_MESSAGE_MAX 65536

/* KMIP 1.4, 9.1.3.1 and 9.1.3.2: tags, operations and other numbers. */
enum {
	KMIP_ATTRIBUTE = 0x420008, KMIP_ATTRIBUTE_NAME = 0x42000A,
	KMIP_ATTRIBUTE_VALUE = 0x42000B, KMIP_BATCH_COUNT = 0x42000D, KMIP_BATCH_ITEM = 0x42000F,
	KMIP_BLOCK_CIPHER_MODE = 0x420011, KMIP_ALGORITHM = 0x420028,
	KMIP_PARAMETERS = 0x42002B, KMIP_IV = 0x42003D, KMIP_MAXIMUM_ITEMS = 0x42004F,
	KMIP_NAME_TYPE = 0x420054, KMIP_NAME_VALUE = 0x420055, KMIP_OBJECT_TYPE = 0x420057,
	KMIP_OPERATION = 0x42005C, KMIP_VERSION = 0x420069, KMIP_VERSION_MAJOR = 0x42006A,
	KMIP_VERSION_MINOR = 0x42006B, KMIP_REQUEST_HEADER = 0x420077,
	KMIP_REQUEST_MESSAGE = 0x420078, KMIP_REQUEST_PAYLOAD = 0x420079,
	KMIP_RESPONSE_HEADER = 0x42007A, KMIP_RESPONSE_MESSAGE = 0x42007B,
	KMIP_RESPONSE_PAYLOAD = 0x42007C, KMIP_RESULT_MESSAGE = 0x42007D,
	KMIP_RESULT_REASON = 0x42007E, KMIP_RESULT_STATUS = 0x42007F,
	KMIP_TEMPLATE_ATTRIBUTE = 0x420091, KMIP_ID = 0x420094, KMIP_DATA = 0x4200C2,
	KMIP_TAG_LENGTH = 0x4200CE, KMIP_AAD = 0x4200FE, KMIP_AEAD_TAG = 0x4200FF,
	KMIP_SERVER_CORRELATION = 0x420106,
};

#define KMIP_ALGORITHM_AES 3

enum evs_kmip_op {
	KMIP_OP_CREATE = 0x01, KMIP_OP_LOCATE = 0x08, KMIP_OP_GET_ATTRIBUTES = 0x0B,
	KMIP_OP_ACTIVATE = 0x12, KMIP_OP_ENCRYPT = 0x1F, KMIP_OP_DECRYPT = 0x20,
};

/**
 * struct evs_kmip - A connection to a KMIP server and the message in work.
 * @tls: the connection
 * @message: the request, then the answer; both may hold a DK
 * @out: the request being written
 * @begin: the structures of the request that are open
 */
struct evs_kmip {
	struct evs_tls *tls;
	struct evs_secret *message;
	struct evs_ttlv_out out;
	size_t begin[3];
};

/* ---- message.c ---- */

/**
 * evs_kmip_begin() - Begin a request; its payload is to be written to kmip->out.
 * @kmip: the connection
 * @op: the operation
 */
void evs_kmip_begin(struct evs_kmip *kmip, enum evs_kmip_op op);

/**
 * evs_kmip_call() - Send the request, take the answer.
 * @kms: the client, whose time counts
 * @op: the operation
 * @payload: set to the payload of the answer; valid until the next request
 * @err: filled on failure, with the class that evs_kmip_class() gives
 *
 * Return: 0 or a negative errno.
 */
int evs_kmip_call(struct evs_kms *kms, enum evs_kmip_op op, struct evs_ttlv *payload,
		  struct evs_error *err);

/**
 * evs_kmip_parse() - Read an answer.
 * @op: the operation that was asked for
 * @data: the whole message
 * @size: its size
 * @payload: set to its payload
 * @err: filled on failure
 *
 * Return: 0 or a negative errno.
 */
int evs_kmip_parse(enum evs_kmip_op op, const void *data, size_t size, struct evs_ttlv *payload,
		   struct evs_error *err);

/**
 * evs_kmip_class() - The class of a refusal.
 * @op: the operation
 * @reason: Result Reason
 *
 * Where the reason is that permission is denied, the state of the key tells
 * the rest.
 */
enum evs_class evs_kmip_class(enum evs_kmip_op op, int64_t reason);

/* ---- kmip.c ---- */

/** evs_kmip_bad_answer() - Report an answer that is none. @err: filled @why: what is wrong */
int evs_kmip_bad_answer(struct evs_error *err, const char *why);

/**
 * evs_kmip_refine() - Find out what a refusal means.
 * @kms: the client
 * @op: what was refused
 * @id: id of the CMK, whose state tells
 * @err: as the call left it; the class becomes a better one
 *
 * One code stands for a key that is not active and for somebody who may not,
 * another, of later versions, for every state that is not the right one.
 *
 * Return: the negative errno of the class.
 */
int evs_kmip_refine(struct evs_kms *kms, enum evs_kmip_op op, const char *id,
		    struct evs_error *err);

/* ---- datakey.c: operations of struct evs_kms_ops ---- */

int evs_kmip_encrypt_datakey(struct evs_kms *kms, struct evs_token *token,
			     const struct evs_secret *dk, struct evs_error *err);
int evs_kmip_decrypt_datakey(struct evs_kms *kms, const struct evs_token *token,
			     struct evs_secret *dk, struct evs_error *err);

#endif /* EVS_KMS_KMIP_H */
