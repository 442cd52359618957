// SPDX-License-Identifier: GPL-2.0
/*
 * Registers, life cycle and queues of the controller: what turns a doorbell into
 * commands and a command into a completion.
 *
 * NVMe Base Specification 1.4: controller registers, controller initialization,
 * queues.
 */
#include <string.h>

#include "device.h"

enum {
	REGISTERS = 0x60,		/* those of 1.4, without CMB and PMR */
	VERSION = 0x10400,
	TIMEOUT = 20,			/* of 500 ms */
	BATCH = 64,			/* commands of a queue before the next one */
};

static void nvme_set_cap(struct device *dev)
{
	dev->dstrd = fault(dev, dev->options.faults.stride);
	if (dev->dstrd)
		fault_acted(dev, &dev->options.faults.stride);
	else
		dev->dstrd = dev->options.dstrd;
	dev->cap = (__u64)(dev->options.depth - 1) << NVME_CAP_MQES_SHIFT |
		   1ull << NVME_CAP_CQR_SHIFT |
		   (__u64)TIMEOUT << NVME_CAP_TO_SHIFT |
		   (__u64)dev->dstrd << NVME_CAP_DSTRD_SHIFT |
		   (__u64)NVME_CAP_CSS_NVM << NVME_CAP_CSS_SHIFT;
}

void nvme_init(struct device *dev)
{
	nvme_set_cap(dev);
	dev->doorbells_dstrd = dev->dstrd;
	admin_reset(dev);
}

/* Until a reset nothing is served then; what was rung for, but not yet done, neither. */
bool nvme_shut_down(const struct device *dev)
{
	return NVME_GET(dev->csts, CSTS_SHST) == NVME_CSTS_SHST_CMPLT;
}

/* Of a controller that nobody uses the stride changes at once, else with a reset. */
void nvme_faults_changed(struct device *dev)
{
	if (nvme_shut_down(dev) || !(dev->cc & NVME_CC_EN_MASK))
		nvme_set_cap(dev);
}

static void nvme_disable(struct device *dev)
{
	/*
	 * The stride must not change while somebody uses it, or has read it, as a
	 * driver does before it disables what the firmware has left enabled.
	 */
	if (!nvme_shut_down(dev) && !dev->cap_read)
		nvme_set_cap(dev);
	if (dev->cc & NVME_CC_EN_MASK)
		dev->counts.disables++;
	fault_disabled(dev);
	dev->running = false;
	dev->stuck = false;
	dev->csts = 0;
	memset(dev->sqs, 0, sizeof(dev->sqs));
	memset(dev->cqs, 0, sizeof(dev->cqs));
	memset(&dev->dbbuf, 0, sizeof(dev->dbbuf));
	admin_reset(dev);
}

void nvme_reset(struct device *dev)
{
	/* Whoever has read the stride starts anew. */
	dev->cap_read = false;
	nvme_disable(dev);
	dev->cc = 0;
	dev->aqa = 0;
	dev->asq = 0;
	dev->acq = 0;
	dev->intms = 0;
}

void nvme_fatal(struct device *dev)
{
	dev->csts |= NVME_CSTS_CFS_MASK << NVME_CSTS_CFS_SHIFT;
	dev->running = false;
}

static void nvme_enable(struct device *dev)
{
	__u32 sq_size = (dev->aqa & 0xfff) + 1;
	__u32 cq_size = (dev->aqa >> 16 & 0xfff) + 1;

	dev->counts.enables++;
	/* One that was shut down while it was disabled is started by this. */
	dev->csts = 0;
	dev->cap_read = false;
	dev->doorbells_dstrd = dev->dstrd;
	fault_enabled(dev);
	if (NVME_GET(dev->cc, CC_MPS) || NVME_GET(dev->cc, CC_CSS) ||
	    sq_size < 2 || cq_size < 2 ||
	    !dma_find(dev, dev->asq, sq_size * sizeof(struct sq_entry), false) ||
	    !dma_find(dev, dev->acq, cq_size * sizeof(struct cq_entry), true)) {
		nvme_fatal(dev);
		return;
	}
	dev->sqs[0] = (struct sq){ .base = dev->asq, .size = sq_size };
	dev->cqs[0] = (struct cq){
		.base = dev->acq, .size = cq_size, .irq = true, .phase = true,
	};
	dev->pairs_granted = dev->options.pairs;
	dev->running = true;
	dev->csts |= NVME_CSTS_RDY_MASK << NVME_CSTS_RDY_SHIFT;
}

static void nvme_write_cc(struct device *dev, __u32 value)
{
	bool was = dev->cc & NVME_CC_EN_MASK;

	if (was && !(value & NVME_CC_EN_MASK))
		nvme_disable(dev);
	dev->cc = value;
	if (!was && value & NVME_CC_EN_MASK)
		nvme_enable(dev);
	/* Whatever the device holds is in place after each command. */
	if (NVME_GET(value, CC_SHN) && !nvme_shut_down(dev)) {
		doorbell_forget(dev);
		/* Nor does anything come by itself any more. */
		dev->dbbuf_due = false;
		dev->dbbuf_cqes = 0;
		nvme_set_cap(dev);
		dev->csts |= NVME_CSTS_SHST_CMPLT << NVME_CSTS_SHST_SHIFT;
	}
}

