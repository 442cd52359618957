// SPDX-License-Identifier: GPL-2.0
/* Fixture of shared_words.cocci: all that a driver may do. Never compiled. */

#include "dbbuf.h"

static inline void nvme_dbbuf_store_release(__le32 *shadow, __le32 value)
{
	/* A of dbbuf.h, in both of its forms */
	virt_store_release(shadow, value);
	WRITE_ONCE(*shadow, value);
}

static u32 publish(struct nvme_dbbuf_db *db, u16 value)
{
	__le32 *shadow = READ_ONCE(db->shadow);

	if (!shadow || !db->eventidx)
		return 0;
	nvme_dbbuf_store_release(shadow, cpu_to_le32(value));
	nvme_dbbuf_store_release(db->shadow, cpu_to_le32(value));
	return le32_to_cpu(READ_ONCE(*db->eventidx));
}

static void seed(struct nvme_dbbuf_ctrl *dbbuf, size_t word, u16 position)
{
	memset(dbbuf->shadows, 0, NVME_CTRL_PAGE_SIZE);
	memset(dbbuf->eventidxs, 0, NVME_CTRL_PAGE_SIZE);
	WRITE_ONCE(dbbuf->shadows[word], cpu_to_le32(position));
}

static void attach(struct nvme_dbbuf_ctrl *dbbuf, struct nvme_dbbuf_slot *slot,
		   size_t word, u16 position)
{
	slot->shadow = &dbbuf->shadows[word];
	slot->db->eventidx = &dbbuf->eventidxs[word];
	WRITE_ONCE(*slot->shadow, cpu_to_le32(position));
	WRITE_ONCE(slot->db->shadow, slot->shadow);
}

static void release(struct nvme_dbbuf_ctrl *dbbuf)
{
	dma_free_coherent(dbbuf->dev, NVME_CTRL_PAGE_SIZE, dbbuf->shadows,
			  dbbuf->shadows_dma);
	dbbuf->shadows = NULL;
}
