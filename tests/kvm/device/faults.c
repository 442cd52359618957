// SPDX-License-Identifier: GPL-2.0
/*
 * Faults: what they are called, when they are due, and those that happen by
 * themselves rather than in the place of something right.
 *
 * They count from the moment at which they were armed: at the start, or by a
 * signal, so that a guest can boot first. Which they are can be another matter at
 * each arming, see fault_switch(); nothing is left then of those before, and a
 * controller that was gone or hung is there again. One that is in use stays so.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"

enum {
	DBBUF_CQES = 16,		/* of each queue */
	DBBUF_CQE_NS = 100000,		/* from one to the next */
	BOGUS_CID = 0xfff,		/* Linux numbers requests from 0 */
	PHASE = 1 << 16,		/* in the last word of a completion */
	MAX_STATUS = 0x7fff,		/* what a completion has room for */
	MAX_LATE_US = 1000000,		/* nothing else is done meanwhile */
	MAX_LINE = 80,			/* of a file of faults, with its end */
};

static const struct {
	const char	*name;
	size_t		offset;
	__u32		value;		/* when none is given */
	const char	*about;
} table[] = {
#define FAULT(field, value, about) \
	{ #field, offsetof(struct faults, field), value, about }
	FAULT(dbbuf_refuse, 0x4002, "7Ch is answered with this status"),
	FAULT(dbbuf_late, 1000, "7Ch is answered so many ms late"),
	FAULT(dbbuf_never, 1, "7Ch is not answered"),
	FAULT(dbbuf_cqe, 1, "after 7Ch, bogus completions and interrupts on all I/O queues"),
	FAULT(dbbuf_gone, 1, "the support bit is clear"),
	FAULT(stride, 1, "CAP.DSTRD has this value from the next reset on"),
	FAULT(lose_sq, 100, "each so-manieth submission doorbell is thrown away"),
	FAULT(lose_cq, 100, "each so-manieth completion doorbell is thrown away"),
	FAULT(eventidx_frozen, 1, "event indexes are never written"),
	FAULT(eventidx_stale, 1, "event indexes are those of the time before"),
	FAULT(eventidx_random, 1, "event indexes are random positions"),
	FAULT(eventidx_range, 1, "event indexes are no positions"),
	FAULT(eventidx_late, 1000, "event indexes are written so many us after the last look"),
	FAULT(shadow_overwrite, 1, "the device leaves the next position in the shadow"),
	FAULT(irq_early, 1, "one more interrupt before each completion"),
	FAULT(irq_spurious, 10000, "all interrupts each so many us"),
	FAULT(irq_missing, 100, "each so-manieth interrupt of an I/O queue is left out"),
	FAULT(bogus_cqe, 100, "each so-manieth command is preceded by a completion of no command"),
	FAULT(duplicate_cqe, 100, "each so-manieth command is completed twice"),
	FAULT(late_cqe, 4000, "up to so many us after the host let go, one bogus completion"),
	FAULT(fatal, 1000, "fatal status at this I/O command"),
	FAULT(hang, 1000, "no answers from this I/O command on, until a reset"),
	FAULT(gone, 1000, "from this I/O command on, all that is read is ones"),
	FAULT(lose_write, 100, "each so-manieth write is answered, and not stored"),
#undef FAULT
};

static __u32 *field(struct faults *faults, size_t index)
{
	return (__u32 *)((char *)faults + table[index].offset);
}

/* Both - and _ stand in names. */
static bool same_name(const char *name, const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length && name[i]; i++) {
		if (name[i] != text[i] && !(name[i] == '_' && text[i] == '-'))
			return false;
	}
	return i == length && !name[i];
}

/* Takes NAME or NAME=NUMBER. */
int fault_add(struct faults *faults, const char *text)
{
	size_t length = strcspn(text, "=");
	unsigned long long value;
	char *end;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		if (!same_name(table[i].name, text, length))
			continue;
		value = table[i].value;
		if (text[length]) {
			errno = 0;
			value = strtoull(text + length + 1, &end, 0);
			if (errno || *end || end == text + length + 1 ||
			    !value || value > 0xffffffff) {
				complain("%s: a number from 1 to 4294967295 is needed", text);
				return EXIT_USAGE;
			}
		}
		*field(faults, i) = value;
		return EXIT_OK;
	}
	complain("there is no fault '%s'; see --help", text);
	return EXIT_USAGE;
}

