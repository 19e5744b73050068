/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EVS: trace events
 *
 * They show where the time of a request goes: begin to end is the way through
 * the driver, the backing device included; in between is the work of the cipher,
 * for a write before the backing device gets it and for a read after.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM evs

#if !defined(_EVS_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _EVS_TRACE_H

#include <linux/blk-mq.h>
#include <linux/tracepoint.h>

#include "state.h"

/* The values for those who print events in userspace, like perf */
TRACE_DEFINE_ENUM(EVS_DEV_STATE_LIVE);
TRACE_DEFINE_ENUM(EVS_DEV_STATE_SUSPENDED);
TRACE_DEFINE_ENUM(EVS_DEV_STATE_REVOKED);
TRACE_DEFINE_ENUM(EVS_DEV_STATE_REMOVED);
TRACE_DEFINE_ENUM(EVS_DEV_STATE_DETACHING);
TRACE_DEFINE_ENUM(EVS_DEV_STATE_DEAD);
TRACE_DEFINE_ENUM(EVS_OP_SUSPEND);
TRACE_DEFINE_ENUM(EVS_OP_RESUME);
TRACE_DEFINE_ENUM(EVS_OP_REVOKE);
TRACE_DEFINE_ENUM(EVS_OP_REMOVE);
TRACE_DEFINE_ENUM(EVS_OP_RESIZE);
TRACE_DEFINE_ENUM(EVS_OP_DETACH);
TRACE_DEFINE_ENUM(EVS_OP_KILL);

#define evs_show_state(_state)						\
	__print_symbolic(_state,					\
			 { EVS_DEV_STATE_LIVE,		"live" },	\
			 { EVS_DEV_STATE_SUSPENDED,	"suspended" },	\
			 { EVS_DEV_STATE_REVOKED,	"revoked" },	\
			 { EVS_DEV_STATE_REMOVED,	"removed" },	\
			 { EVS_DEV_STATE_DETACHING,	"detaching" },	\
			 { EVS_DEV_STATE_DEAD,		"dead" })

#define evs_show_state_op(_op)						\
	__print_symbolic(_op,						\
			 { EVS_OP_SUSPEND,	"suspend" },		\
			 { EVS_OP_RESUME,	"resume" },		\
			 { EVS_OP_REVOKE,	"revoke" },		\
			 { EVS_OP_REMOVE,	"remove" },		\
			 { EVS_OP_RESIZE,	"resize" },		\
			 { EVS_OP_DETACH,	"detach" },		\
			 { EVS_OP_KILL,		"kill" })

/* Numbers, since sparse would not have values of enum req_op shown as such */
static_assert((__force u32)REQ_OP_READ == 0);
static_assert((__force u32)REQ_OP_WRITE == 1);
static_assert((__force u32)REQ_OP_FLUSH == 2);
static_assert((__force u32)REQ_OP_DISCARD == 3);

#define evs_show_op(_op)						\
	__print_symbolic(_op, { 0, "read" }, { 1, "write" },		\
			 { 2, "flush" }, { 3, "discard" })

/*
 * The tag tells requests of a disk in flight apart. A flush has neither data nor
 * a position.
 */
DECLARE_EVENT_CLASS(evs_request,
		    TP_PROTO(u32 id, struct request *rq),
		    TP_ARGS(id, rq),
		    TP_STRUCT__entry(__field(u32, id)
				     __field(int, tag)
				     __field(u8, op)
				     __field(u64, sector)
				     __field(u32, bytes)
		    ),
		    TP_fast_assign(__entry->id = id;
				   __entry->tag = rq->tag;
				   __entry->op = (__force u8)req_op(rq);
				   __entry->bytes = blk_rq_bytes(rq);
				   __entry->sector = __entry->bytes ?
						     blk_rq_pos(rq) : 0;
		    ),
		    TP_printk("disk=evs%u tag=%d op=%s sector=%llu bytes=%u",
			      __entry->id, __entry->tag,
			      evs_show_op(__entry->op),
			      __entry->sector, __entry->bytes)
);

/* A request is on its way */
DEFINE_EVENT(evs_request, evs_request_begin,
	     TP_PROTO(u32 id, struct request *rq),
	     TP_ARGS(id, rq)
);

/* The cipher begins with the data of a request */
DEFINE_EVENT(evs_request, evs_cipher_begin,
	     TP_PROTO(u32 id, struct request *rq),
	     TP_ARGS(id, rq)
);

DECLARE_EVENT_CLASS(evs_request_result,
		    TP_PROTO(u32 id, struct request *rq, int err),
		    TP_ARGS(id, rq, err),
		    TP_STRUCT__entry(__field(u32, id)
				     __field(int, tag)
				     __field(u8, op)
				     __field(u64, sector)
				     __field(u32, bytes)
				     __field(int, err)
		    ),
		    TP_fast_assign(__entry->id = id;
				   __entry->tag = rq->tag;
				   __entry->op = (__force u8)req_op(rq);
				   __entry->bytes = blk_rq_bytes(rq);
				   __entry->sector = __entry->bytes ?
						     blk_rq_pos(rq) : 0;
				   __entry->err = err;
		    ),
		    TP_printk("disk=evs%u tag=%d op=%s sector=%llu bytes=%u err=%d",
			      __entry->id, __entry->tag,
			      evs_show_op(__entry->op),
			      __entry->sector, __entry->bytes, __entry->err)
);

/* The cipher has done the data of a request, or failed */
DEFINE_EVENT(evs_request_result, evs_cipher_end,
	     TP_PROTO(u32 id, struct request *rq, int err),
	     TP_ARGS(id, rq, err)
);

/* A request that was on its way is about to be ended, well or not */
DEFINE_EVENT(evs_request_result, evs_request_end,
	     TP_PROTO(u32 id, struct request *rq, int err),
	     TP_ARGS(id, rq, err)
);

/* The state of a disk changes, or an operation leaves it as it is */
TRACE_EVENT(evs_state,
	    TP_PROTO(u32 id, enum evs_op op,
		     enum evs_dev_state old, enum evs_dev_state new),
	    TP_ARGS(id, op, old, new),
	    TP_STRUCT__entry(__field(u32, id)
			     __field(u8, op)
			     __field(u8, old)
			     __field(u8, new)
	    ),
	    TP_fast_assign(__entry->id = id;
			   __entry->op = op;
			   __entry->old = old;
			   __entry->new = new;
	    ),
	    TP_printk("disk=evs%u op=%s old=%s new=%s", __entry->id,
		      evs_show_state_op(__entry->op),
		      evs_show_state(__entry->old),
		      evs_show_state(__entry->new))
);

/* The pools of bounce pages gave back what was idle, all CPUs together */
TRACE_EVENT(evs_pool_trim,
	    TP_PROTO(unsigned int freed, unsigned int left),
	    TP_ARGS(freed, left),
	    TP_STRUCT__entry(__field(unsigned int, freed)
			     __field(unsigned int, left)
	    ),
	    TP_fast_assign(__entry->freed = freed;
			   __entry->left = left;
	    ),
	    TP_printk("freed=%u left=%u", __entry->freed, __entry->left)
);

#endif /* _EVS_TRACE_H */

/* Below the folders that ccflags-y names */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
