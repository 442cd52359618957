// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the NVMe shadow doorbells.
 *
 * dbbuf.c is compiled into this file a second time, under other names, with a
 * controller, an allocator, interrupts and a clock that do what a test tells them
 * to, and without tracepoints. So these tests need neither PCI nor a controller,
 * and the code under test has no hooks for them.
 */
#include <kunit/test.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/tracepoint-defs.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "../nvme.h"

#define nvme_dbbuf_init		test_dbbuf_init
#define nvme_dbbuf_prepare	test_dbbuf_prepare
#define nvme_dbbuf_init_sq	test_dbbuf_init_sq
#define nvme_dbbuf_init_cq	test_dbbuf_init_cq
#define nvme_dbbuf_configure	test_dbbuf_configure
#define nvme_dbbuf_detach	test_dbbuf_detach
#define nvme_dbbuf_free		test_dbbuf_free
#define nvme_dbbuf_update_slow	test_dbbuf_update_slow
#define nvme_dbbuf_trace_doorbell test_dbbuf_trace_doorbell

static void *fake_calloc(size_t n, size_t size, gfp_t gfp);
static void fake_free(const void *array);
static void *fake_dma_alloc(struct device *dev, size_t size, dma_addr_t *dma,
			    gfp_t gfp);
static void fake_dma_free(struct device *dev, size_t size, void *page,
			  dma_addr_t dma);
static int fake_submit(struct request_queue *q, struct nvme_command *cmd,
		       void *buffer, unsigned int length);
static void fake_synchronize_irq(unsigned int irq);
static void fake_disable_irq(unsigned int irq);
static void fake_enable_irq(unsigned int irq);
static bool fake_queue_work(struct workqueue_struct *queue,
			    struct delayed_work *work, unsigned long delay);
static bool fake_mod_work(struct workqueue_struct *queue,
			  struct delayed_work *work, unsigned long delay);
static void fake_writel(u32 value, u32 __iomem *reg);
static unsigned long fake_jiffies(void);
static unsigned long fake_copy_from_user(void *to, const void __user *from,
					 unsigned long size);
static bool fake_cancel_work(struct delayed_work *work);
static void fake_barrier(char name);
static void fake_smp_rmb(void);

#undef kcalloc
#define kcalloc			fake_calloc
#undef kfree
#define kfree(p)		fake_free(p)
#undef dma_alloc_coherent
#define dma_alloc_coherent	fake_dma_alloc
#undef dma_free_coherent
#define dma_free_coherent	fake_dma_free
#define nvme_submit_sync_cmd	fake_submit
#undef synchronize_irq
#define synchronize_irq		fake_synchronize_irq
#undef disable_irq
#define disable_irq		fake_disable_irq
#undef enable_irq
#define enable_irq		fake_enable_irq
#define nvme_wq			NULL
#undef queue_delayed_work
#define queue_delayed_work	fake_queue_work
#undef mod_delayed_work
#define mod_delayed_work	fake_mod_work
#undef cancel_delayed_work_sync
#define cancel_delayed_work_sync fake_cancel_work
#undef writel
#define writel			fake_writel
#undef jiffies
#define jiffies			fake_jiffies()
#undef copy_from_user
#define copy_from_user		fake_copy_from_user

/* Barriers that say when they are executed. The test needs no real ones. */
#undef mb
#define mb()			fake_barrier('m') /* B, or A */
#undef virt_mb
#define virt_mb()		fake_barrier('m') /* B */
#ifdef dma_mb
#undef dma_mb
#define dma_mb()		fake_barrier('m') /* B, or A */
#endif
#undef wmb
#define wmb()			fake_barrier('w') /* part of A */
#undef smp_wmb
#define smp_wmb()		fake_barrier('s') /* between the counters */
#undef smp_rmb
#define smp_rmb()		fake_smp_rmb() /* between the counters */
#undef virt_store_release
#define virt_store_release(p, value) /* A */	\
	do {					\
		fake_barrier('r');		\
		WRITE_ONCE(*(p), value);	\
	} while (0)

/* In place of dbbuf_trace.h, with somebody who wants to know of each doorbell. */
#define _NVME_HOST_DBBUF_TRACE_H
#undef tracepoint_enabled
#define tracepoint_enabled(tracepoint)	(sizeof(__tracepoint_##tracepoint) > 0)

struct nvme_dbbuf_ctrl;
struct nvme_dbbuf_slot;

static inline void trace_nvme_dbbuf_attach(const struct nvme_dbbuf_slot *sq)
{
}

static inline void trace_nvme_dbbuf_detach(const struct nvme_dbbuf_slot *sq)
{
}

static inline void trace_nvme_dbbuf_configure(const struct nvme_dbbuf_ctrl *dbbuf,
					      unsigned int queues, int status)
{
}

static inline void trace_nvme_dbbuf_recover(const struct nvme_dbbuf_slot *slot,
					    u32 eventidx)
{
}

static void trace_nvme_dbbuf_doorbell(const struct nvme_dbbuf_slot *slot,
				      u16 value, u32 eventidx, bool ring);

#include "../dbbuf.c"

#define WORDS	(NVME_CTRL_PAGE_SIZE / sizeof(__le32))
#define QUEUES	5
#define DEPTH	32
#define POLLED	(QUEUES - 1)

struct fake_queue {
	struct nvme_dbbuf_db	sq;
	struct nvme_dbbuf_db	cq;
	spinlock_t		sq_lock;	/* guards sq, sq_tail */
	spinlock_t		cq_poll_lock;	/* guards cq, cq_head */
	u16			sq_tail;
	u16			cq_head;
	u32			sq_reg;
	u32			cq_reg;
	unsigned int		sq_writes;
	unsigned int		cq_writes;
};

/* The controller, the memory it is given, and what it is told to do. */
static struct fake {
	struct nvme_ctrl	ctrl;
	struct blk_mq_tag_set	tagset;
	struct device		device;
	struct nvme_dbbuf_ctrl	dbbuf;
	struct fake_queue	queues[QUEUES];
	unsigned int		allocations;
	unsigned int		fail_allocation;
	unsigned int		arrays;
	unsigned int		pages;
	unsigned int		commands;
	unsigned int		synchronized;
	unsigned int		disabled;
	unsigned int		traced;
	unsigned int		traced_rung;
	unsigned long		now;
	unsigned long		watch_in;
	struct nvme_command	command;
	int			status;
	bool			bad_address;
	bool			write_combined;
	struct nvme_dbbuf_db	*ordered;
	char			order[8];
	unsigned int		unlocked;
	struct kunit		*test;
	struct fake_file	*file;
	void			(*on_command)(struct fake *fake);
	void			(*on_doorbell)(struct fake *fake);
	void			(*on_counter)(struct fake *fake);
} *fake;

static void *fake_calloc(size_t n, size_t size, gfp_t gfp)
{
	if (++fake->allocations == fake->fail_allocation)
		return NULL;
	fake->arrays++;
	return kzalloc(n * size, gfp);
}

static void fake_free(const void *array)
{
	fake->arrays--;
	(kfree)(array);
}

static void *fake_dma_alloc(struct device *dev, size_t size, dma_addr_t *dma,
			    gfp_t gfp)
{
	void *page;

	if (++fake->allocations == fake->fail_allocation)
		return NULL;
	page = kzalloc(size, gfp);
	*dma = (uintptr_t)page;
	fake->pages++;
	return page;
}

static void fake_dma_free(struct device *dev, size_t size, void *page,
			  dma_addr_t dma)
{
	WARN_ON(size != NVME_CTRL_PAGE_SIZE || dma != (uintptr_t)page);
	fake->pages--;
	(kfree)(page);
}

static bool any_attached(void)
{
	unsigned int qid;

	for (qid = 0; qid < QUEUES; qid++)
		if (fake->queues[qid].sq.slot || fake->queues[qid].cq.slot ||
		    fake->queues[qid].sq.shadow || fake->queues[qid].cq.shadow)
			return true;
	return false;
}

static int fake_submit(struct request_queue *q, struct nvme_command *cmd,
		       void *buffer, unsigned int length)
{
	/* The rule that most of the rest depends on. */
	WARN_ON(any_attached());
	fake->commands++;
	fake->command = *cmd;
	if (fake->on_command)
		fake->on_command(fake);
	return fake->status;
}

/* Waits for the handlers that may have seen the old state, and only for them. */
static void fake_synchronize_irq(unsigned int irq)
{
	WARN_ON(!irq || irq >= QUEUES || irq == POLLED);
	WARN_ON(fake->queues[irq].cq.shadow);
	fake->synchronized++;
}

