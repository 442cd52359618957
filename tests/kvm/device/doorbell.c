// SPDX-License-Identifier: GPL-2.0
/*
 * Doorbells, their shadows and event indexes: all in which one personality
 * differs from another.
 *
 * A queue that is `awake` is looked at in each turn of the main loop. It goes to
 * sleep when it has nothing to do and its doorbell is sure to wake it, or, for a
 * device that loses doorbells, not sure at all.
 *
 * NVMe Base Specification 1.4: Doorbell Buffer Config command, and the annex of
 * this name. What a device does besides is said in its entry below.
 */
#include <string.h>
#include <time.h>

#include "device.h"

enum {
	PARK_NS = 2000000,		/* how long a queue is polled for nothing */
	INVALID_DOORBELL_REGISTER = 0,	/* asynchronous event information: error status */
	INVALID_DOORBELL_VALUE = 1,
};

/*
 * What these devices do was read in their sources; the words here are ours, and so
 * is what is left open there.
 */
static const struct personality personalities[] = {
	{
		.name = "plain",
		.about = "no shadow doorbells, like QEMU before 7.1 and most hardware",
	},
	/*
	 * QEMU, hw/nvme/ctrl.c, of 7.2.22, and of 8 and later. Writes both event
	 * indexes after each batch, then looks at the shadow once more, with a barrier
	 * in between. The admin queue's shadows are in use, and as the host may write
	 * its registers alone, these are copied.
	 */
	{
		.name = "qemu",
		.about = "QEMU's nvme: wants each doorbell when it is idle",
		.oacs = NVME_CTRL_OACS_DBBUF_CFG,
		.sq = EVENTIDX_BATCH,
		.cq = EVENTIDX_BATCH,
		.rereads = 1,
		.barrier = true,
		.admin = true,
		.copies_admin = true,
		.seeds = true,
	},
	/*
	 * SPDK, lib/nvmf/vfio_user.c, without interrupt mode; 26.09-pre is what was
	 * measured. Its adaptive interrupts are held back while the completion queue's
	 * head moves between two looks. 7Ch copies the positions that it knows to the
	 * shadows, and is taken a second time, too.
	 */
	{
		.name = "spdk-poll",
		.about = "SPDK's vfio-user target, polling: wants no doorbells",
		.oacs = NVME_CTRL_OACS_DBBUF_CFG,
		.sq = EVENTIDX_NEVER,
		.cq = EVENTIDX_NEVER,
		.polls = true,
		.adaptive = true,
		.seeds = true,
		.zeroes = true,
	},
	/* With it: looks three times before it sleeps, or else wakes itself. */
	{
		.name = "spdk-intr",
		.about = "the same in interrupt mode: wants submission doorbells when idle",
		.oacs = NVME_CTRL_OACS_DBBUF_CFG,
		.sq = EVENTIDX_BATCH,
		.cq = EVENTIDX_NEVER,
		.rereads = 3,
		.barrier = true,
		.seeds = true,
		.zeroes = true,
	},
	/*
	 * OpenVMM, vm/devices/storage/nvme. Registers are copied to their shadows; a
	 * position that the queue does not have is the end of it.
	 */
	{
		.name = "openvmm",
		.about = "OpenVMM's emulator: wants completion doorbells only of full queues",
		.oacs = NVME_CTRL_OACS_DBBUF_CFG,
		.sq = EVENTIDX_IDLE,
		.cq = EVENTIDX_FULL,
		.rereads = 1,
		.barrier = true,
		.admin = true,
		.copies = true,
		.seeds = true,
		.strict_range = true,
	},
	/*
	 * Propolis, lib/propolis/src/hw/nvme. No full barrier before it looks again,
	 * 16 bit stores, and a tail that goes back is an error, with shadows or without.
	 * As in QEMU, only the admin queue's registers are copied.
	 */
	{
		.name = "propolis",
		.about = "Propolis: no full barrier, 16 bit stores, no value may go back",
		.oacs = NVME_CTRL_OACS_DBBUF_CFG,
		.sq = EVENTIDX_HEAD,
		.cq = EVENTIDX_BEHIND,
		.rereads = 1,
		.admin = true,
		.copies_admin = true,
		.seeds = true,
		.strict_order = true,
		.half_words = true,
	},
	/*
	 * FEMU, hw/femu/nvme-io.c, as it was for most of its life: a submission queue's
	 * event index is the tail that it knows, needed or not, and it writes none of
	 * completion queues. Newer ones write both, one behind the position that they
	 * know, which no position passes: never, as spdk-poll says it.
	 */
	{
		.name = "femu",
		.about = "FEMU: polls, wants submission doorbells all the same, takes 7Ch once",
		.oacs = NVME_CTRL_OACS_DBBUF_CFG,
		.sq = EVENTIDX_BATCH,
		.cq = EVENTIDX_UNTOUCHED,
		.polls = true,
		.once = true,
	},
	/*
	 * "NVME MDEV", RFC v2 of 2019 on the lists linux-nvme and kvm. Event indexes:
	 * ours.
	 */
	{
		.name = "mdev",
		.about = "the NVMe mdev RFC: polls, and parks when idle",
		.oacs = NVME_CTRL_OACS_DBBUF_CFG,
		.sq = EVENTIDX_IDLE,
		.cq = EVENTIDX_FULL,
		.rereads = 1,
		.barrier = true,
		.polls = true,
		.parks = true,
	},
	/*
	 * https://git.kernel.org/torvalds/c/f9f38e33389c, which says no more than
	 * that. Event indexes: ours.
	 */
	{
		.name = "vendor",
		.about = "the device of Linux' first patch: OACS bit 7, polls, null backing",
		.oacs = NVME_CTRL_OACS_VIRT_MGMT,
		.sq = EVENTIDX_NEVER,
		.cq = EVENTIDX_NEVER,
		.polls = true,
		.null = true,
	},
};