/* Whether one of the faults disturbs what this personality never does. */
static bool personality_lacks(const struct personality *personality,
			      const struct faults *faults)
{
	bool sleeps = personality->sq > EVENTIDX_NEVER &&
		      (!personality->polls || personality->parks);
	bool writes = personality->sq > EVENTIDX_NEVER || personality->cq > EVENTIDX_NEVER;

	return ((faults->eventidx_late || faults->shadow_overwrite) && !sleeps) ||
	       ((faults->eventidx_frozen || faults->eventidx_stale ||
		 faults->eventidx_random || faults->eventidx_range) && !writes);
}

/* What a device with these options cannot have. */
int faults_check(const struct options *options, const struct faults *faults)
{
	if (faults->stride > MAX_DSTRD) {
		complain("the fault stride takes a number from 1 to %d", MAX_DSTRD);
		return EXIT_USAGE;
	}
	if (faults->dbbuf_refuse > MAX_STATUS) {
		complain("the fault dbbuf-refuse takes a status from 1 to 0x%x", MAX_STATUS);
		return EXIT_USAGE;
	}
	if (faults->eventidx_late > MAX_LATE_US) {
		complain("the fault eventidx-late takes a number from 1 to %d", MAX_LATE_US);
		return EXIT_USAGE;
	}
	if (faults->eventidx_range && options->personality->half_words &&
	    options->depth >= HALF_WORD) {
		complain("the fault eventidx-range: the 16 bits that '%s' writes are all positions",
			 options->personality->name);
		return EXIT_USAGE;
	}
	if (personality_lacks(options->personality, faults)) {
		complain("'%s' has no event index, or no sleep, that a fault could disturb",
			 options->personality->name);
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

/* A fault in each line, as fault_add() takes them; none at all is right, too. */
static int faults_read(const struct options *options, struct faults *faults)
{
	FILE *file = fopen(options->faults_file, "re");
	int code = EXIT_OK;
	char line[MAX_LINE];
	size_t length;

	if (!file) {
		complain("%s: %m", options->faults_file);
		return EXIT_USAGE;
	}
	while (!code && fgets(line, sizeof(line), file)) {
		length = strlen(line);
		if (!length || line[length - 1] != '\n') {
			complain("%s: a line that is too long, or has no end",
				 options->faults_file);
			code = EXIT_USAGE;
			break;
		}
		line[length - 1] = 0;
		code = fault_add(faults, line);
	}
	if (!code && ferror(file)) {
		complain("%s: %m", options->faults_file);
		code = EXIT_USAGE;
	}
	fclose(file);
	return code ? code : faults_check(options, faults);
}

void fault_list(FILE *out)
{
	char name[32];
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		for (j = 0; j < sizeof(name) - 1 && table[i].name[j]; j++)
			name[j] = table[i].name[j] == '_' ? '-' : table[i].name[j];
		name[j] = 0;
		fprintf(out, "  %-18s %s", name, table[i].about);
		if (table[i].value > 1)
			fprintf(out, " (%u)", table[i].value);
		fputc('\n', out);
	}
}

/* The members of a JSON object, one for each fault whose number is not 0. */
void fault_counts(FILE *out, const __u64 *counts)
{
	const char *between = "";
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		__u64 count = counts[table[i].offset / sizeof(__u32)];

		if (!count)
			continue;
		fprintf(out, "%s\"%s\": %llu", between, table[i].name, count);
		between = ", ";
	}
}

void fault_names(FILE *out, const struct faults *faults)
{
	__u64 values[NR_FAULTS] = { };
	size_t i;

	for (i = 0; i < NR_FAULTS; i++)
		values[i] = ((const __u32 *)faults)[i];
	fault_counts(out, values);
}

/* The fault's number while it is armed, else 0. */
__u32 fault(struct device *dev, __u32 value)
{
	return dev->armed ? value : 0;
}

