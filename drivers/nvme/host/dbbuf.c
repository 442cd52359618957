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
 *
 * A controller that misses a shadow doorbell leaves commands lying. So a piece of
 * work looks at the queues twice a second while commands are under way. It stops
 * when there are none, and is started again by the next doorbell at no cost to
 * the others: an idle submission queue is parked, its doorbell has no shadow,
 * which is what the fast path asks for anyway. What may be lost is written to the
 * register. When that sets a queue going on which nothing moved, the trust in this
 * controller's event indexes ends: positions are still published, but all doorbell
 * registers are written, until the administrator says otherwise.
 */
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "nvme.h"
#include "dbbuf.h"
#include "dbbuf_trace.h"

/*
 * How often queues with commands under way are looked at; how long a submission
 * doorbell has passed its event index before it is written; how long nothing
 * completes before doorbells are written that were not asked for; how soon after
 * that completions have to come in for it to have helped; and how often the latter
 * has to help, for once may be chance.
 */
#define NVME_DBBUF_WATCH	(HZ / 2)
#define NVME_DBBUF_LATE		(HZ / 2)
#define NVME_DBBUF_VERY_LATE	HZ
#define NVME_DBBUF_PROBE	(HZ / 20)
#define NVME_DBBUF_HELPED	2

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

static const char *nvme_dbbuf_type(bool completion)
{
	return completion ? "cq" : "sq";
}

/*
 * A handler that runs has seen the doorbell's old state: wait for its end
 * [lifecycle.pml: synchronize].
 */
static void nvme_dbbuf_synchronize_cq(struct nvme_dbbuf_queue *queue)
{
	if (!queue->polled)
		synchronize_irq(queue->irq);
}

/*
 * Is there a position that the doorbell register has not told? By number, not by
 * position: that is the same again after whole laps.
 */
static bool nvme_dbbuf_untold(const struct nvme_dbbuf_db *db)
{
	return READ_ONCE(db->published) != READ_ONCE(db->told);
}

/*
 * Write the doorbell register unless the controller was told all that way. It may
 * take a value that it has been told for an error [recovery.pml: ring].
 */
static bool nvme_dbbuf_ring(struct nvme_dbbuf_slot *slot)
{
	struct nvme_dbbuf_db *db = slot->db;
	bool ring;

	spin_lock(slot->lock);
	ring = nvme_dbbuf_untold(db);
	if (ring) {
		trace_nvme_dbbuf_recover(slot,
					 le32_to_cpu(READ_ONCE(*db->eventidx)));
		db->last_rung = db->last;
		WRITE_ONCE(db->told, db->published);
		WRITE_ONCE(slot->recovered, slot->recovered + 1);
		writel(db->last, slot->reg);
	}
	spin_unlock(slot->lock);
	return ring;
}

static bool nvme_dbbuf_ring_queue(struct nvme_dbbuf_queue *queue)
{
	bool rung = nvme_dbbuf_ring(&queue->sq);

	/*
	 * The lock does not keep the interrupt handler away. Mostly there is
	 * nothing to ring, then leave the interrupt alone
	 * [recovery.pml: not_beside].
	 */
	if (nvme_dbbuf_untold(queue->cq.db)) {
		if (!queue->polled)
			disable_irq(queue->irq);
		rung |= nvme_dbbuf_ring(&queue->cq);
		if (!queue->polled)
			enable_irq(queue->irq);
	}
	return rung;
}

static void nvme_dbbuf_note(const struct nvme_dbbuf_slot *slot,
			    struct nvme_dbbuf_loss *loss)
{
	const struct nvme_dbbuf_db *db = slot->db;

	loss->qid = slot->qid;
	loss->completion = slot->completion;
	loss->eventidx = le32_to_cpu(READ_ONCE(*db->eventidx));
	loss->last = READ_ONCE(db->last);
	loss->last_rung = READ_ONCE(db->last_rung);
}

/*
 * Has the doorbell moved past the event index without its register having been
 * written? A controller that wrote the index in time was told; one that wrote it
 * too late reads the shadow doorbell once more after that. If it has found news
 * then, it need not have written the index since: this is no proof of a loss.
 */
