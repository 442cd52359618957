// SPDX-License-Identifier: GPL-2.0
/*
 * I/O commands, their data, and where it is stored: nowhere, in memory, or in a
 * file. Data is described by PRP lists alone.
 *
 * NVM Command Set; NVMe Base Specification 1.4: Physical Region Page Entry.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "device.h"

enum {
	MAX_PARTS = MAX_TRANSFER_PAGES + 1,
	MAX_RANGES = 256,
	FUSED = 3,
};

struct parts {
	struct iovec	parts[MAX_PARTS];
	unsigned int	count;
};

static const __u32 bad_data = NVME_SC_DATA_XFER_ERROR | NVME_SC_DNR;
static const __u32 bad_field = NVME_SC_INVALID_FIELD | NVME_SC_DNR;
static const __u32 bad_offset = NVME_SC_PRP_INVALID_OFFSET | NVME_SC_DNR;

/* Opens what --backing names; returns an exit code. */
int backing_open(struct device *dev)
{
	struct backing *backing = &dev->backing;
	const char *name = dev->options.backing;
	struct stat info;

	*backing = (struct backing){ .fd = -1, .size = dev->options.size };
	if (!strcmp(name, "null"))
		return EXIT_OK;
	if (!strcmp(name, "memory")) {
		backing->mem = mmap(NULL, backing->size, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (backing->mem == MAP_FAILED) {
			complain("no %llu bytes of memory: %m", backing->size);
			backing->mem = NULL;
			return EXIT_INFRASTRUCTURE;
		}
		return EXIT_OK;
	}
	backing->fd = open(name, O_RDWR | O_CLOEXEC);
	if (backing->fd < 0 || fstat(backing->fd, &info) < 0) {
		complain("%s: %m", name);
		return EXIT_USAGE;
	}
	backing->size = info.st_size & ~((1ll << BLOCK_SHIFT) - 1);
	if (!S_ISREG(info.st_mode) || !backing->size) {
		complain("%s: no regular file of at least one block", name);
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

void backing_close(struct device *dev)
{
	if (dev->backing.mem)
		munmap(dev->backing.mem, dev->backing.size);
	if (dev->backing.fd >= 0)
		close(dev->backing.fd);
}

static bool parts_add(struct device *dev, struct parts *parts, __u64 address,
		      __u32 size, bool to_guest)
{
	void *base = dma_ptr(dev, address, size, to_guest);

	if (!base || parts->count == MAX_PARTS)
		return false;
	parts->parts[parts->count++] = (struct iovec){ base, size };
	return true;
}

/* Finds all the guest memory that a command's PRPs describe. */
static __u32 parts_find(struct device *dev, const struct sq_entry *command,
			__u32 size, bool to_guest, struct parts *parts)
{
	__u64 prp = le64toh(command->prp1), list = le64toh(command->prp2);
	__u32 part = PAGE - prp % PAGE;
	atomic_ullong *entry;

	parts->count = 0;
	if (prp % sizeof(__le32))
		return bad_offset;
	if (part > size)
		part = size;
	if (!parts_add(dev, parts, prp, part, to_guest))
		return bad_data;
	size -= part;
	if (!size)
		return NVME_SC_SUCCESS;
	if (size <= PAGE) {
		if (list % PAGE)
			return bad_offset;
		return parts_add(dev, parts, list, size, to_guest) ?
		       NVME_SC_SUCCESS : bad_data;
	}
	if (list % sizeof(*entry))
		return bad_offset;
	while (size) {
		entry = dma_ptr(dev, list, sizeof(*entry), false);
		if (!entry)
			return bad_data;
		prp = le64toh(atomic_load_explicit(entry, memory_order_relaxed));
		if (prp % PAGE)
			return bad_offset;
		/* The last entry of a page may lead to the next page of the list. */
		if (size > PAGE && list % PAGE == PAGE - sizeof(*entry)) {
			list = prp;
			continue;
		}
		part = size < PAGE ? size : PAGE;
		if (!parts_add(dev, parts, prp, part, to_guest))
			return bad_data;
		size -= part;
		list += sizeof(*entry);
	}
	return NVME_SC_SUCCESS;
}

/* Copies between a command's guest memory and @data. */
__u32 io_copy(struct device *dev, const struct sq_entry *command, void *data,
	      __u32 size, bool to_guest)
{
	struct parts parts;
	__u8 *at = data;
	unsigned int i;
	__u32 status;

	if (!size)
		return NVME_SC_SUCCESS;
	if (size > MAX_TRANSFER_PAGES * PAGE || command->flags >> 6)
		return bad_field;
	status = parts_find(dev, command, size, to_guest, &parts);
	for (i = 0; !status && i < parts.count; i++) {
		struct iovec *part = &parts.parts[i];

		if (to_guest)
			memcpy(part->iov_base, at, part->iov_len);
		else
			memcpy(at, part->iov_base, part->iov_len);
		at += part->iov_len;
	}
	return status;
}

static bool range_valid(const struct device *dev, __u64 start, __u64 blocks)
{
	__u64 all = dev->backing.size >> BLOCK_SHIFT;

	return blocks <= all && start <= all - blocks;
}

static __u32 transfer(struct device *dev, const struct sq_entry *command, bool write)
{
	struct backing *backing = &dev->backing;
	__u64 start = (__u64)le32toh(command->cdw11) << 32 | le32toh(command->cdw10);
	__u64 blocks = (le32toh(command->cdw12) & 0xffff) + 1ull;
	__u64 offset = start << BLOCK_SHIFT, size = blocks << BLOCK_SHIFT;
	const __u64 most = (__u64)MAX_TRANSFER_PAGES * PAGE;
	struct parts parts;
	unsigned int i;
	ssize_t done;
	__u32 status;

	if (!range_valid(dev, start, blocks))
		return NVME_SC_LBA_RANGE | NVME_SC_DNR;
	if (size > most || command->flags >> 6)
		return bad_field;
	status = parts_find(dev, command, size, !write, &parts);
	if (status)
		return status;
	if (write && fault_nth(dev, &dev->options.faults.lose_write, &dev->nth_write))
		return NVME_SC_SUCCESS;
	if (backing->fd >= 0) {
		done = write ?
		       pwritev(backing->fd, parts.parts, parts.count, offset) :
		       preadv(backing->fd, parts.parts, parts.count, offset);
		if (done < 0 || (__u64)done != size)
			return write ? NVME_SC_WRITE_FAULT : NVME_SC_READ_ERROR;
	} else if (backing->mem) {
		for (i = 0; i < parts.count; i++) {
			struct iovec *part = &parts.parts[i];

			if (write)
				memcpy(backing->mem + offset, part->iov_base, part->iov_len);
			else
				memcpy(part->iov_base, backing->mem + offset, part->iov_len);
			offset += part->iov_len;
		}
	}
	return NVME_SC_SUCCESS;
}

/* Whole pages are given back: a guest may zero all of it in one command. */
static void zero_memory(__u8 *mem, __u64 size)
{
	const __u64 page = sysconf(_SC_PAGESIZE);
	__u64 head = -(uintptr_t)mem % page, whole;

	if (head > size)
		head = size;
	whole = (size - head) / page * page;
	memset(mem, 0, head);
	memset(mem + head + whole, 0, size - head - whole);
	if (whole && madvise(mem + head, whole, MADV_DONTNEED))
		memset(mem + head, 0, whole);
}

static __u32 zero(struct device *dev, __u64 start, __u64 blocks)
{
	struct backing *backing = &dev->backing;
	__u64 offset = start << BLOCK_SHIFT, size = blocks << BLOCK_SHIFT;

	if (!range_valid(dev, start, blocks))
		return NVME_SC_LBA_RANGE | NVME_SC_DNR;
	if (!size)
		return NVME_SC_SUCCESS;
	if (backing->mem)
		zero_memory(backing->mem + offset, size);
	if (backing->fd >= 0 &&
	    fallocate(backing->fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
		      offset, size) < 0 &&
	    fallocate(backing->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      offset, size) < 0)
		return NVME_SC_WRITE_FAULT;
	return NVME_SC_SUCCESS;
}

static __u32 write_zeroes(struct device *dev, const struct sq_entry *command)
{
	return zero(dev, (__u64)le32toh(command->cdw11) << 32 | le32toh(command->cdw10),
		    (le32toh(command->cdw12) & 0xffff) + 1ull);
}

/* A deallocated block reads as zeroes, which NS.DLFEAT says. */
static __u32 dataset_management(struct device *dev, const struct sq_entry *command)
{
	struct nvme_dsm_range ranges[MAX_RANGES] = { 0 };
	unsigned int i, count = (le32toh(command->cdw10) & 0xff) + 1;
	__u32 status;

	status = io_copy(dev, command, ranges, count * sizeof(ranges[0]), false);
	if (status || !(le32toh(command->cdw11) & 1 << 2))
		return status;
	for (i = 0; i < count && !status; i++)
		status = zero(dev, le64toh(ranges[i].slba), le32toh(ranges[i].nlb));
	return status;
}

__u32 io_command(struct device *dev, const struct sq_entry *command)
{
	__u32 nsid = le32toh(command->nsid);

	if (command->flags & FUSED)
		return bad_field;
	if (nsid != 1 && !(nsid == ~0u && command->opcode == nvme_cmd_flush))
		return NVME_SC_INVALID_NS | NVME_SC_DNR;
	switch (command->opcode) {
	case nvme_cmd_flush:
		/* There is no volatile write cache to flush, and that is announced. */
		return NVME_SC_SUCCESS;
	case nvme_cmd_write:
		return transfer(dev, command, true);
	case nvme_cmd_read:
		return transfer(dev, command, false);
	case nvme_cmd_write_zeroes:
		return write_zeroes(dev, command);
	case nvme_cmd_dsm:
		return dataset_management(dev, command);
	}
	return NVME_SC_INVALID_OPCODE | NVME_SC_DNR;
}
