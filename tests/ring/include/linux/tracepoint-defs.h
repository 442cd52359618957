/* SPDX-License-Identifier: GPL-2.0 */
/*
 * User space stand-in: whether a tracepoint is enabled. With RING_TRACE as a
 * kernel with CONFIG_TRACEPOINTS has it, a 5 byte no-op in the way and a record
 * in a section of its own, by which it would be turned into a jump. Without, as
 * a kernel without tracepoints has it.
 */
#ifndef _RING_LINUX_TRACEPOINT_DEFS_H
#define _RING_LINUX_TRACEPOINT_DEFS_H

#include <linux/compiler.h>
#include <linux/types.h>

#ifdef RING_TRACE
struct tracepoint {
	long key;
};

static __always_inline bool ring_static_branch(const struct tracepoint *tp)
{
	asm goto("1:\t.byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n\t"
		 ".pushsection ring_jump_table, \"aw\"\n\t"
		 ".balign 8\n\t"
		 ".long 1b - ., %l[enabled] - .\n\t"
		 ".quad %c0 - .\n\t"
		 ".popsection"
		 : : "i" (tp) : : enabled);
	return false;
enabled:
	return true;
}

#define DECLARE_TRACEPOINT(tp)	extern struct tracepoint __tracepoint_##tp
#define tracepoint_enabled(tp)	ring_static_branch(&__tracepoint_##tp)
#else
#define DECLARE_TRACEPOINT(tp)	struct __tracepoint_##tp
#define tracepoint_enabled(tp)	(!sizeof(struct __tracepoint_##tp *))
#endif

#endif /* _RING_LINUX_TRACEPOINT_DEFS_H */