/**
 * personality_at() - one of the personalities
 * @index: from 0 on
 *
 * Return: the personality, NULL: there are not so many.
 */
const struct personality *personality_at(size_t index)
{
	return index < ARRAY_SIZE(personalities) ? &personalities[index] : NULL;
}

const struct personality *personality_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(personalities); i++) {
		if (!strcmp(name, personalities[i].name))
			return &personalities[i];
	}
	return NULL;
}

void personality_list(FILE *out)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(personalities); i++)
		fprintf(out, "  %-12s %s\n", personalities[i].name,
			personalities[i].about);
}

/* --- the words ----------------------------------------------------------------- */

static __u64 word_offset(const struct device *dev, unsigned int qid, bool completion)
{
	return (2ull * qid + completion) * (4ull << dev->dstrd);
}

/*
 * Does @qid have words? They must lie in the page. The specification wants the device to
 * have no more queues than fit it (1.4, 5.7); QEMU's does not look, and neither does this one.
 */
bool doorbell_shadowed(const struct device *dev, unsigned int qid)
{
	if (!dev->dbbuf.active || (!qid && !dev->options.personality->admin))
		return false;
	return word_offset(dev, qid, true) < PAGE;
}

static atomic_uint *word(struct device *dev, __u64 page, unsigned int qid,
			 bool completion)
{
	return dma_ptr(dev, page + word_offset(dev, qid, completion),
		       sizeof(__le32), true);
}

static void word_store(const struct device *dev, atomic_uint *at, __u32 value)
{
	if (dev->options.personality->half_words)
		atomic_store_explicit((atomic_ushort *)at, htole16(value),
				      memory_order_relaxed);
	else
		atomic_store_explicit(at, htole32(value), memory_order_relaxed);
}

static void shadow_store(struct device *dev, unsigned int qid, bool completion,
			 __u32 value)
{
	atomic_uint *shadow = word(dev, dev->dbbuf.shadows, qid, completion);

	if (shadow)
		word_store(dev, shadow, value);
}

