// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "token.h"

static int compare(const void *a, const void *b, void *context)
{
	const struct evs_context *c = context;

	return strcmp(c->pair[*(const size_t *)a].name, c->pair[*(const size_t *)b].name);
}

static int add(EVP_MD_CTX *md, const char *text)
{
	uint32_t len = htobe32((uint32_t)strlen(text));

	return EVP_DigestUpdate(md, &len, sizeof(len)) && EVP_DigestUpdate(md, text, strlen(text));
}

int evs_context_digest(const struct evs_context *context,
		       unsigned char digest[EVS_CONTEXT_DIGEST_SIZE], struct evs_error *err)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	size_t order[EVS_CONTEXT_PAIRS_MAX], i;
	int ok;

	for (i = 0; i < context->count; i++)
		order[i] = i;
	qsort_r(order, context->count, sizeof(order[0]), compare, (void *)context);
	ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL);
	for (i = 0; ok && i < context->count; i++)
		ok = add(md, context->pair[order[i]].name) && add(md, context->pair[order[i]].value);
	ok = ok && EVP_DigestFinal_ex(md, digest, NULL);
	EVP_MD_CTX_free(md);
	return ok ? 0 : evs_error_set(err, EIO, "libcrypto cannot compute SHA-256");
}
