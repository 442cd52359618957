// SPDX-License-Identifier: GPL-2.0
/*
 * What the programs of this directory share, and what drivers/nvme/host/dbbuf.c
 * has in a kernel. None of these stand-ins may be reached: no doorbell here is
 * without a shadow doorbell, and no tracepoint is enabled.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbbuf.h"
#include "shim.h"

#ifdef RING_TRACE
struct tracepoint __tracepoint_nvme_dbbuf_doorbell;
#endif

void ring_die(int code, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	/* Without the handlers of exit(): other threads are running. */
	fflush(stderr);
	_exit(code);
}

bool nvme_dbbuf_update_slow(struct nvme_dbbuf_db *db, u16 value)
{
	ring_die(RING_FAIL, "FAIL %p took the slow path for %u", (void *)db,
		 value);
}

bool nvme_dbbuf_trace_doorbell(const struct nvme_dbbuf_db *db, u16 value,
			       u32 eventidx, bool ring)
{
	ring_die(RING_FAIL, "FAIL %p traced %u %u %d", (const void *)db, value,
		 eventidx, ring);
}

/* Two processors that this process may use. */
void ring_two_cpus(int cpus[2])
{
	cpu_set_t set;
	int cpu, found = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		ring_die(RING_LOST, "sched_getaffinity: %s", strerror(errno));
	for (cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[found++] = cpu;
	if (found < 2)
		ring_die(RING_SKIP, "two processors are needed, there is one");
}

void ring_run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		ring_die(RING_LOST, "processor %d: %s", cpu, strerror(errno));
}

/* Zeroed, on pages of its own, touched. */
void *ring_alloc(size_t bytes)
{
	size_t size = (bytes + 4095) & ~(size_t)4095;
	void *memory = aligned_alloc(4096, size);

	if (!memory)
		ring_die(RING_LOST, "no memory (%zu bytes)", size);
	return memset(memory, 0, size);
}

u64 ring_number(const char *option, const char *text, u64 min, u64 max)
{
	char *end;
	double value = strtod(text, &end);

	/* Negated, because a text such as "nan" is no number. */
	if (end == text || *end || !(value >= min && value <= max))
		ring_die(RING_USAGE, "%s takes a number from %llu to %llu, not '%s'",
			 option, min, max, text);
	return value;
}
