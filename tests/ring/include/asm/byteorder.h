/* SPDX-License-Identifier: GPL-2.0 */
/* User space stand-in: the kernel's names of what its user interface has. */
#ifndef _RING_ASM_BYTEORDER_H
#define _RING_ASM_BYTEORDER_H

#include_next <asm/byteorder.h>

#define cpu_to_le32(x)	__cpu_to_le32(x)
#define le32_to_cpu(x)	__le32_to_cpu(x)

#endif /* _RING_ASM_BYTEORDER_H */
