/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs of this directory share: the processor, time and messages. */
#ifndef _RING_SHIM_H
#define _RING_SHIM_H

#include <linux/compiler.h>
#include <linux/types.h>

/* Exit codes, as everywhere in this project. */
#define RING_PASS	0
#define RING_FAIL	1
#define RING_USAGE	2
#define RING_SKIP	4
#define RING_LOST	69

static inline void cpu_relax(void)
{
	asm volatile("pause" : : : "memory");
}

static inline u64 ring_cycles(void)
{
	return __builtin_ia32_rdtsc();
}

static inline void ring_pause(u64 cycles)
{
	u64 start = ring_cycles();

	while (ring_cycles() - start < cycles)
		cpu_relax();
}

/* xorshift64: no system call, no lock, the same numbers for the same seed. */
static inline u64 ring_random(u64 *state)
{
	u64 x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x;
}

noreturn void ring_die(int code, const char *format, ...);
void ring_two_cpus(int cpus[2]);
void ring_run_on(int cpu);
void *ring_alloc(size_t bytes);
u64 ring_number(const char *option, const char *text, u64 min, u64 max);

#endif /* _RING_SHIM_H */