/* Returns whether the page is there. */
static bool shadow_load(struct device *dev, unsigned int qid, bool completion,
			__u32 *value)
{
	atomic_uint *shadow = word(dev, dev->dbbuf.shadows, qid, completion);

	if (!shadow)
		return false;
	*value = le32toh(atomic_load_explicit(shadow, memory_order_acquire));
	return true;
}

static void eventidx_never(struct device *dev, unsigned int qid, bool completion)
{
	const __u32 *frozen = &dev->options.faults.eventidx_frozen;
	atomic_uint *eventidx = word(dev, dev->dbbuf.eventidxs, qid, completion);

	if (fault(dev, *frozen))
		fault_acted(dev, frozen);
	else if (eventidx)
		atomic_store_explicit(eventidx, ~0u, memory_order_relaxed);
}

/* What a fault puts in the place of the @wanted event index of a queue of this @size. */
static __u32 eventidx_wrong(struct device *dev, __u32 wanted, __u32 last, __u32 size)
{
	const struct faults *faults = &dev->options.faults;
	__u32 end = dev->options.personality->half_words ? HALF_WORD : 0xffffffff;
	__u32 value = wanted;
	const __u32 *which = NULL;

	if (fault(dev, faults->eventidx_stale)) {
		which = &faults->eventidx_stale;
		value = last;
	} else if (fault(dev, faults->eventidx_random)) {
		which = &faults->eventidx_random;
		value = fault_random(dev) % size;
	} else if (fault(dev, faults->eventidx_range)) {
		which = &faults->eventidx_range;
		value = size + fault_random(dev) % (end - size);
	}
	if (value != wanted)
		fault_acted(dev, which);
	return value;
}

/* Faults are of I/O queues alone: of the admin queue drivers use registers. */
static void eventidx_store(struct device *dev, unsigned int qid, bool completion,
			   __u32 wanted, __u32 *last, __u32 size)
{
	const __u32 *frozen = &dev->options.faults.eventidx_frozen;
	struct queue_counts *counts = &dev->counts.queues[qid];
	__u32 value = wanted;
	atomic_uint *eventidx;

	if (qid && fault(dev, *frozen)) {
		fault_acted(dev, frozen);
		/* Else a poller would try again in each turn. */
		*last = wanted;
		return;
	}
	if (qid)
		value = eventidx_wrong(dev, wanted, *last, size);
	*last = wanted;

	eventidx = word(dev, dev->dbbuf.eventidxs, qid, completion);
	if (!eventidx)
		return;
	word_store(dev, eventidx, value);
	if (completion)
		counts->cq.eventidx++;
	else
		counts->sq.eventidx++;
}

/* --- what the guest says ------------------------------------------------------- */

static __u32 distance(__u32 from, __u32 to, __u32 size)
{
	return to >= from ? to - from : to + size - from;
}

/* @again: so it was at the last look, and has been told of. */
static void invalid(struct device *dev, struct doorbell_counts *counts, bool again)
{
	if (again)
		return;
	counts->invalid++;
	admin_async_error(dev, INVALID_DOORBELL_VALUE);
}

/* Whether a position is one; if not, what this personality does about it. */
static bool position_valid(struct device *dev, struct doorbell_counts *counts,
			   __u32 value, __u32 size, bool again)
{
	if (value < size)
		return true;
	invalid(dev, counts, again);
	if (dev->options.personality->strict_range)
		nvme_fatal(dev);
	return false;
}

/* Whether a shadow is as it was at the last look: a mistake is counted once. */
static bool seen_again(struct stale *seen, __u32 value)
{
	bool again = seen->any && seen->value == value;

	*seen = (struct stale){ .any = true, .value = value };
	return again;
}

