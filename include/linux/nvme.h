/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Wire definitions of the NVMe Doorbell Buffer Config command (NVMe Base
 * Specification: Identify Controller, OACS; Doorbell Buffer Config command).
 *
 * What the series relies on in a kernel tree's own header of this name. The
 * generator adds to that header each enumerator and each assertion below that it
 * does not have yet, and nothing else. The structure itself and its opcode have
 * to be there.
 */
#ifndef _LINUX_NVME_H
#define _LINUX_NVME_H

#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>

/* Identify Controller, Optional Admin Command Support */
enum {
	NVME_CTRL_OACS_VIRT_MGMT_SUPP		= 1 << 7,
	NVME_CTRL_OACS_DBBUF_SUPP		= 1 << 8,
};

enum nvme_admin_opcode {
	nvme_admin_dbbuf			= 0x7c,
};

/**
 * struct nvme_dbbuf - Doorbell Buffer Config command
 * @opcode: 7Ch
 * @flags: 0: PRPs, not fused
 * @command_id: command identifier
 * @reserved4: 0
 * @prp1: address of the page of shadow doorbells, which the host writes
 * @prp2: address of the page of event indexes, which the controller writes
 * @reserved40: 0
 */
struct nvme_dbbuf {
	__u8			opcode;
	__u8			flags;
	__u16			command_id;
	__u32			reserved4[5];
	__le64			prp1;
	__le64			prp2;
	__u32			reserved40[6];
};

static_assert(sizeof(struct nvme_dbbuf) == 64);
static_assert(offsetof(struct nvme_dbbuf, prp1) == 24);
static_assert(offsetof(struct nvme_dbbuf, prp2) == 32);

#endif /* _LINUX_NVME_H */