static void fake_disable_irq(unsigned int irq)
{
	WARN_ON(!irq || irq >= QUEUES || irq == POLLED || fake->disabled);
	fake->disabled = irq;
}

static void fake_enable_irq(unsigned int irq)
{
	WARN_ON(irq != fake->disabled);
	fake->disabled = 0;
}

/* Where lockdep is there to know. */
static void expect_locked(spinlock_t *lock)
{
#ifdef CONFIG_LOCKDEP
	if (!lockdep_is_held(lock))
		fake->unlocked++;
#endif
}

/* An interrupt's completion doorbell is written with that interrupt disabled. */
static void fake_writel(u32 value, u32 __iomem *reg)
{
	unsigned int qid;

	for (qid = 0; qid < QUEUES; qid++) {
		struct fake_queue *queue = &fake->queues[qid];

		if ((__force u32 *)reg == &queue->sq_reg) {
			expect_locked(&queue->sq_lock);
			queue->sq_reg = value;
			queue->sq_writes++;
		} else if ((__force u32 *)reg == &queue->cq_reg) {
			expect_locked(&queue->cq_poll_lock);
			WARN_ON(qid != POLLED && fake->disabled != qid);
			queue->cq_reg = value;
			queue->cq_writes++;
		}
	}
	if (fake->on_doorbell)
		fake->on_doorbell(fake);
}

static unsigned long fake_jiffies(void)
{
	return fake->now;
}

/* Attached or parked. */
static u32 shadow_word(const struct nvme_dbbuf_db *db)
{
	return le32_to_cpu(READ_ONCE(*db->slot->shadow));
}

static unsigned long fake_copy_from_user(void *to, const void __user *from,
					 unsigned long size)
{
	if (fake->bad_address)
		return size;
	memcpy(to, (__force const void *)from, size);
	return 0;
}

/*
 * Which barriers come before position 1 of fake->ordered is published, and which
 * after: A and B of the contract in dbbuf.h, w for write-combined memory, C between
 * its count as published and that as rung. The controller asks for this doorbell at
 * the last moment at which that must be seen.
 */
static void fake_barrier(char name)
{
	struct nvme_dbbuf_db *db = fake->ordered;
	size_t count = strlen(fake->order);

	if (!db || count + 1 == sizeof(fake->order))
		return;
	if (name == 's') {
		fake->order[count] = db->published == db->rung + 1 ? 'C' : 'c';
	} else if (shadow_word(db) == 1) {
		fake->order[count] = name == 'm' ? 'B' : 'b';
		*db->eventidx = cpu_to_le32(0);
	} else {
		fake->order[count] = name == 'w' ? 'w' : 'A';
	}
}

/* Between the reads of two counters, whatever happens then. */
static void fake_smp_rmb(void)
{
	if (fake->on_counter)
		fake->on_counter(fake);
}

/* As with the real one, a time that is set already stays. */
static bool fake_queue_work(struct workqueue_struct *queue,
			    struct delayed_work *work, unsigned long delay)
{
	WARN_ON(work != &fake->dbbuf.watch || !delay);
	if (fake->watch_in)
		return false;
	fake->watch_in = delay;
	return true;
}

static bool fake_mod_work(struct workqueue_struct *queue,
			  struct delayed_work *work, unsigned long delay)
{
	fake->watch_in = 0;
	return fake_queue_work(queue, work, delay);
}

static bool fake_cancel_work(struct delayed_work *work)
{
	bool queued = fake->watch_in;

	WARN_ON(work != &fake->dbbuf.watch);
	fake->watch_in = 0;
	return queued;
}

static void trace_nvme_dbbuf_doorbell(const struct nvme_dbbuf_slot *slot,
				      u16 value, u32 eventidx, bool ring)
{
	WARN_ON(slot->db->last != value);
	fake->traced++;
	fake->traced_rung += ring;
}

/* Let time pass; returns after how much of it the work has run last. */
static unsigned long wait(unsigned long time)
{
	unsigned long end = fake->now + time, last = 0;

	while (fake->watch_in && fake->watch_in <= end - fake->now) {
		fake->now += fake->watch_in;
		last = time - (end - fake->now);
		fake->watch_in = 0;
		nvme_dbbuf_watch(&fake->dbbuf.watch.work);
	}
	if (fake->watch_in)
		fake->watch_in -= end - fake->now;
	fake->now = end;
	return last;
}

/* One reset up to the point where I/O can start, as the driver does it. */
static int connect_queues(unsigned int nr_online, unsigned int stride)
{
	unsigned int qid;

	nvme_dbbuf_prepare(&fake->dbbuf, &fake->ctrl, &fake->device, QUEUES,
			   stride);
	for (qid = 0; qid < nr_online; qid++) {
		struct fake_queue *queue = &fake->queues[qid];

		queue->sq_tail = 0;
		queue->cq_head = 0;
		nvme_dbbuf_init_sq(&fake->dbbuf, qid, &queue->sq,
				   &queue->sq_lock, &queue->sq_tail,
				   (__force u32 __iomem *)&queue->sq_reg, DEPTH,
				   fake->write_combined);
		nvme_dbbuf_init_cq(&fake->dbbuf, qid, &queue->cq,
				   &queue->cq_poll_lock, &queue->cq_head,
				   (__force u32 __iomem *)&queue->cq_reg, DEPTH,
				   qid == POLLED, qid);
	}
	return nvme_dbbuf_configure(&fake->dbbuf, nr_online);
}

static bool move_sq(struct fake_queue *queue, u16 tail)
{
	queue->sq_tail = tail;
	return nvme_dbbuf_update_and_check_event(&queue->sq, tail);
}

static bool move_cq(struct fake_queue *queue, u16 head)
{
	queue->cq_head = head;
	return nvme_dbbuf_update_and_check_event(&queue->cq, head);
}

static void set_word(__le32 *page, unsigned int word, u32 value)
{
	page[word] = cpu_to_le32(value);
}

/* At a stride of one word. */
static void set_eventidx(unsigned int qid, bool completion, u32 value)
{
	set_word(fake->dbbuf.eventidxs, 2 * qid + completion, value);
}

static u32 shadow(unsigned int qid, bool completion)
{
	return le32_to_cpu(fake->dbbuf.shadows[2 * qid + completion]);
}

static void expect_state(struct kunit *test, enum nvme_dbbuf_state state,
			 unsigned int commands)
{
	KUNIT_EXPECT_EQ(test, (int)fake->dbbuf.state, (int)state);
	KUNIT_EXPECT_EQ(test, fake->commands, commands);
	KUNIT_EXPECT_EQ(test, any_attached(),
			(bool)(state == NVME_DBBUF_ACTIVE));
}

static int dbbuf_test_init(struct kunit *test)
{
	unsigned int qid;

	fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);
	if (!fake)
		return -ENOMEM;
	fake->test = test;
	fake->device.init_name = "nvme-dbbuf-kunit";
	fake->ctrl.device = &fake->device;
	fake->ctrl.tagset = &fake->tagset;
	fake->ctrl.oacs = NVME_CTRL_OACS_DBBUF_SUPP;
	for (qid = 0; qid < QUEUES; qid++) {
		spin_lock_init(&fake->queues[qid].sq_lock);
		spin_lock_init(&fake->queues[qid].cq_poll_lock);
	}
	nvme_dbbuf_mode = NVME_DBBUF_MODE_ON;
	nvme_dbbuf_init(&fake->dbbuf);
	return 0;
}

static void dbbuf_test_exit(struct kunit *test)
{
	if (!fake)
		return;
	nvme_dbbuf_detach(&fake->dbbuf);
	nvme_dbbuf_free(&fake->dbbuf);
	WARN_ON(fake->pages || fake->arrays);
	fake = NULL;
}

/* The definition: one of the positions walked over, from old up to value. */
static bool walked_over(u32 eventidx, u32 depth, u16 value, u16 old)
{
	u32 position;

	for (position = old; position != value;
	     position = (position + 1) % depth)
		if (position == eventidx)
			return true;
	return false;
}

static void expect_event(struct kunit *test, u32 depth, u32 eventidx, u16 value,
			 u16 old)
{
	bool expected = walked_over(eventidx, depth, value, old);
	bool got = nvme_dbbuf_need_event(eventidx, depth - 1, value, old);

	/* The first one is enough, there are millions. */
	if (got != expected)
		KUNIT_ASSERT_TRUE_MSG(test, false,
				      "depth %u: %u to %u, event index %u: %d\n",
				      depth, old, value, eventidx, got);
}

