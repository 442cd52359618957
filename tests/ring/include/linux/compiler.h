/* SPDX-License-Identifier: GPL-2.0 */
/* User space stand-in, no more than drivers/nvme/host/dbbuf.h asks for. */
#ifndef _RING_LINUX_COMPILER_H
#define _RING_LINUX_COMPILER_H

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

/* The compiler moves no access over it, the processor may. */
static inline void barrier(void)
{
	asm volatile("" : : : "memory");
}

#define READ_ONCE(x)	(*(const __volatile__ __typeof__(x) *)&(x))
#define WRITE_ONCE(x, value)						\
	(*(__volatile__ __typeof__(x) *)&(x) = (value))

/* The C library has __always_inline. */
#include <sys/cdefs.h>
#include <stdalign.h>
#include <stdnoreturn.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#ifndef __iomem
#define __iomem
#endif

#endif /* _RING_LINUX_COMPILER_H */