static void nvme_write32(struct device *dev, __u64 offset, __u32 value)
{
	dev->counts.register_writes++;
	switch (offset) {
	case NVME_REG_INTMS:
		dev->intms |= value;
		break;
	case NVME_REG_INTMC:
		dev->intms &= ~value;
		break;
	case NVME_REG_CC:
		nvme_write_cc(dev, value);
		break;
	case NVME_REG_AQA:
		dev->aqa = value;
		break;
	case NVME_REG_ASQ:
		dev->asq = (dev->asq & ~0xffffffffull) | (value & ~(PAGE - 1u));
		break;
	case NVME_REG_ASQ + 4:
		dev->asq = (dev->asq & 0xffffffff) | (__u64)value << 32;
		break;
	case NVME_REG_ACQ:
		dev->acq = (dev->acq & ~0xffffffffull) | (value & ~(PAGE - 1u));
		break;
	case NVME_REG_ACQ + 4:
		dev->acq = (dev->acq & 0xffffffff) | (__u64)value << 32;
		break;
	default:
		dev->counts.invalid_accesses++;
		break;
	}
}

/* The caller has checked offset and count against the region's size. */
void nvme_write(struct device *dev, __u64 offset, const void *data, __u32 count)
{
	const __u8 *bytes = data;
	__u64 distance = 4ull << dev->doorbells_dstrd;
	__le32 value;
	__u32 i;

	if (offset % 4 || (count != 4 && count != 8)) {
		dev->counts.invalid_accesses++;
		return;
	}
	if (dev->vanished)
		return;
	for (i = 0; i < count; i += 4, offset += 4) {
		memcpy(&value, bytes + i, sizeof(value));
		if (offset < DOORBELLS)
			nvme_write32(dev, offset, le32toh(value));
		else if ((offset - DOORBELLS) % distance)
			dev->counts.invalid_accesses++;
		else
			doorbell_write(dev, (offset - DOORBELLS) / distance / 2,
				       (offset - DOORBELLS) / distance % 2,
				       le32toh(value));
	}
}

void nvme_read(struct device *dev, __u64 offset, void *data, __u32 count)
{
	__u8 registers[REGISTERS] = { };
	const struct {
		unsigned int	offset;
		__u32		value;
	} values[] = {
		{ NVME_REG_CAP, dev->cap },
		{ NVME_REG_CAP + 4, dev->cap >> 32 },
		{ NVME_REG_VS, VERSION },
		{ NVME_REG_INTMS, dev->intms },
		{ NVME_REG_INTMC, dev->intms },
		{ NVME_REG_CC, dev->cc },
		{ NVME_REG_CSTS, dev->csts },
		{ NVME_REG_AQA, dev->aqa },
		{ NVME_REG_ASQ, dev->asq },
		{ NVME_REG_ASQ + 4, dev->asq >> 32 },
		{ NVME_REG_ACQ, dev->acq },
		{ NVME_REG_ACQ + 4, dev->acq >> 32 },
	};
	unsigned int i;

	dev->counts.register_reads++;
	if (dev->vanished) {
		memset(data, 0xff, count);
		return;
	}
	if (offset >= REGISTERS)
		return;
	if (offset < NVME_REG_VS)
		dev->cap_read = true;
	for (i = 0; i < ARRAY_SIZE(values); i++) {
		__le32 value = htole32(values[i].value);

		memcpy(registers + values[i].offset, &value, sizeof(value));
	}
	if (count > REGISTERS - offset)
		count = REGISTERS - offset;
	memcpy(data, registers + offset, count);
}

bool cq_is_full(const struct cq *cq)
{
	return (cq->tail + 1) % cq->size == cq->head;
}

/* Gives @cid an answer; there must be room in @cq. */
void nvme_complete(struct device *dev, struct cq *cq, const struct sq *sq,
		   __u16 cid, __u16 status, __u32 result)
{
	struct cq_entry *entry;

	if (!dev->running || !cq->size)
		return;
	entry = dma_ptr(dev, cq->base + cq->tail * sizeof(*entry), sizeof(*entry), true);
	if (!entry) {
		nvme_fatal(dev);
		return;
	}
	if (cq->irq && cq->id && fault(dev, dev->options.faults.irq_early)) {
		irq_raise(dev, cq->vector);
		fault_acted(dev, &dev->options.faults.irq_early);
	}
	entry->dw0 = htole32(result);
	entry->dw1 = 0;
	entry->queue = htole32(sq->head | (__u32)sq->id << 16);
	/* The phase is what makes the rest valid. */
	atomic_store_explicit((atomic_uint *)&entry->state,
			      htole32(cid | (__u32)cq->phase << 16 |
				      (__u32)status << 17),
			      memory_order_release);
	if (++cq->tail == cq->size) {
		cq->tail = 0;
		cq->phase = !cq->phase;
	}
	cq->pending = true;
	dev->counts.queues[cq->id].completions++;
}

