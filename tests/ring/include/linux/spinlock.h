/* SPDX-License-Identifier: GPL-2.0 */
/* User space stand-in: only pointers to it are declared. */
#ifndef _RING_LINUX_SPINLOCK_H
#define _RING_LINUX_SPINLOCK_H

#define spinlock_t struct spinlock

struct spinlock;

#endif /* _RING_LINUX_SPINLOCK_H */
