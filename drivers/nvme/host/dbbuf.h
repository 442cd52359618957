/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shadow doorbells: NVMe Doorbell Buffer Config (admin command 7Ch), host side.
 *
 * Host and controller share two pages. The host publishes each new submission
 * queue tail and completion queue head in the page of shadow doorbells; the
 * controller writes to the page of event indexes how far a doorbell may move
 * before it wants the doorbell register written. In a virtual machine that
 * write is a VM exit, so most of what this saves is exits.
 *
 * Ordering contract
 *
 *	host				controller
 *
 *	write submission entry, or	write event index
 *	read completion entry		B': full barrier
 *	A: release			read shadow doorbell
 *	write shadow doorbell		A': acquire
 *	B: full barrier			read submission entry, or
 *	read event index		write completion entry
 *
 * A pairs with A': without it the controller can fetch a submission entry that
 * has not been written yet, or overwrite a completion entry that has not been
 * read yet. A has to order earlier loads as well, a write barrier is too little.
 *
 * B pairs with B': without either, both sides can read the old value of what the
 * other one writes; then the controller goes to sleep and the host does not ring.
 *
 * A doorbell's state is guarded by what guards the queue's tail or head, and the
 * doorbell register has to be written before that guard is released: several
 * controllers copy the register's value to the shadow doorbell, which must not
 * go backwards.
 *
 * Both pages can be written by the controller at any time, with anything. What
 * is read from them is compared and nothing else: never an index, a length or an
 * address. The value published last is known from the host's own memory.
 *
 * [doorbell.pml: ...] and the like name the same place in a model that spin has
 * checked; they are in tests/model of the project that this comes from, with what
 * goes wrong without it.
 */
#ifndef _NVME_HOST_DBBUF_H
#define _NVME_HOST_DBBUF_H

#include <linux/compiler.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/tracepoint-defs.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <asm/barrier.h>
#include <asm/byteorder.h>

struct dentry;
struct device;
struct nvme_ctrl;
struct nvme_dbbuf_slot;

DECLARE_TRACEPOINT(nvme_dbbuf_doorbell);

/**
 * struct nvme_dbbuf_db - one doorbell, a submission tail or a completion head
 * @shadow: shadow doorbell that the host writes; NULL: see @slot
 * @eventidx: event index that the controller writes; stays valid when @shadow
 *	becomes NULL
 * @last: queue position that was published last
 * @last_position: highest position in the queue, its depth - 1
 * @last_rung: queue position that was written to the doorbell register last
 * @write_combined: the queue's entries are in write-combined memory (CMB)
 * @published: number of positions published since the queue was attached first
 * @rung: number of those for which the doorbell register was written
 * @slot: what dbbuf.c knows of this doorbell, which it lets it do when @shadow is
 *	NULL; NULL too: not attached, the doorbell register is written each time
 * @told: what @published was when the doorbell register was written last
 *
 * In the order in which an update uses them: all up to @published belong on one
 * cache line.
 *
 * All fields are guarded by what guards the queue's tail or head, but for two
 * things: debugfs reads the counters without it, and @shadow and @slot are
 * cleared while an interrupt handler, or the timeout handler in its place, may be
 * at work on a completion queue. What they have read is good until they return.
 */
struct nvme_dbbuf_db {
	__le32			*shadow;
	__le32			*eventidx;
	u16			last;
	u16			last_position;
	u16			last_rung;
	bool			write_combined;
	unsigned long		published;
	unsigned long		rung;
	struct nvme_dbbuf_slot	*slot;
	unsigned long		told;
};

/*
 * nvme_dbbuf_store_release() is A and nvme_dbbuf_mb() is B of the contract above.
 * The controller may be another virtual CPU's idea of a device or real hardware,
 * so neither may depend on CONFIG_SMP.
 */
#if defined(CONFIG_X86)
/* Total store order: A is free, B is one locked instruction. */
static inline void nvme_dbbuf_store_release(__le32 *shadow, __le32 value)
{
	/* A [doorbell.pml: barrier_a, publish] */
	virt_store_release(shadow, value);
}

/* B [doorbell.pml: barrier_b] */
#define nvme_dbbuf_mb()		virt_mb()
#elif defined(CONFIG_ARM64) && defined(dma_mb)
/* The outer shareable domain has both the other CPUs and a device in it. */
static inline void nvme_dbbuf_store_release(__le32 *shadow, __le32 value)
{
	/*
	 * A, for earlier stores as well as for earlier loads
	 * [doorbell.pml: barrier_a, publish]
	 */
	dma_mb();
	WRITE_ONCE(*shadow, value);
}

/* B [doorbell.pml: barrier_b] */
#define nvme_dbbuf_mb()		dma_mb()
#else
/* Nothing weaker is proven. */
static inline void nvme_dbbuf_store_release(__le32 *shadow, __le32 value)
{
	/* A [doorbell.pml: barrier_a, publish] */
	mb();
	WRITE_ONCE(*shadow, value);
}

/* B [doorbell.pml: barrier_b] */
#define nvme_dbbuf_mb()		mb()
#endif