/* Returns whether the shadow has told something new. */
bool doorbell_look_sq(struct device *dev, struct sq *sq)
{
	struct doorbell_counts *counts = &dev->counts.queues[sq->id].sq;
	__u32 value;
	bool again;

	if (!doorbell_shadowed(dev, sq->id) ||
	    !shadow_load(dev, sq->id, false, &value) || value == sq->tail)
		return false;
	again = seen_again(&sq->seen, value);
	if (sq->garbage.any && value == sq->garbage.value)
		return false;
	if (!position_valid(dev, counts, value, sq->size, again))
		return false;
	sq->tail = value;
	sq->garbage.any = false;
	counts->shadow_news++;
	return true;
}

/* The same for completions: more of them may have been taken. */
bool doorbell_look_cq(struct device *dev, struct cq *cq)
{
	struct doorbell_counts *counts = &dev->counts.queues[cq->id].cq;
	__u32 value;
	bool again;

	if (!doorbell_shadowed(dev, cq->id) ||
	    !shadow_load(dev, cq->id, true, &value) || value == cq->head)
		return false;
	again = seen_again(&cq->seen, value);
	if (cq->garbage.any && value == cq->garbage.value)
		return false;
	if (!position_valid(dev, counts, value, cq->size, again))
		return false;
	if (distance(cq->head, value, cq->size) >
	    distance(cq->head, cq->tail, cq->size)) {
		/* With registers the host may be further, until it has published as much. */
		if (!cq->rung || distance(value, cq->head, cq->size) > cq->size / 2)
			invalid(dev, counts, again);
		return false;
	}
	cq->head = value;
	cq->rung = false;
	cq->garbage.any = false;
	counts->shadow_news++;
	return true;
}

static bool copies(const struct device *dev, unsigned int qid)
{
	const struct personality *personality = dev->options.personality;

	return doorbell_shadowed(dev, qid) &&
	       (personality->copies || (!qid && personality->copies_admin));
}

/*
 * A host publishes before it rings. So while a shadow holds what a fault has left there,
 * a register has what the device had found in the shadow before, and only then was told.
 */
static bool is_late(struct device *dev, unsigned int qid, bool completion, __u32 value,
		    const struct stale *garbage)
{
	__u32 found;

	return garbage->any && value != garbage->value &&
	       shadow_load(dev, qid, completion, &found) && found == garbage->value;
}

/* Whether the write was still on its way when a shadow told of the @known position. */
static bool is_behind(const struct device *dev, unsigned int qid, __u32 value, __u32 known,
		      __u32 size)
{
	return doorbell_shadowed(dev, qid) && value != known &&
	       distance(value, known, size) < size / 2;
}

static void write_sq(struct device *dev, struct sq *sq, __u32 value)
{
	struct doorbell_counts *counts = &dev->counts.queues[sq->id].sq;
	bool strict = dev->options.personality->strict_order;
	__u32 room = sq->size - 1 - distance(sq->head, sq->tail, sq->size);

	if (!position_valid(dev, counts, value, sq->size, false))
		return;
	/*
	 * The head that a host knows, of completions, is never ahead of this one: it has no
	 * more room than that. What a shadow may have told before proves nothing.
	 */
	if (distance(sq->tail, value, sq->size) > room) {
		if (strict || !doorbell_shadowed(dev, sq->id))
			invalid(dev, counts, false);
		if (strict)
			return;
	}
	/* A device that copies registers goes back with them. */
	if (!copies(dev, sq->id) && is_behind(dev, sq->id, value, sq->tail, sq->size)) {
		counts->overtaken++;
		sq->awake = true;
		return;
	}
	if (sq->id && fault_nth(dev, &dev->options.faults.lose_sq, &dev->nth_sq)) {
		counts->lost++;
		return;
	}
	if (is_late(dev, sq->id, false, value, &sq->garbage))
		return;
	sq->tail = value;
	sq->garbage.any = false;
	sq->awake = true;
	if (copies(dev, sq->id))
		shadow_store(dev, sq->id, false, value);
}

