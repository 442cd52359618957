// SPDX-License-Identifier: GPL-2.0
/*
 * Stress for the fast path of shadow doorbells: drivers/nvme/host/dbbuf.h, as it
 * is, between a driver and a device that are two threads on two processors.
 *
 * The driver submits commands in random batches, the device fetches them and
 * posts their completions, and both rely on nothing but what the ordering
 * contract in dbbuf.h promises. What is found:
 *
 *  - a lost wake-up: the device sleeps, no doorbell register was written since,
 *    and yet there is something that it was told by the shadow doorbell alone.
 *    This is seen as a state, not by waiting for a while, so it is never a false
 *    alarm on a busy machine;
 *  - an entry that is seen before it was written: all words of all entries hold
 *    the command's number;
 *  - a completion entry that is overwritten before it was read, likewise;
 *  - a doorbell that goes backwards or further than the queue is long;
 *  - a doorbell register written although the device never asks for it;
 *  - counters that do not add up to what both sides have seen.
 *
 * What a processor with total store order does not do cannot be seen here; see
 * tests/model for that. Exit codes: 0 pass, 1 failed, 2 usage, 4 skipped (one
 * processor), 69 infrastructure.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dbbuf.h"
#include "shim.h"

#define SQ_WORDS	8
#define NEVER		0xffffffffu
#define SCRIBBLE	0x10000u
#define LATE_CYCLES	3000
#define STUCK_SECONDS	60

/* How the device gives notice of what it wants to be told. */
enum policy {
	POLL,		/* never sleeps, never wants a doorbell */
	PARK,		/* sleeps when there is nothing to do */
	PARK_LATE,	/* polls for a while before that */
	COPY,		/* PARK, asks early, and copies registers to shadows */
	SCRIBBLE_ON,	/* PARK, and leaves junk in the shadow doorbell */
	NR_POLICIES,
};

static const char * const policies[NR_POLICIES] = {
	[POLL]		= "poll",
	[PARK]		= "park",
	[PARK_LATE]	= "park-late",
	[COPY]		= "copy",
	[SCRIBBLE_ON]	= "scribble",
};

static const struct {
	u32 sq, cq;
} depths[] = {
	{ 2, 2 }, { 3, 2 }, { 17, 5 }, { 64, 64 }, { 1023, 256 }, { 65536, 4096 },
};

#define NR_DEPTHS	ARRAY_SIZE(depths)

struct sq_entry {
	u64 words[SQ_WORDS];
};

struct cq_entry {
	u64 number;
	u64 number_and_phase;
};

/* One of the two shared words that belong to a doorbell, and its register. */
struct doorbell {
	struct nvme_dbbuf_db db;
	u64 updates;		/* what the driver has counted */
	u64 written;
};

struct run {
	/* Constant */
	enum policy policy;
	bool write_combined;
	u32 sq_depth;
	u32 cq_depth;
	u64 exit_cost;
	u64 doorbells;
	u64 milliseconds;	/* 0: no limit */
	u64 seed;
	int cpu;

	/* Shared by driver and device, as with the real ones */
	struct sq_entry *sq;
	struct cq_entry *cq;
	__le32 *shadows;
	__le32 *eventidxs;

	/* The driver's */
	alignas(64) struct doorbell tail;
	struct doorbell head;
	u64 submitted;
	u64 consumed;
	u64 random;

	/* Number of doorbell register writes, and the end */
	alignas(64) u64 rung;
	bool stop;

	/* The device's: @rung when it fell asleep, plus 1; 0 when it is awake */
	alignas(64) u64 asleep;
	bool asleep_full;
	u64 fetched;
	u64 posted;
	u64 acknowledged;	/* completions that the host has told of */
	u64 sleeps;
	u64 device_random;
};

static bool write_combined_run;

void ring_forbidden(const char *name)
{
	ring_die(RING_FAIL, "FAIL %s() in the fast path", name);
}

