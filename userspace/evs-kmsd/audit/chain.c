// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "audit/chain.h"
#include "hex.h"

#define HEX_SIZE (2 * KMSD_AUDIT_HASH_SIZE)

int kmsd_audit_hash(const char *prev, const char *json, char hex[KMSD_AUDIT_HEX_SIZE])
{
	unsigned char hash[KMSD_AUDIT_HASH_SIZE], before[KMSD_AUDIT_HASH_SIZE] = {};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool done;

	if (prev[0] && evs_hex_decode(before, sizeof(before), prev, strlen(prev)) < 0)
		memset(before, 0xff, sizeof(before));	/* no hash, so of no record */
	done = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
	       EVP_DigestUpdate(ctx, before, sizeof(before)) &&
	       EVP_DigestUpdate(ctx, json, strlen(json)) && EVP_DigestFinal_ex(ctx, hash, NULL);
	EVP_MD_CTX_free(ctx);
	if (!done)
		return -ENOMEM;
	evs_hex_encode(hex, hash, sizeof(hash));
	return 0;
}

const char *kmsd_audit_parse(const char *line, struct kmsd_link *link)
{
	static const char seq[] = "{\"seq\":";
	const char *json = line + HEX_SIZE + 1;

	if (strspn(line, "0123456789ABCDEF") != HEX_SIZE || line[HEX_SIZE] != ' ' ||
	    strncmp(json, seq, strlen(seq)))
		return NULL;
	memcpy(link->hash, line, HEX_SIZE);
	link->hash[HEX_SIZE] = '\0';
	link->seq = strtoll(json + strlen(seq), NULL, 10);
	return json;
}

int kmsd_reader_open(struct kmsd_reader *r, const char *path, struct evs_error *err)
{
	*r = (struct kmsd_reader){ .file = fopen(path, "re") };
	return r->file ? 0 : evs_error_set(err, errno, "audit log %s: %m", path);
}

void kmsd_reader_close(struct kmsd_reader *r)
{
	free(r->line);
	fclose(r->file);
}

int kmsd_reader_next(struct kmsd_reader *r)
{
	ssize_t len = getline(&r->line, &r->room, r->file);

	if (len <= 0)
		return 0;
	if (r->line[len - 1] != '\n' || strlen(r->line) != (size_t)len)
		return -EBADMSG;
	r->line[len - 1] = '\0';
	return 1;
}