static void event_small_depths(struct kunit *test)
{
	static const u32 beyond[] = {
		0x7fff, 0x8000, 0xfffe, 0xffff, 0x10000, 0x10001, 0x7fffffff,
		0x80000000, 0xffff0000, 0xfffffffe, 0xffffffff,
	};
	u32 depth, old, value, eventidx, i;

	for (depth = 2; depth <= 33; depth++)
		for (old = 0; old < depth; old++)
			for (value = 0; value < depth; value++) {
				for (eventidx = 0; eventidx < depth + 40;
				     eventidx++)
					expect_event(test, depth, eventidx,
						     value, old);
				for (i = 0; i < ARRAY_SIZE(beyond); i++)
					expect_event(test, depth, beyond[i],
						     value, old);
			}
}

static void event_edges(struct kunit *test)
{
	static const u32 depths[] = {
		64, 127, 256, 1000, 1023, 1024, 4095, 32767, 32768, 32769,
		65534, 65535, 65536,
	};
	u32 i, o, v, e;

	for (i = 0; i < ARRAY_SIZE(depths); i++) {
		u32 depth = depths[i];
		u32 edges[] = { 0, 1, 2, depth / 2 - 1, depth / 2,
				depth / 2 + 1, depth - 2, depth - 1 };
		u32 beyond[] = { depth, depth + 1, 65535, 65536, 0xffffffff };

		for (o = 0; o < ARRAY_SIZE(edges); o++)
			for (v = 0; v < ARRAY_SIZE(edges); v++) {
				for (e = 0; e < ARRAY_SIZE(edges); e++)
					expect_event(test, depth, edges[e],
						     edges[v], edges[o]);
				for (e = 0; e < ARRAY_SIZE(beyond); e++)
					expect_event(test, depth, beyond[e],
						     edges[v], edges[o]);
			}
	}
}

static void page_layout(struct kunit *test)
{
	unsigned int stride, qid;

	for (stride = 1; stride <= 1U << 15; stride <<= 1) {
		for (qid = 0; nvme_dbbuf_fits(qid, stride); qid++) {
			size_t sq = nvme_dbbuf_sq_word(qid, stride);
			size_t cq = nvme_dbbuf_cq_word(qid, stride);

			KUNIT_EXPECT_EQ(test, sq, (size_t)2 * qid * stride);
			KUNIT_EXPECT_EQ(test, cq, sq + stride);
			KUNIT_EXPECT_LT(test, cq, (size_t)WORDS);
		}
		/* The first queue that does not fit must really not fit. */
		KUNIT_EXPECT_GE(test, nvme_dbbuf_cq_word(qid, stride),
				(size_t)WORDS);
		KUNIT_EXPECT_FALSE(test, nvme_dbbuf_fits(65535, stride));
	}
	KUNIT_EXPECT_TRUE(test, nvme_dbbuf_fits(511, 1));
	KUNIT_EXPECT_FALSE(test, nvme_dbbuf_fits(512, 1));
}

static void parameter(struct kunit *test)
{
	static const char * const refused[] = {
		"", "\n", "maybe", "ON", "onn", "o", "1", "y", "bit8", "bit 7",
	};
	static const char * const good[] = { "on", "off", "bit7", "on\n" };
	char *buffer = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, buffer);
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		KUNIT_EXPECT_EQ(test, nvme_dbbuf_mode_set(good[i], NULL), 0);
		KUNIT_EXPECT_GT(test, nvme_dbbuf_mode_get(buffer, NULL), 0);
		KUNIT_EXPECT_TRUE(test, sysfs_streq(buffer, good[i]));
	}
	for (i = 0; i < ARRAY_SIZE(refused); i++)
		KUNIT_EXPECT_EQ(test, nvme_dbbuf_mode_set(refused[i], NULL),
				-EINVAL);
	KUNIT_EXPECT_EQ(test, (int)nvme_dbbuf_mode, (int)NVME_DBBUF_MODE_ON);
}

static void support_bit(struct kunit *test)
{
	const u16 bit7 = 1 << 7, bit8 = 1 << 8;

	KUNIT_EXPECT_TRUE(test, nvme_dbbuf_supported(bit8, NVME_DBBUF_MODE_ON));
	KUNIT_EXPECT_FALSE(test, nvme_dbbuf_supported(bit7, NVME_DBBUF_MODE_ON));
	KUNIT_EXPECT_FALSE(test, nvme_dbbuf_supported((u16)~bit8,
						      NVME_DBBUF_MODE_ON));
	KUNIT_EXPECT_TRUE(test, nvme_dbbuf_supported(bit8, NVME_DBBUF_MODE_BIT7));
	KUNIT_EXPECT_TRUE(test, nvme_dbbuf_supported(bit7, NVME_DBBUF_MODE_BIT7));
	KUNIT_EXPECT_FALSE(test, nvme_dbbuf_supported((u16)~(bit7 | bit8),
						      NVME_DBBUF_MODE_BIT7));
}

static void accepted(struct kunit *test)
{
	unsigned int qid;

	KUNIT_EXPECT_EQ(test, connect_queues(QUEUES, 2), 0);
	expect_state(test, NVME_DBBUF_ACTIVE, 1);
	KUNIT_EXPECT_EQ(test, fake->synchronized, QUEUES - 2U);
	KUNIT_EXPECT_EQ(test, (int)fake->command.dbbuf.opcode, 0x7c);
	KUNIT_EXPECT_EQ(test, (u64)le64_to_cpu(fake->command.dbbuf.prp1),
			(u64)fake->dbbuf.shadows_dma);
	KUNIT_EXPECT_EQ(test, (u64)le64_to_cpu(fake->command.dbbuf.prp2),
			(u64)fake->dbbuf.eventidxs_dma);

	/* The admin queue never, all others at their own words. */
	KUNIT_EXPECT_FALSE(test, !!fake->queues[0].sq.shadow);
	KUNIT_EXPECT_FALSE(test, !!fake->queues[0].cq.shadow);
	for (qid = 1; qid < QUEUES; qid++) {
		struct fake_queue *queue = &fake->queues[qid];

		/* Parked until it is used. */
		KUNIT_EXPECT_FALSE(test, !!queue->sq.shadow);
		move_sq(queue, 1);
		KUNIT_EXPECT_PTR_EQ(test, queue->sq.shadow,
				    fake->dbbuf.shadows + 4 * qid);
		KUNIT_EXPECT_PTR_EQ(test, queue->cq.shadow,
				    fake->dbbuf.shadows + 4 * qid + 2);
		KUNIT_EXPECT_PTR_EQ(test, queue->sq.eventidx,
				    fake->dbbuf.eventidxs + 4 * qid);
		KUNIT_EXPECT_PTR_EQ(test, queue->cq.eventidx,
				    fake->dbbuf.eventidxs + 4 * qid + 2);
	}

	nvme_dbbuf_detach(&fake->dbbuf);
	expect_state(test, NVME_DBBUF_IDLE, 1);
	KUNIT_EXPECT_EQ(test, fake->pages, 2U);
	KUNIT_EXPECT_EQ(test, fake->synchronized, 2 * (QUEUES - 2U));
	/* Whoever has read the shadow doorbell before reads this after. */
	KUNIT_EXPECT_TRUE(test, !!fake->queues[1].cq.eventidx);
}

/* Detaching goes by what was attached, whatever became of the queues since. */
static void detached_all(struct kunit *test)
{
	connect_queues(QUEUES, 1);
	nvme_dbbuf_detach(&fake->dbbuf);
	connect_queues(2, 1);
	expect_state(test, NVME_DBBUF_ACTIVE, 2);
	KUNIT_EXPECT_FALSE(test, !!fake->queues[2].sq.slot);
	nvme_dbbuf_detach(&fake->dbbuf);
	nvme_dbbuf_detach(&fake->dbbuf);
	expect_state(test, NVME_DBBUF_IDLE, 2);
}

static void only_admin_queue(struct kunit *test)
{
	connect_queues(1, 1);
	expect_state(test, NVME_DBBUF_PREPARED, 0);
}

/* A bogus completion must not meet a driver that has no tag set. */
static void waits_for_tagset(struct kunit *test)
{
	fake->ctrl.tagset = NULL;
	KUNIT_EXPECT_EQ(test, connect_queues(QUEUES, 1), 0);
	expect_state(test, NVME_DBBUF_PREPARED, 0);

	fake->ctrl.tagset = &fake->tagset;
	KUNIT_EXPECT_EQ(test, nvme_dbbuf_configure(&fake->dbbuf, QUEUES), 0);
	expect_state(test, NVME_DBBUF_ACTIVE, 1);
	KUNIT_EXPECT_EQ(test, nvme_dbbuf_configure(&fake->dbbuf, QUEUES), 0);
	expect_state(test, NVME_DBBUF_ACTIVE, 1);
}

