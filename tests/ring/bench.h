/* SPDX-License-Identifier: GPL-2.0 */
/* What tests/ring/bench.c and each of its loops share. */
#ifndef _RING_BENCH_H
#define _RING_BENCH_H

#include "dbbuf.h"
#include "shim.h"

#define BENCH_DEPTH	1024

struct bench_entry {
	u64 words[8];
};

/*
 * A submission queue as far as a doorbell goes. As in the driver, a doorbell's
 * state and the tail are on the same cache line, the second one here.
 */
struct bench {
	struct bench_entry	*entries;
	__le32			*shadow;
	__le32			*eventidx;
	u64			written;	/* doorbell registers */
	u64			reg;
	u64			unused[3];
	struct nvme_dbbuf_db	db;
	u16			tail;
};

#endif /* _RING_BENCH_H */