/* @which is a member of options.faults; as much was done as it says. */
void fault_acted(struct device *dev, const __u32 *which)
{
	dev->counts.acted[which - (const __u32 *)&dev->options.faults]++;
}

/* Whether it is the turn of a fault that happens each @every time; such a member, too. */
bool fault_nth(struct device *dev, const __u32 *every, __u64 *nth)
{
	if (!dev->armed || !*every || ++*nth % *every)
		return false;
	fault_acted(dev, every);
	return true;
}

/* xorshift64*: good enough to disturb with, and the same each time. */
__u32 fault_random(struct device *dev)
{
	dev->random ^= dev->random >> 12;
	dev->random ^= dev->random << 25;
	dev->random ^= dev->random >> 27;
	return dev->random * 0x2545f4914f6cdd1dull >> 32;
}

static void forget_ghosts(struct device *dev)
{
	memset(dev->ghosts, 0, sizeof(dev->ghosts));
	dev->ghosts_ns = 0;
}

static void stop_hanging(struct device *dev)
{
	unsigned int i;

	if (!dev->stuck)
		return;
	dev->stuck = false;
	for (i = 0; i < dev->options.pairs; i++)
		dev->sqs[i].awake = dev->sqs[i].size;
}

void fault_arm(struct device *dev, bool armed)
{
	dev->armed = armed;
	dev->counts.armings += armed;
	dev->nth_sq = 0;
	dev->nth_cq = 0;
	dev->nth_io = 0;
	dev->nth_io_bogus = 0;
	dev->nth_io_duplicate = 0;
	dev->nth_irq = 0;
	dev->nth_write = 0;
	dev->spurious_ns = 0;
	dev->dbbuf_cqes = 0;
	/* What was put off is due: long ago, as 0 would be never. */
	dev->dbbuf_due_ns = 1;
	forget_ghosts(dev);
	/* The same each time. */
	dev->random = dev->options.seed * 0x9e3779b97f4a7c15ull | 1;
	stop_hanging(dev);
	/* One that is put in again knows nothing of what was. */
	if (dev->vanished)
		pci_reset(dev);
	dev->vanished = false;
	nvme_faults_changed(dev);
}

/*
 * Arms or disarms, the former with what stands in the file of faults. What is wrong in
 * there is said, and counted; then nothing is armed.
 */
void fault_switch(struct device *dev)
{
	struct faults faults = { };

	if (!dev->armed && dev->options.faults_file) {
		if (faults_read(&dev->options, &faults)) {
			dev->counts.armings_refused++;
			return;
		}
		dev->options.faults = faults;
	}
	fault_arm(dev, !dev->armed);
}

/* The cq has room for it. */
void fault_bogus_completion(struct device *dev, struct cq *cq)
{
	const struct sq none = { .id = cq->id };

	nvme_complete(dev, cq, &none, BOGUS_CID, 0, 0);
}

/*
 * The half of the next entry that has the phase, NULL: it is not memory any more. That the
 * device may have no right to it is the fault.
 */
static atomic_ullong *next_half(struct device *dev, const struct cq *cq)
{
	struct cq_entry *entry = dma_find(dev, cq->base + cq->tail * sizeof(*entry),
					  sizeof(*entry), true);

	return entry ? (atomic_ullong *)&entry->queue : NULL;
}

static __u64 half(__u32 queue, __u32 state, bool phase)
{
	return htole64((__u64)((state & ~PHASE) | (phase ? PHASE : 0)) << 32 | queue);
}

/*
 * A completion queue is no more: what it was in may still be used. The entry that
 * would have been next, which is no completion while its phase is the old one, gets a
 * mark by which it is known as long as nobody has written to it.
 */
void fault_queue_gone(struct device *dev, const struct cq *cq)
{
	atomic_ullong *next;
	__u64 mark;

	/* Memory that the host has had back since may be anything. */
	if (dev->let_go || !cq->size || !fault(dev, dev->options.faults.late_cqe))
		return;
	next = next_half(dev, cq);
	if (!next)
		return;
	mark = half(fault_random(dev), fault_random(dev), !cq->phase);
	atomic_store_explicit(next, mark, memory_order_relaxed);
	dev->ghosts[cq->id] = *cq;
	dev->ghost_marks[cq->id] = mark;
}

