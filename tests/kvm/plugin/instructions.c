// SPDX-License-Identifier: GPL-2.0
/*
 * Counts the instructions that a guest executes under TCG: a plugin of QEMU's, for
 * tests/kvm/run --instructions.
 *
 * Contract: with the argument counts=FILE, of CPUS cache lines that are zero, the first
 * word of line N is how many instructions virtual processor N has executed. A block that
 * an exception leaves early counts as a whole.
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <linux/types.h>

#include "qemu_plugin_v7.h"

#define CPUS		64
#define WORDS_PER_LINE	8
#define ARGUMENT	"counts="

int qemu_plugin_version = QEMU_PLUGIN_API;

static __u64 (*counts)[WORDS_PER_LINE];
/* For pointers to stand for numbers: a block is of one page at most. */
static char numbers[4096 + 1];

/* Each processor has a line of its own; who reads it sees whole words. */
static void executed(unsigned int cpu, void *user)
{
	__u64 *count = &counts[cpu % CPUS][0];

	__atomic_store_n(count, *count + ((char *)user - numbers), __ATOMIC_RELAXED);
}

static void translated(struct qemu_plugin_tb *tb, void *user)
{
	(void)user;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, QEMU_PLUGIN_NO_REGS,
					     &numbers[qemu_plugin_tb_n_insns(tb)]);
}

int qemu_plugin_install(__u64 id, const void *info, int argc, char **argv)
{
	int file;

	(void)info;
	if (argc != 1 || strncmp(argv[0], ARGUMENT, strlen(ARGUMENT))) {
		fprintf(stderr, "instructions: the argument has to be " ARGUMENT "FILE\n");
		return 1;
	}
	file = open(argv[0] + strlen(ARGUMENT), O_RDWR | O_CLOEXEC);
	if (file < 0) {
		perror(argv[0]);
		return 1;
	}
	counts = mmap(NULL, sizeof(*counts) * CPUS, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (counts == MAP_FAILED) {
		perror(argv[0]);
		return 1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated, NULL);
	return 0;
}