static void refused(struct kunit *test)
{
	static const int statuses[] = { 1, 2, 0x4002, -EINTR, -ENODEV };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(statuses); i++) {
		fake->status = statuses[i];
		KUNIT_EXPECT_EQ(test, connect_queues(QUEUES, 1), 0);
		expect_state(test, NVME_DBBUF_REFUSED, i + 1);
		/* It may have answered late: it keeps its pages. */
		KUNIT_EXPECT_EQ(test, fake->pages, 2U);
		KUNIT_EXPECT_TRUE(test, move_sq(&fake->queues[1], 1));
		nvme_dbbuf_detach(&fake->dbbuf);
	}
	fake->status = 0;
	connect_queues(QUEUES, 1);
	expect_state(test, NVME_DBBUF_ACTIVE, i + 1);
}

static void disable(struct fake *fake)
{
	nvme_dbbuf_detach(&fake->dbbuf);
}

static void disabled_meanwhile(struct kunit *test)
{
	fake->on_command = disable;
	KUNIT_EXPECT_EQ(test, connect_queues(QUEUES, 1), -ENODEV);
	expect_state(test, NVME_DBBUF_IDLE, 1);

	fake->status = -EINTR;
	KUNIT_EXPECT_EQ(test, connect_queues(QUEUES, 1), -ENODEV);
	expect_state(test, NVME_DBBUF_IDLE, 2);
	KUNIT_EXPECT_EQ(test, fake->pages, 2U);

	/* Before the command was even sent. */
	nvme_dbbuf_prepare(&fake->dbbuf, &fake->ctrl, &fake->device, QUEUES, 1);
	nvme_dbbuf_detach(&fake->dbbuf);
	KUNIT_EXPECT_EQ(test, nvme_dbbuf_configure(&fake->dbbuf, 0), -ENODEV);
	expect_state(test, NVME_DBBUF_IDLE, 2);

	fake->on_command = NULL;
	fake->status = 0;
	connect_queues(QUEUES, 1);
	expect_state(test, NVME_DBBUF_ACTIVE, 3);
}

static void support_lost(struct kunit *test)
{
	connect_queues(QUEUES, 1);
	expect_state(test, NVME_DBBUF_ACTIVE, 1);
	nvme_dbbuf_detach(&fake->dbbuf);

	fake->ctrl.oacs = 0;
	connect_queues(QUEUES, 1);
	expect_state(test, NVME_DBBUF_UNSUPPORTED, 1);
	KUNIT_EXPECT_TRUE(test, move_sq(&fake->queues[1], 1));
	nvme_dbbuf_detach(&fake->dbbuf);

	fake->ctrl.oacs = NVME_CTRL_OACS_DBBUF_SUPP;
	connect_queues(QUEUES, 1);
	expect_state(test, NVME_DBBUF_ACTIVE, 2);
}

static void stride_changed(struct kunit *test)
{
	connect_queues(QUEUES, 1);
	nvme_dbbuf_detach(&fake->dbbuf);

	connect_queues(QUEUES, 64);
	expect_state(test, NVME_DBBUF_ACTIVE, 2);
	KUNIT_EXPECT_PTR_EQ(test, fake->queues[POLLED].cq.shadow,
			    fake->dbbuf.shadows + (2 * POLLED + 1) * 64);
	nvme_dbbuf_detach(&fake->dbbuf);

	/* The words of the last queue would lie behind the page: none is used. */
	connect_queues(QUEUES, 128);
	expect_state(test, NVME_DBBUF_TOO_LARGE, 2);
	nvme_dbbuf_detach(&fake->dbbuf);

	/* Fewer queues do fit. */
	connect_queues(QUEUES - 1, 128);
	expect_state(test, NVME_DBBUF_ACTIVE, 3);
}

static void switched(struct kunit *test)
{
	nvme_dbbuf_mode = NVME_DBBUF_MODE_OFF;
	connect_queues(QUEUES, 1);
	expect_state(test, NVME_DBBUF_OFF, 0);
	KUNIT_EXPECT_EQ(test, fake->pages, 0U);
	KUNIT_EXPECT_TRUE(test, move_sq(&fake->queues[1], 1));
	KUNIT_EXPECT_EQ(test, fake->queues[1].sq.published, 0UL);

	/* Nothing changes before the next reset. */
	nvme_dbbuf_mode = NVME_DBBUF_MODE_ON;
	expect_state(test, NVME_DBBUF_OFF, 0);
	nvme_dbbuf_detach(&fake->dbbuf);
	connect_queues(QUEUES, 1);
	expect_state(test, NVME_DBBUF_ACTIVE, 1);

	nvme_dbbuf_mode = NVME_DBBUF_MODE_OFF;
	expect_state(test, NVME_DBBUF_ACTIVE, 1);
	nvme_dbbuf_detach(&fake->dbbuf);
	connect_queues(QUEUES, 1);
	expect_state(test, NVME_DBBUF_OFF, 1);
}

static void no_memory(struct kunit *test)
{
	unsigned int i;

	/* The queues, the shadow doorbells, the event indexes. */
	for (i = 1; i <= 3; i++) {
		fake->allocations = 0;
		fake->fail_allocation = i;
		connect_queues(QUEUES, 1);
		expect_state(test, NVME_DBBUF_NO_MEMORY, i - 1);
		KUNIT_EXPECT_TRUE(test, move_sq(&fake->queues[1], 1));
		nvme_dbbuf_detach(&fake->dbbuf);

		/* The next reset tries again and needs only what is missing. */
		fake->fail_allocation = 0;
		connect_queues(QUEUES, 1);
		expect_state(test, NVME_DBBUF_ACTIVE, i);
		KUNIT_EXPECT_EQ(test, fake->pages, 2U);
		nvme_dbbuf_detach(&fake->dbbuf);
		nvme_dbbuf_free(&fake->dbbuf);
		KUNIT_EXPECT_EQ(test, fake->pages, 0U);
	}
}

/* Switched on by a reset, when the queues are there already. */
static void no_memory_at_reset(struct kunit *test)
{
	unsigned int i;

	/* The shadow doorbells, the event indexes. */
	for (i = 1; i <= 2; i++) {
		nvme_dbbuf_mode = NVME_DBBUF_MODE_OFF;
		connect_queues(QUEUES, 1);
		expect_state(test, NVME_DBBUF_OFF, i - 1);
		KUNIT_EXPECT_EQ(test, fake->pages, 0U);
		nvme_dbbuf_detach(&fake->dbbuf);

		nvme_dbbuf_mode = NVME_DBBUF_MODE_ON;
		fake->allocations = 0;
		fake->fail_allocation = i;
		connect_queues(QUEUES, 1);
		expect_state(test, NVME_DBBUF_NO_MEMORY, i - 1);
		KUNIT_EXPECT_EQ(test, fake->pages, 1U);
		KUNIT_EXPECT_TRUE(test, move_sq(&fake->queues[1], 1));
		nvme_dbbuf_detach(&fake->dbbuf);

		fake->fail_allocation = 0;
		connect_queues(QUEUES, 1);
		expect_state(test, NVME_DBBUF_ACTIVE, i);
		KUNIT_EXPECT_EQ(test, fake->pages, 2U);
		nvme_dbbuf_detach(&fake->dbbuf);
		nvme_dbbuf_free(&fake->dbbuf);
	}
}

/* With commands under way to the end, and for a second time. */
static void freed(struct kunit *test)
{
	connect_queues(QUEUES, 1);
	set_eventidx(1, false, 0xffffffff);
	move_sq(&fake->queues[1], 1);
	KUNIT_EXPECT_GT(test, fake->watch_in, 0UL);
	nvme_dbbuf_detach(&fake->dbbuf);
	nvme_dbbuf_free(&fake->dbbuf);
	KUNIT_EXPECT_EQ(test, fake->watch_in, 0UL);
	KUNIT_EXPECT_EQ(test, fake->pages + fake->arrays, 0U);
	nvme_dbbuf_free(&fake->dbbuf);
	KUNIT_EXPECT_EQ(test, fake->pages + fake->arrays, 0U);
}

/* An interrupt comes in while the command is on its way. */
static void consume_entry(struct fake *fake)
{
	fake->queues[1].cq_head = 3;
}

