// SPDX-License-Identifier: GPL-2.0
/*
 * What the device has seen, as one JSON object: at the end, and when asked for by
 * a signal. Counters only ever grow; whoever wants a difference subtracts. With
 * --json FILE the file has its name once it is whole, and "snapshot" grows by one
 * each time.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device.h"

static void write_doorbell(FILE *out, const char *name,
			   const struct doorbell_counts *counts)
{
	fprintf(out, "\"%s\": {\"doorbells\": %llu, \"doorbells_shadowed\": %llu, ",
		name, counts->doorbells, counts->doorbells_shadowed);
	fprintf(out, "\"shadow_news\": %llu, \"eventidx\": %llu, ",
		counts->shadow_news, counts->eventidx);
	fprintf(out, "\"invalid\": %llu, \"lost\": %llu, \"repeated\": %llu, ",
		counts->invalid, counts->lost, counts->repeated);
	fprintf(out, "\"overtaken\": %llu}", counts->overtaken);
}

static void write_opcodes(FILE *out, const char *name, const __u64 *counts)
{
	const char *between = "";
	unsigned int i;

	fprintf(out, " \"%s\": {", name);
	for (i = 0; i < 256; i++) {
		if (!counts[i])
			continue;
		fprintf(out, "%s\"%02x\": %llu", between, i, counts[i]);
		between = ", ";
	}
	fputs("},\n", out);
}

static void write_queues(struct device *dev, FILE *out)
{
	const char *between = "";
	unsigned int i;

	fputs(" \"queues\": [", out);
	for (i = 0; i < dev->options.pairs; i++) {
		const struct queue_counts *counts = &dev->counts.queues[i];

		if (!counts->commands && !counts->completions &&
		    !counts->sq.doorbells && !counts->cq.doorbells)
			continue;
		fprintf(out, "%s\n  {\"qid\": %u, \"commands\": %llu, ", between, i,
			counts->commands);
		fprintf(out, "\"completions\": %llu, \"interrupts\": %llu,\n   ",
			counts->completions, counts->interrupts);
		write_doorbell(out, "sq", &counts->sq);
		fputs(",\n   ", out);
		write_doorbell(out, "cq", &counts->cq);
		fputc('}', out);
		between = ",";
	}
	fputs("\n ]\n", out);
}

static __u64 sum(const __u64 *values, size_t count)
{
	__u64 all = 0;

	while (count--)
		all += values[count];
	return all;
}

static void write_json(struct device *dev, FILE *out)
{
	const struct counts *counts = &dev->counts;
	const struct {
		const char	*name;
		__u64		value;
	} numbers[] = {
		{ "dstrd", dev->dstrd },
		{ "register_reads", counts->register_reads },
		{ "register_writes", counts->register_writes },
		{ "enables", counts->enables },
		{ "disables", counts->disables },
		{ "dbbuf_accepted", counts->dbbuf_accepted },
		{ "dbbuf_refused", counts->dbbuf_refused },
		{ "invalid_accesses", counts->invalid_accesses },
		{ "invalid_doorbells", counts->invalid_doorbells },
		{ "late_doorbells", counts->late_doorbells },
		{ "shutdown_doorbells", counts->shutdown_doorbells },
		{ "protocol_errors", counts->protocol_errors },
		{ "dma_errors", counts->dma_errors },
		{ "faults_acted", sum(counts->acted, NR_FAULTS) },
		{ "armings", counts->armings },
		{ "armings_refused", counts->armings_refused },
	};
	size_t i;

	fprintf(out, "{\n \"snapshot\": %u,\n \"personality\": \"%s\",\n \"faults\": {",
		++dev->snapshots, dev->options.personality->name);
	fault_names(out, &dev->options.faults);
	fputs("},\n \"acted\": {", out);
	fault_counts(out, counts->acted);
	fprintf(out, "},\n \"armed\": %s,\n \"shadows\": %s,\n",
		dev->armed ? "true" : "false",
		dev->dbbuf.active ? "true" : "false");
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		fprintf(out, " \"%s\": %llu,\n", numbers[i].name, numbers[i].value);
	write_opcodes(out, "admin", counts->admin);
	write_opcodes(out, "io", counts->io);
	write_queues(dev, out);
	fputs("}\n", out);
}

/* Returns an exit code. */
int account_write(struct device *dev)
{
	char temporary[PAGE];
	FILE *out;

	if (!dev->options.json) {
		write_json(dev, stdout);
		return fflush(stdout) ? EXIT_INFRASTRUCTURE : EXIT_OK;
	}
	snprintf(temporary, sizeof(temporary), "%s.%d", dev->options.json, getpid());
	out = fopen(temporary, "w");
	if (!out) {
		complain("%s: %m", temporary);
		return EXIT_INFRASTRUCTURE;
	}
	write_json(dev, out);
	if (fclose(out) || rename(temporary, dev->options.json) < 0) {
		complain("%s: %m", dev->options.json);
		unlink(temporary);
		return EXIT_INFRASTRUCTURE;
	}
	return EXIT_OK;
}