static void write_cq(struct device *dev, struct cq *cq, __u32 value)
{
	struct doorbell_counts *counts = &dev->counts.queues[cq->id].cq;
	unsigned int i;

	if (!position_valid(dev, counts, value, cq->size, false))
		return;
	if (distance(cq->head, value, cq->size) >
	    distance(cq->head, cq->tail, cq->size)) {
		if (is_behind(dev, cq->id, value, cq->head, cq->size))
			counts->overtaken++;
		else
			invalid(dev, counts, false);
		return;
	}
	if (cq->id && fault_nth(dev, &dev->options.faults.lose_cq, &dev->nth_cq)) {
		counts->lost++;
		return;
	}
	if (is_late(dev, cq->id, true, value, &cq->garbage))
		return;
	cq->head = value;
	cq->rung = true;
	cq->garbage.any = false;
	if (copies(dev, cq->id))
		shadow_store(dev, cq->id, true, value);
	for (i = 0; i < dev->options.pairs; i++) {
		if (dev->sqs[i].size && dev->sqs[i].cqid == cq->id)
			dev->sqs[i].awake = true;
	}
}

static struct doorbell_counts *queue_counts(struct device *dev, unsigned int qid,
					    bool completion)
{
	struct queue_counts *counts = &dev->counts.queues[qid];

	return completion ? &counts->cq : &counts->sq;
}

/* The same value once more says nothing, which a controller may hold against its host. */
static void note_write(struct device *dev, struct last_write *last,
		       struct doorbell_counts *counts, __u32 value)
{
	if (last->any && last->value == value && last->news == counts->shadow_news) {
		counts->repeated++;
		admin_async_error(dev, INVALID_DOORBELL_VALUE);
	}
	*last = (struct last_write){
		.any = true, .value = value, .news = counts->shadow_news,
	};
}

static struct last_write *last_write(struct device *dev, unsigned int qid, bool completion)
{
	return completion ? &dev->cqs[qid].last_write : &dev->sqs[qid].last_write;
}

static void take_write(struct device *dev, unsigned int qid, bool completion)
{
	struct last_write *last = last_write(dev, qid, completion);

	/* A shadow may be needed for it. Of what comes until then the last one is enough. */
	last->due = !pci_is_master(dev);
	if (last->due)
		return;
	if (completion)
		write_cq(dev, &dev->cqs[qid], last->value);
	else
		write_sq(dev, &dev->sqs[qid], last->value);
}

/**
 * doorbell_catch_up() - takes what registers were written with while that had to wait
 * @dev: the device, which has become pci_is_master()
 */
void doorbell_catch_up(struct device *dev)
{
	unsigned int i;

	for (i = 0; i < dev->options.pairs; i++) {
		if (dev->cqs[i].last_write.due)
			take_write(dev, i, true);
		if (dev->sqs[i].last_write.due)
			take_write(dev, i, false);
	}
}

/* The host has rung for a queue that there is not. */
static void no_queue(struct device *dev, __u64 *count)
{
	(*count)++;
	admin_async_error(dev, INVALID_DOORBELL_REGISTER);
}

/* A doorbell register was written. */
void doorbell_write(struct device *dev, unsigned int qid, bool completion,
		    __u32 value)
{
	struct doorbell_counts *counts;

	if (qid >= dev->options.pairs) {
		no_queue(dev, &dev->counts.invalid_doorbells);
		return;
	}
	counts = queue_counts(dev, qid, completion);
	if (!(completion ? dev->cqs[qid].size : dev->sqs[qid].size)) {
		no_queue(dev, qid && !counts->created ? &dev->counts.invalid_doorbells :
							&dev->counts.late_doorbells);
		return;
	}
	counts->doorbells++;
	/* Completions may still be taken, but nothing be asked for. */
	if (!completion && nvme_shut_down(dev)) {
		dev->counts.shutdown_doorbells++;
		return;
	}
	if (doorbell_shadowed(dev, qid))
		counts->doorbells_shadowed++;
	note_write(dev, last_write(dev, qid, completion), counts, value);
	take_write(dev, qid, completion);
}