static bool nvme_dbbuf_passed(const struct nvme_dbbuf_slot *slot,
			      struct nvme_dbbuf_loss *loss)
{
	/* Not between publishing and ringing [recovery.pml: passed]. */
	spin_lock(slot->lock);
	nvme_dbbuf_note(slot, loss);
	spin_unlock(slot->lock);
	return nvme_dbbuf_need_event(loss->eventidx, slot->db->last_position,
				     loss->last, loss->last_rung);
}

/* Publish and ring, and ring what was suppressed [recovery.pml: distrust]. */
static void nvme_dbbuf_distrust(struct nvme_dbbuf_ctrl *dbbuf,
				const struct nvme_dbbuf_loss *loss)
{
	unsigned int qid;

	dbbuf->loss = *loss;
	WRITE_ONCE(dbbuf->distrusted, true);
	for (qid = 1; qid <= dbbuf->nr_attached; qid++) {
		struct nvme_dbbuf_queue *queue = &dbbuf->queues[qid];

		spin_lock(queue->sq.lock);
		WRITE_ONCE(queue->sq.db->shadow, NULL);
		spin_unlock(queue->sq.lock);
		spin_lock(queue->cq.lock);
		WRITE_ONCE(queue->cq.db->shadow, NULL);
		spin_unlock(queue->cq.lock);
		nvme_dbbuf_synchronize_cq(queue);
		nvme_dbbuf_ring_queue(queue);
		/* Trusted again, it starts afresh. */
		queue->watched = false;
		queue->helped = 0;
	}
	dev_warn(dbbuf->ctrl->device,
		 "queue %u lost a %s doorbell (event index %u, published %u, written %u): writing all doorbells from now on\n",
		 loss->qid, nvme_dbbuf_type(loss->completion), loss->eventidx,
		 loss->last, loss->last_rung);
}

/*
 * The administrator knows better [recovery.pml: trust],
 * [lifecycle.pml: Administrator].
 */
static void nvme_dbbuf_trust(struct nvme_dbbuf_ctrl *dbbuf)
{
	unsigned int qid;

	mutex_lock(&dbbuf->lock);
	if (dbbuf->distrusted) {
		/* This alone leaves submission queues parked. */
		WRITE_ONCE(dbbuf->distrusted, false);
		for (qid = 1; qid <= dbbuf->nr_attached; qid++) {
			struct nvme_dbbuf_slot *cq = &dbbuf->queues[qid].cq;

			WRITE_ONCE(cq->db->shadow, cq->shadow);
		}
	}
	mutex_unlock(&dbbuf->lock);
}

/*
 * Has nothing completed since the queue was looked at last? The head alone may
 * have come back to where it was, the number of its moves alone lags behind it.
 */
static bool nvme_dbbuf_stands(const struct nvme_dbbuf_queue *queue)
{
	return READ_ONCE(*queue->cq.position) == queue->head_seen &&
	       READ_ONCE(queue->cq.db->published) == queue->published_seen;
}

/* Park the queue when it has no commands under way [recovery.pml: park]. */
static bool nvme_dbbuf_park(struct nvme_dbbuf_queue *queue)
{
	struct nvme_dbbuf_db *sq = queue->sq.db;
	bool parked;

	spin_lock(queue->sq.lock);
	/*
	 * Each command takes one entry of both queues, which are of the same
	 * depth and never full. The head only comes nearer while this is held.
	 * A controller that makes up completions puts them out of step until
	 * its next reset: it is watched when idle, or with just so many
	 * commands under way it is not.
	 */
	parked = sq->last == READ_ONCE(*queue->cq.position);
	if (parked)
		WRITE_ONCE(sq->shadow, NULL);
	spin_unlock(queue->sq.lock);
	return parked;
}

/* Is that time up? */
static bool nvme_dbbuf_due(unsigned long since, unsigned long time)
{
	return time_after_eq(jiffies, since + time);
}

/* Returns when to look at the queue again, in jiffies from now; 0: no need. */
static unsigned long nvme_dbbuf_watch_queue(struct nvme_dbbuf_ctrl *dbbuf,
					    struct nvme_dbbuf_queue *queue)
{
	struct nvme_dbbuf_loss loss;
	unsigned long now = jiffies;
	u16 head = READ_ONCE(*queue->cq.position);
	unsigned long published = READ_ONCE(queue->cq.db->published);
	bool moved = !nvme_dbbuf_stands(queue);
	bool passed;

