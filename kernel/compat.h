/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernels that EVS builds on, and nothing else
 */
#ifndef _EVS_COMPAT_H
#define _EVS_COMPAT_H

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/hrtimer.h>
#include <linux/slab.h>

/*
 * Up to 6.13 a tag set asks for merging, since 6.14 it always merges. The flag
 * is an enumerator; this macro went in the same release.
 */
#ifdef BLK_ALLOC_POLICY_TO_MQ_FLAG
#define EVS_COMPAT_MQ_FLAGS	BLK_MQ_F_SHOULD_MERGE
#else
#define EVS_COMPAT_MQ_FLAGS	0
#endif

/* Up to 6.12 a disk can do atomic writes if it has limits for them */
#ifdef BLK_FEAT_ATOMIC_WRITES
#define EVS_COMPAT_FEAT_ATOMIC_WRITES	BLK_FEAT_ATOMIC_WRITES
#else
#define EVS_COMPAT_FEAT_ATOMIC_WRITES	0
#endif

/* Not in 6.12 */
#ifndef kzalloc_obj
#define kmalloc_obj(P)		kmalloc(sizeof(P), GFP_KERNEL)
#define kzalloc_obj(P)		kzalloc(sizeof(P), GFP_KERNEL)
#endif

/* In one step since 6.13; the two steps went later than the macro above */
static inline void
evs_compat_hrtimer_setup(struct hrtimer *timer,
			 enum hrtimer_restart (*function)(struct hrtimer *),
			 clockid_t clock_id, enum hrtimer_mode mode)
{
#ifdef BLK_ALLOC_POLICY_TO_MQ_FLAG
	hrtimer_init(timer, clock_id, mode);
	timer->function = function;
#else
	hrtimer_setup(timer, function, clock_id, mode);
#endif
}

#endif /* _EVS_COMPAT_H */