static void clean_words(struct kunit *test)
{
	struct fake_queue *queue = &fake->queues[1];

	connect_queues(QUEUES, 1);
	/* Whatever the controller left behind before a reset. */
	memset(fake->dbbuf.shadows, 0xa5, NVME_CTRL_PAGE_SIZE);
	memset(fake->dbbuf.eventidxs, 0xa5, NVME_CTRL_PAGE_SIZE);
	nvme_dbbuf_detach(&fake->dbbuf);

	fake->on_command = consume_entry;
	connect_queues(QUEUES, 1);
	expect_state(test, NVME_DBBUF_ACTIVE, 2);
	KUNIT_EXPECT_EQ(test, shadow(1, false), 0U);
	KUNIT_EXPECT_EQ(test, shadow(1, true), 3U);
	KUNIT_EXPECT_EQ(test, (int)queue->cq.last, 3);
	KUNIT_EXPECT_EQ(test, (int)queue->cq.last_rung, 3);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(*queue->sq.eventidx), 0U);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(fake->dbbuf.shadows[0]), 0U);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(fake->dbbuf.shadows[WORDS - 1]), 0U);
}

static void publishing(struct kunit *test)
{
	struct fake_queue *queue = &fake->queues[1];
	unsigned long rung = 0, suppressed = 0;
	u16 tail = 0;
	int i;

	connect_queues(QUEUES, 1);
	/* A controller that wants to know each time. */
	for (i = 0; i < 3 * DEPTH; i++) {
		set_eventidx(1, false, tail);
		tail = (tail + 1) % DEPTH;
		rung++;
		KUNIT_EXPECT_TRUE(test, move_sq(queue, tail));
		KUNIT_EXPECT_EQ(test, shadow(1, false), (u32)tail);
		KUNIT_EXPECT_EQ(test, (int)queue->sq.last_rung, (int)tail);
	}
	/* One that polls. */
	set_eventidx(1, false, 0xffffffff);
	for (i = 0; i < 3 * DEPTH; i++) {
		tail = (tail + 1) % DEPTH;
		suppressed++;
		KUNIT_EXPECT_FALSE(test, move_sq(queue, tail));
		KUNIT_EXPECT_EQ(test, shadow(1, false), (u32)tail);
		KUNIT_EXPECT_EQ(test, (int)queue->sq.last_rung, 0);
	}
	KUNIT_EXPECT_EQ(test, queue->sq.rung, rung);
	KUNIT_EXPECT_EQ(test, queue->sq.published, rung + suppressed);
	KUNIT_EXPECT_EQ(test, (unsigned long)fake->traced, rung + suppressed);
	KUNIT_EXPECT_EQ(test, (unsigned long)fake->traced_rung, rung);
	KUNIT_EXPECT_EQ(test, queue->cq.published, 0UL);
}

/* The position before is the host's own, whatever stands in the shared page. */
static void shadow_overwritten(struct kunit *test)
{
	struct fake_queue *queue = &fake->queues[1];

	connect_queues(QUEUES, 1);
	set_eventidx(1, false, 5);
	KUNIT_EXPECT_FALSE(test, move_sq(queue, 4));

	set_word(fake->dbbuf.shadows, 2, 6);
	KUNIT_EXPECT_TRUE(test, move_sq(queue, 7));
	set_word(fake->dbbuf.shadows, 2, 2);
	KUNIT_EXPECT_FALSE(test, move_sq(queue, 8));
	set_word(fake->dbbuf.shadows, 2, 0xffffffff);
	KUNIT_EXPECT_FALSE(test, move_sq(queue, 9));
}

/* Position 1 is published: what is in order before and after that. */
static bool publish_in_order(struct kunit *test, bool completion,
			     bool write_combined, const char *order)
{
	struct fake_queue *queue = &fake->queues[1];
	bool ring;

	nvme_dbbuf_detach(&fake->dbbuf);
	fake->write_combined = write_combined;
	connect_queues(QUEUES, 1);
	set_eventidx(1, completion, 0xffffffff);
	memset(fake->order, 0, sizeof(fake->order));
	fake->ordered = completion ? &queue->cq : &queue->sq;
	ring = completion ? move_cq(queue, 1) : move_sq(queue, 1);
	fake->ordered = NULL;
	KUNIT_EXPECT_STREQ(test, (const char *)fake->order, order);
	return ring;
}

/* Entry, A, shadow doorbell, B, event index. */
static void ordering(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, publish_in_order(test, false, false, "AB"));
	KUNIT_EXPECT_TRUE(test, publish_in_order(test, false, true, "wAB"));
	KUNIT_EXPECT_TRUE(test, publish_in_order(test, true, false, "AB"));

	/* With a controller that is not trusted there is nothing to compare. */
	fake->dbbuf.distrusted = true;
	KUNIT_EXPECT_TRUE(test, publish_in_order(test, false, false, "AC"));
	KUNIT_EXPECT_TRUE(test, publish_in_order(test, false, true, "wAC"));
	KUNIT_EXPECT_TRUE(test, publish_in_order(test, true, false, "AC"));
}

/* An idle queue is parked, and then nothing is left to be done. */
static void parked(struct kunit *test)
{
	struct fake_queue *queue = &fake->queues[1];

	connect_queues(QUEUES, 1);
	KUNIT_EXPECT_EQ(test, fake->watch_in, 0UL);
	set_eventidx(1, false, 0xffffffff);
	set_eventidx(1, true, 0xffffffff);

	KUNIT_EXPECT_FALSE(test, move_sq(queue, 1));
	KUNIT_EXPECT_TRUE(test, !!queue->sq.shadow);
	KUNIT_EXPECT_GT(test, fake->watch_in, 0UL);
	KUNIT_EXPECT_FALSE(test, move_cq(queue, 1));
	wait(HZ);
	KUNIT_EXPECT_FALSE(test, !!queue->sq.shadow);
	KUNIT_EXPECT_TRUE(test, !!queue->sq.slot);
	KUNIT_EXPECT_EQ(test, fake->watch_in, 0UL);

	/* Another one keeps going. */
	move_sq(queue, 2);
	set_eventidx(2, false, 0xffffffff);
	move_sq(&fake->queues[2], 1);
	move_cq(&fake->queues[2], 1);
	wait(NVME_DBBUF_WATCH);
	KUNIT_EXPECT_TRUE(test, !!queue->sq.shadow);
	KUNIT_EXPECT_FALSE(test, !!fake->queues[2].sq.shadow);
	KUNIT_EXPECT_GT(test, fake->watch_in, 0UL);

	/* What was detached meanwhile is none of its business. */
	nvme_dbbuf_detach(&fake->dbbuf);
	wait(HZ);
	KUNIT_EXPECT_EQ(test, fake->watch_in, 0UL);
	KUNIT_EXPECT_EQ(test, queue->sq_writes, 0U);
}

static void expect_distrust(struct kunit *test, bool distrusted)
{
	unsigned int qid;

	KUNIT_EXPECT_EQ(test, fake->dbbuf.distrusted, distrusted);
	for (qid = 1; distrusted && qid < QUEUES; qid++) {
		KUNIT_EXPECT_TRUE(test, !!fake->queues[qid].sq.slot);
		KUNIT_EXPECT_FALSE(test, !!fake->queues[qid].sq.shadow);
		KUNIT_EXPECT_FALSE(test, !!fake->queues[qid].cq.shadow);
	}
	KUNIT_EXPECT_EQ(test, fake->disabled, 0U);
	KUNIT_EXPECT_EQ(test, fake->unlocked, 0U);
}

/* The controller writes its event index too late and misses the doorbell. */
static void lose_sq(struct fake_queue *queue, unsigned int qid)
{
	u16 tail = queue->sq_tail;

	set_eventidx(qid, false, 0xffffffff);
	move_sq(queue, (tail + 1) % DEPTH);
	set_eventidx(qid, false, tail);
}

/* From when a doorbell gets lost until its register is written, at most. */
#define ASKED_FOR	(NVME_DBBUF_WATCH + NVME_DBBUF_LATE)
#define NOT_ASKED_FOR	(NVME_DBBUF_WATCH + NVME_DBBUF_VERY_LATE)

/* Its doorbells are written, after that time. */
static void wait_for_probe(struct kunit *test, struct fake_queue *queue,
			   unsigned long time)
{
	unsigned int writes = queue->sq_writes + queue->cq_writes;
	unsigned long waited = 0;

	while (queue->sq_writes + queue->cq_writes == writes &&
	       waited <= 2 * time) {
		wait(HZ / 20);
		waited += HZ / 20;
	}
	KUNIT_EXPECT_LE(test, waited, time + HZ / 10);
	expect_distrust(test, false);
}

