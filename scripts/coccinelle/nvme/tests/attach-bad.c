// SPDX-License-Identifier: GPL-2.0
/* Fixture of attach.cocci: each marked line is to be reported. Never compiled. */

#include "dbbuf.h"

static void attach_queue(struct nvme_dbbuf_queue *queue)
{
	WRITE_ONCE(queue->sq.db->slot, &queue->sq);
	WRITE_ONCE(queue->cq.db->shadow, queue->cq.shadow);
}

static void before_the_command(struct nvme_dbbuf_ctrl *dbbuf)
{
	int status;

	attach_queue(&dbbuf->queues[1]);			/* BAD */
	dbbuf->nr_attached = 1;					/* BAD */
	status = nvme_dbbuf_submit(dbbuf);
	if (status)
		dbbuf->nr_attached = 0;
}

static void status_not_looked_at(struct nvme_dbbuf_ctrl *dbbuf)
{
	int status = nvme_dbbuf_submit(dbbuf);

	attach_queue(&dbbuf->queues[1]);			/* BAD */
	dbbuf->status = status;
	dbbuf->nr_attached = 1;					/* BAD */
}

static void after_failure(struct nvme_dbbuf_ctrl *dbbuf)
{
	int status = nvme_dbbuf_submit(dbbuf);

	if (status) {
		attach_queue(&dbbuf->queues[1]);		/* BAD */
		dbbuf->nr_attached = 1;				/* BAD */
	}
}

static void status_of_something_else(struct nvme_dbbuf_ctrl *dbbuf)
{
	int status = nvme_dbbuf_submit(dbbuf);

	status = nvme_reset_ctrl(dbbuf->ctrl);
	if (status)
		return;
	attach_queue(&dbbuf->queues[1]);			/* BAD */
}

static int around_the_command(struct nvme_dbbuf_ctrl *dbbuf)
{
	int status = 0;

	if (dbbuf->nr_attached)
		status = nvme_dbbuf_submit(dbbuf);
	if (status)
		return status;
	attach_queue(&dbbuf->queues[1]);			/* BAD */
	return 0;
}

static void without_a_command(struct nvme_dbbuf_ctrl *dbbuf)
{
	attach_queue(&dbbuf->queues[1]);			/* BAD */
}

/* Called from elsewhere. */
void init_queue(struct nvme_dbbuf_slot *slot)
{
	slot->db->shadow = slot->shadow;			/* BAD */
	slot->db->slot = slot;					/* BAD */
}

void create_queue(struct nvme_queue *nvmeq, struct nvme_dbbuf_ctrl *dbbuf)
{
	nvmeq->sq_dbbuf.shadow = &dbbuf->shadows[2];		/* BAD */
}

static void not_by_its_own_slot(struct nvme_dbbuf_db *db,
				struct nvme_dbbuf_slot *slot)
{
	WRITE_ONCE(db->shadow, slot->shadow);			/* BAD */
}

static void not_attached_ones(struct nvme_dbbuf_ctrl *dbbuf)
{
	unsigned int qid;

	for (qid = 1; qid < dbbuf->nr_queues; qid++) {
		struct nvme_dbbuf_slot *cq = &dbbuf->queues[qid].cq;

		WRITE_ONCE(cq->db->shadow, cq->shadow);		/* BAD */
	}
}
