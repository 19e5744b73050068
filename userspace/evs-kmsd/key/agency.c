// SPDX-License-Identifier: GPL-2.0-or-later
#include "key/agency.h"

static int take(void *arg, sqlite3_stmt *row)
{
	struct kmsd_agency *agency = arg;

	kmsd_db_text(row, 0, agency->creator, sizeof(agency->creator));
	agency->created = sqlite3_column_int64(row, 1);
	return 0;
}

int kmsd_agency_find(struct kmsd *kmsd, const char *project, struct kmsd_agency *agency,
		     struct evs_error *err)
{
	int ret;

	*agency = (struct kmsd_agency){};
	ret = kmsd_db_each(kmsd_store_reading(kmsd->store), err, take, agency,
			   "SELECT creator, created FROM agency WHERE project = ?", "s", project);
	return ret < 0 ? ret : 0;
}

int kmsd_agency_create(struct kmsd *kmsd, const char *project, const char *creator,
		       struct evs_error *err)
{
	int ret = kmsd_db_run(kmsd_store_writing(kmsd->store), err,
			      "INSERT OR IGNORE INTO agency VALUES (?, ?, ?)", "ssi", project,
			      creator, kmsd_clock_now(&kmsd->clock));

	return ret < 0 ? ret : 0;
}

int kmsd_agency_delete(struct kmsd *kmsd, const char *project, struct evs_error *err)
{
	int ret = kmsd_db_run(kmsd_store_writing(kmsd->store), err,
			      "DELETE FROM agency WHERE project = ?", "s", project);

	return ret < 0 ? ret : 0;
}