/* The controller goes on at once: it has not known. */
static void go_on(struct fake_queue *queue)
{
	move_cq(queue, queue->sq_tail);
	wait(NVME_DBBUF_PROBE);
}

static void expect_lost(struct kunit *test, struct fake_queue *queue)
{
	wait_for_probe(test, queue, ASKED_FOR);
	go_on(queue);
	expect_distrust(test, true);
}

static void lose_trust(struct kunit *test)
{
	unsigned int synchronized = fake->synchronized;

	lose_sq(&fake->queues[1], 1);
	expect_lost(test, &fake->queues[1]);
	/* No handler still suppresses the doorbells of any queue. */
	KUNIT_EXPECT_EQ(test, fake->synchronized, synchronized + QUEUES - 2);
}

static void lost_sq(struct kunit *test)
{
	struct fake_queue *queue = &fake->queues[2];
	unsigned int qid, writes = 0;

	connect_queues(QUEUES, 1);
	move_sq(queue, 1);
	move_cq(queue, 1);
	set_eventidx(2, true, 1);
	lose_sq(queue, 2);
	KUNIT_EXPECT_EQ(test, queue->sq_writes, 0U);

	expect_lost(test, queue);
	KUNIT_EXPECT_EQ(test, queue->sq_writes, 1U);
	KUNIT_EXPECT_EQ(test, queue->sq_reg, 2U);
	/* Nothing is written that the controller has been told. */
	for (qid = 0; qid < QUEUES; qid++)
		writes += fake->queues[qid].sq_writes +
			  fake->queues[qid].cq_writes;
	KUNIT_EXPECT_EQ(test, writes, 1U);
	KUNIT_EXPECT_EQ(test, fake->dbbuf.queues[2].sq.recovered, 1UL);
	KUNIT_EXPECT_EQ(test, fake->dbbuf.queues[2].cq.recovered, 0UL);
	KUNIT_EXPECT_EQ(test, (int)fake->dbbuf.loss.qid, 2);
	KUNIT_EXPECT_FALSE(test, fake->dbbuf.loss.completion);

	/* Published and written from now on, whatever the controller says. */
	set_eventidx(2, false, 0xffffffff);
	KUNIT_EXPECT_TRUE(test, move_sq(queue, 3));
	KUNIT_EXPECT_EQ(test, shadow(2, false), 3U);
	KUNIT_EXPECT_TRUE(test, move_cq(queue, 3));
	KUNIT_EXPECT_EQ(test, shadow(2, true), 3U);
	KUNIT_EXPECT_EQ(test, queue->sq.published, 3UL);
	KUNIT_EXPECT_EQ(test, queue->sq.rung, 2UL);
	wait(20 * HZ);
	KUNIT_EXPECT_EQ(test, queue->sq_writes, 1U);
	KUNIT_EXPECT_EQ(test, fake->watch_in, 0UL);
}

/* The controller waits for room, and has not asked for that to be told. */
static void lost_cq(struct kunit *test)
{
	struct fake_queue *queue = &fake->queues[1];
	unsigned int i;

	connect_queues(QUEUES, 1);
	set_eventidx(1, true, 0xffffffff);
	for (i = 1; i <= NVME_DBBUF_HELPED; i++) {
		expect_distrust(test, false);
		set_eventidx(1, false, queue->sq_tail);
		KUNIT_EXPECT_TRUE(test, move_sq(queue, queue->sq_tail + 9));
		move_cq(queue, queue->sq_tail - 4);
		wait_for_probe(test, queue, NOT_ASKED_FOR);
		KUNIT_EXPECT_EQ(test, queue->cq_writes, i);
		KUNIT_EXPECT_EQ(test, queue->cq_reg, queue->sq_tail - 4U);
		KUNIT_EXPECT_EQ(test, queue->sq_writes, 0U);
		go_on(queue);
	}
	expect_distrust(test, true);
	KUNIT_EXPECT_TRUE(test, fake->dbbuf.loss.completion);
	KUNIT_EXPECT_EQ(test, (int)fake->dbbuf.loss.last, 14);
}

/* A controller that is busy with earlier commands has to be told as soon. */
static void lost_among_others(struct kunit *test)
{
	struct fake_queue *queue = &fake->queues[1];
	unsigned int i;

	connect_queues(QUEUES, 1);
	KUNIT_EXPECT_TRUE(test, move_sq(queue, 20));
	lose_sq(queue, 1);
	for (i = 1; i <= 12; i++) {
		KUNIT_EXPECT_EQ(test, queue->sq_writes, i <= 10 ? 0U : 1U);
		wait(HZ / 10);
		move_cq(queue, i);
	}
	KUNIT_EXPECT_EQ(test, queue->sq_reg, 21U);
	/* What completes then is no sign that it has helped. */
	for (; i <= 21; i++) {
		move_cq(queue, i);
		wait(HZ / 10);
	}
	KUNIT_EXPECT_EQ(test, queue->sq_writes, 1U);
	expect_distrust(test, false);
}

/* After whole laps, a position that the controller was told is another one. */
static void lost_after_laps(struct kunit *test)
{
	struct fake_queue *queue = &fake->queues[1];
	unsigned int i;

	connect_queues(QUEUES, 1);
	KUNIT_EXPECT_TRUE(test, move_sq(queue, 1));
	set_eventidx(1, false, 0xffffffff);
	for (i = 1; i <= DEPTH; i++) {
		move_cq(queue, i % DEPTH);
		KUNIT_EXPECT_FALSE(test, move_sq(queue, (1 + i) % DEPTH));
	}
	KUNIT_EXPECT_EQ(test, queue->sq.last, queue->sq.last_rung);
	wait_for_probe(test, queue, NOT_ASKED_FOR);
	KUNIT_EXPECT_EQ(test, queue->sq_writes, 1U);
	KUNIT_EXPECT_EQ(test, queue->sq_reg, 1U);
}

static void use_another(struct fake *fake)
{
	move_sq(&fake->queues[2], 1);
}

/* Another queue is used just then: no reason to look later. */
static void probed_in_time(struct kunit *test)
{
	connect_queues(QUEUES, 1);
	fake->on_doorbell = use_another;
	lose_sq(&fake->queues[1], 1);
	wait_for_probe(test, &fake->queues[1], ASKED_FOR);
	fake->on_doorbell = NULL;
	KUNIT_EXPECT_TRUE(test, !!fake->queues[2].sq.shadow);
	KUNIT_EXPECT_LE(test, fake->watch_in, (unsigned long)NVME_DBBUF_PROBE);
	go_on(&fake->queues[1]);
	expect_distrust(test, true);
}

/* What was suppressed on other queues is as doubtful. */
static void lost_elsewhere(struct kunit *test)
{
	struct fake_queue *other = &fake->queues[POLLED];

	connect_queues(QUEUES, 1);
	set_eventidx(POLLED, false, 0xffffffff);
	set_eventidx(POLLED, true, 0xffffffff);
	move_sq(other, 7);
	move_cq(other, 7);
	lose_trust(test);
	KUNIT_EXPECT_EQ(test, other->sq_reg, 7U);
	KUNIT_EXPECT_EQ(test, other->cq_reg, 7U);
	KUNIT_EXPECT_EQ(test, other->sq_writes + other->cq_writes, 2U);
}

/* A controller that takes its time is not distrusted for it. */
static void slow_not_lost(struct kunit *test)
{
	struct fake_queue *queue = &fake->queues[1];

	connect_queues(QUEUES, 1);
	/* It was told, and has fetched all there is. */
	move_sq(queue, 1);
	set_eventidx(1, false, 1);
	wait(3 * HZ);
	KUNIT_EXPECT_EQ(test, queue->sq_writes, 0U);

	/* More came in while it was busy. */
	KUNIT_EXPECT_TRUE(test, move_sq(queue, 2));
	move_sq(queue, 3);
	wait(HZ);
	expect_distrust(test, false);
	move_cq(queue, 1);

	/* One try, then it is left alone. */
	wait(5 * HZ);
	KUNIT_EXPECT_EQ(test, queue->sq_writes, 1U);
	KUNIT_EXPECT_EQ(test, queue->sq_reg, 3U);
	expect_distrust(test, false);
	move_cq(queue, 3);
	wait(HZ);
	expect_distrust(test, false);
	KUNIT_EXPECT_EQ(test, queue->sq_writes, 1U);
	KUNIT_EXPECT_EQ(test, fake->watch_in, 0UL);
}

