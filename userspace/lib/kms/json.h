/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_KMS_JSON_H
#define EVS_KMS_JSON_H

#include <json.h>
#include <stddef.h>
#include <stdint.h>

/**
 * evs_json_take_hex() - Move a secret out of a JSON text before it is parsed.
 * @json: an object as text; the hex digits in it become zeros
 * @len: its length
 * @name: name of the member, at the outermost level
 * @data: where the bytes go
 * @size: room there
 *
 * A parser would keep copies of the string in memory that nobody wipes. This
 * walks the text, never copies, and leaves valid JSON for the parser.
 *
 * Return: number of bytes; -ENOENT when there is no such member, -EMSGSIZE
 * when it does not fit, -EINVAL when it is no string of hex digits or given
 * twice. The digits are zeroed in any case.
 */
ssize_t evs_json_take_hex(char *json, size_t len, const char *name, void *data, size_t size);

/**
 * evs_json_take_text() - Move a secret that is text out of a JSON text.
 * @json: an object as text; the characters in it become zeros
 * @len: its length
 * @name: name of the member, at whatever level it is first
 * @text: where the text and a NUL go
 * @size: room there
 *
 * Return: the length; -ENOENT when there is no such member, -EMSGSIZE when it
 * does not fit, -EINVAL when it is no string or has escapes besides that of
 * the slash. The characters are zeroed in any case.
 */
ssize_t evs_json_take_text(char *json, size_t len, const char *name, char *text, size_t size);

#define EVS_JSON_ESCAPED_MAX(len) (6 * (len) + 1)

/**
 * evs_json_escape() - Write a text as it goes between the quotes of a JSON string.
 * @dst: room for EVS_JSON_ESCAPED_MAX(@len) bytes
 * @src: the text, UTF-8
 * @len: its length
 *
 * Return: bytes written, without the NUL.
 */
size_t evs_json_escape(char *dst, const char *src, size_t len);

/**
 * evs_json_take_base64() - The same for a secret in base64.
 * @json: an object as text; the digits in it become zeros
 * @len: its length
 * @level: 1 for a member of the object, 2 for one of an object in it, ...
 * @name: name of the member, the only one of this name at this level
 * @data: where the bytes go
 * @size: room there
 *
 * Return: as evs_json_take_hex().
 */
ssize_t evs_json_take_base64(char *json, size_t len, int level, const char *name, void *data,
			     size_t size);

/**
 * evs_json_parse() - Parse a text strictly.
 * @json: the text
 * @len: its length
 *
 * Return: an object for json_object_put(), NULL when it is no JSON object.
 */
json_object *evs_json_parse(const char *json, size_t len);

/**
 * evs_json_text() - A member as text; strings and integers are both taken.
 * @object: an object, or NULL
 * @name: name of the member
 * @text: filled, fit for a terminal; "" on failure
 * @size: room there
 *
 * Return: 0, -ENOENT when it is missing or null, -EINVAL when it is neither or
 * does not fit.
 */
int evs_json_text(json_object *object, const char *name, char *text, size_t size);

/**
 * evs_json_number() - A member as number; integers and their strings are taken.
 * @object: an object, or NULL
 * @name: name of the member
 * @number: filled, left alone on failure
 *
 * Return: 0, -ENOENT when it is missing, null or "", -EINVAL when it is no
 * number.
 */
int evs_json_number(json_object *object, const char *name, int64_t *number);

#endif /* EVS_KMS_JSON_H */