/* Whether the host is at work on the queue, so that it finds what is new by itself. */
static bool irq_can_wait(struct device *dev, struct cq *cq)
{
	bool moved;

	if (!dev->options.personality->adaptive || !cq->id)
		return false;
	doorbell_look_cq(dev, cq);
	moved = cq->head != cq->head_seen;
	cq->head_seen = cq->head;
	return moved;
}

/* Raises the interrupt for what was completed since the last one. */
void nvme_interrupt(struct device *dev, struct cq *cq)
{
	if (!cq->pending || irq_can_wait(dev, cq))
		return;
	cq->pending = false;
	doorbell_cq_posted(dev, cq);
	if (!cq->irq)
		return;
	if (cq->id && fault_nth(dev, &dev->options.faults.irq_missing, &dev->nth_irq))
		return;
	dev->counts.queues[cq->id].interrupts++;
	irq_raise(dev, cq->vector);
}

/* What can happen to an I/O queue's command instead of its being done. */
static bool sq_command_lost(struct device *dev)
{
	const struct faults *faults = &dev->options.faults;

	dev->nth_io++;
	if (fault(dev, faults->hang) && dev->nth_io == faults->hang) {
		dev->stuck = true;
		fault_acted(dev, &faults->hang);
	} else if (fault(dev, faults->fatal) && dev->nth_io == faults->fatal) {
		nvme_fatal(dev);
		fault_acted(dev, &faults->fatal);
	} else if (fault(dev, faults->gone) && dev->nth_io >= faults->gone) {
		dev->vanished = true;
		dev->running = false;
		fault_acted(dev, &faults->gone);
	}
	return dev->stuck || !dev->running;
}

static void sq_command(struct device *dev, struct sq *sq, struct cq *cq)
{
	struct sq_entry entry, *shared;
	__u32 status, result = 0;

	shared = dma_ptr(dev, sq->base + sq->head * sizeof(entry), sizeof(entry), false);
	if (!shared) {
		nvme_fatal(dev);
		return;
	}
	memcpy(&entry, shared, sizeof(entry));
	sq->head = (sq->head + 1) % sq->size;
	dev->counts.queues[sq->id].commands++;

	if (!sq->id) {
		dev->counts.admin[entry.opcode]++;
		status = admin_command(dev, &entry, &result);
	} else {
		dev->counts.io[entry.opcode]++;
		if (sq_command_lost(dev))
			return;
		if ((cq->tail + 2) % cq->size != cq->head &&
		    fault_nth(dev, &dev->options.faults.bogus_cqe, &dev->nth_io_bogus))
			fault_bogus_completion(dev, cq);
		status = io_command(dev, &entry);
	}
	if (status == STATUS_LATER)
		return;
	nvme_complete(dev, cq, sq, le16toh(entry.cid), status, result);
	if (sq->id && !cq_is_full(cq) &&
	    fault_nth(dev, &dev->options.faults.duplicate_cqe, &dev->nth_io_duplicate))
		nvme_complete(dev, cq, sq, le16toh(entry.cid), status, result);
}

/* Returns whether there was anything to do. */
static bool sq_serve(struct device *dev, struct sq *sq)
{
	struct cq *cq = &dev->cqs[sq->cqid];
	unsigned int done = 0;
	bool news;

	news = doorbell_look_sq(dev, sq);
	while (sq->head != sq->tail && done < BATCH && dev->running && !dev->stuck) {
		/* A queue that is full of completions stops its commands. */
		if (cq_is_full(cq) && (!doorbell_look_cq(dev, cq) || cq_is_full(cq)))
			break;
		sq_command(dev, sq, cq);
		done++;
	}
	if (!dev->running)
		return true;
	nvme_interrupt(dev, cq);
	sq->awake = !doorbell_sq_done(dev, sq) || cq->pending;
	return news || done || cq->pending;
}

/* Looks at all queues that may have something to do; returns whether one had. */
bool nvme_serve(struct device *dev)
{
	bool news = false;
	unsigned int i;

	if (!dev->running || !pci_is_master(dev) || dev->stuck || nvme_shut_down(dev))
		return false;
	for (i = 0; i < dev->options.pairs && dev->running; i++) {
		struct sq *sq = &dev->sqs[i];

		if (sq->size && sq->awake)
			news |= sq_serve(dev, sq);
	}
	return news;
}

/* Does any queue have to be looked at without there being a message? */
bool nvme_awake(const struct device *dev)
{
	unsigned int i;

	if (!dev->running || !pci_is_master(dev) || dev->stuck || nvme_shut_down(dev))
		return false;
	for (i = 0; i < dev->options.pairs; i++) {
		if (dev->sqs[i].size && dev->sqs[i].awake)
			return true;
	}
	return false;
}
