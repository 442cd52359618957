// SPDX-License-Identifier: GPL-2.0
/*
 * The order of things in the fast path of shadow doorbells, for the variant of one
 * architecture: drivers/nvme/host/dbbuf.h, compiled as for CONFIG_X86, CONFIG_ARM64
 * or neither, with barriers that say when they are executed.
 *
 * A processor with total store order runs as well without most of them, this does
 * not: A has to come before the shadow doorbell is written, what write-combined
 * memory needs before that, B between that and the load of the event index, and
 * nothing else at all. Exit codes: 0 pass, 1 failed, 2 usage.
 */
#include <stdio.h>
#include <string.h>

/* In place of asm/barrier.h. */
#define _RING_ASM_BARRIER_H

static void barrier_here(char name);

#ifdef CONFIG_ARM64
#define dma_mb()	barrier_here('m')	/* A, B */
#else
#define virt_mb()	barrier_here('m')	/* B */
#define mb()		barrier_here('m')	/* A, B */
#endif
#define wmb()		barrier_here('w')	/* part of A */
#define virt_store_release(p, value)	/* A */				\
do {									\
	barrier_here('r');						\
	WRITE_ONCE(*(p), value);					\
} while (0)

#include "dbbuf.h"
#include "shim.h"

static __le32 shadow_word, eventidx_word;
static char order[8];

/*
 * A and w are what comes before the shadow doorbell, B is what comes after. The
 * device asks for the doorbell at the last moment at which that must be seen.
 */
static void barrier_here(char name)
{
	size_t count = strlen(order);

	if (count + 1 == sizeof(order))
		return;
	if (le32_to_cpu(READ_ONCE(shadow_word)) == 1) {
		order[count] = name == 'm' ? 'B' : 'b';
		WRITE_ONCE(eventidx_word, cpu_to_le32(0));
	} else {
		order[count] = name == 'w' ? 'w' : 'A';
	}
}

static void expect(bool write_combined, const char *wanted)
{
	struct nvme_dbbuf_db db = {
		.shadow = &shadow_word,
		.eventidx = &eventidx_word,
		.last_position = 31,
		.write_combined = write_combined,
	};

	memset(order, 0, sizeof(order));
	shadow_word = cpu_to_le32(0);
	eventidx_word = cpu_to_le32(0xffffffff);
	if (!nvme_dbbuf_update_and_check_event(&db, 1))
		ring_die(RING_FAIL, "FAIL event index read before B: %s, not %s",
			 order, wanted);
	if (strcmp(order, wanted))
		ring_die(RING_FAIL, "FAIL order is %s, not %s", order, wanted);
}

int main(int argc, char **argv)
{
	if (argc != 1)
		ring_die(RING_USAGE, "Usage: %s", argv[0]);
	expect(false, "AB");
	expect(true, "wAB");
	puts("entry, A, shadow doorbell, B, event index: in order");
	return RING_PASS;
}
