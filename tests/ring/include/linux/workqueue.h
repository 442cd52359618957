/* SPDX-License-Identifier: GPL-2.0 */
/* User space stand-in: a member of a structure that nothing here uses. */
#ifndef _RING_LINUX_WORKQUEUE_H
#define _RING_LINUX_WORKQUEUE_H

struct delayed_work {
	int unused;
};

#endif /* _RING_LINUX_WORKQUEUE_H */