	if (queue->watched && queue->probed && moved) {
		/* Nothing had moved for long: has that set it going? */
		if (nvme_dbbuf_due(queue->probed_at, 2 * NVME_DBBUF_PROBE + 1))
			queue->helped = 0;
		else if (queue->probed_passed)
			queue->helped = NVME_DBBUF_HELPED;
		else
			queue->helped++;
		if (queue->helped >= NVME_DBBUF_HELPED) {
			nvme_dbbuf_distrust(dbbuf, &queue->probed_for);
			return 0;
		}
	}

	/* Most queues are parked, leave their locks alone. */
	if (!READ_ONCE(queue->sq.db->shadow) || nvme_dbbuf_park(queue)) {
		queue->watched = false;
		return 0;
	}

	if (!queue->watched)
		queue->passed = false;
	if (!queue->watched || moved) {
		queue->watched = true;
		queue->probed = false;
		queue->head_seen = head;
		queue->published_seen = published;
		queue->since = now;
	}

	passed = nvme_dbbuf_passed(&queue->sq, &loss);
	if (!queue->passed)
		queue->passed_since = now;
	queue->passed = passed;

	/*
	 * Either it is asked for, and late, whatever completes meanwhile. Or
	 * nothing completes, and perhaps the controller has no good event
	 * indexes. Or it is just slow: ring, which does no harm, and see
	 * [recovery.pml: probe].
	 */
	passed = passed && nvme_dbbuf_due(queue->passed_since, NVME_DBBUF_LATE);
	if (!passed) {
		if (!nvme_dbbuf_due(queue->probed ? queue->probed_at :
				    queue->since, NVME_DBBUF_VERY_LATE))
			return NVME_DBBUF_WATCH;
		nvme_dbbuf_note(nvme_dbbuf_untold(queue->sq.db) ? &queue->sq :
				&queue->cq, &loss);
	}
	if (!nvme_dbbuf_ring_queue(queue))
		return NVME_DBBUF_WATCH;

	/* Nothing can be seen in a queue that gets ahead anyway. */
	if (!nvme_dbbuf_due(queue->since, NVME_DBBUF_LATE))
		return NVME_DBBUF_WATCH;
	queue->probed = true;
	queue->probed_passed = passed;
	queue->probed_for = loss;
	queue->probed_at = now;
	return NVME_DBBUF_PROBE;
}

static void nvme_dbbuf_watch(struct work_struct *work)
{
	struct nvme_dbbuf_ctrl *dbbuf = container_of(to_delayed_work(work),
						     struct nvme_dbbuf_ctrl,
						     watch);
	unsigned long next = 0, when;
	unsigned int qid;

	/* Only what is attached, and stays so [lifecycle.pml: Watch]. */
	mutex_lock(&dbbuf->lock);
	for (qid = 1; qid <= dbbuf->nr_attached && !dbbuf->distrusted; qid++) {
		when = nvme_dbbuf_watch_queue(dbbuf, &dbbuf->queues[qid]);
		next = min_not_zero(next, when);
	}
	/* A queue that was not parked any more meanwhile wants no more than WATCH. */
	if (next && !dbbuf->distrusted)
		mod_delayed_work(nvme_wq, &dbbuf->watch, next);
	mutex_unlock(&dbbuf->lock);
}

/**
 * nvme_dbbuf_update_slow() - publish where the fast path finds no shadow doorbell
 * @db: the doorbell
 * @value: the new position
 *
 * A parked submission queue goes on as usual, and is watched from now on. With a
 * controller that is not trusted, the doorbell register is always written.
 *
 * Context: As nvme_dbbuf_update_and_check_event().
 *
 * Return: true when the caller has to write @value to the doorbell register.
 */
