// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

#define HOST_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"
#define HOST_MAX 253

/* An IPv6 address in brackets; set @end behind them */
static bool is_address(const char *text, const char **end)
{
	char address[INET6_ADDRSTRLEN];
	size_t len = strcspn(text, "]");
	struct in6_addr in6;

	if (*text != '[' || text[len] != ']' || len > sizeof(address))
		return false;
	memcpy(address, text + 1, len - 1);
	address[len - 1] = '\0';
	if (inet_pton(AF_INET6, address, &in6) != 1)
		return false;
	*end = text + len + 1;
	return true;
}

const char *evs_host_end(const char *text)
{
	const char *end = text + strspn(text, HOST_CHARS);
	unsigned long port = 1;
	char *behind;

	if (!is_address(text, &end) && (end == text || end - text > HOST_MAX || strchr("-.", *text)))
		return NULL;
	if (*end != ':')
		return end;
	if (!strchr("0123456789", end[1]) || !end[1])
		return NULL;
	port = strtoul(end + 1, &behind, 10);
	return port && port <= UINT16_MAX ? behind : NULL;
}
