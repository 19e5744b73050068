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

#include "evs.h"

/* The values for those who print events in userspace, like perf */
TRACE_DEFINE_ENUM(EVS_DEV_STATE_LIVE);
TRACE_DEFINE_ENUM(EVS_DEV_STATE_SUSPENDED);
TRACE_DEFINE_ENUM(EVS_DEV_STATE_REVOKED);
TRACE_DEFINE_ENUM(EVS_DEV_STATE_REMOVED);
TRACE_DEFINE_ENUM(EVS_DEV_STATE_DETACHING);
TRACE_DEFINE_ENUM(EVS_DEV_STATE_DEAD);
TRACE_DEFINE_ENUM(EVS_EVENT_ATTACHED);
TRACE_DEFINE_ENUM(EVS_EVENT_DETACHED);
TRACE_DEFINE_ENUM(EVS_EVENT_SUSPENDED);
TRACE_DEFINE_ENUM(EVS_EVENT_RESUMED);
TRACE_DEFINE_ENUM(EVS_EVENT_REVOKED);
TRACE_DEFINE_ENUM(EVS_EVENT_KEY_EXPIRED);
TRACE_DEFINE_ENUM(EVS_EVENT_REMOVED);
TRACE_DEFINE_ENUM(EVS_EVENT_RESIZED);
TRACE_DEFINE_ENUM(EVS_EVENT_IO_ERROR);
TRACE_DEFINE_ENUM(EVS_CAUSE_COMMAND);
TRACE_DEFINE_ENUM(EVS_CAUSE_FORCE);
TRACE_DEFINE_ENUM(EVS_CAUSE_LAST_CLOSE);
TRACE_DEFINE_ENUM(EVS_CAUSE_KEY_REVOKED);
TRACE_DEFINE_ENUM(EVS_CAUSE_KEY_EXPIRED);
TRACE_DEFINE_ENUM(EVS_CAUSE_KEY_INVALIDATED);
TRACE_DEFINE_ENUM(EVS_CAUSE_BACKING_GONE);
TRACE_DEFINE_ENUM(EVS_CAUSE_BACKING_SHRUNK);
TRACE_DEFINE_ENUM(EVS_CAUSE_READ);
TRACE_DEFINE_ENUM(EVS_CAUSE_WRITE);
TRACE_DEFINE_ENUM(EVS_CAUSE_FLUSH);
TRACE_DEFINE_ENUM(EVS_CAUSE_DISCARD);

#define evs_show_state(_state)						\
	__print_symbolic(_state,					\
			 { EVS_DEV_STATE_LIVE,		"live" },	\
			 { EVS_DEV_STATE_SUSPENDED,	"suspended" },	\
			 { EVS_DEV_STATE_REVOKED,	"revoked" },	\
			 { EVS_DEV_STATE_REMOVED,	"removed" },	\
			 { EVS_DEV_STATE_DETACHING,	"detaching" },	\
			 { EVS_DEV_STATE_DEAD,		"dead" })

#define evs_show_event(_event)						\
	__print_symbolic(_event,					\
			 { EVS_EVENT_ATTACHED,		"attached" },	\
			 { EVS_EVENT_DETACHED,		"detached" },	\
			 { EVS_EVENT_SUSPENDED,		"suspended" },	\
			 { EVS_EVENT_RESUMED,		"resumed" },	\
			 { EVS_EVENT_REVOKED,		"revoked" },	\
			 { EVS_EVENT_KEY_EXPIRED,	"key-expired" }, \
			 { EVS_EVENT_REMOVED,		"removed" },	\
			 { EVS_EVENT_RESIZED,		"resized" },	\
			 { EVS_EVENT_IO_ERROR,		"io-error" })

#define evs_show_cause(_cause)						\
	__print_symbolic(_cause,					\
			 { EVS_CAUSE_COMMAND,		"command" },	\
			 { EVS_CAUSE_FORCE,		"force" },	\
			 { EVS_CAUSE_LAST_CLOSE,	"last-close" },	\
			 { EVS_CAUSE_KEY_REVOKED,	"key-revoked" }, \
			 { EVS_CAUSE_KEY_EXPIRED,	"key-expired" }, \
			 { EVS_CAUSE_KEY_INVALIDATED,	"key-invalidated" }, \
			 { EVS_CAUSE_BACKING_GONE,	"backing-gone" }, \
			 { EVS_CAUSE_BACKING_SHRUNK,	"backing-shrunk" }, \
			 { EVS_CAUSE_READ,		"read" },	\
			 { EVS_CAUSE_WRITE,		"write" },	\
			 { EVS_CAUSE_FLUSH,		"flush" },	\
			 { EVS_CAUSE_DISCARD,		"discard" })

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
		    TP_PROTO(const struct evs_device *evs, struct request *rq),
		    TP_ARGS(evs, rq),
		    TP_STRUCT__entry(__field(u32, id)
				     __field(int, tag)
				     __field(u8, op)
				     __field(u64, sector)
				     __field(u32, bytes)
		    ),
		    TP_fast_assign(__entry->id = evs->id;
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
	     TP_PROTO(const struct evs_device *evs, struct request *rq),
	     TP_ARGS(evs, rq)
);

/* The cipher begins with the data of a request */
DEFINE_EVENT(evs_request, evs_cipher_begin,
	     TP_PROTO(const struct evs_device *evs, struct request *rq),
	     TP_ARGS(evs, rq)
);

DECLARE_EVENT_CLASS(evs_request_result,
		    TP_PROTO(const struct evs_device *evs, struct request *rq,
			     int err),
		    TP_ARGS(evs, rq, err),
		    TP_STRUCT__entry(__field(u32, id)
				     __field(int, tag)
				     __field(u8, op)
				     __field(u64, sector)
				     __field(u32, bytes)
				     __field(int, err)
		    ),
		    TP_fast_assign(__entry->id = evs->id;
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
	     TP_PROTO(const struct evs_device *evs, struct request *rq, int err),
	     TP_ARGS(evs, rq, err)
);

/* A request that was on its way is about to be ended, well or not */
DEFINE_EVENT(evs_request_result, evs_request_end,
	     TP_PROTO(const struct evs_device *evs, struct request *rq, int err),
	     TP_ARGS(evs, rq, err)
);

/* What a disk does with I/O changes */
TRACE_EVENT(evs_state,
	    TP_PROTO(const struct evs_device *evs, enum evs_dev_state old,
		     enum evs_dev_state new, enum evs_event event,
		     enum evs_cause cause),
	    TP_ARGS(evs, old, new, event, cause),
	    TP_STRUCT__entry(__field(u32, id)
			     __field(u8, old)
			     __field(u8, new)
			     __field(u8, event)
			     __field(u8, cause)
	    ),
	    TP_fast_assign(__entry->id = evs->id;
			   __entry->old = old;
			   __entry->new = new;
			   __entry->event = event;
			   __entry->cause = cause;
	    ),
	    TP_printk("disk=evs%u old=%s new=%s event=%s cause=%s",
		      __entry->id, evs_show_state(__entry->old),
		      evs_show_state(__entry->new),
		      evs_show_event(__entry->event),
		      evs_show_cause(__entry->cause))
);

#endif /* _EVS_TRACE_H */

/* Below the folders that ccflags-y names */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
