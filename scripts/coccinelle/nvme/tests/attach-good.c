// SPDX-License-Identifier: GPL-2.0
/* Fixture of attach.cocci: all that a driver may do. Never compiled. */

#include "dbbuf.h"

static void attach_queue(struct nvme_dbbuf_queue *queue)
{
	WRITE_ONCE(queue->sq.db->slot, &queue->sq);
	WRITE_ONCE(queue->cq.db->shadow, queue->cq.shadow);
}

static void detach_queue(struct nvme_dbbuf_queue *queue)
{
	WRITE_ONCE(queue->sq.db->slot, NULL);
	WRITE_ONCE(queue->cq.db->shadow, NULL);
}

static void configure(struct nvme_dbbuf_ctrl *dbbuf, unsigned int nr_online)
{
	unsigned int qid;
	int status;

	status = nvme_dbbuf_submit(dbbuf);
	mutex_lock(&dbbuf->lock);
	if (dbbuf->state == NVME_DBBUF_CONFIGURING) {
		if (status) {
			dbbuf->state = NVME_DBBUF_REFUSED;
		} else {
			for (qid = 1; qid < nr_online; qid++)
				attach_queue(&dbbuf->queues[qid]);
			dbbuf->nr_attached = nr_online - 1;
		}
	}
	mutex_unlock(&dbbuf->lock);
}

static int configure_one(struct nvme_dbbuf_ctrl *dbbuf)
{
	int status = nvme_dbbuf_submit(dbbuf);

	if (status) {
		dbbuf->nr_attached = 0;
		return status;
	}
	attach_queue(&dbbuf->queues[1]);
	dbbuf->nr_attached = 1;
	return 0;
}

static void trust(struct nvme_dbbuf_ctrl *dbbuf)
{
	unsigned int qid;

	for (qid = 1; qid <= dbbuf->nr_attached; qid++) {
		struct nvme_dbbuf_slot *cq = &dbbuf->queues[qid].cq;

		WRITE_ONCE(cq->db->shadow, cq->shadow);
	}
}

static bool unpark(struct nvme_dbbuf_db *db)
{
	struct nvme_dbbuf_slot *slot = READ_ONCE(db->slot);

	if (!slot)
		return false;
	WRITE_ONCE(db->shadow, slot->shadow);
	return true;
}