/* Nor one that has found its news by looking again, and takes its time for it. */
static void passed_not_lost(struct kunit *test)
{
	struct fake_queue *queue = &fake->queues[1];

	connect_queues(QUEUES, 1);
	lose_sq(queue, 1);
	wait_for_probe(test, queue, ASKED_FOR);
	wait(HZ);
	move_cq(queue, 1);
	wait(HZ);
	expect_distrust(test, false);
	KUNIT_EXPECT_EQ(test, queue->sq_writes, 1U);
	KUNIT_EXPECT_EQ(test, fake->watch_in, 0UL);
}

/* A controller that says "never" and still wants to be told. */
static void lost_without_proof(struct kunit *test)
{
	struct fake_queue *queue = &fake->queues[POLLED];
	/* Does writing the doorbell help? Once may be chance. */
	static const bool helps[] = { true, false, true, true };
	unsigned int i, tries;
	u16 tail = 0;

	connect_queues(QUEUES, 1);
	set_eventidx(POLLED, false, 0xffffffff);
	set_eventidx(POLLED, true, 0xffffffff);
	for (i = 0; i < ARRAY_SIZE(helps); i++) {
		expect_distrust(test, false);
		tail += 4;
		move_sq(queue, tail);
		for (tries = 0; queue->sq_writes == i && tries < 40; tries++)
			wait(HZ / 20);
		KUNIT_EXPECT_LT(test, tries, 40U);
		KUNIT_EXPECT_EQ(test, queue->sq_reg, (u32)tail);
		if (!helps[i])
			wait(HZ);
		move_cq(queue, tail);
		wait(HZ);
	}
	expect_distrust(test, true);
	KUNIT_EXPECT_EQ(test, (int)fake->dbbuf.loss.qid, POLLED);
	KUNIT_EXPECT_EQ(test, (int)fake->dbbuf.loss.last, (int)tail);
}

/* One that is dead is told what is new, and nothing else, until it is reset. */
static void dead(struct kunit *test)
{
	struct fake_queue *queue = &fake->queues[1];

	connect_queues(QUEUES, 1);
	set_eventidx(1, false, 0xffffffff);
	move_sq(queue, 4);
	wait(60 * HZ);
	KUNIT_EXPECT_EQ(test, queue->sq_writes, 1U);
	move_sq(queue, 5);
	wait_for_probe(test, queue, NOT_ASKED_FOR);
	wait(60 * HZ);
	KUNIT_EXPECT_EQ(test, queue->sq_writes, 2U);
	KUNIT_EXPECT_EQ(test, queue->sq_reg, 5U);
	expect_distrust(test, false);
	nvme_dbbuf_detach(&fake->dbbuf);
	wait(HZ);
	KUNIT_EXPECT_EQ(test, fake->watch_in, 0UL);
}

static void distrust_lasts(struct kunit *test)
{
	struct fake_queue *queue = &fake->queues[1];

	connect_queues(QUEUES, 1);
	lose_trust(test);

	nvme_dbbuf_detach(&fake->dbbuf);
	KUNIT_EXPECT_FALSE(test, any_attached());
	connect_queues(QUEUES, 1);
	expect_state(test, NVME_DBBUF_ACTIVE, 2);
	expect_distrust(test, true);
	set_eventidx(1, false, 0xffffffff);
	set_eventidx(1, true, 0xffffffff);
	KUNIT_EXPECT_TRUE(test, move_sq(queue, 1));
	KUNIT_EXPECT_TRUE(test, move_cq(queue, 1));
	KUNIT_EXPECT_EQ(test, shadow(1, false), 1U);
	KUNIT_EXPECT_EQ(test, fake->watch_in, 0UL);

	nvme_dbbuf_trust(&fake->dbbuf);
	expect_distrust(test, false);
	KUNIT_EXPECT_FALSE(test, move_sq(queue, 2));
	KUNIT_EXPECT_FALSE(test, move_cq(queue, 2));
	KUNIT_EXPECT_EQ(test, shadow(1, false), 2U);
	KUNIT_EXPECT_EQ(test, shadow(1, true), 2U);
	KUNIT_EXPECT_GT(test, fake->watch_in, 0UL);
}

/* A busy queue, looked at when its head is where it was the last time. */
static void whole_lap(struct kunit *test)
{
	struct fake_queue *queue = &fake->queues[1];
	unsigned int i;

	connect_queues(QUEUES, 1);
	set_eventidx(1, false, 0xffffffff);
	set_eventidx(1, true, 0xffffffff);
	move_sq(queue, 2);
	wait(NVME_DBBUF_WATCH);
	for (i = 1; i <= DEPTH; i++) {
		move_sq(queue, (2 + i) % DEPTH);
		move_cq(queue, i % DEPTH);
	}
	/* As with each look at a busy controller: it is about to look again. */
	set_eventidx(1, false, 1);
	KUNIT_EXPECT_EQ(test, (int)queue->cq_head, 0);
	KUNIT_EXPECT_EQ(test, (int)queue->sq_tail, 2);
	wait(NVME_DBBUF_WATCH);
	KUNIT_EXPECT_EQ(test, queue->sq_writes, 0U);
	/* From then on nothing completes. */
	expect_lost(test, queue);
}

/* What was seen before the administrator's word counts no more after it. */
static void trusted_afresh(struct kunit *test)
{
	struct fake_queue *queue = &fake->queues[1];

	connect_queues(QUEUES, 1);
	lose_trust(test);
	nvme_dbbuf_trust(&fake->dbbuf);
	expect_distrust(test, false);
	/* Once is chance. */
	set_eventidx(1, false, 0xffffffff);
	set_eventidx(1, true, 0xffffffff);
	move_sq(queue, queue->sq_tail + 1);
	wait_for_probe(test, queue, NOT_ASKED_FOR);
	go_on(queue);
	expect_distrust(test, false);
}

/* That the doorbell was late before that says nothing of the next one. */
static void passed_afresh(struct kunit *test)
{
	struct fake_queue *queue = &fake->queues[1];
	unsigned int writes;

	connect_queues(QUEUES, 1);
	lose_trust(test);
	nvme_dbbuf_trust(&fake->dbbuf);
	writes = queue->sq_writes;
	lose_sq(queue, 1);
	wait(NVME_DBBUF_WATCH + HZ / 20);
	KUNIT_EXPECT_EQ(test, queue->sq_writes, writes);
	expect_lost(test, queue);
}

/* A file of debugfs, opened; what is read from it is in buffer. */
struct fake_file {
	struct inode	inode;
	struct file	file;
	struct seq_file	*seq;
	char		buffer[512];
};

static struct fake_file *open_file(struct kunit *test,
				   int (*open)(struct inode *, struct file *))
{
	struct fake_file *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, f);
	f->inode.i_private = &fake->dbbuf;
	KUNIT_ASSERT_EQ(test, open(&f->inode, &f->file), 0);
	f->seq = f->file.private_data;
	return f;
}

/* As seq_read() does it, without a user's memory. */
static const char *read_file(struct kunit *test, struct fake_file *f)
{
	struct seq_file *s = f->seq;

	s->buf = f->buffer;
	s->size = sizeof(f->buffer);
	s->count = 0;
	KUNIT_EXPECT_EQ(test, s->op->show(s, NULL), 0);
	KUNIT_EXPECT_LT(test, s->count, sizeof(f->buffer));
	f->buffer[s->count] = '\0';
	s->buf = NULL;
	return f->buffer;
}

static void close_file(struct fake_file *f)
{
	single_release(&f->inode, &f->file);
}

static void expect_text(struct kunit *test, const char *is, const char *wanted)
{
	KUNIT_EXPECT_STREQ(test, is, wanted);
}

static void read_configuring(struct fake *fake)
{
	expect_text(fake->test, read_file(fake->test, fake->file),
		    "configuring\n");
}