/**
 * nvme_dbbuf_need_event() - does a doorbell's move pass the event index?
 * @eventidx: what the controller wrote, any value
 * @last_position: highest position in the queue
 * @value: new position
 * @old: position before
 *
 * The controller asks to be told when the doorbell moves past @eventidx, that is
 * when @eventidx is one of the positions from @old up to but not including
 * @value. Positions beyond @last_position belong to no queue entry and are never
 * passed; controllers that poll write ffffffffh.
 *
 * The sums are modulo 2^16. A doorbell that wraps at the end of the queue seems
 * to pass all numbers between the queue depth and 2^16 as well, which are just
 * those that the first comparison has ruled out.
 *
 * Return: true when the doorbell register has to be written.
 */
static inline bool nvme_dbbuf_need_event(u32 eventidx, u16 last_position,
					 u16 value, u16 old)
{
	/* [doorbell.pml: need_event] */
	return eventidx <= last_position &&
	       (u16)(value - (u16)eventidx - 1) < (u16)(value - old);
}

bool nvme_dbbuf_update_slow(struct nvme_dbbuf_db *db, u16 value);
bool nvme_dbbuf_trace_doorbell(const struct nvme_dbbuf_db *db, u16 value,
			       u32 eventidx, bool ring);

/**
 * nvme_dbbuf_update_and_check_event() - publish a queue's new tail or head
 * @db: the doorbell
 * @value: the new position
 *
 * Context: Any. What guards the queue's tail or head is held, and stays held
 * until the caller has written the doorbell register when told to.
 *
 * NVMe Base Specification: annex "Doorbell Buffer Config".
 *
 * Return: true when the caller has to write @value to the doorbell register.
 */
static inline bool nvme_dbbuf_update_and_check_event(struct nvme_dbbuf_db *db,
						     u16 value)
{
	__le32 *shadow = READ_ONCE(db->shadow);
	u16 old = db->last;	/* not *shadow [doorbell.pml: last] */
	u32 eventidx;
	bool ring;

	/* [doorbell.pml: update], the caller [doorbell.pml: doorbell_register] */
	if (!shadow) {
		if (likely(!READ_ONCE(db->slot)))
			return true;
		return nvme_dbbuf_update_slow(db, value);
	}

	if (unlikely(db->write_combined))
		wmb();	/* part of A, write-combining buffers obey no less */

	nvme_dbbuf_store_release(shadow, cpu_to_le32(value));	/* A */
	db->last = value;
	WRITE_ONCE(db->published, db->published + 1);

	/* B: a controller that misses @value must be seen by the load below. */
	nvme_dbbuf_mb();

	eventidx = le32_to_cpu(READ_ONCE(*db->eventidx));
	ring = nvme_dbbuf_need_event(eventidx, db->last_position, value, old);
	if (ring) {
		db->last_rung = value;
		WRITE_ONCE(db->told, db->published);
		WRITE_ONCE(db->rung, db->rung + 1);
	}
	/* Returned by the call, @ring need not be kept for its sake. */
	if (tracepoint_enabled(nvme_dbbuf_doorbell))
		return nvme_dbbuf_trace_doorbell(db, value, eventidx, ring);
	return ring;
}

/**
 * struct nvme_dbbuf_slot - what dbbuf.c knows of one doorbell
 * @dbbuf: the controller's shadow doorbells
 * @db: the doorbell
 * @lock: guards @db and @position; a completion queue's does so against all but
 *	the interrupt handler
 * @position: the queue's tail or head
 * @reg: doorbell register
 * @shadow: shadow doorbell, while attached
 * @recovered: number of times that @reg was written because it seemed lost
 * @qid: queue identifier
 * @completion: it is a completion queue's
 */
struct nvme_dbbuf_slot {
	struct nvme_dbbuf_ctrl	*dbbuf;
	struct nvme_dbbuf_db	*db;
	spinlock_t		*lock;		/* the queue's own */
	const u16		*position;
	u32 __iomem		*reg;
	__le32			*shadow;
	unsigned long		recovered;
	u16			qid;
	bool			completion;
};

/**
 * struct nvme_dbbuf_loss - how a lost doorbell was noticed
 * @qid: queue identifier
 * @completion: it was a completion queue's
 * @eventidx: event index
 * @last: position published last
 * @last_rung: position written to the doorbell register last
 */
struct nvme_dbbuf_loss {
	u16	qid;
	bool	completion;
	u32	eventidx;
	u16	last;
	u16	last_rung;
};

/**
 * struct nvme_dbbuf_queue - what dbbuf.c knows of an I/O queue pair
 * @sq: the submission queue's doorbell
 * @cq: the completion queue's doorbell
 * @polled: the completion queue has no interrupt
 * @irq: else its Linux interrupt number
 * @watched: @passed, @head_seen, @published_seen and @since are valid
 * @passed: at the last look, @sq had passed its event index
 * @probed: nothing completes, so the doorbells were written
 * @probed_passed: because of @passed
 * @helped: how many times in a row that has helped without @probed_passed
 * @head_seen: completion queue head when the queue was looked at last
 * @published_seen: number of heads published at that time
 * @since: when it was seen to move last, in jiffies
 * @passed_since: for how long @passed, in jiffies
 * @probed_at: when @probed, in jiffies
 * @probed_for: what will have been lost if that helps
 */