/* What the queue's entries were written with does not obey a mere release. */
void ring_wmb(void)
{
	if (!write_combined_run)
		ring_forbidden("wmb");
	asm volatile("sfence" : : : "memory");
}

static void fail(const struct run *run, const char *what, u64 is, u64 expected)
{
	ring_die(RING_FAIL, "FAIL %s: %llu, not %llu (%s, depths %u %u, exit %llu, doorbell %llu)",
		 what, is, expected, policies[run->policy], run->sq_depth,
		 run->cq_depth, run->exit_cost,
		 run->tail.updates + run->head.updates);
}

/* Memory that both write to is only read and written by these. */
static u32 device_load(const __le32 *word)
{
	/* A': acquire, pairs with A of dbbuf.h. */
	return le32_to_cpu(__atomic_load_n(word, __ATOMIC_ACQUIRE));
}

static void device_mb(void)
{
	/* B': event index before shadow doorbell, pairs with B of dbbuf.h. */
	virt_mb();
}

/*
 * A register write: an exit, that is a serializing event, in which the device may
 * do something at once, before it is woken up.
 */
static void write_register(struct run *run, struct doorbell *doorbell,
			   __le32 *shadow, u16 value)
{
	u32 before;

	if (run->policy == POLL)
		fail(run, "doorbell register written for one that polls",
		     value, NEVER);
	ring_pause(run->exit_cost / 2);
	if (run->policy == COPY) {
		before = __atomic_exchange_n(shadow, cpu_to_le32(value),
					     __ATOMIC_SEQ_CST);
		if (le32_to_cpu(before) != value)
			fail(run, "doorbell register behind the shadow doorbell",
			     value, le32_to_cpu(before));
	}
	doorbell->written++;
	__atomic_store_n(&run->rung, run->rung + 1, __ATOMIC_SEQ_CST);
	ring_pause(run->exit_cost / 2);
}

/* The guard is that there is one driver thread. */
static void update(struct run *run, struct doorbell *doorbell, unsigned int word,
		   u16 value)
{
	doorbell->updates++;
	if (nvme_dbbuf_update_and_check_event(&doorbell->db, value))
		write_register(run, doorbell, &run->shadows[word], value);
}

static void write_entry(const struct run *run, struct sq_entry *entry, u64 number)
{
	unsigned int i;

	for (i = 0; i < SQ_WORDS; i++)
		if (run->write_combined)
			asm volatile("movnti %1, %0"
				     : "=m" (entry->words[i]) : "r" (number));
		else
			entry->words[i] = number;
}

static void submit(struct run *run, u32 count)
{
	u32 room = run->sq_depth - 1 - (run->submitted - run->consumed);

	if (count > room)
		count = room;
	if (!count)
		return;
	while (count--) {
		write_entry(run, &run->sq[run->submitted % run->sq_depth],
			    run->submitted);
		run->submitted++;
	}
	update(run, &run->tail, 0, run->submitted % run->sq_depth);
}

static bool completed(const struct run *run, const struct cq_entry *entry)
{
	u64 phase = run->consumed / run->cq_depth % 2;

	/* Starts with zeroes, so the first lap is phase 1. */
	return (READ_ONCE(entry->number_and_phase) & 1) == !phase;
}

static bool reap(struct run *run)
{
	u64 start = run->consumed;

	for (;;) {
		struct cq_entry *entry = &run->cq[run->consumed % run->cq_depth];

		if (!completed(run, entry))
			break;
		/* Phase before the rest; total store order does that. */
		barrier();
		if (entry->number != run->consumed)
			fail(run, "completion entry overwritten or out of order",
			     entry->number, run->consumed);
		if (READ_ONCE(entry->number_and_phase) >> 1 != run->consumed)
			fail(run, "completion entry changes while it is read",
			     entry->number_and_phase >> 1, run->consumed);
		run->consumed++;
	}
	if (run->consumed == start)
		return false;
	update(run, &run->head, 1, run->consumed % run->cq_depth);
	return true;
}

