// SPDX-License-Identifier: GPL-2.0
/* Fixture of eventidx.cocci: each marked line is to be reported. Never compiled. */

#include "dbbuf.h"

static u16 believed(struct nvme_dbbuf_db *db, struct nvme_queue *nvmeq)
{
	u32 eventidx = le32_to_cpu(READ_ONCE(*db->eventidx));
	u32 index;

	index = le32_to_cpu(READ_ONCE(*db->eventidx));
	if (index == 0xffffffff)				/* BAD */
		return 0;
	nvmeq->sq_tail = index;					/* BAD */
	clear(nvmeq, index);					/* BAD */
	return nvmeq->sqes[eventidx].qid;			/* BAD */
}

static bool compared_by_hand(struct nvme_dbbuf_db *db, u16 value)
{
	if (le32_to_cpu(READ_ONCE(*db->eventidx)) == value)	/* BAD */
		return true;
	return (s16)(value - (u16)le32_to_cpu(READ_ONCE(*db->eventidx))) > 0; /* BAD */
}

static bool in_the_wrong_place(struct nvme_dbbuf_db *db, u16 value)
{
	u32 eventidx;

	eventidx = le32_to_cpu(READ_ONCE(*db->eventidx));
	return nvme_dbbuf_need_event(value, db->last_position, value,
				     eventidx);			/* BAD */
}

static bool handed_down(struct nvme_dbbuf_db *db, u32 eventidx)
{
	return db->last < eventidx;				/* BAD */
}

static u32 kept(struct nvme_dbbuf_loss *loss, struct nvme_dbbuf_queue *queue)
{
	if (queue->probed_for.eventidx > loss->last)		/* BAD */
		return loss->eventidx;				/* BAD */
	return 0;
}

static void written(struct nvme_dbbuf_ctrl *dbbuf, struct nvme_dbbuf_db *db)
{
	WRITE_ONCE(*db->eventidx, cpu_to_le32(1));		/* BAD */
	WRITE_ONCE(dbbuf->eventidxs[2], cpu_to_le32(1));	/* BAD */
}
