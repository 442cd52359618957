// SPDX-License-Identifier: GPL-2.0
/*
 * Cycles of the time stamp counter for a submission with its doorbell, for each of
 * the loops that were linked into this, in turn, again and again.
 *
 * scripts/bench-fastpath makes the loops, runs this and does the arithmetic. Stdout
 * is a line "NAME CYCLES REGISTER-WRITES GAP" for each measurement: the former two
 * per submission, GAP for how long, in cycles, the device did not poll meanwhile
 * because something else ran on its processor. With "count" it runs one loop and
 * says nothing, for somebody else to count instructions. Exit codes: 0 done, 2
 * usage, 4 skipped (one processor), 69 infrastructure.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

struct loop {
	const char *name;
	u64 (*run)(struct bench *bench, u64 count);
};

/* BENCH_LOOP(name) for each, in lists written by scripts/bench-fastpath. */
#define BENCH_LOOP(loop)	u64 bench_##loop(struct bench *bench, u64 count)
#include "declarations.h"
#undef BENCH_LOOP

#define BENCH_LOOP(loop)	{ #loop, bench_##loop }
static const struct loop loops[] = {
#include "loops.h"
};

static bool stop;
static int device_cpu;

/* The device's: when it polled last, and the longest time between two polls. */
static struct {
	alignas(64) u64 last;
	u64 gap;
} polled;

/* A device that polls both shadow doorbells, and wants no register written. */
static void *poll(void *data)
{
	const __le32 *shadows = data;
	u64 now, before = ring_cycles();
	u32 seen = 0;

	ring_run_on(device_cpu);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		now = ring_cycles();
		if (now - before > READ_ONCE(polled.gap))
			WRITE_ONCE(polled.gap, now - before);
		before = now;
		WRITE_ONCE(polled.last, now);
		seen ^= READ_ONCE(shadows[0]);
		seen ^= READ_ONCE(shadows[1]);
		cpu_relax();
	}
	asm volatile("" : : "r" (seen));
	return NULL;
}

/* All of them in each round, forwards and backwards, from another one on. */
static const struct loop *choose(u64 round, unsigned int turn)
{
	u64 step = round % 2 ? 1 : ARRAY_SIZE(loops) - 1;

	return &loops[(turn * step + round) % ARRAY_SIZE(loops)];
}

static int count_one(struct bench *bench, const char *name, u64 count)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(loops); i++) {
		if (strcmp(name, loops[i].name))
			continue;
		loops[i].run(bench, count);
		return RING_PASS;
	}
	ring_die(RING_USAGE, "no loop '%s'", name);
}

int main(int argc, char **argv)
{
	struct bench *bench = ring_alloc(sizeof(*bench));
	u64 count, rounds = 0, round;
	bool polling, asking, counting;
	unsigned int i;
	pthread_t thread;
	int cpus[2];

	polling = argc == 4 && !strcmp(argv[1], "poll");
	asking = argc == 4 && !strcmp(argv[1], "asks");
	counting = argc == 4 && !strcmp(argv[1], "count");
	if (!polling && !asking && !counting && (argc != 4 || strcmp(argv[1], "idle")))
		ring_die(RING_USAGE,
			 "Usage: bench idle|asks|poll ROUNDS SUBMISSIONS, bench count LOOP SUBMISSIONS");
	if (!counting)
		rounds = ring_number("ROUNDS", argv[2], 1, 1e6);
	count = ring_number("SUBMISSIONS", argv[3], 1, 1e9);
	ring_two_cpus(cpus);
	ring_run_on(cpus[0]);
	device_cpu = cpus[1];

	bench->entries = ring_alloc(BENCH_DEPTH * sizeof(*bench->entries));
	bench->shadow = ring_alloc(4096);
	bench->eventidx = ring_alloc(4096);
	/* Never, as who polls does; or once each time round the queue. */
	*bench->eventidx = cpu_to_le32(asking ? BENCH_DEPTH / 2 : 0xffffffff);
	bench->db.shadow = bench->shadow;
	bench->db.eventidx = bench->eventidx;
	bench->db.last_position = BENCH_DEPTH - 1;
	if (counting)
		return count_one(bench, argv[2], count);
	if (polling && pthread_create(&thread, NULL, poll, bench->shadow))
		ring_die(RING_LOST, "no thread");

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < ARRAY_SIZE(loops); i++) {
			const struct loop *loop = choose(round, i);
			u64 cycles, gap = 0, now;

			loop->run(bench, count / 10 + 1);
			bench->written = 0;
			WRITE_ONCE(polled.gap, 0);
			cycles = loop->run(bench, count);
			now = ring_cycles();
			if (polling) {
				gap = READ_ONCE(polled.gap);
				if ((s64)(now - READ_ONCE(polled.last)) > (s64)gap)
					gap = now - READ_ONCE(polled.last);
			}
			printf("%s %.3f %.6f %llu\n", loop->name, (double)cycles / count,
			       (double)bench->written / count, gap);
		}
	}

	if (polling) {
		__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
	}
	return RING_PASS;
}