/*
 * Nobody but this thread writes to a doorbell register: when the device sleeps
 * since the last such write, has left no completion, and there is a command, it
 * will do so forever.
 */
static void check_awake(const struct run *run)
{
	/* Acquire: pairs with the release in sleep_until_rung(). */
	u64 asleep = __atomic_load_n(&run->asleep, __ATOMIC_ACQUIRE);

	if (asleep != run->rung + 1)
		return;
	if (completed(run, &run->cq[run->consumed % run->cq_depth]))
		return;
	if (run->asleep_full)
		fail(run, "lost wake-up, completion head told and published",
		     run->acknowledged, run->consumed);
	fail(run, "lost wake-up, submission tail seen and published",
	     run->fetched, run->submitted);
}

static u64 milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until at most that many commands are under way. */
static void wait_for(struct run *run, u64 under_way)
{
	u64 spins = 0, since = 0;

	while (run->submitted - run->consumed > under_way) {
		if (reap(run)) {
			spins = 0;
			continue;
		}
		check_awake(run);
		cpu_relax();
		if (++spins % (1 << 24))
			continue;
		if (!since)
			since = milliseconds();
		if (milliseconds() - since > STUCK_SECONDS * 1000ull)
			fail(run, "no progress, completions", run->consumed,
			     run->submitted);
	}
}

static void driver(struct run *run)
{
	u64 start = milliseconds(), turns = 0;

	while (run->tail.updates + run->head.updates < run->doorbells) {
		u64 random = ring_random(&run->random);
		u32 most = 1 << (random % 6);

		if (run->milliseconds && !(++turns % 64) &&
		    milliseconds() - start > run->milliseconds)
			break;
		/* At times to a device that is just about to go to sleep. */
		submit(run, 1 + (random >> 8) % most);
		if (random >> 16 & 1)
			ring_pause((random >> 20) % 512);
		reap(run);
		if (random >> 17 & 1)
			wait_for(run, 0);
		else
			wait_for(run, run->sq_depth - 2);
		if (random >> 18 & 1)
			ring_pause((random >> 32) % 1024);
	}
	wait_for(run, 0);
	__atomic_store_n(&run->stop, true, __ATOMIC_SEQ_CST);
}

/* The device, from here on. What it is woken up by is the register alone. */
static void sleep_until_rung(struct run *run, u64 rung, bool full)
{
	run->asleep_full = full;
	run->sleeps++;
	/* Release: pairs with the acquire in check_awake(). */
	__atomic_store_n(&run->asleep, rung + 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&run->rung, __ATOMIC_ACQUIRE) == rung &&
	       !__atomic_load_n(&run->stop, __ATOMIC_ACQUIRE))
		cpu_relax();
	__atomic_store_n(&run->asleep, 0, __ATOMIC_SEQ_CST);
}

static void look_at_head(struct run *run)
{
	u32 value = device_load(&run->shadows[1]);
	u32 known = run->acknowledged % run->cq_depth;
	u32 move;

	/* Only ever comes from the driver: this one is not scribbled on. */
	if (value >= run->cq_depth)
		fail(run, "completion head beyond the queue", value, 0);
	move = (value + run->cq_depth - known) % run->cq_depth;
	if (move > run->posted - run->acknowledged)
		fail(run, "completion head went backwards", value, known);
	run->acknowledged += move;
	if (run->policy == COPY)
		WRITE_ONCE(run->eventidxs[1], cpu_to_le32(value));
}

static bool queue_full(struct run *run)
{
	return run->posted - run->acknowledged == run->cq_depth - 1;
}

static void wait_for_room(struct run *run)
{
	u64 rung;

	while (queue_full(run)) {
		rung = __atomic_load_n(&run->rung, __ATOMIC_ACQUIRE);
		look_at_head(run);
		if (!queue_full(run))
			break;
		if (__atomic_load_n(&run->stop, __ATOMIC_ACQUIRE))
			return;
		if (run->policy == POLL) {
			cpu_relax();
			continue;
		}
		WRITE_ONCE(run->eventidxs[1],
			   cpu_to_le32(run->acknowledged % run->cq_depth));
		device_mb();
		look_at_head(run);
		if (queue_full(run))
			sleep_until_rung(run, rung, true);
	}
}

