// SPDX-License-Identifier: GPL-2.0-or-later
/* Who may call: the sections [client NAME] of evs-kmsd.conf(5). */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "names.h"

#define DEFAULT_PROJECT "default"

const struct kmsd_client kmsd_client_root = {
	.name = "root", .uid = 0, .role = KMSD_ROLE_ADMINISTRATOR,
};

static struct kmsd_client *find(const struct kmsd_clients *clients, const char *name)
{
	size_t i;

	for (i = 0; i < clients->count; i++)
		if (!strcmp(clients->list[i].name, name))
			return &clients->list[i];
	return NULL;
}

int kmsd_clients_section(struct kmsd_clients *clients, const char *name, struct evs_error *err)
{
	struct kmsd_client *more;

	if (!evs_word_valid(name, KMSD_USER_MAX))
		return evs_error_set(err, EINVAL, "bad name of a client in [client %s]", name);
	if (!strcmp(name, kmsd_client_root.name))
		return evs_error_set(err, EINVAL,
				     "[client root]: root on the socket is an administrator without a section");
	if (find(clients, name))
		return 0;
	if (clients->count == KMSD_CLIENTS_MAX)
		return evs_error_set(err, EINVAL, "more than %d clients", KMSD_CLIENTS_MAX);
	more = reallocarray(clients->list, clients->count + 1, sizeof(*more));
	if (!more)
		return evs_error_set(err, ENOMEM, "out of memory");
	clients->list = more;
	more += clients->count++;
	memset(more, 0, sizeof(*more));
	strcpy(more->name, name);
	more->uid = -1;
	return 0;
}

static const char *set_uid(struct kmsd_client *c, const char *value)
{
	unsigned long uid;
	char *end;

	if (c->uid >= 0)
		return "given twice";
	errno = 0;
	uid = strtoul(value, &end, 10);
	if (errno || *value < '0' || *value > '9' || *end || !uid || uid >= UINT32_MAX)
		return "not a user id other than root's";
	c->uid = (int64_t)uid;
	return NULL;
}

/* As openssl x509 -fingerprint -sha256 prints it, or without the colons */
static const char *set_fingerprint(struct kmsd_client *c, const char *value)
{
	size_t n = 0;

	if (c->fingerprint[0])
		return "given twice";
	for (; *value; value++) {
		if (*value == ':' && n && n % 2 == 0)
			continue;
		if (!isxdigit((unsigned char)*value) || n == KMSD_FINGERPRINT_SIZE - 1)
			break;
		c->fingerprint[n++] = (char)tolower((unsigned char)*value);
	}
	return *value || n != KMSD_FINGERPRINT_SIZE - 1 ? "not the SHA-256 of a certificate" : NULL;
}

bool kmsd_project_valid(const char *project)
{
	return evs_word_valid(project, EVS_KMS_PROJECT_MAX) && !strchr(project, '.');
}

static const char *set_text(char *text, size_t size, const char *value)
{
	if (text[0])
		return "given twice";
	if (!value[0] || strlen(value) >= size)
		return "empty, or too long";
	strcpy(text, value);
	return NULL;
}

const char *kmsd_clients_set(struct kmsd_clients *clients, const char *client, const char *name,
			     const char *value)
{
	struct kmsd_client *c = find(clients, client);

	if (!strcmp(name, "uid"))
		return set_uid(c, value);
	if (!strcmp(name, "fingerprint"))
		return set_fingerprint(c, value);
	if (!strcmp(name, "subject"))
		return set_text(c->subject, sizeof(c->subject), value);
	if (!strcmp(name, "san"))
		return set_text(c->san, sizeof(c->san), value);
	if (!strcmp(name, "project"))
		return kmsd_project_valid(value)
			       ? set_text(c->project, sizeof(c->project), value)
			       : "not the id of a project";
	if (strcmp(name, "role"))
		return "unknown setting";
	if (c->role)
		return "given twice";
	c->role = kmsd_role_by_name(value);
	return c->role ? NULL : "neither administrator, user nor auditor";
}

static bool same(const struct kmsd_client *a, const struct kmsd_client *b)
{
	return (a->uid >= 0 && a->uid == b->uid) ||
	       (a->fingerprint[0] && !strcmp(a->fingerprint, b->fingerprint)) ||
	       (a->subject[0] && !strcmp(a->subject, b->subject)) ||
	       (a->san[0] && !strcmp(a->san, b->san));
}

int kmsd_clients_check(struct kmsd_clients *clients, bool ca, struct evs_error *err)
{
	struct kmsd_client *c;
	size_t i, k;

	for (i = 0; i < clients->count; i++) {
		c = &clients->list[i];
		if ((c->uid >= 0) + !!c->fingerprint[0] + !!c->subject[0] + !!c->san[0] != 1)
			return evs_error_set(err, EINVAL,
					     "[client %s]: needs one of uid, fingerprint, subject and san",
					     c->name);
		if ((c->subject[0] || c->san[0]) && !ca)
			return evs_error_set(err, EINVAL,
					     "[client %s]: subject and san need [listen] client-ca",
					     c->name);
		if (!c->role)
			return evs_error_set(err, EINVAL, "[client %s]: has no role", c->name);
		if (!c->project[0])
			strcpy(c->project, DEFAULT_PROJECT);
		for (k = 0; k < i; k++)
			if (same(c, &clients->list[k]))
				return evs_error_set(err, EINVAL,
						     "[client %s] and [client %s] are one caller",
						     clients->list[k].name, c->name);
	}
	return 0;
}

void kmsd_clients_free(struct kmsd_clients *clients)
{
	free(clients->list);
	*clients = (struct kmsd_clients){};
}

const struct kmsd_client *kmsd_clients_by_uid(const struct kmsd_clients *clients, long uid)
{
	size_t i;

	if (uid == kmsd_client_root.uid)
		return &kmsd_client_root;
	for (i = 0; i < clients->count; i++)
		if (uid > 0 && clients->list[i].uid == uid)
			return &clients->list[i];
	return NULL;
}

const struct kmsd_client *kmsd_clients_by_fingerprint(const struct kmsd_clients *clients,
						      const char *fingerprint)
{
	size_t i;

	for (i = 0; i < clients->count; i++)
		if (!strcmp(clients->list[i].fingerprint, fingerprint))
			return &clients->list[i];
	return NULL;
}

const struct kmsd_client *kmsd_clients_by_name(const struct kmsd_clients *clients,
					       const char *name)
{
	return strcmp(name, kmsd_client_root.name) ? find(clients, name) : &kmsd_client_root;
}

void kmsd_client_identity(const struct kmsd_client *c, char identity[KMSD_IDENTITY_SIZE])
{
	identity[0] = '\0';
	if (c->uid >= 0)
		snprintf(identity, KMSD_IDENTITY_SIZE, "uid=%lld", (long long)c->uid);
	else if (c->fingerprint[0])
		snprintf(identity, KMSD_IDENTITY_SIZE, "fingerprint=%s", c->fingerprint);
	else if (c->subject[0])
		snprintf(identity, KMSD_IDENTITY_SIZE, "subject=%s", c->subject);
	else if (c->san[0])
		snprintf(identity, KMSD_IDENTITY_SIZE, "san=%s", c->san);
}

bool kmsd_clients_has(const struct kmsd_clients *clients, const struct kmsd_client *client)
{
	const struct kmsd_client *c = find(clients, client->name);

	return c && !memcmp(c, client, sizeof(*c));
}