bool nvme_dbbuf_update_slow(struct nvme_dbbuf_db *db, u16 value)
{
	struct nvme_dbbuf_slot *slot = READ_ONCE(db->slot);

	/* A completion queue may be detached while its handler runs. */
	if (!slot)
		return true;

	/* Completion queues are not parked [recovery.pml: unpark]. */
	if (!slot->completion && !READ_ONCE(slot->dbbuf->distrusted)) {
		WRITE_ONCE(db->shadow, slot->shadow);
		queue_delayed_work(nvme_wq, &slot->dbbuf->watch,
				   NVME_DBBUF_WATCH);
		return nvme_dbbuf_update_and_check_event(db, value);
	}

	/* [recovery.pml: always_ring] */
	if (db->write_combined)
		wmb();	/* part of A */
	nvme_dbbuf_store_release(slot->shadow, cpu_to_le32(value));	/* A */
	db->last = value;
	WRITE_ONCE(db->published, db->published + 1);
	smp_wmb();	/* pairs with smp_rmb() in nvme_dbbuf_show_slot() */
	db->last_rung = value;
	WRITE_ONCE(db->told, db->published);
	WRITE_ONCE(db->rung, db->rung + 1);
	trace_nvme_dbbuf_doorbell(slot, value,
				  le32_to_cpu(READ_ONCE(*db->eventidx)), true);
	return true;
}

/**
 * nvme_dbbuf_trace_doorbell() - trace that a position was published
 * @db: the doorbell, attached
 * @value: the new position
 * @eventidx: event index that it was compared with
 * @ring: the doorbell register gets written
 *
 * Apart from the fast path, which only asks whether somebody wants to know.
 *
 * Context: As nvme_dbbuf_update_and_check_event().
 *
 * Return: @ring.
 */
bool nvme_dbbuf_trace_doorbell(const struct nvme_dbbuf_db *db, u16 value,
			       u32 eventidx, bool ring)
{
	const struct nvme_dbbuf_slot *slot = READ_ONCE(db->slot);

	if (slot)
		trace_nvme_dbbuf_doorbell(slot, value, eventidx, ring);
	return ring;
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
	const struct nvme_dbbuf_loss *loss = &dbbuf->loss;

	mutex_lock(&dbbuf->lock);
	if (dbbuf->state == NVME_DBBUF_ACTIVE && dbbuf->distrusted)
		seq_puts(s, "distrusted");
	else
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
	if (dbbuf->distrusted)
		seq_printf(s, "lost: queue %u %s event index %u published %u written %u\n",
			   loss->qid, nvme_dbbuf_type(loss->completion),
			   loss->eventidx, loss->last, loss->last_rung);
	mutex_unlock(&dbbuf->lock);
	return 0;
}

static int nvme_dbbuf_state_open(struct inode *inode, struct file *file)
{
	return single_open(file, nvme_dbbuf_state_show, inode->i_private);
}

static ssize_t nvme_dbbuf_state_write(struct file *file, const char __user *buf,
				      size_t count, loff_t *pos)
{
	struct seq_file *s = file->private_data;
	char word[16] = "";

	if (count >= sizeof(word))
		return -EINVAL;
	if (copy_from_user(word, buf, count))
		return -EFAULT;
	if (!sysfs_streq(word, "trust"))
		return -EINVAL;
	nvme_dbbuf_trust(s->private);
	return count;
}