static void post(struct run *run, u64 number)
{
	struct cq_entry *entry;
	u64 phase;

	wait_for_room(run);
	entry = &run->cq[run->posted % run->cq_depth];
	phase = !(run->posted / run->cq_depth % 2);
	entry->number = number;
	__atomic_store_n(&entry->number_and_phase, number << 1 | phase,
			 __ATOMIC_RELEASE);
	run->posted++;
}

static void fetch(struct run *run)
{
	const struct sq_entry *entry = &run->sq[run->fetched % run->sq_depth];
	unsigned int i;

	for (i = 0; i < SQ_WORDS; i++) {
		u64 word = READ_ONCE(entry->words[i]);

		if (word != run->fetched)
			fail(run, "submission entry seen before it was written",
			     word, run->fetched);
	}
	run->fetched++;
	post(run, run->fetched - 1);
}

/* How many commands there are, as far as the shadow doorbell tells. */
static u32 look_at_tail(struct run *run)
{
	u32 value = device_load(&run->shadows[0]);
	u32 known = run->fetched % run->sq_depth;
	u32 move;

	if (run->policy == SCRIBBLE_ON && value & SCRIBBLE)
		return 0;
	if (value >= run->sq_depth)
		fail(run, "submission tail beyond the queue", value, known);
	move = (value + run->sq_depth - known) % run->sq_depth;
	if (!move)
		return 0;
	/* The driver has told of all completions that it made room by. */
	look_at_head(run);
	if (run->fetched + move - run->acknowledged > run->sq_depth - 1)
		fail(run, "submission tail went backwards", value, known);
	return move;
}

/*
 * Nothing but the device's own idea: the host does not read this word. What it
 * leaves there is where the host's next command will bring the tail.
 */