struct nvme_dbbuf_queue {
	struct nvme_dbbuf_slot	sq;
	struct nvme_dbbuf_slot	cq;
	int			irq;
	bool			polled;
	bool			watched;
	bool			passed;
	bool			probed;
	bool			probed_passed;
	u8			helped;
	u16			head_seen;
	unsigned long		published_seen;
	unsigned long		since;
	unsigned long		passed_since;
	unsigned long		probed_at;
	struct nvme_dbbuf_loss	probed_for;
};

/**
 * enum nvme_dbbuf_state - where a controller's shadow doorbells stand
 * @NVME_DBBUF_IDLE: the controller is not set up, or was disabled
 * @NVME_DBBUF_OFF: switched off by the module parameter
 * @NVME_DBBUF_UNSUPPORTED: the controller does not announce the command
 * @NVME_DBBUF_NO_MEMORY: there was no memory for the pages
 * @NVME_DBBUF_TOO_LARGE: the doorbells of all queues do not fit into one page
 * @NVME_DBBUF_PREPARED: the pages are there, the command has not been sent
 * @NVME_DBBUF_CONFIGURING: the command is on its way
 * @NVME_DBBUF_REFUSED: the command failed
 * @NVME_DBBUF_ACTIVE: all I/O queues are attached
 */
enum nvme_dbbuf_state {
	NVME_DBBUF_IDLE,
	NVME_DBBUF_OFF,
	NVME_DBBUF_UNSUPPORTED,
	NVME_DBBUF_NO_MEMORY,
	NVME_DBBUF_TOO_LARGE,
	NVME_DBBUF_PREPARED,
	NVME_DBBUF_CONFIGURING,
	NVME_DBBUF_REFUSED,
	NVME_DBBUF_ACTIVE,
};

/**
 * struct nvme_dbbuf_ctrl - shadow doorbells of one controller
 * @ctrl: the controller
 * @dev: device that the pages are mapped for
 * @lock: guards all but what is set once, as well as attaching and detaching.
 *	Taken inside the driver's shutdown_lock. Not held while the command is
 *	under way.
 * @state: where we are
 * @status: status of the command when @state is NVME_DBBUF_REFUSED: negative errno
 *	or NVMe status
 * @shadows: page of shadow doorbells
 * @eventidxs: page of event indexes
 * @shadows_dma: its DMA address
 * @eventidxs_dma: its DMA address
 * @stride: distance of two doorbells, in 32 bit words
 * @nr_queues: number of entries in @queues
 * @nr_attached: queue identifiers 1 to @nr_attached are attached
 * @queues: queue pairs by queue identifier; 0, the admin queue, is not used
 * @distrusted: event indexes are not believed, all doorbell registers are written
 * @loss: why, when @distrusted
 * @watch: looks after queues that have commands under way
 * @debugfs: this controller's directory
 */
struct nvme_dbbuf_ctrl {
	struct nvme_ctrl	*ctrl;
	struct device		*dev;
	struct mutex		lock;	/* inside the driver's shutdown_lock */
	enum nvme_dbbuf_state	state;
	int			status;
	__le32			*shadows;
	__le32			*eventidxs;
	dma_addr_t		shadows_dma;
	dma_addr_t		eventidxs_dma;
	unsigned int		stride;
	unsigned int		nr_queues;
	unsigned int		nr_attached;
	struct nvme_dbbuf_queue	*queues;
	bool			distrusted;
	struct nvme_dbbuf_loss	loss;
	struct delayed_work	watch;
	struct dentry		*debugfs;
};

void nvme_dbbuf_init(struct nvme_dbbuf_ctrl *dbbuf);
void nvme_dbbuf_prepare(struct nvme_dbbuf_ctrl *dbbuf, struct nvme_ctrl *ctrl,
			struct device *dev, unsigned int nr_queues,
			unsigned int stride);
void nvme_dbbuf_init_sq(struct nvme_dbbuf_ctrl *dbbuf, unsigned int qid,
			struct nvme_dbbuf_db *sq, spinlock_t *sq_lock,
			const u16 *sq_tail, u32 __iomem *reg, u32 depth,
			bool write_combined);
void nvme_dbbuf_init_cq(struct nvme_dbbuf_ctrl *dbbuf, unsigned int qid,
			struct nvme_dbbuf_db *cq, spinlock_t *cq_poll_lock,
			const u16 *cq_head, u32 __iomem *reg, u32 depth,
			bool polled, int irq);
int nvme_dbbuf_configure(struct nvme_dbbuf_ctrl *dbbuf, unsigned int nr_online);
void nvme_dbbuf_detach(struct nvme_dbbuf_ctrl *dbbuf);
void nvme_dbbuf_free(struct nvme_dbbuf_ctrl *dbbuf);

#endif /* _NVME_HOST_DBBUF_H */