/* --- what the guest is told ---------------------------------------------------- */

static void start_queue(struct device *dev, unsigned int qid, bool completion)
{
	const struct personality *personality = dev->options.personality;
	enum eventidx_policy policy = completion ? personality->cq : personality->sq;

	if (doorbell_shadowed(dev, qid) && policy == EVENTIDX_NEVER)
		eventidx_never(dev, qid, completion);
}

/* The guest has given two pages, and both are there. */
void doorbell_configure(struct device *dev, __u64 shadows, __u64 eventidxs)
{
	const struct personality *personality = dev->options.personality;
	unsigned int i;

	dev->dbbuf = (struct dbbuf){
		.active = true,
		.configured = true,
		.shadows = shadows,
		.eventidxs = eventidxs,
	};
	for (i = 0; i < dev->options.pairs; i++) {
		if (dev->cqs[i].size && doorbell_shadowed(dev, i)) {
			if (personality->seeds)
				shadow_store(dev, i, true, dev->cqs[i].head);
			start_queue(dev, i, true);
		}
		if (dev->sqs[i].size && doorbell_shadowed(dev, i)) {
			if (personality->seeds)
				shadow_store(dev, i, false, dev->sqs[i].tail);
			start_queue(dev, i, false);
			dev->sqs[i].awake = true;
		}
	}
}

/* Shadows of a controller that was shut down: its stride may change now. */
void doorbell_forget(struct device *dev)
{
	unsigned int i;

	dev->dbbuf.active = false;
	for (i = 0; i < dev->options.pairs; i++)
		dev->sqs[i].awake = false;
}

void doorbell_created(struct device *dev, unsigned int qid, bool completion)
{
	queue_counts(dev, qid, completion)->created++;
	if (!doorbell_shadowed(dev, qid))
		return;
	if (dev->options.personality->zeroes)
		shadow_store(dev, qid, completion, 0);
	start_queue(dev, qid, completion);
	if (!completion)
		dev->sqs[qid].awake = true;
}

static void wait_us(__u32 us)
{
	const struct timespec time = {
		.tv_sec = us / 1000000,
		.tv_nsec = us % 1000000 * 1000l,
	};

	nanosleep(&time, NULL);
}

/*
 * A fault: leaves in the shadow what the guest will publish next. A host that takes
 * its old value from there finds no difference to the new one.
 */
static void overwrite_shadow(struct device *dev, unsigned int qid, bool completion,
			     __u32 position, __u32 next, struct stale *garbage)
{
	atomic_uint *shadow = word(dev, dev->dbbuf.shadows, qid, completion);
	unsigned int known = htole32(position);

	if (!shadow || garbage->any)
		return;
	/* Not over what the guest has written meanwhile: that would be a loss. */
	if (!atomic_compare_exchange_strong(shadow, &known, htole32(next)))
		return;
	*garbage = (struct stale){ .any = true, .value = next };
	fault_acted(dev, &dev->options.faults.shadow_overwrite);
}

static void overwrite_sq(struct device *dev, struct sq *sq)
{
	if (sq->id && fault(dev, dev->options.faults.shadow_overwrite))
		overwrite_shadow(dev, sq->id, false, sq->tail,
				 (sq->tail + 1) % sq->size, &sq->garbage);
}

/*
 * When the guest has taken all and says just that, the device will not believe it, and
 * must not want for room until the guest says something else.
 */
static void overwrite_cq(struct device *dev, struct cq *cq)
{
	__u32 waiting = distance(cq->head, cq->tail, cq->size);

	if (cq->id && waiting && waiting < cq->size / 2 &&
	    fault(dev, dev->options.faults.shadow_overwrite))
		overwrite_shadow(dev, cq->id, true, cq->head, cq->tail, &cq->garbage);
}