static void scribble(struct run *run)
{
	u32 known = run->fetched % run->sq_depth;
	__le32 old = cpu_to_le32(known);

	__atomic_compare_exchange_n(&run->shadows[0], &old,
				    cpu_to_le32(SCRIBBLE | (known + 1) % run->sq_depth),
				    false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static void park(struct run *run)
{
	u64 rung;

	if (run->policy == PARK_LATE) {
		ring_pause(ring_random(&run->device_random) % LATE_CYCLES);
		if (look_at_tail(run))
			return;
	}
	rung = __atomic_load_n(&run->rung, __ATOMIC_ACQUIRE);
	if (run->policy == SCRIBBLE_ON)
		scribble(run);
	WRITE_ONCE(run->eventidxs[0], cpu_to_le32(run->fetched % run->sq_depth));
	device_mb();
	if (look_at_tail(run))
		return;
	sleep_until_rung(run, rung, false);
}

static void *device(void *data)
{
	struct run *run = data;
	u32 count;

	ring_run_on(run->cpu);
	while (!__atomic_load_n(&run->stop, __ATOMIC_ACQUIRE)) {
		count = look_at_tail(run);
		if (count) {
			while (count--)
				fetch(run);
			continue;
		}
		if (run->policy == COPY)
			look_at_head(run);
		if (run->policy == POLL)
			cpu_relax();
		else
			park(run);
	}
	return NULL;
}

static void init_doorbell(struct run *run, struct doorbell *doorbell,
			  unsigned int word, u32 depth, bool write_combined)
{
	doorbell->db.shadow = &run->shadows[word];
	doorbell->db.eventidx = &run->eventidxs[word];
	doorbell->db.last_position = depth - 1;
	doorbell->db.write_combined = write_combined;
	if (run->policy == POLL)
		run->eventidxs[word] = cpu_to_le32(NEVER);
}

static void check_doorbell(const struct run *run,
			   const struct doorbell *doorbell, u16 position)
{
	const struct nvme_dbbuf_db *db = &doorbell->db;

	if (db->published != doorbell->updates)
		fail(run, "published does not add up", db->published,
		     doorbell->updates);
	if (db->rung != doorbell->written)
		fail(run, "rung does not add up", db->rung, doorbell->written);
	if (db->last != position)
		fail(run, "last is wrong", db->last, position);
}

static void run_one(struct run *run, u64 totals[4])
{
	pthread_t thread;
	int error;

	write_combined_run = run->write_combined;
	run->sq = ring_alloc(run->sq_depth * sizeof(*run->sq));
	run->cq = ring_alloc(run->cq_depth * sizeof(*run->cq));
	run->shadows = ring_alloc(4096);
	run->eventidxs = ring_alloc(4096);
	run->random = run->seed | 1;
	run->device_random = ~run->seed | 1;
	init_doorbell(run, &run->tail, 0, run->sq_depth, run->write_combined);
	init_doorbell(run, &run->head, 1, run->cq_depth, false);

	error = pthread_create(&thread, NULL, device, run);
	if (error)
		ring_die(RING_LOST, "no thread: %s", strerror(error));
	driver(run);
	error = pthread_join(thread, NULL);
	if (error)
		ring_die(RING_LOST, "no end of thread: %s", strerror(error));

	check_doorbell(run, &run->tail, run->submitted % run->sq_depth);
	check_doorbell(run, &run->head, run->consumed % run->cq_depth);
	if (run->fetched != run->submitted || run->posted != run->submitted)
		fail(run, "commands do not add up", run->fetched, run->submitted);
	if (run->rung != run->tail.written + run->head.written)
		fail(run, "register writes do not add up", run->rung,
		     run->tail.written + run->head.written);
	totals[0] += run->tail.updates + run->head.updates;
	totals[1] += run->rung;
	totals[2] += run->sleeps;
	totals[3] += run->submitted;

	free(run->sq);
	free(run->cq);
	free(run->shadows);
	free(run->eventidxs);
}

static const char usage[] =
"Usage: ring [OPTION]...\n"
"\n"
"Drive the fast path of shadow doorbells against a device on another processor,\n"
"for all device policies and queue depths; see the top of ring.c for what is found.\n"
"\n"
"  --doorbells N    number of doorbells in total (default 2e7; 1e9 takes minutes)\n"
"  --seconds N      end after that time, however many doorbells there were; for\n"
"                   machines that are busy with something else\n"
"  --policy NAME    only this one: poll, park, park-late, copy, scribble\n"
"  --exit-cost N    only this one, in cycles of the time stamp counter; the\n"
"                   default is none and 2000, in turn\n"
"  --write-combined only submission queues in write-combined memory; the default\n"
"                   is ordinary memory, and write-combined one for park\n"
"  --seed N         of the random numbers (default 1)\n"
"  --help           this text\n"
"\n"
"Exit codes: 0 pass, 1 failed, 2 usage, 4 skipped (one processor), 69\n"
"infrastructure.\n";

static const struct option options[] = {
	{ "doorbells", required_argument, NULL, 'n' },
	{ "seconds", required_argument, NULL, 't' },
	{ "policy", required_argument, NULL, 'p' },
	{ "exit-cost", required_argument, NULL, 'x' },
	{ "write-combined", no_argument, NULL, 'w' },
	{ "seed", required_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

/* All policies, in both kinds of memory, with both exit costs: what is wanted. */
struct plan {
	int policy;		/* -1: all */
	s64 exit_cost;		/* -1: 0 and 2000 */
	bool write_combined;
	u64 doorbells;
	u64 seconds;		/* 0: no limit */
	u64 seed;
};

static bool planned(const struct plan *plan, unsigned int variant,
		    struct run *run)
{
	run->policy = variant % NR_POLICIES;
	run->exit_cost = variant / NR_POLICIES % 2 ? 2000 : 0;
	run->write_combined = variant / NR_POLICIES / 2;
	if (plan->policy >= 0 && run->policy != (enum policy)plan->policy)
		return false;
	if (plan->exit_cost >= 0) {
		if (run->exit_cost)
			return false;
		run->exit_cost = plan->exit_cost;
	}
	if (plan->write_combined)
		return run->write_combined;
	return !run->write_combined || (run->policy == PARK && plan->policy < 0);
}

static void parse(int argc, char **argv, struct plan *plan)
{
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'n':
			plan->doorbells = ring_number("--doorbells", optarg, 1, 1e12);
			break;
		case 't':
			plan->seconds = ring_number("--seconds", optarg, 1, 1e6);
			break;
		case 'p':
			for (plan->policy = 0; plan->policy < NR_POLICIES;
			     plan->policy++)
				if (!strcmp(optarg, policies[plan->policy]))
					break;
			if (plan->policy == NR_POLICIES)
				ring_die(RING_USAGE, "no policy '%s'; see --help",
					 optarg);
			break;
		case 'x':
			plan->exit_cost = ring_number("--exit-cost", optarg, 0, 1e9);
			break;
		case 'w':
			plan->write_combined = true;
			break;
		case 's':
			plan->seed = ring_number("--seed", optarg, 0, 1e15);
			break;
		case 'h':
			fputs(usage, stdout);
			exit(RING_PASS);
		default:
			ring_die(RING_USAGE, "see --help");
		}
	}
	if (optind < argc)
		ring_die(RING_USAGE, "unknown argument %s; see --help",
			 argv[optind]);
}

int main(int argc, char **argv)
{
	struct plan plan = { .policy = -1, .exit_cost = -1, .seed = 1,
			     .doorbells = 20000000 };
	unsigned int variant, variants = 0, depth;
	u64 sum[4] = { };
	struct run any;
	int cpus[2];

	parse(argc, argv, &plan);
	ring_two_cpus(cpus);
	ring_run_on(cpus[0]);
	setvbuf(stdout, NULL, _IOLBF, 0);

	for (variant = 0; variant < 4 * NR_POLICIES; variant++)
		variants += planned(&plan, variant, &any);
	for (variant = 0; variant < 4 * NR_POLICIES; variant++) {
		u64 totals[4] = { }, start = ring_cycles();
		unsigned int i;

		if (!planned(&plan, variant, &any))
			continue;
		for (depth = 0; depth < NR_DEPTHS; depth++) {
			struct run *run = ring_alloc(sizeof(*run));

			planned(&plan, variant, run);
			run->sq_depth = depths[depth].sq;
			run->cq_depth = depths[depth].cq;
			run->doorbells = plan.doorbells / variants / NR_DEPTHS + 1;
			run->milliseconds = plan.seconds * 1000 / variants / NR_DEPTHS;
			run->seed = plan.seed * 1000003 + variant * 101ull + depth;
			run->cpu = cpus[1];
			run_one(run, totals);
			free(run);
		}
		printf("%-9s %-14s exit cost %4llu: ", policies[any.policy],
		       any.write_combined ? "write-combined" : "memory",
		       any.exit_cost);
		printf("%9llu doorbells, %5.1f %% rung, %8llu sleeps, %5llu cycles each\n",
		       totals[0], 100. * totals[1] / totals[0], totals[2],
		       (ring_cycles() - start) / totals[0]);
		if (any.policy != POLL && !totals[2])
			ring_die(RING_FAIL, "FAIL the device never slept");
		for (i = 0; i < 4; i++)
			sum[i] += totals[i];
	}
	/* In a limited time there may be fewer, but not next to none. */
	if (sum[0] < (plan.seconds ? plan.doorbells / 20 : plan.doorbells))
		ring_die(RING_FAIL, "FAIL just %llu doorbells, not %llu", sum[0],
			 plan.doorbells);
	printf("%llu doorbells, %llu of them rung, %llu commands, %llu sleeps: none lost\n",
	       sum[0], sum[1], sum[3], sum[2]);
	return RING_PASS;
}
