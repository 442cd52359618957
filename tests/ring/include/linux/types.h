/* SPDX-License-Identifier: GPL-2.0 */
/*
 * User space stand-in: the types of the kernel's user interface, which the C
 * library's headers want as well, and the kernel's own names for them.
 */
#ifndef _RING_LINUX_TYPES_H
#define _RING_LINUX_TYPES_H

#include_next <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;

#define dma_addr_t u64

#endif /* _RING_LINUX_TYPES_H */
