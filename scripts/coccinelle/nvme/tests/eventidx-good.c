// SPDX-License-Identifier: GPL-2.0
/* Fixture of eventidx.cocci: all that a driver may do. Never compiled. */

#include "dbbuf.h"

static inline bool nvme_dbbuf_need_event(u32 eventidx, u16 last_position,
					 u16 value, u16 old)
{
	return eventidx <= last_position &&
	       (u16)(value - (u16)eventidx - 1) < (u16)(value - old);
}

static bool compare(struct nvme_dbbuf_db *db, u16 value, u16 old)
{
	u32 eventidx = 0;
	bool ring;

	eventidx = le32_to_cpu(READ_ONCE(*db->eventidx));
	ring = nvme_dbbuf_need_event(eventidx, db->last_position, value, old);
	return nvme_dbbuf_trace_doorbell(db, value, eventidx, ring);
}

static bool compare_at_once(struct nvme_dbbuf_db *db, u16 value, u16 old)
{
	trace_nvme_dbbuf_recover(db->slot,
				 le32_to_cpu(READ_ONCE(*db->eventidx)));
	return nvme_dbbuf_need_event(le32_to_cpu(READ_ONCE(*db->eventidx)),
				     db->last_position, value, old);
}

static void keep(struct nvme_dbbuf_db *db, struct nvme_dbbuf_loss *loss)
{
	loss->eventidx = le32_to_cpu(READ_ONCE(*db->eventidx));
	loss->last = READ_ONCE(db->last);
}

static bool compare_kept(struct nvme_dbbuf_db *db, struct seq_file *s, u16 old)
{
	struct nvme_dbbuf_loss loss;

	keep(db, &loss);
	seq_printf(s, "%u\n", loss.eventidx);
	return nvme_dbbuf_need_event(loss.eventidx, db->last_position,
				     loss.last, old);
}

static void aim(struct nvme_dbbuf_ctrl *dbbuf, struct nvme_dbbuf_db *db,
		size_t word)
{
	db->eventidx = &dbbuf->eventidxs[word];
	memset(dbbuf->eventidxs, 0, NVME_CTRL_PAGE_SIZE);
}