static const struct file_operations nvme_dbbuf_state_fops = {
	.owner		= THIS_MODULE,
	.open		= nvme_dbbuf_state_open,
	.read		= seq_read,
	.write		= nvme_dbbuf_state_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

static void nvme_dbbuf_show_slot(struct seq_file *s,
				 const struct nvme_dbbuf_slot *slot)
{
	const struct nvme_dbbuf_db *db = slot->db;
	unsigned long rung = READ_ONCE(db->rung), published;

	/*
	 * Pairs with the barrier between the two counters' updates: no doorbell
	 * has rung more often than it was published.
	 */
	smp_rmb();
	published = READ_ONCE(db->published);
	seq_printf(s, "%u %s published %lu rung %lu suppressed %lu recovered %lu\n",
		   slot->qid, nvme_dbbuf_type(slot->completion), published,
		   rung, published - rung, READ_ONCE(slot->recovered));
}

static int nvme_dbbuf_queues_show(struct seq_file *s, void *unused)
{
	struct nvme_dbbuf_ctrl *dbbuf = s->private;
	unsigned int qid;

	mutex_lock(&dbbuf->lock);
	for (qid = 1; qid < dbbuf->nr_queues; qid++) {
		const struct nvme_dbbuf_queue *queue = &dbbuf->queues[qid];

		if (!queue->sq.db || !queue->cq.db)
			continue;
		nvme_dbbuf_show_slot(s, &queue->sq);
		nvme_dbbuf_show_slot(s, &queue->cq);
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

	debugfs_create_file("state", 0644, dbbuf->debugfs, dbbuf,
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
	INIT_DELAYED_WORK(&dbbuf->watch, nvme_dbbuf_watch);
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
 * This may come after the detach of a disable that is still under way. What keeps
 * the queues from being attached then is that their creation, between this and
 * nvme_dbbuf_configure(), gives up while the shutdown_lock is held.
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

	/* [lifecycle.pml: prepare] */
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
	if (state == NVME_DBBUF_NO_MEMORY)
		dev_info(ctrl->device, "no memory for shadow doorbells\n");

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
 * @reg: doorbell register
 * @depth: number of entries in the queue, 2 to 65536
 * @write_combined: the entries are in write-combined memory
 *
 * Context: Process context; nobody uses the queue yet.
 */
void nvme_dbbuf_init_sq(struct nvme_dbbuf_ctrl *dbbuf, unsigned int qid,
			struct nvme_dbbuf_db *sq, spinlock_t *sq_lock,
			const u16 *sq_tail, u32 __iomem *reg, u32 depth,
			bool write_combined)
{
	struct nvme_dbbuf_queue *queue = nvme_dbbuf_queue(dbbuf, qid);

	if (!queue)
		return;
	sq->last_position = depth - 1;
	sq->write_combined = write_combined;
	mutex_lock(&dbbuf->lock);
	queue->sq.dbbuf = dbbuf;
	queue->sq.db = sq;
	queue->sq.lock = sq_lock;
	queue->sq.position = sq_tail;
	queue->sq.reg = reg;
	queue->sq.qid = qid;
	mutex_unlock(&dbbuf->lock);
}

/**
 * nvme_dbbuf_init_cq() - make a new completion queue's doorbell known
 * @dbbuf: shadow doorbells
 * @qid: queue identifier; nothing is done for 0, the admin queue
 * @cq: the doorbell, not attached
 * @cq_poll_lock: what guards @cq and @cq_head, but against the handler of @irq
 * @cq_head: completion queue head
 * @reg: doorbell register
 * @depth: number of entries in the queue, that of the submission queue
 * @polled: the queue has no interrupt
 * @irq: else its Linux interrupt number
 *
 * Context: Process context; nobody uses the queue yet.
 */
void nvme_dbbuf_init_cq(struct nvme_dbbuf_ctrl *dbbuf, unsigned int qid,
			struct nvme_dbbuf_db *cq, spinlock_t *cq_poll_lock,
			const u16 *cq_head, u32 __iomem *reg, u32 depth,
			bool polled, int irq)
{
	struct nvme_dbbuf_queue *queue = nvme_dbbuf_queue(dbbuf, qid);

	if (!queue)
		return;
	cq->last_position = depth - 1;
	mutex_lock(&dbbuf->lock);
	queue->cq.dbbuf = dbbuf;
	queue->cq.db = cq;
	queue->cq.lock = cq_poll_lock;
	queue->cq.position = cq_head;
	queue->cq.reg = reg;
	queue->cq.qid = qid;
	queue->cq.completion = true;
	queue->polled = polled;
	queue->irq = irq;
	mutex_unlock(&dbbuf->lock);
}

/* All that an update looks at, before it gets to see the doorbell attached. */
static void nvme_dbbuf_aim(struct nvme_dbbuf_slot *slot, size_t word)
{
	struct nvme_dbbuf_ctrl *dbbuf = slot->dbbuf;
	struct nvme_dbbuf_db *db = slot->db;
	u16 position;

	spin_lock(slot->lock);
	position = READ_ONCE(*slot->position);
	slot->shadow = &dbbuf->shadows[word];
	db->eventidx = &dbbuf->eventidxs[word];
	db->last = position;
	db->last_rung = position;
	WRITE_ONCE(db->told, db->published);
	/* It may have moved, by MMIO, since the page was seeded. */
	WRITE_ONCE(*slot->shadow, cpu_to_le32(position));
	spin_unlock(slot->lock);
}

/* Only what the controller has accepted [lifecycle.pml: attach]. */
static void nvme_dbbuf_attach_queue(struct nvme_dbbuf_ctrl *dbbuf,
				    unsigned int qid)
{
	struct nvme_dbbuf_queue *queue = &dbbuf->queues[qid];

	nvme_dbbuf_aim(&queue->sq, nvme_dbbuf_sq_word(qid, dbbuf->stride));
	nvme_dbbuf_aim(&queue->cq, nvme_dbbuf_cq_word(qid, dbbuf->stride));
	queue->watched = false;
	queue->helped = 0;

	/* Parked. */
	spin_lock(queue->sq.lock);
	WRITE_ONCE(queue->sq.db->slot, &queue->sq);
	spin_unlock(queue->sq.lock);

	/*
	 * The handler takes no lock. One that starts after this sees all of the
	 * above. One that is here before the shadow doorbell is attached, for no
	 * command has been submitted yet, leaves it behind by what it consumes
	 * now, until the next completion: the queue cannot look full by that.
	 */
	nvme_dbbuf_synchronize_cq(queue);

	spin_lock(queue->cq.lock);
	WRITE_ONCE(queue->cq.db->slot, &queue->cq);
	if (!dbbuf->distrusted)
		WRITE_ONCE(queue->cq.db->shadow, queue->cq.shadow);
	spin_unlock(queue->cq.lock);
	trace_nvme_dbbuf_attach(&queue->sq);
}

static void nvme_dbbuf_clear(struct nvme_dbbuf_slot *slot)
{
	spin_lock(slot->lock);
	WRITE_ONCE(slot->db->slot, NULL);
	WRITE_ONCE(slot->db->shadow, NULL);
	spin_unlock(slot->lock);
}

static void nvme_dbbuf_detach_queue(struct nvme_dbbuf_queue *queue)
{
	nvme_dbbuf_clear(&queue->sq);
	nvme_dbbuf_clear(&queue->cq);
	nvme_dbbuf_synchronize_cq(queue);
	trace_nvme_dbbuf_detach(&queue->sq);
}

/*
 * Clean words, whatever a queue of the same identifier has left in them
 * [lifecycle.pml: seed].
 */
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
			   cpu_to_le32(READ_ONCE(*queue->sq.position)));
		WRITE_ONCE(dbbuf->shadows[cq_word],
			   cpu_to_le32(READ_ONCE(*queue->cq.position)));
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
 * Without the I/O queues' tag set nothing is done yet: completions are looked up
 * in it, those too that a controller makes up while the command is under way. To
 * be called again when there is one; calls after that do nothing.
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

	/* [lifecycle.pml: configure] */
	mutex_lock(&dbbuf->lock);
	state = dbbuf->state;
	if (state == NVME_DBBUF_PREPARED && nr_online > 1 &&
	    dbbuf->ctrl->tagset) {
		if (nvme_dbbuf_fits(nr_online - 1, dbbuf->stride)) {
			nvme_dbbuf_seed(dbbuf, nr_online);
			dbbuf->state = NVME_DBBUF_CONFIGURING;
		} else {
			dbbuf->state = NVME_DBBUF_TOO_LARGE;
			dev_info(dbbuf->ctrl->device,
				 "no shadow doorbells: those of %u queues at a stride of %zu bytes do not fit into one page\n",
				 nr_online, dbbuf->stride * sizeof(__le32));
		}
		state = dbbuf->state;
	}
	mutex_unlock(&dbbuf->lock);

	if (state != NVME_DBBUF_CONFIGURING)
		return state == NVME_DBBUF_IDLE ? -ENODEV : 0;

	/* Unlocked: when this times out, the controller gets disabled. */
	status = nvme_dbbuf_submit(dbbuf);
	trace_nvme_dbbuf_configure(dbbuf, nr_online - 1, status);

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

	/* By what was attached, not by what is online [lifecycle.pml: detach]. */
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
	/* [lifecycle.pml: free_pages] */
	if (!dbbuf->queues)
		return;

	cancel_delayed_work_sync(&dbbuf->watch);
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
