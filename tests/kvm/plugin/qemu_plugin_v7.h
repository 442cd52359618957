/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What instructions.c needs of QEMU's interface for plugins, version 7, that of
 * QEMU 11, of which Debian has no header.
 */

#ifndef QEMU_PLUGIN_V7_H
#define QEMU_PLUGIN_V7_H

#include <stddef.h>
#include <linux/types.h>

#define QEMU_PLUGIN_API		7
#define QEMU_PLUGIN_EXPORT	__attribute__((visibility("default")))

/* Which registers a callback reads. */
#define QEMU_PLUGIN_NO_REGS	0

struct qemu_plugin_tb;

/* What a plugin has. */
QEMU_PLUGIN_EXPORT extern int qemu_plugin_version;
QEMU_PLUGIN_EXPORT int qemu_plugin_install(__u64 id, const void *info, int argc, char **argv);

/* What QEMU has: of each block when it is translated, and before it is executed. */
void qemu_plugin_register_vcpu_tb_trans_cb(__u64 id,
					   void (*translated)(struct qemu_plugin_tb *tb,
							      void *user),
					   void *user);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
					  void (*executed)(unsigned int cpu, void *user),
					  int registers, void *user);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);

#endif /* QEMU_PLUGIN_V7_H */
