/* SPDX-License-Identifier: GPL-2.0 */
/*
 * User space stand-in: barriers of x86-64, the same instructions as in a kernel.
 *
 * Those that the fast path of drivers/nvme/host/dbbuf.h must not execute on x86,
 * because they cost several times as much and order nothing more, end the program:
 * mb(), rmb() and, unless the queue is in write-combined memory, wmb(). With
 * RING_ALL_BARRIERS they do what they do in a kernel, for a comparison with code
 * that uses them.
 */
#ifndef _RING_ASM_BARRIER_H
#define _RING_ASM_BARRIER_H

#include <linux/compiler.h>

#ifndef __x86_64__
#error "there are shims for x86-64 only"
#endif

/* Any earlier access before any later one; pairs with what its caller says. */
static inline void virt_mb(void)
{
	asm volatile("lock; addl $0, -4(%%rsp)" : : : "memory", "cc");
}

/* Total store order: nothing to do but for the compiler. */
#define virt_store_release(p, value)					\
do {									\
	barrier();							\
	WRITE_ONCE(*(p), value);					\
} while (0)

#ifndef RING_ALL_BARRIERS
void ring_forbidden(const char *name);
void ring_wmb(void);
#endif

/* Any access, in any kind of memory, before any later one. */
static inline void mb(void)
{
#ifdef RING_ALL_BARRIERS
	asm volatile("mfence" : : : "memory");
#else
	ring_forbidden("mb");
#endif
}

/* Loads before later loads. */
static inline void rmb(void)
{
#ifdef RING_ALL_BARRIERS
	asm volatile("lfence" : : : "memory");
#else
	ring_forbidden("rmb");
#endif
}

/* Stores, write-combined ones too, before later stores. */
static inline void wmb(void)
{
#ifdef RING_ALL_BARRIERS
	asm volatile("sfence" : : : "memory");
#else
	ring_wmb();
#endif
}

#endif /* _RING_ASM_BARRIER_H */
