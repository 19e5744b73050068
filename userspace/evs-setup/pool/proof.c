// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "proof.h"
#include "volume/volume.h"

/* Opens the header; @why says what is wrong with it, "" when it is the record's. */
static int look(const char *path, const struct evs_record *record, struct evs_volume **vol,
		char *why, size_t size, struct evs_error *err)
{
	struct evs_error found = {};
	int ret;

	*why = '\0';
	ret = evs_volume_read(vol, path, 0, &found);
	if (!ret && strcmp(evs_volume_uuid(*vol), record->id)) {
		snprintf(why, size, "holds the header of disk %s, not of %s",
			 evs_volume_uuid(*vol), record->id);
		evs_volume_close(*vol);
	}
	if (!ret)
		return 0;
	if (ret == -EMEDIUMTYPE || ret == -EUCLEAN || ret == -EBADMSG) {
		snprintf(why, size, "holds no EVS header (%.160s)", found.text);
		return 0;
	}
	*err = found;
	return ret;
}

int proof_read(struct evs_pool *pool, const struct evs_pool_entry *entry,
	       struct evs_volume **vol, struct evs_error *err)
{
	char path[PATH_MAX], text[EVS_OBJECT_TEXT_SIZE], why[384];
	struct evs_error ignored = {};
	int ret;

	ret = pool->ops->activate(pool, &entry->object, false, path, sizeof(path), err);
	if (!ret) {
		ret = look(path, &entry->record, vol, why, sizeof(why), err);
		/* One that is attached stays active. */
		pool->ops->deactivate(pool, &entry->object, &ignored);
	}
	evs_object_text(text, pool->config->name, &entry->object);
	if (ret)
		return evs_error_prefix(err, "%s", text);
	return *why ? evs_error_set(err, EBADMSG,
				    "%s: is recorded as encrypted, but %s; nothing was done. Put its header back: evs-setup header restore %s BACKUP",
				    text, why,
				    entry->object.kind == EVS_KIND_DISK ? text : path) : 0;
}

int proof_check(struct evs_pool *pool, const struct evs_pool_entry *entry, struct evs_error *err)
{
	struct evs_volume *vol;
	int ret;

	if (!entry->record.encrypted)
		return 0;
	ret = proof_read(pool, entry, &vol, err);
	if (!ret)
		evs_volume_close(vol);
	return ret;
}

int proof_record(struct evs_pool *pool, struct evs_pool_entry *entry,
		 const struct evs_volume *vol, struct evs_error *err)
{
	const struct evs_token *token = evs_volume_token(vol);
	struct evs_record *record = &entry->record;
	char text[EVS_OBJECT_TEXT_SIZE];

	if (!strcmp(record->kms, token->kms) && !strcmp(record->cmk, token->cmk))
		return 0;
	strcpy(record->kms, token->kms);
	strcpy(record->cmk, token->cmk);
	if (!pool->ops->save(pool, &entry->object, record, err))
		return 1;
	evs_object_text(text, pool->config->name, &entry->object);
	return evs_error_prefix(err, "%s: its header names CMK %s, but its record cannot be written",
				text, token->cmk);
}
