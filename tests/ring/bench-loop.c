// SPDX-License-Identifier: GPL-2.0
/*
 * One loop of tests/ring/bench.c: submissions with one way to ring a doorbell.
 * Compiled once for each, with BENCH_NAME for a name and
 *
 *	BENCH_ENTRY	no doorbell at all: what the rest of a submission costs
 *	BENCH_FLOOR	store, one full barrier, load: what no way can do without
 *	BENCH_KERNEL	the kernel's own, which scripts/bench-fastpath has cut from
 *			its source into kernel.h
 *	none of these	drivers/nvme/host/dbbuf.h, or a changed copy
 *
 * BENCH_LEAF besides: a submission that has nothing to call and no registers to save.
 */
#include "bench.h"

u64 BENCH_NAME(struct bench *bench, u64 count);

#if defined(BENCH_ENTRY)
static inline bool doorbell(struct bench *bench, u16 value)
{
	return false;
}
#elif defined(BENCH_FLOOR)
static inline bool doorbell(struct bench *bench, u16 value)
{
	u32 eventidx;

	WRITE_ONCE(*bench->shadow, cpu_to_le32(value));
	/* B of dbbuf.h, and nothing else of it. */
	virt_mb();
	eventidx = le32_to_cpu(READ_ONCE(*bench->eventidx));
	asm volatile("" : : "r" (eventidx));
	return false;
}
#elif defined(BENCH_KERNEL)
#define nvme_dbbuf_need_event kernel_need_event
#define nvme_dbbuf_update_and_check_event kernel_update_and_check_event
#include "kernel.h"
#undef nvme_dbbuf_update_and_check_event

static inline bool doorbell(struct bench *bench, u16 value)
{
	return kernel_update_and_check_event(value, bench->shadow,
					     bench->eventidx);
}
#else
static inline bool doorbell(struct bench *bench, u16 value)
{
	return nvme_dbbuf_update_and_check_event(&bench->db, value);
}
#endif

static void submit(struct bench *bench, u64 number)
{
	struct bench_entry *entry = &bench->entries[bench->tail];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(entry->words); i++)
		entry->words[i] = number;
	if (++bench->tail == BENCH_DEPTH)
		bench->tail = 0;
	if (doorbell(bench, bench->tail)) {
		WRITE_ONCE(bench->reg, bench->tail);
		bench->written++;
	}
#ifndef BENCH_LEAF
	/*
	 * As in a driver, what submits saves registers whatever its doorbells are
	 * like. Else one that never calls a function would have no need to.
	 */
	asm volatile("" : : : "rbx", "rbp");
#endif
}

u64 BENCH_NAME(struct bench *bench, u64 count)
{
	void (*queue_rq)(struct bench *bench, u64 number) = submit;
	u64 i, start;

	/* One call for each command, as in a driver: the compiler must not know. */
	asm volatile("" : "+r" (queue_rq));

	start = ring_cycles();
	for (i = 0; i < count; i++)
		queue_rq(bench, i);
	return ring_cycles() - start;
}
