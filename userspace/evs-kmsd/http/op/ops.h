/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KMSD_OPS_H
#define KMSD_OPS_H

#include "http/api.h"

/*
 * The operations that route.c knows, by the files they are in. Each answers
 * the call it is given and returns 0, or a negative errno with @err filled.
 */

/* http/op/cmk.c */
int kmsd_op_create_key(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_list_keys(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_describe_key(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_user_quotas(struct kmsd_call *call, struct evs_error *err);

/* http/op/change.c */
int kmsd_op_enable_key(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_disable_key(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_schedule_deletion(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_cancel_deletion(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_update_alias(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_update_description(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_enable_rotation(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_disable_rotation(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_update_interval(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_rotation_status(struct kmsd_call *call, struct evs_error *err);

/* http/op/datakey.c */
int kmsd_op_create_datakey(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_encrypt_datakey(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_decrypt_datakey(struct kmsd_call *call, struct evs_error *err);

/* http/op/grant.c */
int kmsd_op_create_grant(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_list_grants(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_list_retirable(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_retire_grant(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_revoke_grant(struct kmsd_call *call, struct evs_error *err);

/* http/op/agency.c */
int kmsd_op_create_agency(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_describe_agency(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_delete_agency(struct kmsd_call *call, struct evs_error *err);

/* http/op/import.c */
int kmsd_op_import_parameters(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_import_material(struct kmsd_call *call, struct evs_error *err);
int kmsd_op_delete_material(struct kmsd_call *call, struct evs_error *err);

/* http/metrics.c */
int kmsd_op_metrics(struct kmsd_call *call, struct evs_error *err);

#endif /* KMSD_OPS_H */
