/* SPDX-License-Identifier: GPL-2.0 */
/* User space stand-in: a member of a structure that nothing here uses. */
#ifndef _RING_LINUX_MUTEX_H
#define _RING_LINUX_MUTEX_H

struct mutex {
	int unused;
};

#endif /* _RING_LINUX_MUTEX_H */
