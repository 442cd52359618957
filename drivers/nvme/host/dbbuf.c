// SPDX-License-Identifier: GPL-2.0
/*
 * Shadow doorbells: NVMe Doorbell Buffer Config (admin command 7Ch), host side.
 *
 * This file is the life cycle; the fast path and its ordering contract are in
 * dbbuf.h. In the order in which the PCI driver calls it:
 *
 *	nvme_dbbuf_init()	once, before the controller can be disabled
 *	nvme_dbbuf_prepare()	at each reset, when the controller is identified
 *	nvme_dbbuf_init_sq/cq()	for each queue pair that is created
 *	nvme_dbbuf_configure()	when all queues exist, before I/O runs on them
 *	nvme_dbbuf_detach()	before the controller is disabled, on every path
 *	nvme_dbbuf_free()	when the controller cannot reach the pages any more
 *
 * No doorbell points into the pages unless the controller has accepted them, and
 * none does when it is disabled. The pages are allocated once and stay where
 * they are until the end, whatever the controller says in between. The command
 * is sent once after each reset, and either all I/O queues are attached or none;
 * the admin queue never is, several controllers do not read its shadow doorbell.
 */
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "nvme.h"
#include "dbbuf.h"

enum nvme_dbbuf_mode {
	NVME_DBBUF_MODE_OFF,
	NVME_DBBUF_MODE_ON,
	NVME_DBBUF_MODE_BIT7,
};

static const char * const nvme_dbbuf_modes[] = {
	[NVME_DBBUF_MODE_OFF]	= "off",
	[NVME_DBBUF_MODE_ON]	= "on",
	[NVME_DBBUF_MODE_BIT7]	= "bit7",
};

static enum nvme_dbbuf_mode nvme_dbbuf_mode = NVME_DBBUF_MODE_ON;

static int nvme_dbbuf_mode_set(const char *val, const struct kernel_param *kp)
{
	int mode = sysfs_match_string(nvme_dbbuf_modes, val);

	if (mode < 0)
		return mode;
	WRITE_ONCE(nvme_dbbuf_mode, mode);
	return 0;
}

static int nvme_dbbuf_mode_get(char *buffer, const struct kernel_param *kp)
{
	return sprintf(buffer, "%s\n",
		       nvme_dbbuf_modes[READ_ONCE(nvme_dbbuf_mode)]);
}

static const struct kernel_param_ops nvme_dbbuf_mode_ops = {
	.set	= nvme_dbbuf_mode_set,
	.get	= nvme_dbbuf_mode_get,
};

module_param_cb(dbbuf, &nvme_dbbuf_mode_ops, NULL, 0644);
__MODULE_PARM_TYPE(dbbuf, "on|off|bit7");
MODULE_PARM_DESC(dbbuf,
		 "shadow doorbells, from a controller's next reset on: on (default), off, or bit7, which also takes OACS bit 7 for support");

/*
 * The pages are laid out as the doorbell registers are; all of these count in 32
 * bit words.
 */
static size_t nvme_dbbuf_sq_word(unsigned int qid, unsigned int stride)
{
	return (size_t)2 * qid * stride;
}

static size_t nvme_dbbuf_cq_word(unsigned int qid, unsigned int stride)
{
	return ((size_t)2 * qid + 1) * stride;
}

static bool nvme_dbbuf_fits(unsigned int last_qid, unsigned int stride)
{
	/* Divided, not multiplied: stride goes up to 2^15, qid to 2^16 - 1. */
	return 2 * last_qid + 1 <=
	       (NVME_CTRL_PAGE_SIZE / sizeof(__le32) - 1) / stride;
}

static bool nvme_dbbuf_supported(u16 oacs, enum nvme_dbbuf_mode mode)
{
	if (oacs & NVME_CTRL_OACS_DBBUF_SUPP)
		return true;
	/* The first drivers and controllers took bit 7 for it. */
	return mode == NVME_DBBUF_MODE_BIT7 &&
	       (oacs & NVME_CTRL_OACS_VIRT_MGMT_SUPP);
}

