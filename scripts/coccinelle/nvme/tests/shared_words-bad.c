// SPDX-License-Identifier: GPL-2.0
/* Fixture of shared_words.cocci: each marked line is to be reported. Never compiled. */

#include "dbbuf.h"

static u32 plain_loads(struct nvme_dbbuf_db *db, struct nvme_dbbuf_ctrl *dbbuf)
{
	u32 sum = le32_to_cpu(*db->eventidx);			/* BAD */

	sum += le32_to_cpu(dbbuf->eventidxs[2]);		/* BAD */
	sum += le32_to_cpup(db->eventidx);			/* BAD */
	sum += le32_to_cpu(*(__force u32 *)db->eventidx);	/* BAD */
	return sum;
}

static u32 loads_without_conversion(struct nvme_dbbuf_db *db,
				    struct nvme_dbbuf_ctrl *dbbuf)
{
	__le32 raw = READ_ONCE(*db->eventidx);			/* BAD */

	raw += READ_ONCE(dbbuf->eventidxs[2]);			/* BAD */
	return le16_to_cpu(READ_ONCE(*db->eventidx)) + raw;	/* BAD */
}

static void plain_stores(struct nvme_dbbuf_slot *slot, u16 position)
{
	*slot->shadow = cpu_to_le32(position);			/* BAD */
	slot->dbbuf->shadows[2] = cpu_to_le32(position);	/* BAD */
}

static void stores_without_conversion(struct nvme_dbbuf_slot *slot,
				      u16 position)
{
	WRITE_ONCE(*slot->shadow, position);			/* BAD */
	WRITE_ONCE(slot->dbbuf->shadows[2], position);		/* BAD */
	nvme_dbbuf_store_release(slot->shadow, position);	/* BAD */
	nvme_dbbuf_store_release(slot->shadow, cpu_to_le16(position)); /* BAD */
}

static u32 locals(struct nvme_dbbuf_db *db, u16 position)
{
	__le32 *shadow = READ_ONCE(db->shadow);

	*shadow = cpu_to_le32(position);			/* BAD */
	WRITE_ONCE(*shadow, position);				/* BAD */
	nvme_dbbuf_store_release(shadow, position);		/* BAD */
	smp_store_release(shadow, position);			/* BAD */
	return le32_to_cpu(*shadow) +				/* BAD */
	       le32_to_cpu(shadow[1]);				/* BAD */
}

static void pages(struct nvme_dbbuf_ctrl *dbbuf, void *copy)
{
	memcpy(copy, dbbuf->eventidxs, NVME_CTRL_PAGE_SIZE);	/* BAD */
	memset(dbbuf->shadows, 0xff, NVME_CTRL_PAGE_SIZE);	/* BAD */
}