void fault_disabled(struct device *dev)
{
	unsigned int i;

	dev->dbbuf_cqes = 0;
	for (i = 1; i < dev->options.pairs; i++)
		fault_queue_gone(dev, &dev->cqs[i]);
}

/* What was known of queues gets wrong as soon as there are new ones. */
void fault_enabled(struct device *dev)
{
	forget_ghosts(dev);
	dev->let_go = false;
}

/*
 * The host has taken the right to access memory away, and believes that nothing
 * can come any more. At random, because when it looks for the last time is its own
 * affair; and once, because it will use the memory for something else.
 */
void fault_let_go(struct device *dev)
{
	__u32 us = fault(dev, dev->options.faults.late_cqe);

	if (us) {
		/* A controller that was shut down need not have been disabled. */
		fault_disabled(dev);
		dev->ghosts_ns = now_ns() + fault_random(dev) % us * 1000ull;
	}
	dev->let_go = true;
}

/* 7Ch has come. */
void fault_dbbuf(struct device *dev)
{
	if (!fault(dev, dev->options.faults.dbbuf_cqe))
		return;
	dev->dbbuf_cqes = DBBUF_CQES;
	dev->dbbuf_cqe_ns = now_ns();
}

/*
 * A completion in a queue that the guest believes to be dead; not in memory that it uses
 * for something else by now, which no driver can survive: there the mark is gone.
 */
static void haunt(struct device *dev, const struct cq *cq)
{
	atomic_ullong *next = next_half(dev, cq);
	unsigned long long mark = dev->ghost_marks[cq->id];

	if (next && atomic_compare_exchange_strong(next, &mark,
						   half((__u32)cq->id << 16, BOGUS_CID,
							cq->phase)))
		fault_acted(dev, &dev->options.faults.late_cqe);
}

static void dbbuf_completions(struct device *dev, __u64 now)
{
	unsigned int i;

	dev->dbbuf_cqes--;
	dev->dbbuf_cqe_ns = now + DBBUF_CQE_NS;
	for (i = 1; i < dev->options.pairs; i++) {
		struct cq *cq = &dev->cqs[i];

		if (!cq->size || cq_is_full(cq))
			continue;
		fault_bogus_completion(dev, cq);
		/* Nor is there one of a controller that has stopped before, or by this. */
		if (!dev->running)
			return;
		nvme_interrupt(dev, cq);
		fault_acted(dev, &dev->options.faults.dbbuf_cqe);
	}
}

void fault_timer(struct device *dev, __u64 now)
{
	__u32 every = fault(dev, dev->options.faults.irq_spurious);
	unsigned int i;

	if (dev->ghosts_ns && now >= dev->ghosts_ns) {
		for (i = 1; i < dev->options.pairs; i++) {
			if (dev->ghosts[i].size)
				haunt(dev, &dev->ghosts[i]);
		}
		forget_ghosts(dev);
	}
	/* The others do what the device has a right to. */
	if (!pci_is_master(dev))
		return;
	if (every && now >= dev->spurious_ns) {
		dev->spurious_ns = now + every * 1000ull;
		for (i = 0; i < dev->options.pairs; i++)
			irq_raise(dev, i);
		fault_acted(dev, &dev->options.faults.irq_spurious);
	}
	if (dev->dbbuf_cqes && now >= dev->dbbuf_cqe_ns)
		dbbuf_completions(dev, now);
}

static void earlier(__u64 *next, __u64 time)
{
	if (!*next || time < *next)
		*next = time;
}

/* When fault_timer() wants to be called, 0: not at all. */
__u64 fault_next_ns(const struct device *dev)
{
	__u64 next = dev->ghosts_ns;

	if (!pci_is_master(dev))
		return next;
	if (dev->dbbuf_cqes)
		earlier(&next, dev->dbbuf_cqe_ns);
	if (dev->armed && dev->options.faults.irq_spurious)
		earlier(&next, dev->spurious_ns ? dev->spurious_ns : 1);
	return next;
}