/* The directory that holds one directory for each controller. */
static struct dentry *nvme_dbbuf_root;
static unsigned int nvme_dbbuf_root_users;
static DEFINE_MUTEX(nvme_dbbuf_root_lock);

static const char * const nvme_dbbuf_states[] = {
	[NVME_DBBUF_IDLE]		= "idle",
	[NVME_DBBUF_OFF]		= "off",
	[NVME_DBBUF_UNSUPPORTED]	= "unsupported",
	[NVME_DBBUF_NO_MEMORY]		= "no-memory",
	[NVME_DBBUF_TOO_LARGE]		= "too-large",
	[NVME_DBBUF_PREPARED]		= "prepared",
	[NVME_DBBUF_CONFIGURING]	= "configuring",
	[NVME_DBBUF_REFUSED]		= "refused",
	[NVME_DBBUF_ACTIVE]		= "active",
};

static int nvme_dbbuf_state_show(struct seq_file *s, void *unused)
{
	struct nvme_dbbuf_ctrl *dbbuf = s->private;

	mutex_lock(&dbbuf->lock);
	seq_puts(s, nvme_dbbuf_states[dbbuf->state]);
	switch (dbbuf->state) {
	case NVME_DBBUF_UNSUPPORTED:
		seq_printf(s, " (OACS %#x)", dbbuf->ctrl->oacs);
		break;
	case NVME_DBBUF_REFUSED:
		seq_printf(s, dbbuf->status < 0 ? " (error %d)" :
			   " (status %#x)", dbbuf->status);
		break;
	case NVME_DBBUF_ACTIVE:
		seq_printf(s, " (%u I/O queues)", dbbuf->nr_attached);
		break;
	default:
		break;
	}
	seq_putc(s, '\n');
	mutex_unlock(&dbbuf->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(nvme_dbbuf_state);

static void nvme_dbbuf_show_db(struct seq_file *s, unsigned int qid,
			       const char *type, const struct nvme_dbbuf_db *db)
{
	unsigned long rung = READ_ONCE(db->rung), published;

	/*
	 * Pairs with the full barrier between the two counters' updates: no
	 * doorbell has rung more often than it was published.
	 */
	smp_rmb();
	published = READ_ONCE(db->published);
	seq_printf(s, "%u %s published %lu rung %lu suppressed %lu\n",
		   qid, type, published, rung, published - rung);
}

static int nvme_dbbuf_queues_show(struct seq_file *s, void *unused)
{
	struct nvme_dbbuf_ctrl *dbbuf = s->private;
	unsigned int qid;

	mutex_lock(&dbbuf->lock);
	for (qid = 1; qid < dbbuf->nr_queues; qid++) {
		const struct nvme_dbbuf_queue *queue = &dbbuf->queues[qid];

		if (!queue->sq || !queue->cq)
			continue;
		nvme_dbbuf_show_db(s, qid, "sq", queue->sq);
		nvme_dbbuf_show_db(s, qid, "cq", queue->cq);
	}
	mutex_unlock(&dbbuf->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(nvme_dbbuf_queues);

static void nvme_dbbuf_add_debugfs(struct nvme_dbbuf_ctrl *dbbuf)
{
	mutex_lock(&nvme_dbbuf_root_lock);
	if (!nvme_dbbuf_root_users++)
		nvme_dbbuf_root = debugfs_create_dir(KBUILD_MODNAME "-dbbuf",
						     NULL);
	dbbuf->debugfs = debugfs_create_dir(dev_name(dbbuf->ctrl->device),
					    nvme_dbbuf_root);
	mutex_unlock(&nvme_dbbuf_root_lock);

	debugfs_create_file("state", 0444, dbbuf->debugfs, dbbuf,
			    &nvme_dbbuf_state_fops);
	debugfs_create_file("queues", 0444, dbbuf->debugfs, dbbuf,
			    &nvme_dbbuf_queues_fops);
}

static void nvme_dbbuf_remove_debugfs(struct nvme_dbbuf_ctrl *dbbuf)
{
	mutex_lock(&nvme_dbbuf_root_lock);
	debugfs_remove_recursive(dbbuf->debugfs);
	dbbuf->debugfs = NULL;
	if (!--nvme_dbbuf_root_users)
		debugfs_remove_recursive(nvme_dbbuf_root);
	mutex_unlock(&nvme_dbbuf_root_lock);
}

/*
 * GFP_NOIO: when shadow doorbells get switched on by a reset, all I/O to this
 * controller is waiting for the end of the reset.
 */
static bool nvme_dbbuf_alloc(struct nvme_dbbuf_ctrl *dbbuf)
{
	if (!dbbuf->shadows)
		dbbuf->shadows = dma_alloc_coherent(dbbuf->dev,
						    NVME_CTRL_PAGE_SIZE,
						    &dbbuf->shadows_dma,
						    GFP_NOIO);
	if (!dbbuf->eventidxs)
		dbbuf->eventidxs = dma_alloc_coherent(dbbuf->dev,
						      NVME_CTRL_PAGE_SIZE,
						      &dbbuf->eventidxs_dma,
						      GFP_NOIO);
	return dbbuf->shadows && dbbuf->eventidxs;
}

/**
 * nvme_dbbuf_init() - initialize a controller's shadow doorbells
 * @dbbuf: shadow doorbells, zeroed
 *
 * Context: Before any other function of this file is called for @dbbuf.
 */
void nvme_dbbuf_init(struct nvme_dbbuf_ctrl *dbbuf)
{
	mutex_init(&dbbuf->lock);
}

/**
 * nvme_dbbuf_prepare() - decide whether to use shadow doorbells, get the pages
 * @dbbuf: shadow doorbells
 * @ctrl: the controller, whose OACS field has been read after its last reset
 * @dev: device that does the controller's DMA
 * @nr_queues: number of queue pairs there can ever be, the admin queue included
 * @stride: distance of two doorbells, in 32 bit words
 *
 * Nothing here is an error: without memory or support all doorbells stay plain.
 *
 * Context: Process context, while the controller is being connected: after it
 * was identified, before its I/O queues are created.
 */
void nvme_dbbuf_prepare(struct nvme_dbbuf_ctrl *dbbuf, struct nvme_ctrl *ctrl,
			struct device *dev, unsigned int nr_queues,
			unsigned int stride)
{
	enum nvme_dbbuf_mode mode = READ_ONCE(nvme_dbbuf_mode);
	enum nvme_dbbuf_state state;

	if (!dbbuf->queues) {
		dbbuf->ctrl = ctrl;
		dbbuf->dev = dev;
		dbbuf->queues = kcalloc(nr_queues, sizeof(*dbbuf->queues),
					GFP_NOIO);
		if (dbbuf->queues) {
			dbbuf->nr_queues = nr_queues;
			nvme_dbbuf_add_debugfs(dbbuf);
		}
	}

	if (mode == NVME_DBBUF_MODE_OFF)
		state = NVME_DBBUF_OFF;
	else if (!nvme_dbbuf_supported(ctrl->oacs, mode))
		state = NVME_DBBUF_UNSUPPORTED;
	else if (!dbbuf->queues || !nvme_dbbuf_alloc(dbbuf))
		state = NVME_DBBUF_NO_MEMORY;
	else
		state = NVME_DBBUF_PREPARED;

	mutex_lock(&dbbuf->lock);
	dbbuf->stride = stride;
	dbbuf->state = state;
	mutex_unlock(&dbbuf->lock);
}

static struct nvme_dbbuf_queue *nvme_dbbuf_queue(struct nvme_dbbuf_ctrl *dbbuf,
						 unsigned int qid)
{
	if (!qid || qid >= dbbuf->nr_queues)
		return NULL;
	return &dbbuf->queues[qid];
}

/**
 * nvme_dbbuf_init_sq() - make a new submission queue's doorbell known
 * @dbbuf: shadow doorbells
 * @qid: queue identifier; nothing is done for 0, the admin queue
 * @sq: the doorbell, not attached
 * @sq_lock: what guards @sq and @sq_tail
 * @sq_tail: submission queue tail
 * @depth: number of entries in the queue, 2 to 65536
 * @write_combined: the entries are in write-combined memory
 *
 * Context: Process context; nobody uses the queue yet.
 */
void nvme_dbbuf_init_sq(struct nvme_dbbuf_ctrl *dbbuf, unsigned int qid,
			struct nvme_dbbuf_db *sq, spinlock_t *sq_lock,
			const u16 *sq_tail, u32 depth, bool write_combined)
{
	struct nvme_dbbuf_queue *queue = nvme_dbbuf_queue(dbbuf, qid);

	if (!queue)
		return;
	sq->last_position = depth - 1;
	sq->write_combined = write_combined;
	mutex_lock(&dbbuf->lock);
	queue->sq = sq;
	queue->sq_lock = sq_lock;
	queue->sq_tail = sq_tail;
	mutex_unlock(&dbbuf->lock);
}

/**
 * nvme_dbbuf_init_cq() - make a new completion queue's doorbell known
 * @dbbuf: shadow doorbells
 * @qid: queue identifier; nothing is done for 0, the admin queue
 * @cq: the doorbell, not attached
 * @cq_poll_lock: what guards @cq and @cq_head, but against the handler of @irq
 * @cq_head: completion queue head
 * @depth: number of entries in the queue, 2 to 65536
 * @polled: the queue has no interrupt
 * @irq: else its Linux interrupt number
 *
 * Context: Process context; nobody uses the queue yet.
 */
void nvme_dbbuf_init_cq(struct nvme_dbbuf_ctrl *dbbuf, unsigned int qid,
			struct nvme_dbbuf_db *cq, spinlock_t *cq_poll_lock,
			const u16 *cq_head, u32 depth, bool polled, int irq)
{
	struct nvme_dbbuf_queue *queue = nvme_dbbuf_queue(dbbuf, qid);

	if (!queue)
		return;
	cq->last_position = depth - 1;
	mutex_lock(&dbbuf->lock);
	queue->cq = cq;
	queue->cq_poll_lock = cq_poll_lock;
	queue->cq_head = cq_head;
	queue->polled = polled;
	queue->irq = irq;
	mutex_unlock(&dbbuf->lock);
}

/* All that an update looks at, before it gets to see the shadow doorbell. */
static void nvme_dbbuf_aim_db(struct nvme_dbbuf_ctrl *dbbuf,
			      struct nvme_dbbuf_db *db, size_t word,
			      u16 position)
{
	db->eventidx = &dbbuf->eventidxs[word];
	db->last = position;
	/* It may have moved, by MMIO, since the page was seeded. */
	WRITE_ONCE(dbbuf->shadows[word], cpu_to_le32(position));
}

static void nvme_dbbuf_attach_queue(struct nvme_dbbuf_ctrl *dbbuf,
				    unsigned int qid)
{
	struct nvme_dbbuf_queue *queue = &dbbuf->queues[qid];
	size_t sq_word = nvme_dbbuf_sq_word(qid, dbbuf->stride);
	size_t cq_word = nvme_dbbuf_cq_word(qid, dbbuf->stride);

	spin_lock(queue->sq_lock);
	nvme_dbbuf_aim_db(dbbuf, queue->sq, sq_word, *queue->sq_tail);
	WRITE_ONCE(queue->sq->shadow, &dbbuf->shadows[sq_word]);
	spin_unlock(queue->sq_lock);

	spin_lock(queue->cq_poll_lock);
	nvme_dbbuf_aim_db(dbbuf, queue->cq, cq_word, READ_ONCE(*queue->cq_head));
	spin_unlock(queue->cq_poll_lock);

	/*
	 * The handler takes no lock. One that starts after this sees all of the
	 * above. One that is here before the shadow doorbell is attached, for no
	 * command has been submitted yet, leaves it behind by what it consumes
	 * now, until the next completion: the queue cannot look full by that.
	 */
	if (!queue->polled)
		synchronize_irq(queue->irq);

	spin_lock(queue->cq_poll_lock);
	WRITE_ONCE(queue->cq->shadow, &dbbuf->shadows[cq_word]);
	spin_unlock(queue->cq_poll_lock);
}

static void nvme_dbbuf_detach_queue(struct nvme_dbbuf_queue *queue)
{
	spin_lock(queue->sq_lock);
	WRITE_ONCE(queue->sq->shadow, NULL);
	spin_unlock(queue->sq_lock);

	spin_lock(queue->cq_poll_lock);
	WRITE_ONCE(queue->cq->shadow, NULL);
	spin_unlock(queue->cq_poll_lock);
	/* A handler that is at work may have seen the shadow doorbell. */
	if (!queue->polled)
		synchronize_irq(queue->irq);
}

/* Clean words, whatever a queue of the same identifier has left in them. */
static void nvme_dbbuf_seed(struct nvme_dbbuf_ctrl *dbbuf,
			    unsigned int nr_online)
{
	unsigned int qid;

	memset(dbbuf->shadows, 0, NVME_CTRL_PAGE_SIZE);
	memset(dbbuf->eventidxs, 0, NVME_CTRL_PAGE_SIZE);

	for (qid = 1; qid < nr_online; qid++) {
		const struct nvme_dbbuf_queue *queue = &dbbuf->queues[qid];
		size_t sq_word = nvme_dbbuf_sq_word(qid, dbbuf->stride);
		size_t cq_word = nvme_dbbuf_cq_word(qid, dbbuf->stride);

		WRITE_ONCE(dbbuf->shadows[sq_word],
			   cpu_to_le32(READ_ONCE(*queue->sq_tail)));
		WRITE_ONCE(dbbuf->shadows[cq_word],
			   cpu_to_le32(READ_ONCE(*queue->cq_head)));
	}
}

/* Returns 0, a negative errno or an NVMe status. */
static int nvme_dbbuf_submit(struct nvme_dbbuf_ctrl *dbbuf)
{
	struct nvme_command cmd = { };

	cmd.dbbuf.opcode = nvme_admin_dbbuf;
	cmd.dbbuf.prp1 = cpu_to_le64(dbbuf->shadows_dma);
	cmd.dbbuf.prp2 = cpu_to_le64(dbbuf->eventidxs_dma);
	return nvme_submit_sync_cmd(dbbuf->ctrl->admin_q, &cmd, NULL, 0);
}

/**
 * nvme_dbbuf_configure() - hand the pages to the controller, attach all queues
 * @dbbuf: shadow doorbells
 * @nr_online: number of queue pairs that exist, the admin queue included
 *
 * Attaches after the controller has accepted the pages and only if it was not
 * disabled meanwhile. Otherwise all doorbells stay plain, and the pages stay
 * allocated: a controller that answers late may still write to them.
 *
 * Context: Process context, sleeps until the command ends. The queues exist and
 * their interrupts are requested, but no I/O runs on them.
 *
 * NVMe Base Specification: Doorbell Buffer Config command.
 *
 * Return: 0, with or without shadow doorbells; -ENODEV when the controller has
 * been disabled since nvme_dbbuf_prepare() and must not be used.
 */
int nvme_dbbuf_configure(struct nvme_dbbuf_ctrl *dbbuf, unsigned int nr_online)
{
	enum nvme_dbbuf_state state;
	unsigned int qid;
	int status;

	mutex_lock(&dbbuf->lock);
	if (dbbuf->state == NVME_DBBUF_PREPARED && nr_online > 1) {
		if (nvme_dbbuf_fits(nr_online - 1, dbbuf->stride)) {
			nvme_dbbuf_seed(dbbuf, nr_online);
			dbbuf->state = NVME_DBBUF_CONFIGURING;
		} else {
			dbbuf->state = NVME_DBBUF_TOO_LARGE;
		}
	}
	state = dbbuf->state;
	mutex_unlock(&dbbuf->lock);

	switch (state) {
	case NVME_DBBUF_CONFIGURING:
		break;
	case NVME_DBBUF_IDLE:
		return -ENODEV;
	case NVME_DBBUF_NO_MEMORY:
		dev_info(dbbuf->ctrl->device,
			 "no memory for shadow doorbells\n");
		return 0;
	case NVME_DBBUF_TOO_LARGE:
		dev_info(dbbuf->ctrl->device,
			 "no shadow doorbells: those of %u queues at a stride of %zu bytes do not fit into one page\n",
			 nr_online, dbbuf->stride * sizeof(__le32));
		return 0;
	default:
		return 0;
	}

	/* Unlocked: when this times out, the controller gets disabled. */
	status = nvme_dbbuf_submit(dbbuf);

	mutex_lock(&dbbuf->lock);
	if (dbbuf->state == NVME_DBBUF_CONFIGURING) {
		if (status) {
			dbbuf->state = NVME_DBBUF_REFUSED;
			dbbuf->status = status;
		} else {
			for (qid = 1; qid < nr_online; qid++)
				nvme_dbbuf_attach_queue(dbbuf, qid);
			dbbuf->nr_attached = nr_online - 1;
			dbbuf->state = NVME_DBBUF_ACTIVE;
		}
	}
	state = dbbuf->state;
	mutex_unlock(&dbbuf->lock);

	if (state == NVME_DBBUF_REFUSED)
		dev_info(dbbuf->ctrl->device,
			 status < 0 ? "shadow doorbells refused: error %d\n" :
			 "shadow doorbells refused: status %#x\n", status);
	/* nvme_dbbuf_detach() was here first: the controller is going away. */
	return state == NVME_DBBUF_IDLE ? -ENODEV : 0;
}

/**
 * nvme_dbbuf_detach() - go back to plain doorbells
 * @dbbuf: shadow doorbells
 *
 * All doorbells are plain on return and stay so until the next
 * nvme_dbbuf_prepare() and nvme_dbbuf_configure(); an nvme_dbbuf_configure() that
 * is under way attaches nothing any more.
 *
 * Context: Process context, before the controller is disabled and before the
 * queues' interrupts are freed. No I/O is submitted any more, but completions
 * may still come in.
 */
void nvme_dbbuf_detach(struct nvme_dbbuf_ctrl *dbbuf)
{
	unsigned int qid;

	mutex_lock(&dbbuf->lock);
	for (qid = 1; qid <= dbbuf->nr_attached; qid++)
		nvme_dbbuf_detach_queue(&dbbuf->queues[qid]);
	dbbuf->nr_attached = 0;
	dbbuf->state = NVME_DBBUF_IDLE;
	mutex_unlock(&dbbuf->lock);
}

/**
 * nvme_dbbuf_free() - free the pages
 * @dbbuf: shadow doorbells, detached
 *
 * Context: Process context, when the controller has been disabled for good.
 */
void nvme_dbbuf_free(struct nvme_dbbuf_ctrl *dbbuf)
{
	if (!dbbuf->queues)
		return;

	nvme_dbbuf_remove_debugfs(dbbuf);
	if (dbbuf->shadows)
		dma_free_coherent(dbbuf->dev, NVME_CTRL_PAGE_SIZE,
				  dbbuf->shadows, dbbuf->shadows_dma);
	if (dbbuf->eventidxs)
		dma_free_coherent(dbbuf->dev, NVME_CTRL_PAGE_SIZE,
				  dbbuf->eventidxs, dbbuf->eventidxs_dma);
	dbbuf->shadows = NULL;
	dbbuf->eventidxs = NULL;
	kfree(dbbuf->queues);
	dbbuf->queues = NULL;
	dbbuf->nr_queues = 0;
}
