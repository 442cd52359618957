// SPDX-License-Identifier: GPL-2.0
/* Fixture of doorbell.cocci: each marked line is to be reported. Never compiled. */

struct nvme_dev {
	u32 __iomem *dbs;
	u32 db_stride;
	void __iomem *bar;
};

struct nvme_queue {
	struct nvme_dev *dev;
	struct nvme_dbbuf_db sq_dbbuf;
	struct nvme_dbbuf_db cq_dbbuf;
	u32 __iomem *q_db;
	u16 sq_tail;
	u16 cq_head;
};

static void unasked(struct nvme_queue *nvmeq)
{
	writel(nvmeq->sq_tail, nvmeq->q_db);			/* BAD */
	writel(nvmeq->cq_head, nvmeq->q_db + nvmeq->dev->db_stride); /* BAD */
	writel_relaxed(nvmeq->sq_tail, nvmeq->q_db);		/* BAD */
}

static void asked_for_another_value(struct nvme_queue *nvmeq, u16 tail)
{
	if (nvme_dbbuf_update_and_check_event(&nvmeq->sq_dbbuf, tail))
		writel(nvmeq->sq_tail, nvmeq->q_db);		/* BAD */
}

static void asked_the_wrong_doorbell(struct nvme_queue *nvmeq, u16 head)
{
	if (nvme_dbbuf_update_and_check_event(&nvmeq->sq_dbbuf, head))
		writel(head, nvmeq->q_db + nvmeq->dev->db_stride); /* BAD */
}

static void asked_and_not_heard(struct nvme_queue *nvmeq)
{
	nvme_dbbuf_update_and_check_event(&nvmeq->sq_dbbuf, nvmeq->sq_tail);
	writel(nvmeq->sq_tail, nvmeq->q_db);			/* BAD */
}

static void asked_the_other_way_round(struct nvme_queue *nvmeq, u16 tail)
{
	if (!nvme_dbbuf_update_and_check_event(&nvmeq->sq_dbbuf, tail))
		writel(tail, nvmeq->q_db);			/* BAD */
}

static void by_another_name(struct nvme_queue *nvmeq, struct nvme_dev *dev)
{
	u32 __iomem *reg = nvmeq->q_db;				/* BAD */

	writel(nvmeq->sq_tail, reg);
	writel(0, dev->dbs + 2);				/* BAD */
	writel(0, dev->bar + NVME_REG_DBS + 8);			/* BAD */
	writel(0, dev->bar + 4096);				/* BAD */
}

static void not_the_last(struct nvme_dbbuf_slot *slot, struct nvme_dbbuf_db *db)
{
	writel(*slot->position, slot->reg);			/* BAD */
	db->last_rung = db->last;
	db->last = *slot->position;
	writel(db->last, slot->reg);				/* BAD */
}

static void not_remembered(struct nvme_dbbuf_slot *slot)
{
	writel(slot->db->last, slot->reg);			/* BAD */
}