static bool sq_ask(struct device *dev, struct sq *sq)
{
	const struct personality *personality = dev->options.personality;
	__u32 late = fault(dev, dev->options.faults.eventidx_late);
	unsigned int i;

	if (sq->id && late) {
		wait_us(late);
		eventidx_store(dev, sq->id, false, sq->tail, &sq->last_eventidx,
			       sq->size);
		fault_acted(dev, &dev->options.faults.eventidx_late);
		return true;
	}
	for (i = 0; i < personality->rereads; i++) {
		eventidx_store(dev, sq->id, false,
			       personality->sq == EVENTIDX_HEAD ? sq->head : sq->tail,
			       &sq->last_eventidx, sq->size);
		if (personality->barrier)
			atomic_thread_fence(memory_order_seq_cst);
		if (!doorbell_look_sq(dev, sq))
			return true;
	}
	return false;
}

/**
 * doorbell_cq_full() - asks the guest to say when there is room for completions
 * @dev: the device
 * @cq: a queue that is full
 *
 * Return: it will say so; false: there may be some by now, or the device has to look.
 */
bool doorbell_cq_full(struct device *dev, struct cq *cq)
{
	const struct personality *personality = dev->options.personality;

	if (!doorbell_shadowed(dev, cq->id))
		return true;
	switch (personality->cq) {
	case EVENTIDX_UNTOUCHED:
	case EVENTIDX_NEVER:
		return false;
	case EVENTIDX_BEHIND:
		break;
	default:
		eventidx_store(dev, cq->id, true, cq->head, &cq->last_eventidx,
			       cq->size);
		if (personality->barrier)
			atomic_thread_fence(memory_order_seq_cst);
		break;
	}
	return !doorbell_look_cq(dev, cq);
}

/* A visit to @sq ends. Returns whether it may sleep until there is a doorbell. */
bool doorbell_sq_done(struct device *dev, struct sq *sq)
{
	const struct personality *personality = dev->options.personality;
	struct cq *cq = &dev->cqs[sq->cqid];
	bool drained = sq->head == sq->tail;
	bool rest = true;

	if (!drained && cq_is_full(cq))
		return doorbell_cq_full(dev, cq);
	if (!doorbell_shadowed(dev, sq->id))
		return drained;

	if (personality->polls && personality->parks &&
	    now_ns() - dev->news_ns < PARK_NS)
		return false;
	if (personality->polls && !personality->parks) {
		/* The word is written for nothing, as nobody sleeps. */
		if (personality->sq == EVENTIDX_BATCH && sq->last_eventidx != sq->tail)
			eventidx_store(dev, sq->id, false, sq->tail,
				       &sq->last_eventidx, sq->size);
		return false;
	}
	if (personality->sq == EVENTIDX_BATCH || personality->sq == EVENTIDX_HEAD ||
	    (personality->sq == EVENTIDX_IDLE && drained))
		rest = sq_ask(dev, sq);
	rest = rest && sq->head == sq->tail;
	/* Not of one that polls: it could not tell its own value from the host's. */
	if (rest)
		overwrite_sq(dev, sq);
	return rest;
}

/* Completions were posted, and there will be an interrupt. */
void doorbell_cq_posted(struct device *dev, struct cq *cq)
{
	const struct personality *personality = dev->options.personality;

	if (!doorbell_shadowed(dev, cq->id))
		return;
	if (personality->cq == EVENTIDX_BEHIND) {
		doorbell_look_cq(dev, cq);
		/* Not of a queue that has just ceased to be empty. */
		if (distance(cq->head, cq->tail, cq->size) > 1)
			eventidx_store(dev, cq->id, true,
				       cq->tail ? cq->tail - 1 : cq->size - 1,
				       &cq->last_eventidx, cq->size);
	} else if (personality->cq == EVENTIDX_BATCH) {
		eventidx_store(dev, cq->id, true, cq->head, &cq->last_eventidx, cq->size);
		if (personality->barrier)
			atomic_thread_fence(memory_order_seq_cst);
	}
	doorbell_look_cq(dev, cq);
	overwrite_cq(dev, cq);
}