static void show_state(struct kunit *test)
{
	struct fake_file *f = open_file(test, nvme_dbbuf_state_open);

	fake->file = f;
	fake->on_command = read_configuring;
	fake->fail_allocation = 2;
	nvme_dbbuf_prepare(&fake->dbbuf, &fake->ctrl, &fake->device, QUEUES, 1);
	expect_text(test, read_file(test, f), "no-memory\n");
	fake->fail_allocation = 0;
	nvme_dbbuf_prepare(&fake->dbbuf, &fake->ctrl, &fake->device, QUEUES, 1);
	expect_text(test, read_file(test, f), "prepared\n");
	connect_queues(QUEUES, 1);
	expect_text(test, read_file(test, f), "active (4 I/O queues)\n");
	lose_trust(test);
	expect_text(test, read_file(test, f),
		    "distrusted (4 I/O queues)\nlost: queue 1 sq event index 0 published 1 written 0\n");
	nvme_dbbuf_detach(&fake->dbbuf);
	expect_text(test, read_file(test, f),
		    "idle\nlost: queue 1 sq event index 0 published 1 written 0\n");
	nvme_dbbuf_trust(&fake->dbbuf);
	expect_text(test, read_file(test, f), "idle\n");

	fake->status = 0x4002;
	connect_queues(QUEUES, 1);
	expect_text(test, read_file(test, f), "refused (status 0x4002)\n");
	nvme_dbbuf_detach(&fake->dbbuf);
	fake->status = -EINTR;
	connect_queues(QUEUES, 1);
	expect_text(test, read_file(test, f), "refused (error -4)\n");
	nvme_dbbuf_detach(&fake->dbbuf);
	connect_queues(QUEUES, 128);
	expect_text(test, read_file(test, f), "too-large\n");
	nvme_dbbuf_detach(&fake->dbbuf);
	fake->ctrl.oacs = 0x80;
	connect_queues(QUEUES, 1);
	expect_text(test, read_file(test, f), "unsupported (OACS 0x80)\n");
	nvme_dbbuf_detach(&fake->dbbuf);
	nvme_dbbuf_mode = NVME_DBBUF_MODE_OFF;
	connect_queues(QUEUES, 1);
	expect_text(test, read_file(test, f), "off\n");
	close_file(f);
}

static ssize_t write_state(struct fake_file *f, const char *text)
{
	return nvme_dbbuf_state_write(&f->file, (const char __user *)text,
				      strlen(text), NULL);
}

static void write_trust(struct kunit *test)
{
	static const char * const refused[] = {
		"", "\n", "trus", "trustt", "distrust", "trust or distrust",
		"0123456789abcde", "0123456789abcdef",
	};
	struct fake_file *f = open_file(test, nvme_dbbuf_state_open);
	unsigned int i;

	connect_queues(QUEUES, 1);
	lose_trust(test);
	for (i = 0; i < ARRAY_SIZE(refused); i++)
		KUNIT_EXPECT_EQ(test, write_state(f, refused[i]),
				(ssize_t)-EINVAL);
	fake->bad_address = true;
	KUNIT_EXPECT_EQ(test, write_state(f, "trust"), (ssize_t)-EFAULT);
	fake->bad_address = false;
	expect_distrust(test, true);
	KUNIT_EXPECT_EQ(test, write_state(f, "trust\n"), (ssize_t)6);
	expect_distrust(test, false);
	/* Nothing to be done then. */
	KUNIT_EXPECT_EQ(test, write_state(f, "trust"), (ssize_t)5);
	expect_distrust(test, false);
	close_file(f);
}

/* A doorbell is rung between the reads of its two counters. */
static void ring_meanwhile(struct fake *fake)
{
	fake->on_counter = NULL;
	set_eventidx(1, false, 3);
	move_sq(&fake->queues[1], 4);
}

static void show_queues(struct kunit *test)
{
	struct fake_file *f = open_file(test, nvme_dbbuf_queues_open);
	struct fake_queue *queue = &fake->queues[1];

	expect_text(test, read_file(test, f), "");
	connect_queues(2, 1);
	move_sq(queue, 1);
	set_eventidx(1, false, 0xffffffff);
	move_sq(queue, 2);
	move_sq(queue, 3);
	set_eventidx(1, true, 0xffffffff);
	move_cq(queue, 1);
	expect_text(test, read_file(test, f),
		    "1 sq published 3 rung 1 suppressed 2 recovered 0\n"
		    "1 cq published 1 rung 0 suppressed 1 recovered 0\n");
	set_eventidx(1, false, 2);
	wait(2 * HZ);
	expect_text(test, read_file(test, f),
		    "1 sq published 3 rung 1 suppressed 2 recovered 1\n"
		    "1 cq published 1 rung 0 suppressed 1 recovered 1\n");
	fake->on_counter = ring_meanwhile;
	expect_text(test, read_file(test, f),
		    "1 sq published 4 rung 1 suppressed 3 recovered 1\n"
		    "1 cq published 1 rung 0 suppressed 1 recovered 1\n");
	expect_text(test, read_file(test, f),
		    "1 sq published 4 rung 2 suppressed 2 recovered 1\n"
		    "1 cq published 1 rung 0 suppressed 1 recovered 1\n");
	close_file(f);
}

/* Doorbells that were detached when their handler was about to ring them. */
static void no_slot(struct kunit *test)
{
	struct nvme_dbbuf_db db = { };

	KUNIT_EXPECT_TRUE(test, nvme_dbbuf_update_and_check_event(&db, 1));
	KUNIT_EXPECT_TRUE(test, nvme_dbbuf_update_slow(&db, 1));
	KUNIT_EXPECT_TRUE(test, nvme_dbbuf_trace_doorbell(&db, 1, 0, true));
	KUNIT_EXPECT_FALSE(test, nvme_dbbuf_trace_doorbell(&db, 1, 0, false));
	KUNIT_EXPECT_EQ(test, db.published, 0UL);
	KUNIT_EXPECT_EQ(test, fake->traced, 0U);
}

/* Queue identifiers beyond what was prepared for touch nothing. */
static void unknown_queue(struct kunit *test)
{
	struct fake_queue *queue = &fake->queues[1];

	nvme_dbbuf_prepare(&fake->dbbuf, &fake->ctrl, &fake->device, 2, 1);
	nvme_dbbuf_init_sq(&fake->dbbuf, 2, &queue->sq, &queue->sq_lock,
			   &queue->sq_tail, NULL, DEPTH, true);
	nvme_dbbuf_init_cq(&fake->dbbuf, 2, &queue->cq, &queue->cq_poll_lock,
			   &queue->cq_head, NULL, DEPTH, false, 1);
	KUNIT_EXPECT_EQ(test, (int)queue->sq.last_position, 0);
	KUNIT_EXPECT_FALSE(test, queue->sq.write_combined);
	KUNIT_EXPECT_EQ(test, (int)queue->cq.last_position, 0);
}

static struct kunit_case dbbuf_test_cases[] = {
	KUNIT_CASE(event_small_depths),
	KUNIT_CASE(event_edges),
	KUNIT_CASE(page_layout),
	KUNIT_CASE(parameter),
	KUNIT_CASE(support_bit),
	KUNIT_CASE(accepted),
	KUNIT_CASE(detached_all),
	KUNIT_CASE(only_admin_queue),
	KUNIT_CASE(waits_for_tagset),
	KUNIT_CASE(refused),
	KUNIT_CASE(disabled_meanwhile),
	KUNIT_CASE(support_lost),
	KUNIT_CASE(stride_changed),
	KUNIT_CASE(switched),
	KUNIT_CASE(no_memory),
	KUNIT_CASE(no_memory_at_reset),
	KUNIT_CASE(freed),
	KUNIT_CASE(clean_words),
	KUNIT_CASE(publishing),
	KUNIT_CASE(shadow_overwritten),
	KUNIT_CASE(ordering),
	KUNIT_CASE(parked),
	KUNIT_CASE(lost_sq),
	KUNIT_CASE(lost_cq),
	KUNIT_CASE(lost_among_others),
	KUNIT_CASE(lost_after_laps),
	KUNIT_CASE(probed_in_time),
	KUNIT_CASE(lost_elsewhere),
	KUNIT_CASE(slow_not_lost),
	KUNIT_CASE(passed_not_lost),
	KUNIT_CASE(lost_without_proof),
	KUNIT_CASE(dead),
	KUNIT_CASE(distrust_lasts),
	KUNIT_CASE(whole_lap),
	KUNIT_CASE(trusted_afresh),
	KUNIT_CASE(passed_afresh),
	KUNIT_CASE(show_state),
	KUNIT_CASE(write_trust),
	KUNIT_CASE(show_queues),
	KUNIT_CASE(no_slot),
	KUNIT_CASE(unknown_queue),
	{}
};

static struct kunit_suite dbbuf_test_suite = {
	.name		= "nvme_dbbuf",
	.init		= dbbuf_test_init,
	.exit		= dbbuf_test_exit,
	.test_cases	= dbbuf_test_cases,
};

kunit_test_suite(dbbuf_test_suite);

MODULE_DESCRIPTION("KUnit tests of the NVMe shadow doorbells");
MODULE_LICENSE("GPL");
