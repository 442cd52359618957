// SPDX-License-Identifier: GPL-2.0
/* Fixture of doorbell.cocci: all that a driver may do. Never compiled. */

struct nvme_dev {
	u32 __iomem *dbs;
	u32 db_stride;
	void __iomem *bar;
	struct nvme_dbbuf_ctrl dbbuf;
};

struct nvme_queue {
	struct nvme_dev *dev;
	struct nvme_dbbuf_db sq_dbbuf;
	struct nvme_dbbuf_db cq_dbbuf;
	spinlock_t sq_lock;		/* guards sq_dbbuf */
	spinlock_t cq_poll_lock;	/* guards cq_dbbuf */
	u32 __iomem *q_db;
	u16 sq_tail;
	u16 cq_head;
};

static void submit(struct nvme_queue *queue)
{
	if (nvme_dbbuf_update_and_check_event(&queue->sq_dbbuf, queue->sq_tail))
		writel(queue->sq_tail, queue->q_db);
}

static void complete(struct nvme_queue *queue, u16 head)
{
	if (nvme_dbbuf_update_and_check_event(&queue->cq_dbbuf, head))
		writel(head, queue->q_db + queue->dev->db_stride);
}

static void start(struct nvme_dev *dev, struct nvme_queue *queue, u16 qid)
{
	dev->dbs = dev->bar + NVME_REG_DBS;
	writel(0, dev->bar + NVME_REG_INTMS);
	queue->q_db = &dev->dbs[2 * qid * dev->db_stride];
	nvme_dbbuf_init_sq(&dev->dbbuf, qid, &queue->sq_dbbuf,
			   &queue->sq_lock, &queue->sq_tail, queue->q_db,
			   32, false);
	nvme_dbbuf_init_cq(&dev->dbbuf, qid, &queue->cq_dbbuf,
			   &queue->cq_poll_lock, &queue->cq_head,
			   queue->q_db + dev->db_stride, 32, true, 0);
}

static void know(struct nvme_dbbuf_queue *queue, u32 __iomem *reg)
{
	queue->sq.reg = reg;
	queue->cq.reg = reg + 1;
}

static void repeat(struct nvme_dbbuf_slot *slot, struct nvme_dbbuf_db *db)
{
	if (db->last != db->last_rung) {
		db->last_rung = db->last;
		writel(db->last, slot->reg);
	}
}
